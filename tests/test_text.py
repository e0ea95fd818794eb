"""The name that was likely meant."""

from __future__ import annotations

import pytest

from convscope.networks.registry import COSTS
from convscope.text import did_you_mean

FLAGS = ("--batch-size", "--betas", "--epochs", "--img-size", "--model", "--momentum")
NETWORKS = tuple(COSTS)
LAYERS = ("conv1", "conv2", "layer1.0.conv1", "layer1.0.conv2", "fc")


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("--epoch", FLAGS, "--epochs"),
        ("--img_size", FLAGS, "--img-size"),
        ("--IMG-SIZE", FLAGS, "--img-size"),
        ("--modle", FLAGS, "--model"),
        ("--bs", FLAGS, None),  # two letters alone are not similar to `--betas`
        ("--zzz", FLAGS, None),
        ("-", FLAGS, None),
        ("conv9", LAYERS, "conv2"),
        ("conv11", LAYERS, "conv1"),
        ("resnet9", NETWORKS, "resnet18"),
        ("resnet19", NETWORKS, "resnet18"),
        ("resnet100", NETWORKS, "resnet101"),
        ("resnet500", NETWORKS, "resnet50"),
        ("ResNet-34", NETWORKS, "resnet34"),
        ("vgg15_bn", NETWORKS, "vgg16_bn"),
        ("vgg16bn", NETWORKS, "vgg16_bn"),
        ("squeezenet1.1", NETWORKS, "squeezenet1_1"),
        ("resnext101_32x8d", NETWORKS, "resnext50_32x4d"),
        ("densenet121", NETWORKS, None),
        ("--opt", ("--eps",), None),
        ("--tags", FLAGS, None),
        ("--steps", ("--eps", "--log-steps", "--step-epochs"), None),
        ("--val-ratio", ("--saturation", "--value-range"), None),
        ("--train-split", ("--translate", "--splits"), None),
        ("--lr-decay", ("--layer-decay", "--lr"), None),
        ("--load", ("--download",), None),
        ("--version", ("--precision",), None),
        ("--cache", ("--scale",), None),
        ("--rect", ("--project", "--erase"), None),
        ("--exp", ("--eps",), None),
        ("--out", ("--opt",), None),
        ("--verbose", ("--erase",), None),
        ("-w", ("--wd",), None),
        ("--wdd", ("--wd",), "--wd"),
        ("--mdoel", FLAGS, "--model"),
        ("--momentom", FLAGS, "--momentum"),
        ("--min-conf", ("--min-confidence", "--mixup"), "--min-confidence"),
        ("predicting", ("predict", "inspect"), "predict"),
        ("--class", ("--class-level", "--class-weight"), None),
        ("mine-resnet18", ("runs/mine-resnet18", "runs/other"), "runs/mine-resnet18"),
        ("adamm", ("adam", "adamw", "adamax"), "adam"),
        ("adamx", ("adam", "adamw", "adamax"), "adamax"),
        ("Tulips", ("roses", "tulips"), "tulips"),
        ("tulip", ("roses", "tulips"), "tulips"),
        ("老虎", ("猫", "老虎狗"), "老虎狗"),
        ("x", (), None),
    ],
)
def test_the_name_that_was_likely_meant_is_suggested(
    name: str, known: tuple[str, ...], meant: str | None
) -> None:
    assert did_you_mean(name, known) == (meant and f"did you mean `{meant}`?")


def test_what_a_thing_is_called_elsewhere_goes_before_similar_names() -> None:
    habits = {"test": "evaluate", "bs": "--batch-size", "gone": "--no-longer-there"}
    verbs = ("train", "evaluate", "predict")
    assert did_you_mean("test", verbs, habits=habits) == "did you mean `evaluate`?"
    assert did_you_mean("--bs", FLAGS, habits=habits) == "did you mean `--batch-size`?"
    assert did_you_mean("--gone", FLAGS, habits=habits) is None
    assert did_you_mean("test", ("test", *verbs), habits=habits) == "did you mean `test`?"
