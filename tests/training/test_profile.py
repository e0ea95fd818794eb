"""`--profile`: where the time of a step goes, and that measuring it changes nothing."""

from __future__ import annotations

import io
import json
import re
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from alone import train_alone
from torch import nn

import convscope
from conftest import make_pictures
from convscope.api.train import train_options
from convscope.cli.train import command
from convscope.device import choose_device
from convscope.errors import UsageError
from convscope.languages import speaking, translated
from convscope.networks import build
from convscope.paths import PROFILE_SUMMARY, TRACE_FILE
from convscope.progress import Reporter
from convscope.recipe import Recipe
from convscope.training.loop import unwatched
from convscope.training.profiling.measures import PhaseClock, watched_calls, watched_forward
from convscope.training.profiling.summary import (
    COSTLY,
    OPERATORS,
    ImageSource,
    StepProfile,
    operator_words,
    summary_text,
    verdict,
)
from convscope.training.runs.checkpoint import load_newest

CPU = choose_device("cpu", "float32")
FIELDS: dict[str, Any] = {"model": "lenet_rgb", "batch_size": 8, "epochs": 4}
EVEN = {"waiting": 0.001, "augmentation": 0.001, "forward": 0.01, "loss": 0.001, "backward": 0.02}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("profile") / "pictures"
    make_pictures(place)
    return place


@pytest.fixture(scope="module")
def said() -> io.StringIO:
    return io.StringIO()


@pytest.fixture(scope="module")
def profiled_once(
    pictures: Path, tmp_path_factory: pytest.TempPathFactory, said: io.StringIO
) -> convscope.Run:
    """A run of 4 epochs of 8 steps: the profile begins in the first and ends in the fourth."""
    project = tmp_path_factory.mktemp("profiled")
    reporter = Reporter(file=said)
    return train_alone(pictures, project=project, reporter=reporter, profile=True, **FIELDS)


@pytest.fixture
def run(profiled_once: convscope.Run, tmp_path: Path) -> convscope.Run:
    """A copy of that run, which a test may change."""
    place = tmp_path / "runs" / profiled_once.path.name
    shutil.copytree(profiled_once.path, place)
    return convscope.Run(place)


def found(**given: Any) -> StepProfile:
    """A profile of which a test says what it is about."""
    values: dict[str, Any] = {
        "epoch": 0,
        "step": 3,
        "num_steps": 20,
        "num_traced": 5,
        "num_images": 640,
        "phases": EVEN,
        "layers": {"conv1 (Conv2d)": 0.004, "conv2 (Conv2d)": 0.006},
        "operators": {"aten::mm": 0.02, "aten::add_": 0.01},
        "source": ImageSource(),
        "processor": "cpu (x86_64 AVX2)",
        "precision": "float32",
        "num_threads": 2,
    }
    return StepProfile(**{**values, **given})


def recipe(**given: Any) -> Recipe:
    return Recipe.parse({"data": "digits", "model": "resnet18", "img_size": 64, **given})


def rows(text: str, title: str) -> dict[str, float]:
    """Milliseconds by name in the table of a summary that begins with a title."""
    lines = text.split(f"\n{title}")[1].split("\n")[1:]
    table: dict[str, float] = {}
    for line in lines:
        match = re.fullmatch(r"(.+?) {3,}([\d,.]+) {3,}[\d.]+%", line)
        if match is None:
            return table
        table[match[1]] = float(match[2].replace(",", ""))
    return table


@pytest.mark.slow
def test_a_training_that_is_profiled_gives_the_same_bits(
    profiled_once: convscope.Run, pictures: Path, tmp_path: Path
) -> None:
    plain = train_alone(pictures, project=tmp_path, **FIELDS)
    assert not plain.profile_path.exists()
    (one, _), (other, _) = (load_newest(each.checkpoints_path) for each in (profiled_once, plain))
    assert one is not None
    assert other is not None
    assert all(torch.equal(one.model[name], other.model[name]) for name in other.model)


@pytest.mark.slow
def test_a_profile_has_phases_layers_operators_and_a_judgement(
    profiled_once: convscope.Run,
) -> None:
    text = (profiled_once.profile_path / PROFILE_SUMMARY).read_text()
    assert text.startswith("profile of 20 steps of 7 images, from step 4 of epoch 1 on\n")
    phases = rows(text, "phase")
    assert list(phases) == [
        "waiting for images",
        "augmentation and normalisation",
        "forward pass",
        "loss",
        "backward pass",
        "optimizer",
        "metrics, progress and checkpoints",
        "whole step",
    ]
    assert sum(phases.values()) == pytest.approx(2 * phases["whole step"], abs=0.05)
    assert phases["backward pass"] > 0
    layers = rows(text, "layer, forward pass")
    assert {"conv1 (Conv2d)", "conv2 (Conv2d)", "fc1 (Linear)"} <= set(layers)
    assert any(name.startswith("convolution, backward: aten::") for name in rows(text, "operator"))
    assert "of 5 further steps" in text
    assert re.search("% of (a step|the time)", text.splitlines()[-1])


@pytest.mark.slow
def test_the_trace_has_the_phases_and_layers_of_the_steps(profiled_once: convscope.Run) -> None:
    events = json.loads((profiled_once.profile_path / TRACE_FILE).read_text())["traceEvents"]
    names = [event.get("name") for event in events]
    for phase in ("augmentation", "loss", "backward", "optimizer"):
        assert names.count(phase) == 5
    assert {"step", "waiting", "forward", "conv1 (Conv2d)", "aten::convolution_backward"} <= set(
        names
    )
    assert (profiled_once.profile_path / TRACE_FILE).stat().st_size < 5e6


@pytest.mark.slow
def test_what_is_said_is_what_is_written(profiled_once: convscope.Run, said: io.StringIO) -> None:
    assert (profiled_once.profile_path / PROFILE_SUMMARY).read_text() in said.getvalue()
    summary, trace = (profiled_once.profile_path / name for name in (PROFILE_SUMMARY, TRACE_FILE))
    assert f"profile: {summary}; {trace} opens in" in said.getvalue()
    assert said.getvalue().index("epoch   1/4") < said.getvalue().index("profile of 20")


@pytest.mark.slow
def test_nothing_of_an_earlier_training_stays_where_there_is_no_step_to_profile(
    run: convscope.Run, pictures: Path
) -> None:
    (run.profile_path / "notes.txt").write_text("a user's")
    said = io.StringIO()
    again = train_alone(
        pictures, project=run.path.parent, reporter=Reporter(file=said), profile=True, **FIELDS
    )
    assert again.path == run.path
    assert [path.name for path in run.profile_path.iterdir()] == ["notes.txt"]
    assert "note: no profile: it takes 5 steps, and there were 0\n" in said.getvalue()


@pytest.mark.slow
def test_a_training_without_it_leaves_the_profile_and_a_fresh_one_removes_it(
    run: convscope.Run, pictures: Path
) -> None:
    train_alone(pictures, project=run.path.parent, **FIELDS)
    assert (run.profile_path / TRACE_FILE).exists()
    train_alone(pictures, project=run.path.parent, fresh=True, **{**FIELDS, "epochs": 1})
    assert not run.profile_path.exists()


@pytest.mark.slow
def test_the_steps_of_few_images_are_divided_and_features_are_named(
    profiled_once: convscope.Run, pictures: Path, tmp_path: Path
) -> None:
    fields = {**FIELDS, "epochs": 1, "weights": profiled_once.path, "tune": "head"}
    run = train_alone(pictures, project=tmp_path, profile=True, **fields)
    text = (run.profile_path / PROFILE_SUMMARY).read_text()
    assert text.startswith("profile of 4 steps of 7 images, from step 4 of epoch 1 on\n")
    assert "\nsteps run the last layers alone, on features that were computed once\n" in text
    assert "augmentation" not in text
    assert list(rows(text, "layer, forward pass")) == ["fc3 (Linear)"]
    assert "of 1 further step," in text


def test_each_moment_counts_for_the_innermost_phase_and_none_for_what_is_between() -> None:
    clock = PhaseClock(CPU)
    began = time.perf_counter()
    for _ in range(2):
        with clock.phase("outer"):
            time.sleep(0.002)
            with clock.phase("inner"):
                time.sleep(0.01)
    between = time.perf_counter()
    time.sleep(0.05)
    with clock.phase("inner"):
        pass
    seconds = clock.seconds()
    assert seconds["inner"] >= 0.02
    assert seconds["outer"] >= 0.004
    assert sum(seconds.values()) == pytest.approx(between - began, abs=0.01)


def test_forward_passes_are_watched_with_auxiliary_heads_and_not_afterwards() -> None:
    network = build("googlenet", num_classes=2, auxiliaries=True)
    head = network.get_submodule("fc")
    seen: list[str] = []

    def watch(name: str) -> Any:
        seen.append(name)
        return unwatched(name)

    with watched_forward(network, watch), watched_calls({"head": head}, watch):
        network.train().forward_with_auxiliaries(torch.zeros(2, 3, 224, 224))  # type: ignore[operator]
    assert seen == ["forward", "head"]
    assert "forward_with_auxiliaries" not in vars(network)
    hooks = [each._forward_hooks or each._forward_pre_hooks for each in network.modules()]
    assert not any(hooks)


def test_a_layer_s_output_is_as_it_was_while_it_is_watched() -> None:
    layer = nn.Linear(2, 2)
    inputs = torch.ones(1, 2)
    plain = layer(inputs)
    with watched_calls({"layer": layer}, unwatched):
        assert torch.equal(layer(inputs), plain)


def test_another_profiler_of_torch_is_refused() -> None:
    with (
        torch.autograd.profiler.profile(use_kineto=False),
        pytest.raises(UsageError, match="`profile` can't be used while another profiler") as caught,
    ):
        train_options(profile=True)
    assert caught.value.hint == "end that one before the training, or leave out `profile`"
    assert train_options(profile=True).profile


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("aten::mkldnn_convolution", "convolution"),
        ("aten::convolution_backward", "convolution, backward"),
        ("aten::native_batch_norm_backward", "batch normalisation, backward"),
        ("aten::cudnn_batch_norm", "batch normalisation"),
        ("aten::max_pool2d_with_indices_backward", "max pooling, backward"),
        ("aten::addmm", "matrix product"),
        ("aten::mm", "matrix product"),
        ("aten::threshold_backward", "activation, backward"),
        ("aten::_log_softmax", "softmax and loss"),
        ("aten::_fused_adamw_", "update of the weights"),
        ("aten::_foreach_add_", "update of the weights"),
        ("aten::index", "gathering of images"),
        ("aten::copy_", "copying and change of format"),
        ("aten::add_", "sums and products"),
        ("ConvolutionBackward0", "automatic differentiation itself"),
        (
            "autograd::engine::evaluate_function: AddmmBackward0",
            "automatic differentiation itself",
        ),
        ("mine::special", "mine::special"),
    ],
)
def test_an_operator_is_told_in_words(name: str, words: str) -> None:
    assert operator_words(name) == words


WAITING = {**EVEN, "waiting": 0.03}
FROM_FILES = ImageSource(is_at_hand=False, workers=1)


@pytest.mark.parametrize(
    ("given", "fields", "sentence"),
    [
        ({"phases": WAITING}, {}, "waiting for images: 48% of a step; they are only copied, so"),
        ({"phases": WAITING, "source": FROM_FILES}, {}, "decodes them with all cores"),
        (
            {"phases": WAITING, "source": FROM_FILES._replace(workers=999)},
            {},
            "as the cache has no room for them; `convscope cache --limit 100GB` gives it more",
        ),
        (
            {"phases": WAITING, "source": FROM_FILES._replace(workers=999, are_kept=True)},
            {},
            "all cores decode them now; later epochs read them from the cache",
        ),
        (
            {"phases": {**EVEN, "augmentation": 0.02}},
            {"policy": "randaugment", "hue": 0.1, "blur": 0.5, "rotate": 10},
            "augmentation and normalisation: 38% of a step; what takes less: `--policy none`, "
            "`--hue 0`, `--rotate 0`",
        ),
        (
            {"phases": {**EVEN, "augmentation": 0.02}},
            {},
            "a smaller `--img-size` has fewer pixels to change",
        ),
        (
            {"phases": {**EVEN, "optimizer": 0.02}},
            {"opt": "muon"},
            "optimizer: 38% of a step; with a larger `--batch-size` there are fewer steps, and "
            "`--opt adamw` takes less",
        ),
        (
            {"phases": {**EVEN, "exchange": 0.02}},
            {},
            "exchange between processes: 38% of a step; with a larger `--batch-size` there are",
        ),
        (
            {"phases": {**EVEN, "step": 0.02}},
            {},
            "metrics, progress and checkpoints: 38% of a step; with a larger `--batch-size`",
        ),
        ({"num_threads": None, "running": 0.1}, {}, "the network: 94% of a step"),
        (
            {"running": 0.4},
            {},
            "other programs: they leave this training 40% of the time of a processor; it is faster",
        ),
        (
            {"num_threads": None, "operators": {"aten::mm": 0.01}},
            {},
            "the GPU computes in 30% of a step, and else waits for the program; a larger",
        ),
        (
            {},
            {"weights": "runs/other", "tune": "all"},
            "the network: 94% of a step, so this is as fast as `resnet18` gets here in float32; "
            "what takes less: a smaller `--img-size`, a smaller `--model`, `--tune head`",
        ),
        (
            {"phases": WAITING, "source": ImageSource(is_of_features=True)},
            {},
            "with a larger `--batch-size` there are fewer steps",
        ),
        ({"source": ImageSource(is_of_features=True)}, {}, "what takes less: fewer `--epochs`"),
    ],
)
def test_the_judgement_names_what_takes_the_time_and_flags_that_there_are(
    given: dict[str, Any], fields: dict[str, Any], sentence: str
) -> None:
    text = verdict(found(**given), recipe(**fields))
    assert sentence in text
    options = {name for option in command.params for name in option.opts}
    assert set(re.findall("--[a-z-]+", text)) - {"--limit"} <= options


def test_the_costly_changes_are_fields_of_the_recipe() -> None:
    assert set(COSTLY) <= set(Recipe.model_fields)


def test_a_profile_speaks_chinese_in_columns() -> None:
    phases = dict.fromkeys((*EVEN, "exchange", "optimizer", "step"), 0.01)
    operators: dict[str, float] = {f"aten::{words}": 0.001 for words in OPERATORS.values()}
    with speaking("zh"):
        for given in (
            {},
            {"num_threads": None},
            {"running": 0.1},
            {"source": ImageSource(is_of_features=True)},
        ):
            text = summary_text(
                found(phases=phases, operators=operators, **given), recipe(), in_words=translated
            )
            text = re.sub(r"`[^`]*`|\S+ \(\w+( AVX2)?\)|aten::.*", "", text)
            assert set(re.findall("[A-Za-z]{2,}", text)) <= {"resnet", "float", "GPU", "softmax"}
        words = {*OPERATORS.values(), "convolution, backward"}
        assert [each for each in words if translated(each) == each] == []
