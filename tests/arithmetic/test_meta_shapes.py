"""Shapes of our own rules are those that torch gives; where it would refuse, it is asked."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from convscope.arithmetic.ops.meta_shapes import stand_in
from convscope.arithmetic.ops.operation import tensors_in
from convscope.arithmetic.ops.table import OPERATORS, KnownShapes, known_outputs

aten = torch.ops.aten


def meta(*shape: int) -> Tensor:
    return torch.empty(shape, device="meta")


MAPS = meta(2, 3, 5, 7)
PLAIN = ([1, 1], [0, 0], [1, 1])  # stride, padding, dilation
CALLS: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = [
    (aten.native_batch_norm.default, (MAPS, *[meta(3)] * 4, True, 0.1, 1e-5), {}),
    (aten.native_batch_norm.default, (MAPS, None, None, *[meta(3)] * 2, True, 0.1, 1e-5), {}),
    (aten.addmm.default, (meta(4), meta(2, 3), meta(3, 4)), {}),
    (aten.relu.default, (MAPS,), {}),
    (aten.relu.default, (MAPS.to(memory_format=torch.channels_last),), {}),
    (aten.relu.default, (MAPS[:, :2],), {}),
    (aten.tanh.default, (MAPS[:, :, ::2, ::2],), {}),
    (aten.tanh.default, (MAPS.transpose(1, 3),), {}),
    (aten.relu.default, (MAPS.half(),), {}),
    (aten.tanh.default, (MAPS,), {}),
    (aten.add.Tensor, (MAPS, MAPS), {"alpha": 2}),
    (aten.add.Tensor, (MAPS, 3), {}),
    (aten.add.Tensor, (MAPS.half(), 0.5), {}),
    (aten.add.Tensor, (MAPS[:, 1:], MAPS[:, :2]), {}),
    (aten.sub.Tensor, (MAPS, MAPS), {}),
    (aten.mul.Tensor, (MAPS, MAPS), {}),
    (aten.mean.dim, (MAPS, [2, 3]), {}),
    (aten.mean.dim, (MAPS, [-1], True), {}),
    (aten.mean.dim, (MAPS[:, :, ::2], [1], True), {}),
    (aten.mean.dim, (MAPS.transpose(1, 3), None), {}),
    (aten.cat.default, ([MAPS, meta(2, 4, 5, 7)], 1), {}),
    (aten.convolution.default, (MAPS, meta(4, 3, 3, 2), None, *PLAIN, False, [0, 0], 1), {}),
    (
        aten.convolution.default,
        (meta(2, 6, 9, 8), meta(4, 3, 3, 3), meta(4), [2], [1, 2], [2], False, [0], 2),
        {},
    ),
    (aten.max_pool2d_with_indices.default, (MAPS, [2, 2]), {}),
    (aten.max_pool2d_with_indices.default, (MAPS, [3], [2], [1], [1], True), {}),
    (aten.max_pool2d_with_indices.default, (MAPS, [3, 2], [2, 3], [1, 0], [1, 2]), {}),
]


def test_all_shapes_that_are_known_are_tested() -> None:
    known = {operator.meta_shape for operator in OPERATORS.values() if operator.meta_shape}
    assert {call[0] for call in CALLS} == {shape.overload for shape in known}


@pytest.mark.slow
@pytest.mark.parametrize(("func", "args", "kwargs"), CALLS)
def test_shapes_are_those_of_torch(
    func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    known, expected = known_outputs(func, args, kwargs), func(*args, **kwargs)
    assert known is not None
    for ours, torchs in zip(tensors_in([known]), tensors_in([expected]), strict=True):
        assert (ours.shape, ours.dtype, ours.stride()) == (
            torchs.shape, torchs.dtype, torchs.stride(),
        )  # fmt: skip


def test_statistics_that_are_not_taken_are_empty_as_they_are_on_a_processor() -> None:
    """Torch's own shapes differ here: on the meta device it takes them."""
    args = (*[torch.ones(3)] * 4, False, 0.1, 1e-5)
    known = known_outputs(
        aten.native_batch_norm.default, (MAPS, *[meta(3)] * 4, False, 0.1, 1e-5), {}
    )
    expected = aten.native_batch_norm.default(torch.ones(2, 3, 5, 7), *args)
    assert [x.shape for x in tensors_in([known])] == [x.shape for x in expected]


@pytest.mark.parametrize(
    ("func", "args"),
    [
        (aten.native_batch_norm.default, (MAPS, *[meta(4)] * 4, True, 0.1, 1e-5)),
        (aten.addmm.default, (meta(4), meta(2, 3), meta(5, 4))),
        (aten.add.Tensor, (MAPS, meta(2, 3, 5, 6))),
        (aten.add.Tensor, (MAPS, meta(3, 1, 1))),
        (aten.cat.default, ([MAPS, meta(2, 3, 5, 6)], 1)),
        (aten.max_pool2d_with_indices.default, (MAPS, [9, 9])),
        (aten.convolution.default, (MAPS, meta(4, 3, 9, 9), None, *PLAIN, False, [0, 0], 1)),
        (aten.convolution.default, (MAPS, meta(4, 5, 3, 3), None, *PLAIN, False, [0, 0], 1)),
        (aten.convolution.default, (MAPS, meta(3, 4, 3, 3), None, *PLAIN, True, [0, 0], 1)),
        (aten.relu.default, (torch.ones(3),)),
        (aten.relu.default, (MAPS.long(),)),
        (aten.relu.default, (MAPS[:, :, :1].expand(2, 3, 5, 7),)),
        (aten.relu.default, (MAPS[:1].expand(2, 3, 5, 7),)),
        (aten.tanh.default, (MAPS.long(),)),
        (aten.mul.Tensor, (MAPS.long(), 0.5)),
        (aten.mul.Tensor, (MAPS, 1j)),
        (aten.add.Tensor, (MAPS, MAPS.half())),
        (aten.add.Tensor, (MAPS, MAPS.to(memory_format=torch.channels_last))),
        (aten.add.Tensor, (MAPS[:, :1].expand(2, 3, 5, 7), MAPS)),
        (aten.cat.default, ([MAPS, MAPS.half()], 1)),
        (aten.cat.default, ([MAPS.to(memory_format=torch.channels_last)] * 2, 1)),
        (aten.cat.default, ([MAPS, MAPS], 4)),
        (aten.mean.dim, (MAPS, [4])),
        (aten.mean.dim, (MAPS, [1, 1])),
        (aten.addmm.default, (meta(5), meta(2, 3), meta(3, 4))),
        (aten.convolution.default, (MAPS, meta(4, 3, 3, 3), meta(5), *PLAIN, False, [0, 0], 1)),
        (aten.sort.default, (MAPS,)),
    ],
)
def test_what_does_not_fit_is_left_to_torch(func: Any, args: tuple[Any, ...]) -> None:
    assert known_outputs(func, args, {}) is None


def test_a_mean_in_another_type_is_left_to_torch() -> None:
    assert known_outputs(aten.mean.dim, (MAPS.half(), [2, 3]), {"dtype": torch.float32}) is None
    assert known_outputs(aten.mean.dim, (MAPS, [2, 3]), {"dtype": torch.float32}) is not None


LAYOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "plain": lambda x: x,
    "channels last": lambda x: x.to(memory_format=torch.channels_last),
    "half the channels": lambda x: x.chunk(2, 1)[1],
    "half the channels, these last": lambda x: x.to(memory_format=torch.channels_last)[:, 2:],
    "every second pixel": lambda x: x[:, :, ::2, ::2],
    "repeated": lambda x: x[:, :, :1, :1].expand(2, 4, 6, 6),
    "transposed": lambda x: x.transpose(2, 3),
}
KINDS = {"float": torch.float32, "half": torch.float16, "whole": torch.int64}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    "function",
    [
        torch.relu,
        torch.add,
        lambda x, y: x * 0.5 - y,
        lambda x, y: torch.cat([x, y], 1),
        lambda x, y: torch.cat([x, x.float()], 1),
        lambda x, y: x.float().mean((2, 3), keepdim=True) * y,
        lambda x, y: aten.native_batch_norm(x.float(), *[x.float()[0, :, 0, 0]] * 4, True, 0.1, 1),
        lambda x, y: aten.native_batch_norm(x.half(), *[x.float()[0, :, 0, 0]] * 4, True, 0.1, 1),
    ],
)
def test_tensors_take_the_memory_that_they_take_with_values(
    function: Callable[..., Any], layout: str, kind: str
) -> None:
    first = LAYOUTS[layout](torch.ones(2, 4, 6, 6, dtype=KINDS[kind]))
    real = [first] if function is torch.relu else [first, torch.ones_like(first)]
    with KnownShapes():
        known = function(*[stand_in(tensor) for tensor in real])
    for ours, torchs in zip(tensors_in([known]), tensors_in([function(*real)]), strict=True):
        assert (ours.shape, ours.dtype) == (torchs.shape, torchs.dtype)
        assert ours.untyped_storage().nbytes() == torchs.untyped_storage().nbytes()


@pytest.mark.slow
def test_the_table_of_a_resnet_does_not_load_torchs_compiler() -> None:
    code = (
        "import sys; from convscope.api.summarize import summarize; summarize('resnet18'); "
        "sys.exit(any(name in sys.modules for name in ('torch._dynamo', 'sympy', 'matplotlib')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
