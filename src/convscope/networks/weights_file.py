"""Weights files, by us or by others: tensors by name, and nothing else.

Nothing in a file is ever run: safetensors holds numbers only, and torch's own files are read with
`weights_only=True`, which refuses everything else.
"""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from convscope.errors import WeightsError, is_out_of_memory
from convscope.files import open_regular

# Keys of the weights in checkpoints that hold more, in order of preference; averages come last.
NESTED = (
    *("state_dict", "model_state_dict", "model", "network", "net", "weights", "params"),
    *("module", "backbone", "encoder"),
    *("state_dict_ema", "ema_state_dict", "model_ema", "ema", "params_ema"),
)
# Prefixes that torch's wrappers for several devices and for compiled networks add.
WRAPPERS = ("module.", "_orig_mod.")
SUFFIXES = (".safetensors", ".pth", ".pt", ".th", ".bin", ".ckpt")
MAX_DEPTH = 8  # of checkpoints in checkpoints
HEAD_BYTES = 512  # by which a file is told that holds something else
# Weights are stored as they are: a file that unpacks to so many times its size fills a memory.
MAX_RATIO = 100
SLACK_BYTES = 16 << 20
PAGES = (b"<!doctype html", b"<html", b"<?xml")


def read_weights(path: Path | str) -> dict[str, Tensor]:
    """The named tensors of a weights file, on the CPU.

    Weights that lie deeper in a checkpoint (`state_dict`, `model`, ...) are found; the prefixes
    `module.` and `_orig_mod.` are taken off.

    Args:
        path: A file of safetensors, or of torch (`.pth`, `.pt`, `.th`, ...).

    Raises:
        WeightsError: The file is missing, damaged, holds code, or holds no weights.
    """
    file = Path(path)
    if not file.exists() or file.is_dir():
        what = "is a folder" if file.is_dir() else "is missing"
        raise WeightsError(
            f"the weights file `{file}` {what}", hint="give the path of a file that is there"
        )
    try:
        with open_regular(file) as opened:
            head = opened.read(HEAD_BYTES)
        _refuse_other_content(head, file)
        content = load_file(file) if file.suffix == ".safetensors" else _torch_file(file)
    except OSError as error:
        if is_out_of_memory(error):
            raise
        raise _damaged(file, error.strerror or str(error)) from error
    except (SafetensorError, ValueError) as error:
        raise _damaged(file, error) from error
    tensors = _tensors(content, file)
    _refuse_inflated(tensors, file)
    return _without_wrappers(tensors)


def _refuse_other_content(head: bytes, file: Path) -> None:
    """Refuses what people have by mistake in place of weights, and says what it is.

    Args:
        head: The first bytes of the file.
        file: Its path.
    """
    start = head.lstrip().lower()
    if not head:
        raise _damaged(file, "it is empty", hint="it didn't arrive: download or copy it again")
    if head.startswith(b"version https://git-lfs"):
        hint = "`git lfs pull`, where it was cloned, fetches the file itself"
        raise _damaged(file, "it is a pointer of Git LFS, not the file", hint=hint)
    if start.startswith(PAGES):
        hint = "a browser or a script saved the page with the link: download what it links to"
        raise _damaged(file, "it is a web page, no weights file", hint=hint)
    if _is_text(head):
        raise _damaged(file, "it is a text file, no weights file")


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < max(1, len(head) - 3):  # else a character is cut off
            return False
        text = head[: error.start].decode("utf-8")
    return all(letter.isprintable() or letter in "\t\r\n" for letter in text)


def _torch_file(file: Path) -> object:
    if zipfile.is_zipfile(file):
        _refuse_archive(file)
    try:
        with warnings.catch_warnings():
            # Of old formats, and of compiled archives, which fail below with a reason.
            warnings.simplefilter("ignore")
            return torch.load(file, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        if "nsupported global" not in str(error) and "nsupported class" not in str(error):
            raise _damaged(file, "it is no pickle of tensors") from error
        raise WeightsError(
            f"the weights file `{file}` holds more than numbers, and would run code to be read",
            hint="save its `state_dict()` where it was made, best as safetensors",
        ) from error
    except Exception as error:  # what a damaged pickle raises depends on where it is damaged
        if is_out_of_memory(error):
            raise
        raise _damaged(file, error) from error


def _refuse_archive(file: Path) -> None:
    """Refuses an archive of something else, or one that is made to fill the memory."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
    except zipfile.BadZipFile as error:
        raise _damaged(file, error) from error
    unpacked = sum(member.file_size for member in members)
    if unpacked > MAX_RATIO * file.stat().st_size + SLACK_BYTES:
        raise _damaged(file, f"it unpacks to {unpacked:,} bytes, as no weights do")
    if not any(member.filename.endswith("data.pkl") for member in members):
        first = f", with `{members[0].filename}` in it" if members else ""
        hint = "unpack it: the weights may lie in it"
        raise _damaged(file, f"it is a zip archive of something else{first}", hint=hint)


def _refuse_inflated(tensors: Mapping[str, Tensor], file: Path) -> None:
    """Refuses tensors that are much larger than their file, or have no values at all."""
    total = sum(value.numel() * value.element_size() for value in tensors.values())
    if total > MAX_RATIO * file.stat().st_size + SLACK_BYTES:
        raise _damaged(file, f"its tensors have {total:,} bytes, many times the file's")
    for name, value in tensors.items():
        if value.is_meta or value.layout != torch.strided:
            what = "a shape without values" if value.is_meta else "a sparse tensor"
            raise _damaged(file, f"`{name}` is {what}", hint="save it as a dense tensor")


def _damaged(file: Path, error: Exception | str, *, hint: str | None = None) -> WeightsError:
    reason = str(error).strip().splitlines() or [type(error).__name__]
    return WeightsError(
        f"the weights file `{file}` can't be read: {reason[0][:200]}",
        hint=hint or f"it is damaged, or no weights file; known are {', '.join(SUFFIXES)}",
    )


def _tensors(content: object, file: Path, depth: int = 0) -> dict[str, Tensor]:
    """The tensors in a file's content by name, however deep they lie."""
    if depth > MAX_DEPTH:
        raise _damaged(file, "it contains itself, or checkpoints in checkpoints without end")
    if isinstance(content, Mapping):
        for key in NESTED:
            if isinstance(content.get(key), Mapping):
                return _tensors(content[key], file, depth + 1)
        tensors = {str(name): value for name, value in content.items() if torch.is_tensor(value)}
        if tensors and len(tensors) == len(content):
            return tensors
        what = ", ".join(f"`{name}`" for name in list(content)[:8]) or "nothing"
    else:
        what = f"a `{type(content).__name__}`"
    raise WeightsError(
        f"the weights file `{file}` holds no weights but {what}",
        hint=f"weights lie at the top or under one of {', '.join(f'`{key}`' for key in NESTED)}",
    )


def _without_wrappers(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    for prefix in WRAPPERS:
        if tensors and all(name.startswith(prefix) for name in tensors):
            return _without_wrappers(
                {name.removeprefix(prefix): value for name, value in tensors.items()}
            )
    return tensors
