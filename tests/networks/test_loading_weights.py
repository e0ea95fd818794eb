"""Weights into networks: all names fit, or nothing is loaded and all misfits are listed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from convscope.errors import WeightsError
from convscope.networks import build, load_weights


def copies(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def test_all_tensors_are_copied_and_counted(tmp_path: Path) -> None:
    source, target = build("lenet5"), build("lenet5")
    torch.save(source.state_dict(), tmp_path / "a.pth")
    report = load_weights(target, tmp_path / "a.pth")
    assert (report.loaded, report.replaced_head, report.dropped) == (10, (), ())
    images = torch.randn(2, 1, 28, 28)
    assert torch.equal(source(images), target(images))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("resnet20", ("fc.weight", "fc.bias")),
        ("squeezenet1_1", ("classifier.1.weight", "classifier.1.bias")),
        ("lenet5_1998", ("output.codes",)),
        ("mlp_bn", ("fc3.weight", "fc3.bias")),
    ],
)
def test_a_head_of_another_size_is_left_fresh_and_reported(
    name: str, head: tuple[str, ...]
) -> None:
    source, target = build(name, num_classes=12), build(name, num_classes=3)
    fresh = copies(target)
    report = load_weights(target, source.state_dict())
    assert report.replaced_head == head
    assert report.loaded == len(fresh) - len(head)
    for key, value in target.state_dict().items():
        assert torch.equal(value, fresh[key] if key in head else source.state_dict()[key])


def test_all_three_heads_of_googlenet_may_have_another_size() -> None:
    with torch.device("meta"):
        source, target = build("googlenet"), build("googlenet", num_classes=3)
        report = load_weights(target, source.state_dict())
    assert report.replaced_head == tuple(
        f"{head}.{kind}" for head in ("aux1.fc2", "aux2.fc2", "fc") for kind in ("weight", "bias")
    )


def test_auxiliary_heads_without_a_place_are_dropped_and_reported() -> None:
    with torch.device("meta"):
        source, target = build("googlenet"), build("googlenet", auxiliaries=False)
        report = load_weights(target, source.state_dict())
    assert len(report.dropped) == 20
    assert report.loaded == len(target.state_dict())


def test_missing_auxiliary_heads_name_the_option() -> None:
    with torch.device("meta"):
        source, target = build("googlenet", auxiliaries=False), build("googlenet")
        with pytest.raises(WeightsError) as caught:
            load_weights(target, source.state_dict())
    assert str(caught.value) == (
        "the weights have no auxiliary heads, the network has two\n"
        "hint: build the network with `auxiliaries=False`"
    )


def test_misfits_are_listed_together_and_nothing_is_loaded() -> None:
    network = build("lenet5")
    before = copies(network)
    weights = {name: torch.zeros_like(value) for name, value in before.items()}
    del weights["conv1.bias"]
    weights["conv2.weight"] = torch.zeros(2, 2)
    weights["extra"] = torch.zeros(1)
    with pytest.raises(WeightsError) as caught:
        load_weights(network, weights)
    assert str(caught.value) == (
        "the weights don't fit the network: 3 names differ\n"
        "  `conv1.bias` is missing in the weights\n"
        "  `conv2.weight` is [2, 2] in the weights, [16, 6, 5, 5] in the network\n"
        "  `extra` is not in the network\n"
        "hint: are they of a `LeNet` with the same options and channels?"
    )
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_other_channels_are_an_error_not_a_fresh_layer() -> None:
    with pytest.raises(WeightsError, match=r"`conv1.weight` is \[16, 1, 3, 3\] in the weights"):
        load_weights(build("resnet20"), build("resnet20", in_channels=1).state_dict())


def test_a_head_of_another_width_is_an_error() -> None:
    with pytest.raises(WeightsError, match=r"`fc2.weight` is \[10, 8\] in the weights"):
        load_weights(
            build("mlp", hidden=(9,), num_classes=3), build("mlp", hidden=(8,)).state_dict()
        )


def test_more_than_twenty_misfits_are_counted() -> None:
    with pytest.raises(WeightsError) as caught:
        load_weights(build("resnet20"), {})
    lines = caught.value.message.splitlines()
    assert lines[0] == "the weights don't fit the network: 97 names differ"
    assert len(lines) == 22
    assert lines[-1] == "  and 77 more"


def test_names_by_others_are_translated_and_own_names_never() -> None:
    source = build("resnet20").state_dict()
    foreign = {name.replace("fc.", "linear."): value for name, value in source.items()}
    assert load_weights(build("resnet20"), foreign).loaded == len(source)
    with pytest.raises(WeightsError, match="`linear.weight` is not in the network"):
        load_weights(build("resnet20"), foreign, renames={})
    other = nn.Sequential()
    other.add_module("linear", nn.Linear(2, 2))
    other.add_module("fc", nn.Linear(2, 2))
    assert load_weights(other, copies(other)).loaded == 4


def test_weights_without_batch_counts_load() -> None:
    source = build("resnet20").state_dict()
    old = {name: value for name, value in source.items() if "num_batches" not in name}
    assert load_weights(build("resnet20"), old).loaded == len(old)


def test_weights_load_onto_the_meta_device() -> None:
    source: Any = build("lenet5")
    with torch.device("meta"):
        target: Any = build("lenet5")
    load_weights(target, source.state_dict())
    assert torch.equal(target.conv1.weight, source.conv1.weight)


STATE = build("resnet20").state_dict()
BODY = {name: value for name, value in STATE.items() if not name.startswith("fc.")}
HEAD = ("fc.weight", "fc.bias")


def prefixed(prefix: str, state: dict[str, Tensor] = STATE) -> dict[str, Tensor]:
    return {f"{prefix}{name}": value for name, value in state.items()}


@pytest.mark.parametrize(
    ("given", "prefix", "head", "num_dropped"),
    [
        (prefixed("model."), "model.", (), 0),
        (prefixed("net.0."), "net.0.", (), 0),
        (prefixed("model._orig_mod."), "model._orig_mod.", (), 0),
        (prefixed("backbone.", BODY), "backbone.", HEAD, 0),
        (prefixed("encoder.", BODY) | {"fc.weight": torch.ones(2)}, "encoder.", HEAD, 1),
        (prefixed("model.") | {"criterion.weight": torch.ones(2)}, "model.", (), 1),
        (prefixed("ema_model.module.") | prefixed("model."), "model.", (), len(STATE)),
        (prefixed("encoder_q.") | prefixed("encoder_k."), "encoder_q.", (), len(STATE)),
        (BODY, "", HEAD, 0),
    ],
    ids=range(9),
)
def test_a_prefix_of_all_names_is_taken_off_and_reported(
    given: dict[str, Tensor], prefix: str, head: tuple[str, ...], num_dropped: int
) -> None:
    network = build("resnet20")
    fresh = copies(network)
    report = load_weights(network, given)
    assert (report.prefix, report.replaced_head) == (prefix, head)
    assert len(report.dropped) == num_dropped
    assert report.has_head == (head == ())
    for name, value in network.state_dict().items():
        assert torch.equal(value, fresh[name] if name in head else STATE[name])


@pytest.mark.parametrize(
    "nested",
    [
        {"state_dict": prefixed("model."), "hyper_parameters": {"lr": 0.1}, "global_step": 3},
        {"model": STATE, "model_ema": prefixed("module.")},
        {"net": STATE, "optimizer": {}},
        {"state_dict_ema": prefixed("module.")},
        {"ema": {"module": STATE, "decay": 0.99}},
        {"backbone": prefixed("backbone.")},
    ],
    ids=range(6),
)
def test_weights_are_found_in_checkpoints_of_other_programs(
    tmp_path: Path, nested: dict[str, object]
) -> None:
    torch.save(nested, tmp_path / "a.ckpt")
    network = build("resnet20")
    assert load_weights(network, tmp_path / "a.ckpt").loaded == len(STATE)
    assert torch.equal(network.state_dict()["conv1.weight"], STATE["conv1.weight"])


def test_where_no_prefix_fits_the_file_and_names_of_both_sides_are_shown(tmp_path: Path) -> None:
    torch.save(prefixed("model."), tmp_path / "a.pth")
    with pytest.raises(WeightsError) as caught:
        load_weights(build("resnet32"), tmp_path / "a.pth")
    lines = caught.value.message.splitlines()
    assert lines[0].startswith(f"the weights from `{tmp_path / 'a.pth'}` don't fit the network: ")
    assert "  `conv1.weight` is missing in the weights" in lines
    assert "  `model.conv1.weight` is not in the network" in lines


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_tensor_with_a_non_finite_value_is_named_with_its_file(
    tmp_path: Path, value: float, dtype: torch.dtype, suffix: str
) -> None:
    damaged = {
        **STATE,
        "layer2.0.conv1.weight": STATE["layer2.0.conv1.weight"].to(dtype, copy=True),
    }
    damaged["layer2.0.conv1.weight"][3, 2, 1, 0] = value
    file = tmp_path / f"a{suffix}"
    save_file(damaged, file) if suffix == ".safetensors" else torch.save(damaged, file)
    network = build("resnet20")
    before = copies(network)
    with pytest.raises(WeightsError) as caught:
        load_weights(network, file)
    assert caught.value.message == (
        f"`layer2.0.conv1.weight` of the weights from `{file}` has non-finite values"
    )
    assert all(torch.equal(v, before[name]) for name, v in network.state_dict().items())


def test_finite_weights_whose_sum_is_infinite_are_taken() -> None:
    huge = {**STATE, "fc.bias": torch.full_like(STATE["fc.bias"], 3e38)}
    assert load_weights(build("resnet20"), huge).loaded == len(STATE)


@pytest.mark.parametrize("dtype", [torch.int64, torch.int8, torch.uint8, torch.bool])
def test_whole_numbers_are_no_weights(dtype: torch.dtype) -> None:
    given = {**STATE, "conv1.weight": STATE["conv1.weight"].to(dtype)}
    name = str(dtype).removeprefix("torch.")
    with pytest.raises(WeightsError, match=f"`conv1.weight` .* holds `{name}` values"):
        load_weights(build("resnet20"), given)
