"""Where the windows of convolutions and poolings lie, in each way that ONNX has to say it.

Source: the ONNX operator specification, `Conv`, `MaxPool` and `AveragePool`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from convscope.networks.from_onnx.node import Node

SIDES = ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER")


@dataclass(frozen=True, slots=True)
class Windows:
    """Where windows lie, one entry for each axis of the maps.

    Attributes:
        kernel: Length of a window.
        strides: Distance between windows.
        dilations: Distance between the values of a window.
        pads: Before and after; ignored where `same` says something.
        same: `SAME_UPPER`, `SAME_LOWER`: as much padding as gives ceil(length / stride) windows,
            the odd one after or before; else empty.
        ceil: Whether a last window may reach beyond the padding.
    """

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]
    same: str
    ceil: bool

    @classmethod
    def of(cls, node: Node, kernel: tuple[int, ...]) -> Windows:
        """What the attributes of a node say.

        Raises:
            NetworkError: They contradict each other.
        """
        axes = len(kernel)
        strides = node.integers("strides") or (1,) * axes
        dilations = node.integers("dilations") or (1,) * axes
        pads = node.integers("pads") or (0,) * 2 * axes
        side = node.text("auto_pad", "NOTSET")
        ceil = bool(node.integer("ceil_mode"))
        node.require(side in SIDES, f"its `auto_pad` is `{side}`")
        lengths = (len(strides), len(dilations), len(pads) / 2)
        node.require(1 <= axes <= 3 and set(lengths) == {axes}, "its axes contradict each other")
        node.require(min(*kernel, *strides, *dilations) > 0, "a length is below 1")
        node.require(min(pads) >= 0, f"its `pads` are `{list(pads)}`")
        if side == "VALID":
            pads = (0,) * 2 * axes
        both = tuple(zip(pads[:axes], pads[axes:], strict=True))
        same = side if side.startswith("SAME") else ""
        return cls(kernel, strides, dilations, both, same, ceil and not same)

    @property
    def extents(self) -> tuple[int, ...]:
        """Values from the first to the last of a window."""
        pairs = zip(self.kernel, self.dilations, strict=True)
        return tuple((length - 1) * step + 1 for length, step in pairs)

    @property
    def even(self) -> tuple[int, ...] | None:
        """The padding, where it is the same on both sides; else None."""
        if self.same or any(before != after for before, after in self.pads):
            return None
        return tuple(before for before, _ in self.pads)

    def for_pooling(self) -> tuple[tuple[int, ...], bool] | None:
        """Padding and ceil mode of torch's pooling with the same windows, or None.

        Padding by a stride less one more at the end, as Caffe's and TensorFlow's exporters write
        it, lets in exactly the windows of torch's ceil mode.
        """
        before = tuple(pad for pad, _ in self.pads)
        if self.same or any(
            2 * pad > length for pad, length in zip(before, self.kernel, strict=True)
        ):
            return None
        if self.even is not None:
            return before, self.ceil
        rows = zip(self.pads, self.strides, self.extents, strict=True)
        if not self.ceil and all(
            pad[1] == pad[0] + stride - 1 and pad[1] < extent for pad, stride, extent in rows
        ):
            return before, True
        return None

    def padding_for(self, lengths: Sequence[int]) -> list[int]:
        """What `F.pad` needs so that windows without padding fit exactly; last axis first.

        Args:
            lengths: Of the maps' axes.
        """
        padding: list[int] = []
        for axis in reversed(range(len(self.kernel))):
            before, windows = self._windows(axis, lengths[axis])
            needed = (windows - 1) * self.strides[axis] + self.extents[axis]
            # Less than nothing where the last values belong to no window.
            padding += [before, needed - lengths[axis] - before]
        return padding

    def _windows(self, axis: int, length: int) -> tuple[int, int]:
        """Padding before the first window, and how many windows there are."""
        stride, extent = self.strides[axis], self.extents[axis]
        if self.same:
            windows = -(-length // stride)
            missing = max((windows - 1) * stride + extent - length, 0)
            return (missing + (self.same == "SAME_LOWER")) // 2, windows
        before, after = self.pads[axis]
        free = length + before + after - extent
        windows = (-(-free // stride) if self.ceil else free // stride) + 1
        if self.ceil and (windows - 1) * stride >= length + before:
            windows -= 1  # it would lie in the padding alone
        return before, windows
