"""Weights by others reach on real images what they are known to reach."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from convscope.networks import build, load_weights, network_entry

pytestmark = pytest.mark.slow

BEE, ANT = 309, 310  # in ImageNet's order of classes


def logits(network: nn.Module, name: str, pixels: Tensor) -> Tensor:
    """Logits (N, K) of uint8 pixels (N, C, H, W), prepared as the weights expect."""
    preparation = network_entry(name).preparation
    assert preparation is not None
    mean, std = (
        torch.tensor(values)[:, None, None] for values in (preparation.mean, preparation.std)
    )
    network.eval()
    with torch.no_grad():
        return torch.cat([network((batch / 255 - mean) / std) for batch in torch.split(pixels, 50)])


def pixels_of(images: list[Image.Image]) -> Tensor:
    arrays = [np.asarray(image.convert("RGB")) for image in images]
    return torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2)


@pytest.fixture(scope="module")
def thumbnails(shared_data: Path) -> tuple[Tensor, Tensor]:
    """Every eighth of 4,000 undistorted CIFAR-10 images, and the labels."""
    found = []
    with tarfile.open(shared_data / "cifar10-lossless-4000.tar.gz") as archive:
        # In the archive's order: going back in it would unpack it from the start each time.
        for index, member in enumerate(archive):
            if member.name.endswith(".png") and index % 8 == 0:
                content = archive.extractfile(member)
                assert content is not None
                image = Image.open(io.BytesIO(content.read())).convert("RGB")
                found.append((member.name.split("/")[1], image))
    classes = sorted({label for label, _ in found})
    assert len(classes) == 10
    images = [image for _, image in found]
    labels = [classes.index(label) for label, _ in found]
    return pixels_of(images), torch.tensor(labels)


@pytest.mark.parametrize("file", ["resnet20-12fca82f.th", "resnet56-4bfd9763.th"])
def test_cifar_resnets_know_their_training_images(
    shared_data: Path, thumbnails: tuple[Tensor, Tensor], file: str
) -> None:
    name = file.split("-")[0]
    network = build(name)
    assert load_weights(network, shared_data / "weights" / file).replaced_head == ()
    pixels, labels = thumbnails
    accuracy = (logits(network, name, pixels).argmax(dim=1) == labels).float().mean().item()
    assert accuracy >= 0.99


def test_caffes_lenet_reads_985_of_1000_digits(shared_data: Path) -> None:
    def numbers(file: str, skipped: int) -> np.ndarray:
        content = gzip.decompress((shared_data / "mnist" / file).read_bytes())
        return np.frombuffer(content, np.uint8, offset=skipped).copy()

    pixels = torch.from_numpy(numbers("t10k-images-idx3-ubyte.gz", 16)).reshape(-1, 1, 28, 28)
    labels = torch.from_numpy(numbers("t10k-labels-idx1-ubyte.gz", 8))
    network = build("lenet_caffe")
    load_weights(network, shared_data / "weights" / "lenet-mnist-caffe.pth")
    answers = logits(network, "lenet_caffe", pixels[:2000]).argmax(dim=1)
    assert (answers == labels[:2000]).sum().item() == pytest.approx(1970, abs=2)


@pytest.mark.parametrize(("folder", "index", "share"), [("bees", BEE, 0.85), ("ants", ANT, 0.6)])
def test_squeezenet_recognises_insects(
    shared_data: Path, folder: str, index: int, share: float
) -> None:
    images = []
    for file in sorted((shared_data / "hymenoptera" / "val" / folder).iterdir())[::2]:
        image = Image.open(file).convert("RGB")
        scale = 256 / min(image.size)
        image = image.resize(
            (round(image.width * scale), round(image.height * scale)), Image.Resampling.BILINEAR
        )
        left, top = (image.width - 224) // 2, (image.height - 224) // 2
        images.append(image.crop((left, top, left + 224, top + 224)))
    network = build("squeezenet1_1")
    load_weights(network, shared_data / "weights" / "squeezenet1_1-gluon-imagenet.pth")
    best = logits(network, "squeezenet1_1", pixels_of(images)).topk(5).indices
    assert (best == index).any(dim=1).float().mean().item() >= share
