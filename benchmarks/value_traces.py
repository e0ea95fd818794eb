"""Whether every term of a value is found: random values of all layers of all networks.

    python benchmarks/value_traces.py --positions 1000
    python benchmarks/value_traces.py torchvision:densenet121 torchvision:mobilenet_v2

For each network of the table, values at random positions are traced back to their terms, layer by
layer in turn, and every step is compared with what the network stored. Weights are those of a new
network with biases and running statistics that are neither 0 nor 1, or those of a file.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import time
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from torch import Tensor, nn

from convscope.inspection.values.trace import TOLERANCE, Recording
from convscope.networks import NETWORKS, build, load_weights

OPERATORS = torch.library.Library("torchvision", "FRAGMENT")


def main() -> None:
    """Reads the arguments, and exits with 1 where a value differs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("networks", nargs="*", default=list(NETWORKS))
    parser.add_argument("--positions", type=int, default=1000, help="of each network")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--channels-last", action="store_true", help="as classifiers compute")
    parser.add_argument("--weights", type=Path, help="a file of weights, for one network")
    arguments = parser.parse_args()
    print(f"torch {torch.__version__}, {arguments.device}, {torch.get_num_threads()} threads")
    print(f"{'network':31s} layers  values   steps      terms    largest  wrong  ms/value")
    wrong = 0
    for name in arguments.networks:
        wrong += measure(name, arguments)
    print(f"{wrong} values differ by more than {TOLERANCE:g} of the sum of absolute terms")
    raise SystemExit(wrong > 0)


def measure(name: str, arguments: argparse.Namespace) -> int:
    """Traces one network and prints a line; how many values differ."""
    torch.manual_seed(arguments.seed)
    random = np.random.default_rng(arguments.seed)
    network = made(name)
    if arguments.weights:
        load_weights(network, arguments.weights)
    else:
        disturb(network)
    network.to(arguments.device)
    shape = NETWORKS[name].input if name in NETWORKS else (3, 224, 224)
    image = torch.randn(1, *shape).to(arguments.device)
    if arguments.channels_last:
        network = network.to(memory_format=torch.channels_last)
        image = image.to(memory_format=torch.channels_last)
    recording = Recording(network, image)
    layers = [layer for layer, shape in recording.shapes.items() if len(shape) in (2, 4)]
    largest, steps, terms, wrong = 0.0, 0, 0, 0
    began = time.perf_counter()
    for number in range(arguments.positions):
        layer = layers[number % len(layers)]
        place = (int(random.integers(length)) for length in recording.shapes[layer][1:])
        where = dict(zip(("channel", "row", "column"), place, strict=False))
        trace = recording.trace(layer, **where)
        largest = max(largest, trace.deviation)
        steps += len(trace.steps)
        terms += sum(len(step.terms) for step in trace.steps)
        if not trace.holds:
            wrong += 1
            print(f"  {layer} {where}: {trace.deviation:.2e}")
    milliseconds = 1000 * (time.perf_counter() - began) / arguments.positions
    print(
        f"{name:30s} {len(layers):7d} {arguments.positions:7d} {steps:7d} {terms:10d} "
        f"{largest:10.1e} {wrong:6d} {milliseconds:9.2f}",
        flush=True,
    )
    return wrong


def made(name: str) -> nn.Module:
    """A network of the table, or `torchvision:` and one of torchvision's functions."""
    library, _, function = name.rpartition(":")
    if not library:
        return build(name)
    network: nn.Module = getattr(torchvision_models(), function)(weights=None)
    return network


@functools.cache
def torchvision_models() -> ModuleType:
    """Torchvision's networks; its wheels for CUDA import on a CPU only with these operators."""
    if not torch.cuda.is_available():
        OPERATORS.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        OPERATORS.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return importlib.import_module("torchvision.models")


@torch.no_grad()
def disturb(network: nn.Module) -> None:
    """Gives a new network biases and running statistics that count: new ones are 0 and 1."""

    def noise(like: Tensor) -> Tensor:
        return torch.rand(like.shape)

    for name, parameter in network.named_parameters():
        if parameter.dim() < 2 or name.endswith("bias"):
            parameter.add_(0.4 * noise(parameter) - 0.2)
    for name, buffer in network.named_buffers():
        if name.endswith("running_mean"):
            buffer.copy_(noise(buffer) - 0.5)
        elif name.endswith("running_var"):
            buffer.copy_(noise(buffer) + 0.5)


if __name__ == "__main__":
    main()
