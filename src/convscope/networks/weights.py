"""Weights from files, by us or by others, into a network.

Nothing in a file is ever run: safetensors holds numbers only, and torch's own files are read with
`weights_only=True`, which refuses everything else.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from convscope.errors import WeightsError

# Where training scripts put the weights in a file that holds more, in order of preference.
NESTED = ("state_dict", "model_state_dict", "model", "network", "net", "weights", "params")
# What torch's wrappers for several devices and for compiled networks put before each name.
WRAPPERS = ("module.", "_orig_mod.")
SUFFIXES = (".safetensors", ".pth", ".pt", ".th", ".bin", ".ckpt")


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
    if not file.is_file():
        what = "is a folder" if file.is_dir() else "is missing"
        raise WeightsError(
            f"the weights file `{file}` {what}", hint="give the path of a file that is there"
        )
    content = _safetensors(file) if file.suffix == ".safetensors" else _torch_file(file)
    return _without_wrappers(_tensors(content, file))


def _safetensors(file: Path) -> object:
    try:
        return load_file(file)
    except (SafetensorError, OSError, ValueError) as error:
        raise _damaged(file, error) from error


def _torch_file(file: Path) -> object:
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
        raise _damaged(file, error) from error


def _damaged(file: Path, error: Exception | str) -> WeightsError:
    reason = str(error).strip().splitlines() or [type(error).__name__]
    return WeightsError(
        f"the weights file `{file}` can't be read: {reason[0][:200]}",
        hint=f"it is damaged, or no weights file; known are {', '.join(SUFFIXES)}",
    )


def _tensors(content: object, file: Path) -> dict[str, Tensor]:
    """The names and tensors of a file's content, however deep they lie.

    Raises:
        WeightsError: There are none, or something else lies between them.
    """
    if isinstance(content, Mapping):
        for key in NESTED:
            if isinstance(content.get(key), Mapping):
                return _tensors(content[key], file)
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
