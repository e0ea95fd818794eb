"""Checks the layer table by other means than those that made it: it shares no formula with it.

- MACs against torch's own flop counter, which has formulas of its own; those of the backward pass
  for the network as a whole, as the counter can't tell in which layer they are.
- Memory saved for the backward pass against what autograd really saves when the network computes
  with values: the table only follows shapes.
- Receptive fields against the pixels that gradients reach in a linearised copy: the computed box
  must contain them and, where it is exact, touch the outermost of them on each side. Where a
  dilated window stands over the border, it need only contain them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode, flop_registry

from convscope.arithmetic.layer_table import LayerRow, LayerTable, Status
from convscope.arithmetic.measured_fields import measure_supports
from convscope.arithmetic.ops.operation import storage_of, tensors_in
from convscope.arithmetic.receptive_field import AxisField
from convscope.arithmetic.running_layers import RunningLayers
from convscope.arithmetic.state_guard import attributes_restored, in_mode, separate_attention
from convscope.arithmetic.wrappers import unwrapped
from convscope.short_repr import short_repr

TOLERANCE = 0.01  # of memory; all else must be equal

COLUMNS = ("macs", "backward_macs", "saved_bytes", "receptive_field")

BACKWARD_OF_CONVOLUTION = torch.ops.aten.convolution_backward


@dataclass(frozen=True, slots=True)
class Check:
    """One number of the table, and what was measured.

    Attributes:
        layer: Name of the row; empty for the network.
        column: One of `COLUMNS`.
        stated: The number in the table.
        measured: The number that was measured.
        holds: Whether they agree as the column's rule demands.
    """

    layer: str
    column: str
    stated: str
    measured: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Verification:
    """All checks of a table.

    Attributes:
        checks: Every check, in the order of columns and rows.
        unmeasured: Column -> why it could not be measured.
    """

    checks: tuple[Check, ...]
    unmeasured: dict[str, str]

    __repr__ = short_repr

    @property
    def differences(self) -> tuple[Check, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if not check.holds)

    @property
    def holds(self) -> bool:
        """Whether everything could be measured, and agrees."""
        return not self.differences and not self.unmeasured

    def count(self, column: str) -> int:
        """The number of checks of this column."""
        return sum(check.column == column for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """The outcome, ready for JSON."""
        return {
            "holds": self.holds,
            "checks": {column: self.count(column) for column in COLUMNS},
            "unmeasured": dict(self.unmeasured),
            "differences": [
                {name: getattr(check, name) for name in ("layer", "column", "stated", "measured")}
                for check in self.differences
            ],
        }


def verify(module: nn.Module, table: LayerTable) -> Verification:
    """Measures what a table says; the module stays as it is.

    Args:
        module: The network, with real weights (not on meta).
        table: Made from it by `layer_table`.
    """
    module = unwrapped(module)
    rows = {row.name: row for row in table.rows}
    checks: list[Check] = []
    unmeasured: dict[str, str] = {}
    measures: dict[str, Callable[[], Iterator[Check]]] = {
        "macs": lambda: _macs(module, table, rows),
        "backward_macs": lambda: _backward(module, table),
        "saved_bytes": lambda: _saved(module, table, rows),
        "receptive_field": lambda: _fields(module, table, rows),
    }
    with in_mode(module, training=table.training, method=table.method):
        for column, measure in measures.items():
            try:
                checks += measure()
            except Exception as error:  # a foreign network may fail in any way
                unmeasured[column] = str(error).splitlines()[0] if str(error) else repr(error)
    return Verification(tuple(checks), unmeasured)


def _macs(module: nn.Module, table: LayerTable, rows: dict[str, LayerRow]) -> Iterator[Check]:
    with _counting() as counter, torch.no_grad(), _untouched(module) as state:
        # The counter looks for gradients, and fails at a layer that gives a view of a weight.
        weights = {name: tensor.detach() for name, tensor in state.items()}
        functional_call(module, weights, (_image(module, table),))
    root = type(module).__name__
    counted = {
        name.removeprefix(root).removeprefix("."): sum(operations.values()) // 2
        for name, operations in counter.get_flop_counts().items()
        if name != "Global"
    }
    # A module that others share has a name with each of them, and the counter chooses another one.
    names: dict[nn.Module, list[str]] = {}
    for name, layer in module.named_modules(remove_duplicate=False):
        names.setdefault(layer, []).append(name)
    for known_as in names.values():
        name = known_as[0]
        row = rows[name]
        # What was done with borrowed weights the counter has in the module around.
        if row.are_weights_borrowed:
            continue
        if row.num_calls and row.status("macs") == Status.EXACT:
            measured = sum(counted.get(alias, 0) for alias in known_as)
            yield Check(name, "macs", f"{row.macs:,}", f"{measured:,}", row.macs == measured)


def _backward(module: nn.Module, table: LayerTable) -> Iterator[Check]:
    row = table.rows[0]
    if row.status("backward_macs") != Status.EXACT:
        return
    with torch.enable_grad(), _untouched(module) as state:
        with _counting() as counter:
            output = functional_call(module, state, (_image(module, table),))
            forward = counter.get_total_flops()
            losses = [tensor.sum() for tensor in tensors_in(output) if tensor.requires_grad]
            if losses:
                inputs = [tensor for tensor in state.values() if tensor.requires_grad]
                torch.autograd.grad(losses, inputs, allow_unused=True)
        measured = (counter.get_total_flops() - forward) // 2
    stated = row.total.backward_macs
    yield Check("", "backward_macs", f"{stated:,}", f"{measured:,}", stated == measured)


@contextmanager
def _counting() -> Iterator[FlopCounterMode]:
    """Context manager with torch's counter, and attention as products.

    The counter doesn't know the fused kernels for processors.
    """
    counter = FlopCounterMode(
        display=False, custom_mapping={BACKWARD_OF_CONVOLUTION: _backward_of_convolution}
    )
    with sdpa_kernel(SDPBackend.MATH), separate_attention(), counter:
        yield counter


def _backward_of_convolution(*shapes: Any, out_shape: Any) -> int:
    """Torch's number, corrected: it counts the gradient of the weights of g groups g times."""
    *before, groups, (of_input, of_weight, _) = shapes
    flops = flop_registry[BACKWARD_OF_CONVOLUTION]
    for_input = flops(*before, groups, (of_input, False), out_val=out_shape)
    for_weight = flops(*before, groups, (False, of_weight), out_val=out_shape)
    return int(for_input + for_weight // groups)


def _saved(module: nn.Module, table: LayerTable, rows: dict[str, LayerRow]) -> Iterator[Check]:
    saved = dict.fromkeys(rows, 0)
    running, alive = RunningLayers(), []
    with ExitStack() as stack:
        state = stack.enter_context(_untouched(module))
        seen = {storage_of(tensor) for tensor in state.values()}

        def save(tensor: Tensor) -> None:
            if storage_of(tensor) not in seen:
                seen.add(storage_of(tensor))
                alive.append(tensor.detach())
                saved[running.innermost] += tensor.untyped_storage().nbytes()

        stack.enter_context(running.following(module))
        stack.enter_context(torch.enable_grad())
        stack.enter_context(saved_tensors_hooks(save, lambda packed: packed))
        functional_call(module, state, (_image(module, table),))
    for name, row in rows.items():
        if row.status("saved_bytes") == Status.VARIES:
            continue
        stated, measured = row.own.saved_bytes, saved[name]
        if stated or measured:
            # Layers beside fused attention save other tensors, or the same ones first.
            is_bound = rows[""].is_fused
            difference = measured - stated if is_bound else abs(measured - stated)
            holds = difference <= TOLERANCE * stated
            yield Check(name, "saved_bytes", f"{stated:,}", f"{measured:,}", holds)


def _fields(module: nn.Module, table: LayerTable, rows: dict[str, LayerRow]) -> Iterator[Check]:
    axes = {name: row.map_axes for name, row in rows.items()}
    for support in measure_supports(module, table.input_shape[1:], axes):
        row = rows[support.layer]
        field = row.receptive_field
        if field is None:
            continue
        is_exact = row.status("receptive_field") == Status.EXACT
        rows_at, columns_at = support.position or (None, None)
        stated = _stated(field.height, rows_at), _stated(field.width, columns_at)
        measured = support.rows, support.columns
        is_box = is_exact and (support.position is not None or field.jump == (0, 0))
        holds = all(
            _holds(axis, said, seen, is_exact=is_box)
            for axis, said, seen in zip((field.height, field.width), stated, measured, strict=True)
        )
        place = "" if support.position is None else f" at {support.position}"
        boxes = [f"rows {a} to {b}, columns {c} to {d}" for (a, b), (c, d) in (stated, measured)]
        yield Check(support.layer, "receptive_field", boxes[0] + place, boxes[1], holds)


def _stated(axis: AxisField, position: int | None) -> tuple[int, int]:
    """Pixels that a position sees; for None, that all positions along the axis see together."""
    if position is None and axis.jump and axis.limits:
        return axis.limits
    return axis.box(position or 0)


def _holds(
    axis: AxisField, stated: tuple[int, int], seen: tuple[int, int], *, is_exact: bool
) -> bool:
    """Whether the stated box contains what is seen and, where it is exact, is no larger."""
    inside = seen[0] - stated[0], stated[1] - seen[1]
    # Next to padding, a dilated window may look past the pixels at the border.
    may_miss = [not is_exact or (axis.has_gaps and edge in (axis.limits or ())) for edge in stated]
    return all(gap == 0 or (gap > 0 and may) for gap, may in zip(inside, may_miss, strict=True))


@contextmanager
def _untouched(module: nn.Module) -> Iterator[dict[str, Tensor]]:
    """Context manager with state to compute with; buffers are copies, and all else is restored."""
    state = {
        **dict(module.named_parameters()),
        **{name: buffer.clone() for name, buffer in module.named_buffers()},
    }
    with torch.random.fork_rng(devices=[]), attributes_restored(module):
        yield state


def _image(module: nn.Module, table: LayerTable) -> Tensor:
    floats = [p for p in module.parameters() if p.is_floating_point()]
    if not floats:
        return torch.rand(table.input_shape)
    return torch.rand(table.input_shape, dtype=floats[0].dtype, device=floats[0].device)
