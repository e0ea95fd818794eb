"""Whether a forward pass looks at values that are others in the next call."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor

from convscope.arithmetic.operation import Operation, storage_of, tensors_in
from convscope.arithmetic.propagation import EMPTY_LIKE


class ValueReading:
    """Follows values that come from the image or from random numbers to where Python gets them.

    What a network then decides by them can't be followed: it may run other layers for another
    image. Memory is known by its identity, so all of it must stay alive during the pass.

    Attributes:
        has_happened: Whether such values were looked at.
    """

    def __init__(self, image: Tensor) -> None:
        """Start at the network's input."""
        self.has_happened = False
        self._varying = {storage_of(image)}

    def follow(self, operation: Operation, tags: Collection[torch.Tag]) -> None:
        """Note an operation that ran, with what torch says of it."""
        is_random = torch.Tag.nondeterministic_seeded in tags
        takes_shape_only = operation.name in EMPTY_LIKE
        if not is_random and (takes_shape_only or not self.varies(operation.inputs)):
            return
        if torch.Tag.data_dependent_output in tags or self._decides_shape(operation, tags):
            self.has_happened = True
        changed = (*operation.outputs, *operation.written)
        self._varying.update(storage_of(tensor) for tensor in changed)

    def read(self, tensor: Tensor) -> None:
        """Note that Python took a tensor's values without an operation."""
        if self.varies([tensor]):
            self.has_happened = True

    def varies(self, tensors: Collection[Tensor]) -> bool:
        """Whether any of these depends on the image, or on random numbers."""
        return any(storage_of(tensor) in self._varying for tensor in tensors)

    def _decides_shape(self, operation: Operation, tags: Collection[torch.Tag]) -> bool:
        """Whether the number of values that come out depends on values that go in."""
        if torch.Tag.dynamic_output_shape not in tags:
            return False
        if operation.name != "index":
            return True
        # Taking values by their numbers gives as many as there are numbers, but a mask chooses.
        indices = tensors_in(operation.arguments["indices"])
        masks = [index for index in indices if index.dtype in (torch.bool, torch.uint8)]
        return self.varies(masks)
