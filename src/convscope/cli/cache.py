"""`convscope cache`."""

from __future__ import annotations

import json
import re
import time

import click

from convscope.errors import UsageError

UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([KMGT]?B?)", re.IGNORECASE)


@click.command("cache")
@click.option("--limit", metavar="SIZE", help="Keep decoded images below this: 500MB, 100GB.")
@click.option("--clear", is_flag=True, help="Remove all decoded images.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(limit: str | None, clear: bool, as_json: bool) -> None:
    """Show the decoded images that are kept, and how much of the disk they take.

    What was used longest ago is removed first when the limit is reached. All of it can be made
    again; downloaded weights and data are never removed here.
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
        rows = [{"words": e.words, "bytes": e.bytes, "used": e.used} for e in entries]
        content = {"folder": str(cache.folder), "limit_bytes": cache.limit_bytes, "bytes": total}
        print(json.dumps({**content, "freed_bytes": freed, "entries": rows}, ensure_ascii=False))
        return
    if freed is not None:
        print(f"removed {_words(freed)}")
    for entry in entries:
        print(f"{_words(entry.bytes):>9}  {_ago(entry.used):<12}  {entry.words}")
    print(f"{_words(total)} of at most {_words(cache.limit_bytes)} in {cache.folder}")


def _bytes(words: str) -> int:
    match = SIZE.fullmatch(words.strip())
    if match is None:
        raise UsageError(
            f"`--limit` can't be `{words}`", hint="give a size such as 500MB, 20GB or 1TB"
        )
    unit = match[2].upper()
    return int(float(match[1]) * UNITS[unit if unit in UNITS else f"{unit}B"])


def _words(count: int) -> str:
    for unit in ("TB", "GB", "MB", "KB"):
        if count >= UNITS[unit]:
            return f"{count / UNITS[unit]:.1f} {unit}"
    return f"{count} bytes"


def _ago(used: float) -> str:
    hours = max(0.0, time.time() - used) / 3600
    if hours < 1:
        return "just used"
    return f"{hours:.0f} h ago" if hours < 48 else f"{hours / 24:.0f} days ago"
