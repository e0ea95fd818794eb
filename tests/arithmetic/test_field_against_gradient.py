"""Receptive fields of random branched networks against where gradients reach."""

from collections.abc import Sequence

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from convscope.arithmetic import layer_table
from convscope.arithmetic.formulas import Window

pytestmark = pytest.mark.slow

windows = st.builds(
    lambda kernel, stride, dilation, before, after: Window(kernel, stride, before, after, dilation),
    *(
        st.integers(1, 4),
        st.integers(1, 3),
        st.integers(1, 3),
        st.integers(0, 3),
        st.integers(0, 3),
    ),
)


class Windowed(nn.Module):
    """A convolution with positive weights or a mean, with any padding, the same on both axes."""

    def __init__(self, window: Window, *, is_pooling: bool) -> None:
        super().__init__()
        self.pads = (window.padding_before, window.padding_after) * 2
        kernel, stride, dilation = window.kernel, window.stride, window.dilation
        self.layer: nn.Module = nn.Conv2d(1, 1, kernel, stride, dilation=dilation, bias=False)
        nn.init.ones_(self.layer.weight)
        if is_pooling and dilation == 1:
            self.layer = nn.AvgPool2d(kernel, stride)

    def forward(self, x: Tensor) -> Tensor:
        windowed: Tensor = self.layer(F.pad(x, self.pads))
        return windowed


class Branched(nn.Module):
    """A stem, then two ways of equal stride that are cut to the same size and joined."""

    def __init__(self, stem: Window, ways: Sequence[Window], *, is_joined: bool) -> None:
        super().__init__()
        self.stem = Windowed(stem, is_pooling=False)
        stride = ways[0].stride
        self.ways = nn.ModuleList(
            Windowed(
                Window(way.kernel, stride, way.padding_before, way.padding_after, way.dilation),
                is_pooling=index == 1,
            )
            for index, way in enumerate(ways)
        )
        self.is_joined = is_joined
        self.last = nn.Conv2d(2 if is_joined else 1, 1, 2, bias=False)
        nn.init.ones_(self.last.weight)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        left, right = (way(x) for way in self.ways)
        height, width = (min(pair) for pair in zip(left.shape[2:], right.shape[2:], strict=True))
        left, right = left[:, :, :height, :width], right[:, :, :height, :width]
        joined_ways = torch.cat([left, right], 1) if self.is_joined else left + right
        last: Tensor = self.last(joined_ways)
        return last


@given(stem=windows, ways=st.tuples(windows, windows), is_joined=st.booleans())
@settings(max_examples=60, deadline=None)
def test_the_box_is_where_the_gradient_of_one_value_reaches(
    stem: Window, ways: tuple[Window, Window], is_joined: bool
) -> None:
    network = Branched(stem, ways, is_joined=is_joined).double()
    image = torch.ones(1, 1, 90, 90, dtype=torch.float64, requires_grad=True)
    output = network(image)
    field = layer_table(network, tuple(image.shape)).rows[0].receptive_field
    assert field is not None
    position = output.shape[-1] // 2
    output[0, 0, position, position].backward()
    assert image.grad is not None
    for dimension, axis in ((3, field.height), (2, field.width)):
        reached = image.grad.sum(dimension).flatten().nonzero().flatten()
        assert axis.jump is not None
        start = axis.start + position * axis.jump
        assert (reached.min().item(), reached.max().item() + 1) == (start, start + axis.size)
