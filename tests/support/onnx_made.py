"""ONNX files for tests: exported from torch, and made by hand node by node."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from torch.nn import functional as F

IMAGE = (1, 3, 9, 10)


def export(
    network: nn.Module, image: Tensor, file: Path, *, newer: bool = False, **options: Any
) -> Path:
    """Writes a network with one of torch's two exporters, which warn about themselves."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if newer:
            options = {"external_data": False, **options}
        torch.onnx.export(
            network.eval(), (image,), str(file), dynamo=newer, verbose=False, **options
        )
    return file


def with_random_state(network: nn.Module) -> nn.Module:
    """Weights and statistics that no two layers share, as after training."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
        for name, buffer in network.named_buffers():
            if name.endswith("running_mean"):
                buffer.normal_(0, 0.1)
            elif name.endswith("running_var"):
                buffer.uniform_(0.8, 1.2)
    return network


def model(
    nodes: Sequence[onnx.NodeProto],
    *,
    image: Sequence[int | str | None] = IMAGE,
    opset: int = 18,
    outputs: Sequence[str] = ("y",),
    **stored: Any,
) -> onnx.ModelProto:
    """A graph from `x` to `y` with stored tensors by name; NumPy's types say theirs."""
    tensors = [
        value
        if isinstance(value, TensorProto)
        else numpy_helper.from_array(np.asarray(value), name)
        for name, value in stored.items()
    ]
    takes = [helper.make_tensor_value_info("x", TensorProto.FLOAT, image)]
    gives = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ("a",)) for name in outputs]
    graph = helper.make_graph(list(nodes), "made", takes, gives, tensors)
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def node(operator: str, *names: str, **attributes: Any) -> onnx.NodeProto:
    """A node from all names but the last to the last."""
    return helper.make_node(operator, names[:-1], names[-1:], **attributes)


def saved(content: onnx.ModelProto | bytes, folder: Path) -> Path:
    """The model in a file, or any bytes as if they were one."""
    file = folder / "made.onnx"
    file.write_bytes(content if isinstance(content, bytes) else content.SerializeToString())
    return file


class ConvNeXtBlock(nn.Module):
    """Channels last in between, a scale for each channel."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 4, 4)
        self.depthwise = nn.Conv2d(8, 8, 7, padding=3, groups=8)
        self.norm = nn.LayerNorm(8)
        self.up, self.down = nn.Linear(8, 32), nn.Linear(32, 8)
        self.scale = nn.Parameter(torch.randn(8))
        self.head = nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        y = self.down(F.gelu(self.up(y))) * self.scale
        logits: Tensor = self.head((x + y.permute(0, 3, 1, 2)).mean([-2, -1]))
        return logits


class MobileBlock(nn.Module):
    """Depthwise, squeeze and excitation, shuffled channels, every activation of that family."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.Hardswish()
        )
        self.depthwise, self.activation = nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.ReLU6()
        self.squeeze, self.excite = nn.Conv2d(8, 4, 1), nn.Conv2d(4, 8, 1)
        self.dropout, self.head = nn.Dropout(0.2), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.activation(self.depthwise(self.stem(x)))
        gate = F.relu(self.squeeze(F.adaptive_avg_pool2d(x, 1)))
        x = F.silu(x * F.hardsigmoid(self.excite(gate)))
        x = torch.cat(x.chunk(2, 1), 1).view(x.shape[0], 2, 4, *x.shape[2:])
        x = x.transpose(1, 2).flatten(1, 2)
        logits: Tensor = self.head(self.dropout(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1)))
        return logits


class DenseBlock(nn.Module):
    """Each layer takes all before it; normalisation comes first, so nothing can be folded."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.rest = nn.ModuleList(
            nn.Sequential(nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, 4, 3, padding=1))
            for width in (8, 12)
        )
        self.pool, self.head = nn.AvgPool2d(2), nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        maps = [self.first(x)]
        for layer in self.rest:
            maps.append(layer(torch.cat(maps, 1)))
        return F.log_softmax(self.head(self.pool(torch.cat(maps, 1)).mean((2, 3))), dim=1)


class Transformer(nn.Module):
    """One block of a vision transformer with a class token."""

    def __init__(self, *, is_fused: bool = False) -> None:
        super().__init__()
        self.is_fused = is_fused
        self.patches = nn.Conv2d(3, 16, 8, 8)
        self.token = nn.Parameter(torch.randn(1, 1, 16))
        self.places = nn.Parameter(torch.randn(1, 17, 16))
        self.norm1, self.norm2 = nn.LayerNorm(16), nn.LayerNorm(16)
        self.qkv, self.project = nn.Linear(16, 48), nn.Linear(16, 16)
        self.mlp = nn.Sequential(nn.Linear(16, 64), nn.GELU(), nn.Linear(64, 16))
        self.head = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.places
        x = x + self.project(self.attention(self.norm1(x)))
        logits: Tensor = self.head((x + self.mlp(self.norm2(x)))[:, 0])
        return logits

    def attention(self, x: Tensor) -> Tensor:
        n, places, width = x.shape
        q, k, v = self.qkv(x).reshape(n, places, 3, 4, width // 4).permute(2, 0, 3, 1, 4).unbind(0)
        if self.is_fused:
            seen = F.scaled_dot_product_attention(q, k, v)
        else:
            seen = (q @ k.transpose(-2, -1) * 0.5).softmax(-1) @ v
        return seen.transpose(1, 2).reshape(n, places, width)


class FusedTransformer(Transformer):
    """The same with torch's function for attention."""

    def __init__(self) -> None:
        super().__init__(is_fused=True)


MODERN = (ConvNeXtBlock, MobileBlock, DenseBlock, Transformer, FusedTransformer)
