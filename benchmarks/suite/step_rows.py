"""Rows of single steps on one batch: share of the machine's limit, and GPUs."""

from __future__ import annotations

from suite.comparison import Comparison
from suite.material import Material
from suite.sides import IN_TIMM, SIZE, Build, ours, peers


def limit_row(network: str) -> Build:
    """FLOP/s of the product's step over the largest rate that this machine reaches."""

    def build(material: Material, quick: bool) -> Comparison:
        settings = {
            "network": network, "size": SIZE, "batch": 16, "classes": 1000,
            "seconds": 1 if quick else 10,
        }  # fmt: skip
        limit = {**settings, "work": "limit"}
        return Comparison(
            name=f"limit-{network}",
            title=f"{network}, step, of the machine's largest convolution or matrix product",
            unit="GFLOP/s",
            ours=ours("steps", **settings, counts_flop=True),
            peers=tuple(peers("largest rate", "synthetic.py", limit, ("best",))),
            goals={"best": 0.65},
        )

    return build


def cuda_row(network: str, inference: bool) -> Build:
    """Steps on one batch on the GPU: against timm's where it has the network, or torchvision's."""

    def build(material: Material, quick: bool) -> Comparison:
        settings = {
            "network": network, "size": SIZE, "batch": 256, "classes": 1000, "device": "cuda",
            "seconds": 1 if quick else 5, "inference": inference,
        }  # fmt: skip
        kind = "inference" if inference else "training"
        is_there = network in IN_TIMM
        program = "timm_peer.py" if is_there else "torchvision_peer.py"
        sides = peers("timm" if is_there else "torchvision", program, {**settings, "work": "steps"})
        return Comparison(
            name=f"cuda-{kind}-{network}",
            title=f"{network} at {SIZE} px on a GPU, {kind}",
            unit="images/s",
            ours=ours("steps", **settings),
            peers=tuple(sides),
            goals={"default": 1.2, "best": 1.0},
            device="cuda",
        )

    return build
