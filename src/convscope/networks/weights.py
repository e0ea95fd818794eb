"""Weights from files, by us or by others, into a network.

Nothing in a file is ever run: safetensors holds numbers only, and torch's own files are read with
`weights_only=True`, which refuses everything else.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from convscope.downloads import Checksum, cache_folder, download_file
from convscope.errors import WeightsError
from convscope.networks.googlenet import GoogLeNet
from convscope.networks.structure import head_names
from convscope.networks.table import NETWORKS, network_entry
from convscope.text import listed

# Keys of the weights in checkpoints that hold more, in order of preference.
NESTED = ("state_dict", "model_state_dict", "model", "network", "net", "weights", "params")
# Prefixes that torch's wrappers for several devices and for compiled networks add.
WRAPPERS = ("module.", "_orig_mod.")
AUXILIARY = ("aux1.", "aux2.")  # prefixes of GoogLeNet's auxiliary heads
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
    try:
        content = load_file(file) if file.suffix == ".safetensors" else _torch_file(file)
    except (SafetensorError, OSError, ValueError) as error:
        raise _damaged(file, error) from error
    return _without_wrappers(_tensors(content, file))


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
    """The tensors in a file's content by name, however deep they lie."""
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


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadReport:
    """The result of loading weights.

    Attributes:
        loaded: Number of tensors that were copied into the network.
        replaced_head: Names of the head's tensors, if it kept its own for other classes.
        dropped: Names of tensors of auxiliary heads that the network doesn't have.
    """

    loaded: int
    replaced_head: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()


def load_weights(
    network: nn.Module,
    weights: Path | str | Mapping[str, Tensor],
    *,
    renames: Mapping[str, str] | None = None,
) -> LoadReport:
    """Copies weights into a network, in place, if all of them fit.

    A head for another number of classes keeps its own weights, and is reported. Nothing is copied
    if anything else doesn't fit.

    Args:
        network: Any module.
        weights: File, or tensors by name.
        renames: Prefixes of names in the weights, with those of the network in their place; by
            default those of the table. A name that the network has is never renamed.

    Raises:
        WeightsError: The file can't be read, or names or shapes don't fit.
    """
    tensors = read_weights(weights) if isinstance(weights, (str, Path)) else weights
    own = network.state_dict()
    if renames is None:
        renames = {old: new for row in NETWORKS.values() for old, new in row.renames.items()}
    given = _renamed(tensors, own, renames)
    dropped: tuple[str, ...] = ()
    if isinstance(network, GoogLeNet) and network.aux1 is None:
        dropped = tuple(name for name in given if name.startswith(AUXILIARY))
    given = {name: value for name, value in given.items() if name not in dropped}

    replaced = _resized_heads(network, own, given)
    fitting = {name: value for name, value in given.items() if name not in replaced}
    _refuse_misfits(network, own, fitting, replaced)
    # On the meta device there is no memory to copy to.
    is_meta = any(value.is_meta for value in own.values())
    network.load_state_dict(fitting, strict=False, assign=is_meta)
    return LoadReport(loaded=len(fitting), replaced_head=replaced, dropped=dropped)


def _renamed(
    tensors: Mapping[str, Tensor], own: Mapping[str, Tensor], renames: Mapping[str, str]
) -> dict[str, Tensor]:
    """The tensors under the network's names, where a rename leads to one."""
    result = {}
    for name, value in tensors.items():
        candidates = [
            new + name.removeprefix(old) for old, new in renames.items() if name.startswith(old)
        ]
        known = [candidate for candidate in candidates if candidate in own]
        result[known[0] if name not in own and known else name] = value
    return result


def _resized_heads(
    network: nn.Module, own: Mapping[str, Tensor], given: Mapping[str, Tensor]
) -> tuple[str, ...]:
    """The names of all tensors of heads that differ in the number of classes alone."""
    replaced: list[str] = []
    for head in head_names(network):
        prefix = f"{head}." if head else ""
        names = [name for name in own if name.startswith(prefix)]
        if not all(
            name in given and given[name].shape[1:] == own[name].shape[1:] for name in names
        ):
            continue
        if any(given[name].shape != own[name].shape for name in names):
            replaced += names
    return tuple(replaced)


def _refuse_misfits(
    network: nn.Module,
    own: Mapping[str, Tensor],
    given: Mapping[str, Tensor],
    replaced: Iterable[str],
) -> None:
    """Raises an error that lists everything that doesn't fit."""
    # Weights from before torch counted batches have no such entry; the count only matters for
    # a momentum of None.
    optional = {name for name in own if name.endswith("num_batches_tracked")} | set(replaced)
    missing = [name for name in own if name not in given and name not in optional]
    if missing and all(name.startswith(AUXILIARY) for name in missing):
        raise WeightsError(
            "the weights have no auxiliary heads, the network has two",
            hint="build the network with `auxiliaries=False`",
        )
    misfits = [f"`{name}` is missing in the weights" for name in missing]
    for name, value in given.items():
        if name not in own:
            misfits.append(f"`{name}` is not in the network")
        elif value.shape != own[name].shape:
            shapes = f"{list(value.shape)} in the weights, {list(own[name].shape)} in the network"
            misfits.append(f"`{name}` is {shapes}")
    if misfits:
        raise WeightsError(
            f"the weights don't fit the network: {len(misfits)} names differ\n{listed(misfits)}",
            hint=f"are they of a `{type(network).__name__}` with the same options and channels?",
        )


def published_weights(name: str, *, cache: Path | None = None) -> Path:
    """The file with a network's published weights, which is downloaded unless it is there.

    Args:
        name: A name of the table.
        cache: Folder of the file; by default that of `cache_folder`.

    Returns:
        The path of a file whose SHA-256 begins as its publisher says.

    Raises:
        NetworkError: There is no network of that name.
        WeightsError: No weights are published for it.
        DownloadError: The download fails, or its hash differs.
    """
    published = network_entry(name).published
    if published is None:
        those = [row.name for row in NETWORKS.values() if row.published is not None]
        raise WeightsError(
            f"there are no published weights for `{name}`",
            hint=f"there are for {', '.join(f'`{other}`' for other in those)}",
        )
    return download_file(
        [published.url],
        (cache or cache_folder()) / published.filename,
        checksum=Checksum("SHA-256", published.sha256_prefix),
    )
