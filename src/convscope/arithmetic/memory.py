"""Which operations of a forward pass make memory, and what autograd keeps of it."""

from __future__ import annotations

from collections.abc import Collection

from torch import Tensor

from convscope.arithmetic.operation import Operation, storage_of


class Memory:
    """Counts each piece of memory once: where it is made, and where it is kept first.

    Tensors that share memory are views of one piece, and pieces are kept alive here, so that none
    takes the identity of another.
    """

    def __init__(self, *, state: Collection[Tensor], image: Tensor) -> None:
        """Start before the pass.

        Args:
            state: Parameters and buffers: they exist anyhow, so nobody is charged for them.
            image: The input: nobody makes it, but a layer may keep it.
        """
        self._alive: list[object] = [*state, image]
        self._saved = {storage_of(tensor) for tensor in state}
        self._made = self._saved | {storage_of(image)}

    def made(self, operation: Operation) -> int:
        """Bytes of the pieces that this operation has made."""
        return sum(self._bytes_if_new(tensor, self._made) for tensor in operation.outputs)

    def saved(self, tensor: Tensor) -> int:
        """Bytes that are kept for the backward pass because of this tensor."""
        return self._bytes_if_new(tensor, self._saved)

    def _bytes_if_new(self, tensor: Tensor, known: set[int]) -> int:
        piece = storage_of(tensor)
        if piece in known:
            return 0
        known.add(piece)
        storage = tensor.untyped_storage()
        self._alive.append(storage)  # the tensor would keep all that it was made from
        return storage.nbytes()
