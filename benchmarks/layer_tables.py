"""Is every number of every layer table what is measured?

    python benchmarks/layer_tables.py [--sides 32 64 224] [--also torchvision timm] [--onnx]

Makes the table of each network at each size that fits, in evaluation and in training mode, with and
without auxiliary heads, with two images, and verifies it (`convscope summary --verify`). Prints a
line for each network and the sums. `--also` takes classification networks of other libraries, where
they are installed. `--onnx` exports each of our networks instead, at its own size, with the older
of torch's exporters or, where that one can't, with the newer; reads the file back, and compares
outputs, shapes, MACs and fields.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import nn

from convscope.arithmetic import LayerTable, layer_table, verify
from convscope.arithmetic.layer_table import Status
from convscope.arithmetic.verification import COLUMNS
from convscope.errors import ConvscopeError
from convscope.networks import build, network_entry, network_names
from convscope.onnx_import import read_onnx

IMAGES = 2
FIELDS = (Status.EXACT, Status.UPPER_BOUND, Status.UNKNOWN)
METHODS = ("forward", "forward_with_auxiliaries")
MODES = ("evaluation", "training")
# A choice that covers the kinds of layers of timm's convolutional and other networks.
FROM_TIMM = (
    *("resnet18", "resnet50d", "seresnet50", "resnest14d", "regnety_002", "densenet121"),
    *("efficientnet_b0", "mobilenetv3_small_100", "convnext_atto", "vgg11_bn", "inception_v3"),
    *("inception_next_tiny", "repvgg_a0", "ghostnet_100", "hrnet_w18_small", "dla34", "nfnet_f0"),
    *("vit_tiny_patch16_224", "deit_tiny_patch16_224", "swin_tiny_patch4_window7_224"),
    *("mixer_s16_224", "poolformer_s12"),
)


def main() -> int:
    """Verifies all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sides", type=int, nargs="+", default=[32, 64, 224])
    parser.add_argument("--also", nargs="*", default=[], choices=["torchvision", "timm"])
    parser.add_argument("--onnx", action="store_true")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    if given.onnx:
        return exported_tables()
    counts: Counter[str] = Counter()
    for name, make, channels, sides in [*ours(given.sides), *theirs(given.also)]:
        began, before = time.perf_counter(), counts["differences"]
        remarks: list[str] = []
        for side in sides:
            remarks += check(make, (channels, side, side), counts)
        found = counts["differences"] - before
        seconds = time.perf_counter() - began
        print(
            f"{name}: {found or 'no'} differences, {seconds:.0f} s",
            *remarks,
            sep="\n  ",
            flush=True,
        )
    checks = ", ".join(f"{counts[column]:,} of {column}" for column in COLUMNS)
    print(f"{counts['tables']} tables, checks: {checks}; {counts['differences']} differences")
    fields = ", ".join(f"{counts[status]:,} {status}" for status in FIELDS)
    print(f"receptive fields: {fields}; {counts['unmeasured']} columns not measurable")
    return bool(counts["differences"])


def check(
    make: Callable[[int], nn.Module], image: tuple[int, int, int], counts: Counter[str]
) -> list[str]:
    """Verifies the tables of one network at one size; what there is to say about it."""
    remarks = []
    side = image[1]
    try:
        module = make(side)
    except ConvscopeError:
        return []  # too small an image for it
    methods = [name for name in METHODS if hasattr(module, name)]
    for method, training in product(methods, (False, True)):
        try:
            table = layer_table(module, (IMAGES, *image), training=training, method=method)
        except ConvscopeError as error:
            remarks.append(f"at {side} px: {error.message[:160]}")
            continue
        verification = verify(module, table)
        counts["tables"] += 1
        counts["differences"] += len(verification.differences)
        counts["unmeasured"] += len(verification.unmeasured)
        counts.update(check.column for check in verification.checks)
        counts.update(row.status("receptive_field") for row in table.rows if row.output_shape)
        remarks += [
            f"at {side} px, {MODES[training]}: {column} not measurable: {why}"
            for column, why in verification.unmeasured.items()
        ]
        remarks += [
            f"at {side} px: {found.layer} {found.column}: {found.stated}, measured {found.measured}"
            for found in verification.differences[:5]
        ]
        if table.rows[0].status("macs") == Status.LOWER_BOUND and not training:
            remarks.append(f"at {side} px: not counted: {', '.join(table.rows[0].uncounted)}")
    return remarks


def exported_tables() -> int:
    """Exports each of our networks, reads it back and compares the two."""
    failed = []
    for name in network_names():
        exporter, differences = compare_with_export(name)
        print(f"{name}, {exporter} exporter: {', '.join(differences) or 'equal'}", flush=True)
        failed += [name] if differences else []
    print(
        f"{len(network_names()) - len(failed)} of {len(network_names())} networks have equal tables"
    )
    return bool(failed)


def compare_with_export(name: str) -> tuple[str, list[str]]:
    """Which exporter could write a network, and what differs after it is read back."""
    shape = (1, *network_entry(name).input)
    network, image = build(name).eval(), torch.randn(shape)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "network.onnx"
        exporter = "older"
        try:
            torch.onnx.export(network, (image,), str(file), dynamo=False, verbose=False)
            back, _ = read_onnx(file)
        except (RuntimeError, ConvscopeError):  # local response normalisation, for instance
            exporter = "newer"
            torch.onnx.export(network, (image,), str(file), dynamo=True, verbose=False)
            back, _ = read_onnx(file)
    with torch.no_grad():
        wanted, found = network(image), back.eval()(image)
    before, after = layer_table(network, shape), layer_table(back, shape)
    equal = {
        "output": bool((found - wanted).abs().max() <= 1e-4 * wanted.abs().max()),
        "MACs": before.macs == after.macs,
        "layers": products(before) == products(after),
    }
    return exporter, [f"{what} differs" for what, is_equal in equal.items() if not is_equal]


def products(table: LayerTable) -> list[tuple[str, int, str]]:
    """Shape, MACs and field of each convolution and dense layer, in any order."""
    rows = [row for row in table.rows if row.own.macs]
    return sorted((str(row.output_shape), row.macs, str(row.receptive_field)) for row in rows)


# Name, what makes it for a side of the image, channels, sides.
Made = tuple[str, Callable[[int], nn.Module], int, list[int]]


def ours(sides: list[int]) -> Iterator[Made]:
    """All networks of the table, at these sizes; those for digits at 28 and 32 pixels."""
    for name in network_names():
        channels = network_entry(name).input[0]

        def make(side: int, name: str = name, channels: int = channels) -> nn.Module:
            shape = {"in_channels": channels, "input_size": (side, side)}
            return build(name, **shape)

        fitting = [28, *(side for side in sides if side <= 64)] if channels == 1 else sides
        yield name, make, channels, fitting


def theirs(libraries: list[str]) -> Iterator[Made]:
    """Networks of other libraries at 224 pixels."""
    if "torchvision" in libraries:
        models = import_module("torchvision.models")
        for name in models.list_models(module=models):
            yield f"torchvision {name}", lambda side, name=name: models.get_model(name), 3, [224]
    if "timm" in libraries:
        timm = import_module("timm")
        for name in FROM_TIMM:
            yield f"timm {name}", lambda side, name=name: timm.create_model(name), 3, [224]


if __name__ == "__main__":
    sys.exit(main())
