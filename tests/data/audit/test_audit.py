"""The audit as a whole: planted faults, what it comes to, the one line, and exclusion lists."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import clean, examine, picture, save, square

from convscope.data.audit.audit import audit_dataset, cheap_audit, one_line
from convscope.data.audit.exclusions import (
    HEADER,
    exclusion_rows,
    read_exclusions,
    write_exclusions,
)
from convscope.data.audit.findings import Examined, finding
from convscope.data.audit.result import Audit
from convscope.data.dataset import Dataset
from convscope.data.sources.opening import open_dataset
from convscope.data.survey import survey_images
from convscope.errors import DataError


def quick(examined: Examined) -> Audit:
    """Everything but the labels."""
    return audit_dataset(examined, preprocessing=square(32), judge_labels=False)


def make_leaking(folder: Path) -> Path:
    """A folder with a leak, a conflict, a copy and a damaged file."""
    clean(folder, splits=("train", "test"))
    train, test = folder / "train", folder / "test"
    shutil.copy(test / "cat/001.png", train / "cat/leak.png")
    shutil.copy(test / "cat/002.png", train / "dog/conflict.png")
    shutil.copy(train / "dog/003.png", train / "dog/again.png")
    (train / "cat/broken.png").write_bytes(b"broken")
    return folder


@pytest.fixture(scope="module")
def leaking(tmp_path_factory: pytest.TempPathFactory) -> Examined:
    """Such a folder, examined."""
    return examine(make_leaking(tmp_path_factory.mktemp("leaking") / "pets"))


@pytest.fixture(scope="module")
def leaking_audit(leaking: Examined) -> Audit:
    """What is found in it."""
    return quick(leaking)


def test_clean_data_comes_out_clean(tmp_path: Path) -> None:
    audit = quick(examine(clean(tmp_path, splits=("train", "test"))))
    assert audit.findings == ()
    assert audit.is_clean
    assert not audit.has_leaks_or_damage
    assert audit.verdict == "Nothing is wrong."


def test_notes_alone_leave_data_clean(tmp_path: Path) -> None:
    clean(tmp_path)
    save(tmp_path / "cat/really.jpg", picture(900), format="PNG")
    audit = quick(examine(tmp_path))
    assert audit.is_clean
    assert audit.verdict == "Nothing is wrong; 1 thing to know."


def test_leaks_damage_and_conflicts_are_said_to_come_first(leaking_audit: Audit) -> None:
    audit = leaking_audit
    assert audit.has_leaks_or_damage
    assert {found.kind for found in audit.of("error")} >= {
        "unreadable",
        "label_conflict",
        "exact_leak",
    }
    assert audit.verdict.startswith("Deal with these before training: unreadable files (1); ")


@pytest.mark.parametrize("kind", ["unreadable", "exact_leak", "label_conflict"])
def test_each_of_them_alone_makes_a_strict_check_fail(tmp_path: Path, kind: str) -> None:
    folder = make_leaking(tmp_path / "pets")
    keep = {
        "unreadable": "train/cat/broken.png",
        "exact_leak": "train/cat/leak.png",
        "label_conflict": "train/dog/conflict.png",
    }
    for other, name in keep.items():
        if other != kind:
            (folder / name).unlink()
    audit = quick(examine(folder))
    assert audit.has_leaks_or_damage
    assert {found.kind for found in audit.of("error")} == {kind}


def test_the_audit_says_what_there_is(leaking_audit: Audit) -> None:
    audit = leaking_audit
    assert (audit.name, audit.num_images, audit.num_readable) == ("pets", 100, 99)
    assert audit.splits == ("train", "test")
    assert audit.counts == ((25, 24), (26, 24))
    assert dict(audit.formats) == {"PNG": 99}
    assert audit.heights is not None
    assert audit.heights.median == 40
    assert set(audit.seconds) == {"reading", "duplicates", "everything else"}


def test_an_audit_is_json_without_loss(leaking_audit: Audit) -> None:
    values = leaking_audit.to_dict()
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    leak = next(found for found in values["findings"] if found["kind"] == "exact_leak")
    assert leak["images"][1] == {
        "index": leak["images"][1]["index"],
        "name": "train/cat/leak.png",
        "label": "cat",
        "split": "train",
        "reason": "same pixels as `test/cat/001.png` in test",
        "exclude": True,
        "group": leak["images"][0]["group"],
    }
    assert values["classes"][0] == {
        "name": "cat",
        "num_images": 49,
        "splits": {"train": 25, "test": 24},
    }


def test_data_of_which_nothing_can_be_read_is_judged_too(tmp_path: Path) -> None:
    for name in ("cat/1.png", "dog/1.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"")
    audit = quick(examine(tmp_path))
    assert audit.num_readable == 0
    assert {found.kind for found in audit.findings} >= {"unreadable", "missing_in_split"}
    json.dumps(audit.to_dict(), allow_nan=False)


@pytest.fixture(scope="module")
def mislabelled() -> tuple[Audit, Examined, set[int]]:
    """An audit of digits of which every fortieth has the label of the next class."""
    digits = open_dataset("digits")
    planted = np.arange(0, len(digits), 40)
    labels = digits.labels.copy()
    labels[planted] = (labels[planted] + 1) % 10
    dataset = replace(digits, labels=labels)
    examined = Examined(dataset, survey_images(dataset))
    audit = audit_dataset(examined, preprocessing=square(8))
    return audit, examined, set(planted.tolist())


def test_wrong_labels_are_listed_as_suggestions(
    mislabelled: tuple[Audit, Examined, set[int]],
) -> None:
    audit, examined, planted = mislabelled
    (found,) = [one for one in audit.findings if one.kind == "suspicious_labels"]
    listed = {image.index for image in found.images}
    assert len(listed & planted) >= 0.8 * len(planted)
    assert len(listed - planted) <= 0.2 * len(listed)
    assert found.severity == "warning"
    assert not any(image.exclude for image in found.images)
    first = found.images[0]
    assert first.reason.startswith(f"labelled `{examined.label(first.index)}`, looks like `")
    assert "of all labels are as it says" in found.sentence


def test_how_the_check_was_made_is_said_in_words(
    mislabelled: tuple[Audit, Examined, set[int]],
) -> None:
    audit = mislabelled[0]
    assert "a small probe predicted" in audit.labels
    assert "calibrated on this data" in audit.duplicates
    assert set(audit.seconds) == {"reading", "duplicates", "labels", "everything else"}
    assert audit.seconds_per_thousand > 0


def test_labels_of_too_few_images_are_not_judged_and_that_is_said(tmp_path: Path) -> None:
    audit = audit_dataset(examine(clean(tmp_path, count=4)), preprocessing=square(32))
    assert audit.labels.startswith("labels were not judged: that takes at least two classes")
    assert not any(one.kind == "suspicious_labels" for one in audit.findings)


def test_the_cheap_part_makes_one_line(leaking: Examined) -> None:
    audit = cheap_audit(leaking.dataset, leaking.survey)
    assert one_line(audit, data="pets") == (
        "data: 99 images, 2 classes of 49 to 50; 1 unreadable; 2 exact duplicates, 1 across "
        "splits; 2 images whose copies have other labels (`convscope check pets` says more)"
    )


def test_the_one_line_of_clean_data_is_short(tmp_path: Path) -> None:
    examined = examine(clean(tmp_path))
    line = one_line(cheap_audit(examined.dataset, examined.survey), data="pets")
    assert line == "data: 48 images, 2 classes of 24 (`convscope check pets` says more)"


def rows_of(path: Path) -> dict[str, dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return {row["image"]: row for row in csv.DictReader(file)}


def test_the_list_says_which_images_to_leave_out(leaking_audit: Audit, tmp_path: Path) -> None:
    write_exclusions(tmp_path / "out.csv", leaking_audit.findings)
    rows = rows_of(tmp_path / "out.csv")
    assert {name for name, row in rows.items() if row["exclude"] == "yes"} == {
        "train/cat/broken.png",
        "train/cat/leak.png",
        "train/dog/conflict.png",
        "test/cat/002.png",
        "train/dog/again.png",
    }
    assert rows["test/cat/001.png"]["exclude"] == "no"
    assert rows["train/dog/003.png"]["reason"] == "the copy to keep"


def test_an_image_of_several_findings_has_one_row(tmp_path: Path) -> None:
    examined = examine(clean(tmp_path))
    one = examined.image(0, "is dark")
    two = examined.image(0, "is unreadable", exclude=True)
    rows = exclusion_rows(
        [
            finding("dark", severity="warning", images=[one]),
            finding("unreadable", severity="error", images=[two]),
            finding("remarks", severity="note", images=[examined.image(1, "is odd")]),
        ]
    )
    (row,) = rows
    assert row == (
        "cat/000.png",
        "is dark; is unreadable",
        "yes",
        "very dark pictures; unreadable files",
    )


def test_what_is_written_is_read_back(
    leaking: Examined, leaking_audit: Audit, tmp_path: Path
) -> None:
    audit = leaking_audit
    write_exclusions(tmp_path / "out.csv", audit.findings)
    left_out = {leaking.name(i) for i in read_exclusions(tmp_path / "out.csv", leaking.dataset)}
    assert left_out == {
        image.name for found in audit.findings for image in found.images if image.exclude
    }


def test_an_edited_list_is_kept_and_an_unchanged_one_replaced(
    leaking_audit: Audit, tmp_path: Path
) -> None:
    findings = leaking_audit.findings
    path = tmp_path / "lists/out.csv"
    assert write_exclusions(path, findings) is None
    assert write_exclusions(path, findings) is None
    path.write_text(path.read_text().replace("yes", "no"))
    edited = path.read_text()
    assert write_exclusions(path, findings) == tmp_path / "lists/out-1.csv"
    assert (tmp_path / "lists/out-1.csv").read_text() == edited
    path.write_text("image,exclude\n")
    assert write_exclusions(path, findings) == tmp_path / "lists/out-2.csv"
    assert sorted(p.name for p in path.parent.iterdir()) == ["out-1.csv", "out-2.csv", "out.csv"]


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return open_dataset(clean(tmp_path_factory.mktemp("data") / "pets", count=24))


@pytest.mark.parametrize(
    "text",
    [
        "cat/001.png\ndog/003.png\n",
        "\ufeffcat/001.png\r\n\r\n# a comment\r\ndog/003.png",
        "image,reason,exclude,finding\ncat/001.png,a,yes,b\ndog/003.png,,YES,\ncat/002.png,,no,\n",
        "image;exclude\r\ncat/001.png;1\r\ndog/003.png;x\r\ncat/002.png;\r\n",
        "exclude\timage\ny\tcat/001.png\ntrue\tdog/003.png\n",
        '"image","exclude"\n"cat/001.png","yes"\n"dog/003.png","yes"\n"gone.png","no"\n',
        "image\ncat/001.png\ndog/003.png\ndog/003.png\n",
    ],
    ids=["names", "windows", "check", "semicolons", "tabs", "quoted", "one-column"],
)
def test_lists_are_read_in_all_their_forms(pets: Dataset, tmp_path: Path, text: str) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(text.encode())
    chosen = read_exclusions(path, pets)
    assert [pets.images.name(i) for i in chosen] == ["cat/001.png", "dog/003.png"]


def test_an_empty_list_leaves_out_nothing(pets: Dataset, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("")
    assert len(read_exclusions(tmp_path / "list.txt", pets)) == 0


def test_names_that_the_data_does_not_have_are_listed_up_to_twenty(
    pets: Dataset, tmp_path: Path
) -> None:
    (tmp_path / "list.txt").write_text("".join(f"gone/{n}.png\n" for n in range(23)))
    with pytest.raises(DataError, match="names 23 images that `pets` doesn't have") as error:
        read_exclusions(tmp_path / "list.txt", pets)
    assert "`gone/19.png`" in error.value.message
    assert "`gone/20.png`" not in error.value.message
    assert "and 3 more" in error.value.message
    assert "older state" in str(error.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "list.csv",
            b"file,leave\na,b\n",
            "has the columns `file`, `leave`; `image` and `exclude`",
        ),
        ("list.csv", b"image,reason\na,b\n", "has the columns `image`, `reason`"),
        ("list.csv", b"", "has the columns none"),
        ("list.csv", b"image,exclude\ncat/001.png,perhaps\n", "row 2: `perhaps` is neither"),
        ("list.csv", b"image,exclude\ncat/001.png\n", "row 2: has 1 cell only"),
        ("list.csv", b'image,exclude\n"cat/001.png,yes\n', "can't be read as a table"),
        ("list.txt", b"caf\xe9.png\n", "is no text in UTF-8"),
        ("folder", None, "can't be read"),
        ("missing.csv", None, "there is no file"),
    ],
)
def test_lists_that_cannot_be_read_say_why(
    pets: Dataset, tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    elif name == "folder":
        (tmp_path / name).mkdir()
    with pytest.raises(DataError, match=message):
        read_exclusions(tmp_path / name, pets)


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.text(min_size=1, max_size=12), st.text(max_size=12), st.booleans()),
        max_size=12,
        unique_by=lambda row: row[0],
    )
)
def test_any_name_survives_the_list(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, bool]]
) -> None:
    from convscope.data.audit.exclusions import _table, _text
    from convscope.files import write_csv

    printable = [
        (name, reason, "yes" if answer else "no", "")
        for name, reason, answer in rows
        if (name + reason).isprintable()
    ]
    path = tmp_path_factory.mktemp("list") / "out.csv"
    write_csv(path, HEADER, printable)
    assert _table(_text(path), path) == [list(HEADER), *map(list, printable)]
