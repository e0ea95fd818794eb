"""Where each node of a graph lies in the tree of modules.

Torch's exporters write down from which module an operator came: the older one in the node's name,
`/layer1/layer1.0/conv1/Conv`, the newer one beside it. So modules get the names back that they had,
`layer1.0.conv1`. Other exporters' names are cut at their slashes; a node without a name gets its
operator's, with a number.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Sequence

import onnx
from torch import nn

SCOPES = "pkg.torch.onnx.name_scopes"
# What is deeper or longer was not written by an exporter, and fits in no table.
DEEPEST, LONGEST = 16, 160
Path = tuple[str, ...]


def paths(nodes: Sequence[onnx.NodeProto]) -> list[Path]:
    """A path for each node, unique, and no node lies within another."""
    wanted = []
    counts: Counter[str] = Counter()
    for node in nodes:
        path = _path(node) or (f"{node.op_type}_{counts[node.op_type]}",)
        counts[node.op_type] += 1
        wanted.append(tuple(_allowed(part) for part in path))
    return _distinct(_without_lone_leaves(wanted))


def _path(node: onnx.NodeProto) -> Path:
    scopes = _recorded_scopes(node)
    if scopes:
        *around, own = scopes
        path = (*_parts([scope for scope in around if scope][-1:]), own)
    else:
        path = tuple(_parts(node.name.split("/")))
    fits = len(path) <= DEEPEST and sum(map(len, path)) <= LONGEST
    return path if fits else ()


def _recorded_scopes(node: onnx.NodeProto) -> list[str]:
    """`['', 'layer1', 'layer1.0', 'layer1.0.conv1', 'conv2d']`, as the newer exporter writes it."""
    for entry in node.metadata_props:
        if entry.key == SCOPES:
            try:
                scopes = ast.literal_eval(entry.value)
            except (ValueError, SyntaxError, MemoryError, RecursionError):
                return []
            is_list = isinstance(scopes, list) and all(isinstance(name, str) for name in scopes)
            return scopes if is_list else []
    return []


def _parts(scopes: Sequence[str]) -> list[str]:
    """`["layer1", "layer1.0", "conv1"]` becomes `["layer1", "0", "conv1"]`."""
    parts: list[str] = []
    before = ""
    for scope in scopes:
        parts += [part for part in scope.removeprefix(f"{before}.").split(".") if part]
        before = scope
    return parts


def _allowed(part: str) -> str:
    """A name that a module can have: without dots, and not that of something modules have."""
    name = "".join(letter if letter.isprintable() else "_" for letter in part).replace(".", "_")
    if name.startswith("_"):
        return f"node{name}"
    return f"{name}_" if hasattr(nn.Module, name) or name == "training" else name


def _without_lone_leaves(wanted: list[Path]) -> list[Path]:
    """`conv1.Conv` becomes `conv1` where nothing else lies in `conv1`."""
    inside = Counter(path[:-1] for path in wanted)
    scopes = {path[:end] for path in wanted for end in range(len(path) - 1)}
    return [
        path[:-1] if len(path) > 1 and inside[path[:-1]] == 1 and path[:-1] not in scopes else path
        for path in wanted
    ]


def _distinct(wanted: list[Path]) -> list[Path]:
    scopes = {path[:end] for path in wanted for end in range(1, len(path))}
    taken: set[Path] = set()
    result = []
    for path in wanted:
        name, count = path, 1
        while name in taken or name in scopes:
            name, count = (*path[:-1], f"{path[-1]}_{count}"), count + 1
        taken.add(name)
        result.append(name)
    return result
