"""Calls as people write them: what a function doesn't take is named, with what was likely meant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import convscope
from convscope.api.arguments import checked
from convscope.api.image_grid import save_image_grid
from convscope.api.predict import find_images, predict
from convscope.errors import UsageError

package: Any = convscope  # a type checker would refuse these calls

UNKNOWN: list[tuple[Callable[..., Any], dict[str, object], str]] = [
    (package.train, {"num_workers": 4}, "`workers`"),
    (package.train, {"out": "x"}, "`project`"),
    (package.train, {"exp": "x"}, "`name`"),
    (package.train, {"verbose": True}, "`reporter`"),
    (package.train, {"lang": "zh"}, "`language`"),
    (package.train, {"overwrite": True}, "`fresh`"),
    (package.train, {"gpu": 0}, '`device="cuda:0"`'),
    (package.train, {"gpu_id": 1}, '`device="cuda:1"`'),
    (package.train, {"gpus": 1}, '`device="cuda"`'),
    (package.train, {"pretrained": True}, '`weights="published"`'),
    (package.find_learning_rate, {"num_workers": 4}, "`workers`"),
    (package.find_learning_rate, {"bs": 4}, "`batch_size`"),
    (package.evaluate, {"gpu": 0}, '`device="cuda:0"`'),
    (package.evaluate, {"conf": 0.5}, "`min_confidence`"),
    (package.evaluate, {"njobs": 2}, "`workers`"),
    (package.evaluate, {"quiet": True}, "`reporter`"),
    (package.calibrate, {"max_error": 0.02}, "`target_error`"),
    (package.compare, {"num_workers": 2}, "`workers`"),
    (package.explain, {"label": "cat"}, "`target`"),
    (package.explain, {"class_name": "cat"}, "`target`"),
    (package.explain, {"target_layer": "conv1"}, "`layer`"),
    (package.explain, {"topk": 3}, "`top`"),
    (package.explain, {"progress": True}, "`reporter`"),
    (package.inspect, {"layer": "conv1"}, "`layers`"),
    (package.inspect, {"gpus": 0}, '`device="cpu"`'),
    (package.check, {"num_workers": 2}, "`workers`"),
    (package.check, {"size": 64}, "`img_size`"),
    (predict, {"threshold": 0.5}, "`min_confidence`"),
    (save_image_grid, {"verbose": True}, "`reporter`"),
]


@pytest.mark.parametrize(
    ("function", "given", "meant"),
    UNKNOWN,
    ids=[f"{function.__name__}-{next(iter(given))}" for function, given, _ in UNKNOWN],
)
def test_an_argument_of_another_tool_leads_to_ours(
    function: Callable[..., Any], given: dict[str, object], meant: str
) -> None:
    (name,) = given
    with pytest.raises(UsageError, match=f"`{function.__name__}` has no argument `{name}`") as no:
        function("nowhere", **given)
    assert no.value.hint == f"did you mean {meant}?"


def test_several_gpus_need_a_process_each() -> None:
    with pytest.raises(UsageError, match="`train` has no argument `gpus`") as refused:
        package.train("digits", gpus=2)
    hint = "several GPUs take a process each: `torchrun --nproc-per-node 2 ...`"
    assert refused.value.hint == hint


def test_where_nothing_is_near_all_arguments_are_listed_or_their_place_is() -> None:
    with pytest.raises(UsageError, match="`evaluate` has no argument `epochs`") as refused:
        package.evaluate("nowhere", epochs=3)
    for own in ("classifier", "data", "device", "min_confidence", "split", "synonyms", "tta"):
        assert f"`{own}`" in str(refused.value.hint)
    with pytest.raises(UsageError) as refused:
        package.train("digits", qqq=3)
    assert refused.value.hint == "`help(convscope.train)` describes its arguments"


WRONG: list[tuple[Callable[[], Any], str]] = [
    (lambda: package.train("digits", workers="four"), "`workers` can't be `four`: it takes a wh"),
    (lambda: package.train("digits", workers=0), "`workers` can't be 0\nhint: it is 1 or more"),
    (lambda: package.train("digits", name=3), "`name` can't be `3`: it takes text or None"),
    (lambda: package.train("digits", project=3), "`project` can't be `3`: it takes a path"),
    (lambda: package.train("digits", fresh="maybe"), "`fresh` can't be `maybe`: it takes True"),
    (lambda: package.train("digits", show_batch=3), "`show_batch` can't be `3`: it takes a path"),
    (lambda: package.train("digits", reporter="x"), "it takes a `Reporter`"),
    (
        lambda: package.train("digits", language="de"),
        "no report in the language `de`",
    ),
    (lambda: package.train("digits", model=""), "it must have at least 1 character"),
    (lambda: package.check("digits", workers=-2), "`workers` can't be -2"),
    (lambda: package.evaluate(3), "`classifier` can't be `3`: it takes a `Classifier`, a `Run`"),
    (lambda: package.evaluate("x", min_confidence="high"), "it takes a number or None"),
    (lambda: package.calibrate("x", target_error="2%"), "`target_error` can't be `2%`: it takes"),
    (lambda: package.compare(3, 4), "`classifiers` can't be `3`: it takes a"),
    (lambda: package.explain("x", "a.jpg", top="all"), "`top` can't be `all`: it takes a whole"),
    (lambda: package.inspect("x", num_images="few"), "`num_images` can't be `few`"),
    (lambda: package.load(3), "`path` can't be `3`: it takes a path"),
    (lambda: package.evaluate(), "missing a required argument: 'classifier'"),
    (lambda: package.evaluate("a", "b", "val"), "`evaluate` can't be called like this: too many"),
    (lambda: package.summarize("resnet18", input_shape=224), "`224` is no shape of an image"),
    (lambda: package.summarize("resnet18", input_shape="3x224x224"), "`3x224x224` is no shape"),
    (lambda: package.summarize("resnet18", input_shape=(224, 224)), "`(224, 224)` is no shape"),
    (lambda: package.summarize("resnet18", input_size=(3, 64, 64)), "did you mean `input_shape`"),
    (lambda: package.summarize("resnet18", in_channels=1), "no option `in_channels`"),
    (lambda: package.summarize("resnet18", classes=5), "did you mean `num_classes`?"),
    (lambda: package.summarize("lenet5", batch_size="many"), "`batch_size` can't be `many`"),
]


@pytest.mark.parametrize(("call", "message"), WRONG, ids=[message for _, message in WRONG])
def test_a_value_that_can_not_be_is_named_before_anything_is_computed(
    call: Callable[[], Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as refused:
        call()
    assert message in str(refused.value)
    assert not list(tmp_path.iterdir())


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(UsageError) as refused:
        package.train("digits", workers="x", nmae="a", name=3)
    assert str(refused.value).splitlines() == [
        "3 values can't be",
        "  `train` has no argument `nmae` (did you mean `name`?)",
        "  `name` can't be `3`: it takes text or None",
        "  `workers` can't be `x`: it takes a whole number or None",
    ]


@checked()
def _counted(
    number: int | None, *more: int, share: float = 0.0, place: str | Path = "."
) -> tuple[object, ...]:
    return number, more, share, place


_count: Any = _counted


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        (("4",), (4, (), 0.0, ".")),
        ((np.int64(4), "5", 6), (4, (5, 6), 0.0, ".")),
        ((None,), (None, (), 0.0, ".")),
        ((True,), (True, (), 0.0, ".")),
    ],
)
def test_numbers_in_text_and_of_numpy_are_pythons(
    given: tuple[Any, ...], taken: tuple[object, ...]
) -> None:
    assert _count(*given) == taken
    assert [type(each) for each in _count(*given)] == [type(each) for each in taken]


def test_named_values_are_converted_and_others_stay_as_they_are() -> None:
    assert _count(1, share="0.5") == (1, (), 0.5, ".")
    assert _count(1, share=np.float32(0.5))[2] == 0.5
    assert _count(1, place=Path("x"))[3] == Path("x")
    table = package.summarize("lenet5", batch_size="2")
    assert table.rows[0].output_shape == (2, 10)


def test_one_image_needs_no_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.png").write_bytes(b"")
    assert find_images("a.png") == find_images(Path("a.png")) == find_images(["a.png"]) == ["a.png"]
    assert find_images([Path("a.png"), "*.png"]) == ["a.png"]


def test_check_takes_no_field_that_changes_nothing() -> None:
    with pytest.raises(UsageError, match="`check` has no argument `lr`"):
        package.check("digits", lr=0.1)
