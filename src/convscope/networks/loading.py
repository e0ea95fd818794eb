"""Weights into a network: every name must fit, except that a head may have another size."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from convscope.errors import WeightsError, listed
from convscope.networks.googlenet import GoogLeNet
from convscope.networks.heads import heads
from convscope.networks.table import NETWORKS
from convscope.networks.weights import read_weights

AUXILIARY = ("aux1.", "aux2.")


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadReport:
    """What came of loading weights.

    Attributes:
        loaded: How many tensors were copied into the network.
        replaced_head: Names left as they were drawn, since the network has other classes.
        dropped: Names in the weights of auxiliary heads that the network doesn't have.
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

    A head of another size (another number of classes) is left as it was drawn, and reported.
    Nothing is copied if anything else doesn't fit.

    Args:
        network: Any module.
        weights: A file, or tensors by name.
        renames: Prefixes of names in the weights, and what they are in the network; by default
            those of the table. A name that the network has is never renamed.

    Raises:
        WeightsError: The file can't be read, or names or shapes don't fit.
    """
    tensors = read_weights(weights) if isinstance(weights, (str, Path)) else weights
    own = network.state_dict()
    given = _renamed(tensors, own, _known_renames() if renames is None else renames)
    dropped: tuple[str, ...] = ()
    if isinstance(network, GoogLeNet) and network.aux1 is None:
        dropped = tuple(name for name in given if name.startswith(AUXILIARY))
    given = {name: value for name, value in given.items() if name not in dropped}

    replaced = _resized_heads(network, own, given)
    fitting = {name: value for name, value in given.items() if name not in replaced}
    _refuse_misfits(network, own, fitting, replaced)
    # On the meta device there is no place to copy to.
    is_meta = any(value.is_meta for value in own.values())
    network.load_state_dict(fitting, strict=False, assign=is_meta)
    return LoadReport(loaded=len(fitting), replaced_head=replaced, dropped=dropped)


def _known_renames() -> dict[str, str]:
    return {old: new for row in NETWORKS.values() for old, new in row.renames.items()}


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
    """All names of the heads that differ in the number of classes, and in nothing else."""
    replaced: list[str] = []
    for head in heads(network):
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
    """Raises an error that lists everything that doesn't fit.

    Raises:
        WeightsError: A name is missing or unexpected, or a shape differs.
    """
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
