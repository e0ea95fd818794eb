"""Shapes said by us are those that torch gives; where it would refuse, it is asked."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import Tensor

from convscope.arithmetic.meta_shapes import SHAPES, shapes
from convscope.arithmetic.operation import tensors_in

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
    (aten.tanh.default, (MAPS,), {}),
    (aten.add.Tensor, (MAPS, MAPS), {"alpha": 2}),
    (aten.add.Tensor, (MAPS, 3), {}),
    (aten.sub.Tensor, (MAPS, MAPS), {}),
    (aten.mul.Tensor, (MAPS, MAPS), {}),
    (aten.mean.dim, (MAPS, [2, 3]), {}),
    (aten.mean.dim, (MAPS, [-1], True), {}),
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
    assert {call[0] for call in CALLS} == set(SHAPES)


@pytest.mark.parametrize(("func", "args", "kwargs"), CALLS)
def test_shapes_are_those_of_torch(
    func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    known, expected = shapes(func, args, kwargs), func(*args, **kwargs)
    assert known is not None
    for ours, torchs in zip(tensors_in([known]), tensors_in([expected]), strict=True):
        assert (ours.shape, ours.dtype, ours.stride()) == (
            torchs.shape, torchs.dtype, torchs.stride(),
        )  # fmt: skip


def test_statistics_that_are_not_taken_are_empty_as_they_are_on_a_processor() -> None:
    """Torch's own shapes differ here: on the meta device it takes them."""
    args = (*[torch.ones(3)] * 4, False, 0.1, 1e-5)
    known = shapes(aten.native_batch_norm.default, (MAPS, *[meta(3)] * 4, False, 0.1, 1e-5), {})
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
        (aten.sort.default, (MAPS,)),
    ],
)
def test_what_does_not_fit_is_left_to_torch(func: Any, args: tuple[Any, ...]) -> None:
    assert shapes(func, args, {}) is None


def test_the_table_of_a_resnet_does_not_load_torchs_compiler() -> None:
    code = (
        "import sys; from convscope.workflows import summarize; summarize('resnet18'); "
        "sys.exit(any(name in sys.modules for name in ('torch._dynamo', 'sympy', 'matplotlib')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
