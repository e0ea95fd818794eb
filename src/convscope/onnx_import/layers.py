"""ONNX operators as torch layers: torch's own where there is one, else layers made here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from convscope.onnx_import.functions import FUNCTIONS, SHAPED
from convscope.onnx_import.node import Compute, Node, Result, Value
from convscope.onnx_import.windows import average_pool, convolution, max_pool


class OnnxLayer(NamedTuple):
    """A node that became a torch module.

    Attributes:
        module: Takes the inputs in their order.
        inputs: Names of the values that it takes when it runs; empty for one that is left out.
        outputs: Names of the values that it gives.
    """

    module: nn.Module
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


class Function(nn.Module):
    """A function of tensors; each operator has a class of its name derived from it.

    Args:
        compute: The function.
        held: The tensor that the file stores for each input; None for one that comes later.
    """

    def __init__(self, compute: Compute, held: Sequence[Tensor | None]) -> None:
        super().__init__()
        self.compute = compute
        self.slots = tuple(f"value{at}" if x is not None else None for at, x in enumerate(held))
        for at, tensor in enumerate(held):
            if isinstance(tensor, nn.Parameter):
                self.register_parameter(f"value{at}", tensor)
            elif tensor is not None:
                self.register_buffer(f"value{at}", tensor)

    def forward(self, *given: Value) -> Result:
        """The function of what is given and of what is held."""
        coming = iter(given)
        return self.compute(*(getattr(self, slot) if slot else next(coming) for slot in self.slots))


class BatchNorm(_BatchNorm):
    """Batch normalisation of maps of any number of axes."""

    def _check_input_dim(self, input: Tensor) -> None:
        """Any number of axes will do."""


class LayerNorm(nn.LayerNorm):
    """Normalisation over the last axes, which the file may count from the front."""

    def __init__(self, node: Node) -> None:
        weight, bias = node.weight(1), node.optional_weight(2)
        eps = node.number("epsilon", 1e-5)
        super().__init__(tuple(weight.shape), eps, bias=bias is not None, device="meta")
        self.weight = weight
        self.bias = bias  # type: ignore[assignment]
        self._node, self._axis = node, node.integer("axis", -1)
        node.require(node.integer("stash_type", 1) == 1, "its `stash_type` isn't 32-bit floats")

    def forward(self, input: Tensor) -> Tensor:
        """`input` (N, ..., normalised axes); the shape stays."""
        if self._axis % input.dim() != input.dim() - self.weight.dim():
            raise self._node.refuse("its scale doesn't have all the axes that it normalises")
        return super().forward(input)


class Gemm(nn.Module):
    """A dense layer whose weights or bias have another layout in the file than in torch.

    Args:
        weight: (inputs, outputs), or (outputs, inputs) if `is_transposed`.
        bias: Anything that can be added to (N, outputs), or None.
        is_transposed: Whether the weights have torch's layout.
    """

    def __init__(
        self, weight: nn.Parameter, bias: nn.Parameter | None, *, is_transposed: bool
    ) -> None:
        super().__init__()
        self.weight, self.bias, self.is_transposed = weight, bias, is_transposed

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, ..., inputs) becomes (N, ..., outputs)."""
        weight = self.weight if self.is_transposed else self.weight.t()
        if self.bias is None or self.bias.dim() == 1:
            return F.linear(x, weight, self.bias)
        return F.linear(x, weight) + self.bias


class MatMul(Gemm):
    """A product with stored weights (inputs, outputs)."""

    def __init__(self, weight: nn.Parameter) -> None:
        super().__init__(weight, None, is_transposed=False)


def layer_of(node: Node, known: Collection[str]) -> OnnxLayer:
    """The torch layer of a node.

    Args:
        node: The node.
        known: Names of all values that don't depend on what the image shows.

    Raises:
        NetworkError: Something about the node isn't supported.
    """
    if node.operator == "Conv" and node.stored.tensor(node.inputs[1]) is None:
        layer = _function(node, known)  # its kernels are computed in the network
    elif node.operator in MODULES:
        layer = OnnxLayer(MODULES[node.operator](node), node.inputs[:1], node.outputs)
    elif node.operator == "MatMul" and _is_dense(node):
        layer = OnnxLayer(MatMul(node.weight(1)), node.inputs[:1], node.outputs)
    else:
        layer = _function(node, known)
    node.finish()
    node.require(node.operator == "Split" or not any(node.outputs[1:]), "its second output is used")
    return layer


def _function(node: Node, known: Collection[str]) -> OnnxLayer:
    if node.operator in SHAPED:
        for name in node.inputs[1:2] if node.operator == "ScatterND" else node.inputs[1:]:
            node.require(not name or name in known, f"its `{name}` depends on the image")
    compute = FUNCTIONS[node.operator](node)
    held = [node.stored.tensor(name) for name in node.inputs]
    inputs = (name for name, tensor in zip(node.inputs, held, strict=True) if tensor is None)
    return OnnxLayer(_kind(node.operator)(compute, held), tuple(inputs), node.outputs)


@lru_cache
def _kind(operator: str) -> type[Function]:
    """A class whose name the layer table shows."""
    return type(operator, (Function,), {"__doc__": f"The ONNX operator `{operator}`."})


def _is_dense(node: Node) -> bool:
    right = node.stored.tensor(node.inputs[1])
    return node.stored.tensor(node.inputs[0]) is None and right is not None and right.dim() == 2


def _gemm(node: Node) -> nn.Module:
    weight, bias = node.weight(1), node.optional_weight(2)
    is_transposed = bool(node.integer("transB"))
    node.require(weight.dim() == 2, f"its weights have the shape `{tuple(weight.shape)}`")
    node.require(not node.integer("transA"), "`transA` turns what comes from the image")
    node.require(node.number("alpha", 1.0) == 1, "its `alpha` isn't 1")
    node.require(node.number("beta", 1.0) == 1 or bias is None, "its `beta` isn't 1")
    num_outputs, num_inputs = weight.shape if is_transposed else reversed(weight.shape)
    has_torchs_layout = is_transposed and (bias is None or tuple(bias.shape) == (num_outputs,))
    if not has_torchs_layout:
        return Gemm(weight, bias, is_transposed=is_transposed)
    layer = nn.Linear(num_inputs, num_outputs, bias=bias is not None, device="meta")
    layer.weight = weight
    layer.bias = bias  # type: ignore[assignment]
    return layer


def _batch_norm(node: Node) -> nn.Module:
    weight, bias = node.weight(1), node.weight(2)
    node.require(not node.integer("training_mode"), "it is exported in training mode")
    node.require(node.integer("spatial", 1) == 1, "its `spatial` is 0")
    momentum = node.number("momentum", 0.9)  # of the running statistics; torch's is of the new
    eps = node.number("epsilon", 1e-5)
    layer = BatchNorm(weight.shape[0], eps=eps, momentum=1 - momentum, device="meta")
    layer.weight, layer.bias = weight, bias
    layer.running_mean, layer.running_var = node.statistic(3), node.statistic(4)
    layer.num_batches_tracked = None
    return layer


def _local_response_norm(node: Node) -> nn.Module:
    size = node.integer("size")
    node.require(size % 2 == 1, f"its `size` is `{size}`; torch sums over other channels then")
    alpha, beta = node.number("alpha", 1e-4), node.number("beta", 0.75)
    return nn.LocalResponseNorm(size, alpha, beta, k=node.number("bias", 1.0))


def _dropout(node: Node) -> nn.Module:
    node.integer("seed")
    ratio = node.number("ratio", 0.5)
    if node.has_input(1) and (given := node.stored.arrays.get(node.inputs[1])) is not None:
        ratio = float(given.item())
    if node.has_input(2):
        is_training = node.stored.arrays.get(node.inputs[2], np.array(True))
        node.require(not is_training.item(), "it is exported in training mode")
    return nn.Dropout(ratio)


def _gelu(node: Node) -> nn.Module:
    approximate = node.text("approximate", "none")
    node.require(approximate in ("none", "tanh"), f"its `approximate` is `{approximate}`")
    return nn.GELU(approximate)


def _selu(node: Node) -> nn.Module:
    # The two constants of the paper are all that torch has.
    alpha, gamma = node.number("alpha", 1.67326), node.number("gamma", 1.0507)
    node.require(abs(alpha - 1.67326) < 1e-5, f"its `alpha` is `{alpha}`")
    node.require(abs(gamma - 1.0507) < 1e-5, f"its `gamma` is `{gamma}`")
    return nn.SELU()


MODULES: dict[str, Callable[[Node], nn.Module]] = {
    "AveragePool": average_pool,
    "BatchNormalization": _batch_norm,
    "Celu": lambda node: nn.CELU(node.number("alpha", 1.0)),
    "Conv": convolution,
    "Dropout": _dropout,
    "Elu": lambda node: nn.ELU(node.number("alpha", 1.0)),
    "Gelu": _gelu,
    "Gemm": _gemm,
    "HardSwish": lambda _node: nn.Hardswish(),
    "Identity": lambda _node: nn.Identity(),
    "LRN": _local_response_norm,
    "LayerNormalization": LayerNorm,
    "LeakyRelu": lambda node: nn.LeakyReLU(node.number("alpha", 0.01)),
    "MaxPool": max_pool,
    "Mish": lambda _node: nn.Mish(),
    "Relu": lambda _node: nn.ReLU(),
    "Selu": _selu,
    "Sigmoid": lambda _node: nn.Sigmoid(),
    "Softplus": lambda _node: nn.Softplus(),
    "Tanh": lambda _node: nn.Tanh(),
}
LAYERS = frozenset((*MODULES, *FUNCTIONS))
