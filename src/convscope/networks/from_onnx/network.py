"""The graph of an ONNX file as a torch module that runs its nodes in the file's order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
from torch import Tensor, nn

from convscope.networks.from_onnx.known import KnownNode
from convscope.networks.from_onnx.layers import Layer
from convscope.networks.from_onnx.names import Path
from convscope.networks.from_onnx.stored import Array
from convscope.networks.from_onnx.values import Value


class Step(NamedTuple):
    """One layer in its place.

    Attributes:
        path: Of its module.
        layer: With its module.
        known: What can be computed after it without looking at the image.
    """

    path: Path
    layer: Layer
    known: list[KnownNode]


class Scope(nn.Module):
    """Layers that belong together: a module of the network that was exported.

    It has a call for each uninterrupted row of its layers.
    """

    def forward(self, values: dict[str, Value], steps: Sequence[Step], depth: int) -> object:
        """Runs some layers inside, and gives what the last one gives.

        Args:
            values: By name; results are written into it.
            steps: To run, all inside.
            depth: How many scopes are around the modules in this one.
        """
        return _run_inside(self, values, steps, depth)


def _run_inside(
    scope: nn.Module, values: dict[str, Value], steps: Sequence[Step], depth: int
) -> object:
    output: object = None
    for name, group in groupby(steps, key=lambda step: step.path[depth]):
        child = scope.get_submodule(name)
        if isinstance(child, Scope):
            output = child(values, tuple(group), depth + 1)
            continue
        for step in group:
            output = _run(child, step, values)
    return output


def _run(module: nn.Module, step: Step, values: dict[str, Value]) -> object:
    output = module(*(values[name] if name else None for name in step.layer.inputs))
    results = output if isinstance(output, tuple) else (output,)
    for name, result in zip(step.layer.outputs, results, strict=False):
        values[name] = result
    for node in step.known:
        values.update(node.compute(values))
    return output


class OnnxNetwork(nn.Module):
    """A network out of an ONNX file.

    A file may be made for one size of batch only, with shapes that name it. Such a shape follows
    the batch that the network really gets.

    Args:
        steps: Its layers in the order in which they run.
        image: Name of its input.
        outputs: Names of its outputs.
        known: What is known before the first layer.
        arrays: What the file stores besides weights.
        batch: Images that the file is made for; None where it leaves it open.
        batch_first: Names of stored shapes with that number in front.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        *,
        image: str,
        outputs: Sequence[str],
        known: Sequence[KnownNode],
        arrays: Mapping[str, Array],
        batch: int | None,
        batch_first: frozenset[str],
    ) -> None:
        super().__init__()
        for step in steps:
            self._place(step.path, step.layer.module)
        self._steps = tuple(steps)
        self._image, self._outputs = image, tuple(outputs)
        self._known, self._arrays = tuple(known), dict(arrays)
        self._batch, self._batch_first = batch, batch_first

    def forward(self, x: Tensor) -> object:
        """`x` (N, C, H, W) becomes the file's output, or a tuple if it has several."""
        values: dict[str, Value] = {**self._arrays, self._image: x}
        for name in self._batch_first:
            values[name] = np.array([x.shape[0], *self._arrays[name][1:]])
        for node in self._known:
            values.update(node.compute(values))
        try:
            _run_inside(self, values, self._steps, 0)
        except RuntimeError as error:
            if self._batch in (None, x.shape[0]):
                raise
            # Whoever called puts it into words with the layer that failed.
            made_for = f"the file is made for batches of {self._batch}, not {x.shape[0]}"
            raise RuntimeError(f"{made_for}: {error}") from error
        results = tuple(values[name] for name in self._outputs)
        return results if len(results) > 1 else results[0]

    def _place(self, path: Path, module: nn.Module) -> None:
        """Add a module; the scopes around it are made where they are missing."""
        scope: nn.Module = self
        for name in path[:-1]:
            if name not in dict(scope.named_children()):
                scope.add_module(name, Scope())
            scope = scope.get_submodule(name)
        scope.add_module(path[-1], module)
