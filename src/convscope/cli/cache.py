"""`convscope cache`."""

from __future__ import annotations

import json
import re
import time

import click

from convscope.cli.language import padded, say
from convscope.cli.verb import Verb
from convscope.errors import UsageError
from convscope.languages import translated

UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")
SIZE = re.compile(rf"({NUMBER.pattern})\s*([KMGT]?B|[KMGT])", re.IGNORECASE)


@click.command("cache", cls=Verb)
@click.option("--limit", metavar="SIZE", help="Largest size of the cache: 500MB, 100GB.")
@click.option("--clear", is_flag=True, help="Remove all decoded images.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(limit: str | None, clear: bool, as_json: bool) -> None:
    """Show the cached decoded images, and how much disk space they take.

    When the limit is reached, what was least recently used is removed first. All of it can be
    created again; downloaded weights and data are never removed here.
    """
    from convscope.cache import open_cache

    cache = open_cache()
    freed = None
    if clear:
        freed = cache.clear()
    if limit is not None:
        cache.set_limit(_bytes(limit))
    entries = cache.entries()[::-1]
    total = sum(entry.bytes for entry in entries)
    if as_json:
        rows = [{"words": e.description, "bytes": e.bytes, "used": e.last_used} for e in entries]
        content = {"folder": str(cache.folder), "limit_bytes": cache.limit_bytes, "bytes": total}
        print(json.dumps({**content, "freed_bytes": freed, "entries": rows}, ensure_ascii=False))
        return
    if freed is not None:
        say(f"removed {_size_text(freed)}")
    for entry in entries:
        used = padded(translated(_ago(entry.last_used)), 12)
        print(f"{_size_text(entry.bytes):>9}  {used}  {translated(entry.description)}")
    say(f"{_size_text(total)} of at most {_size_text(cache.limit_bytes)} in {cache.folder}")


def _bytes(text: str) -> int:
    match = SIZE.fullmatch(text.strip())
    if match is None:
        hint = "give a size such as 500MB, 20GB or 1TB"
        if NUMBER.fullmatch(text):
            hint = f"which unit? `{text}GB` and `{text}MB` are sizes"
            if float(text) == 0:
                hint = "`--clear` removes all decoded images; a limit is a size such as 500MB"
        raise UsageError(f"`--limit` can't be `{text}`", hint=hint)
    unit = match[3].upper()
    return int(float(match[1]) * UNITS[unit if unit in UNITS else f"{unit}B"])


def _size_text(count: int) -> str:
    for unit in ("TB", "GB", "MB", "KB"):
        if count >= UNITS[unit]:
            return f"{count / UNITS[unit]:.1f} {unit}"
    return f"{count} bytes"


def _ago(used: float) -> str:
    hours = max(0.0, time.time() - used) / 3600
    if hours < 1:
        return "just used"
    return f"{hours:.0f} h ago" if hours < 48 else f"{hours / 24:.0f} days ago"
