"""Each detector finds what was planted, says so, and keeps silent on clean data."""

from __future__ import annotations

import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFilter
from planted import clean, examine, found, picture, reasons, save, square

from convscope.audit.appearance import find_appearance, find_shapes, fitted
from convscope.audit.balance import effective_classes, find_balance
from convscope.audit.copies import find_exact_copies, find_near_copies
from convscope.audit.findings import by_severity, finding
from convscope.audit.oddities import (
    _wrong_extensions,
    find_colour_mix,
    find_damage,
    find_odd_names,
    find_oddities,
    find_remarks,
    find_values,
)
from convscope.audit.shortcuts import best_rules, find_shortcuts, of_categories, of_numbers


@pytest.mark.slow
def test_clean_data_has_no_findings(tmp_path: Path) -> None:
    examined = examine(clean(tmp_path, splits=("train", "test")))
    for detector in (
        find_damage,
        find_exact_copies,
        find_oddities,
        find_odd_names,
        find_remarks,
        find_colour_mix,
        find_balance,
        find_appearance,
        find_shortcuts,
    ):
        assert not found(detector, examined)
    assert not list(find_shapes(examined, square(32)))


def test_files_that_cannot_be_read_are_named_with_their_reasons(tmp_path: Path) -> None:
    clean(tmp_path)
    whole = (tmp_path / "cat/000.png").read_bytes()
    (tmp_path / "cat/cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "dog/page.jpg").write_bytes(b"<html>404")
    (tmp_path / "dog/empty.jpg").write_bytes(b"")
    damage = found(find_damage, examine(tmp_path))["unreadable"]
    assert damage.severity == "error"
    assert set(reasons(damage)) == {"cat/cut.png", "dog/page.jpg", "dog/empty.jpg"}
    assert "empty" in reasons(damage)["dog/empty.jpg"]
    assert all(image.exclude for image in damage.images)


def test_copies_within_a_class_keep_one_and_leave_out_the_others(tmp_path: Path) -> None:
    clean(tmp_path)
    for name in ("a.png", "b.png"):
        shutil.copy(tmp_path / "cat/005.png", tmp_path / "cat" / name)
    copies = found(find_exact_copies, examine(tmp_path))
    assert list(copies) == ["exact_duplicates"]
    assert [(i.name, i.exclude) for i in copies["exact_duplicates"].images] == [
        ("cat/005.png", False),
        ("cat/a.png", True),
        ("cat/b.png", True),
    ]
    assert "they stay together" in copies["exact_duplicates"].sentence


def test_the_same_pixels_in_another_format_are_copies_too(tmp_path: Path) -> None:
    clean(tmp_path)
    with Image.open(tmp_path / "dog/003.png") as image:
        image.save(tmp_path / "dog/again.bmp")
    copies = found(find_exact_copies, examine(tmp_path))["exact_duplicates"]
    assert {image.name for image in copies.images} == {"dog/003.png", "dog/again.bmp"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("splits", "kept"),
    [
        (("train", "test"), "test"),
        (("train", "val"), "val"),
        (("val", "test"), "test"),
        (("train", "val", "test"), "test"),
    ],
)
def test_of_a_leak_the_copy_in_the_latest_split_stays(
    tmp_path: Path, splits: tuple[str, ...], kept: str
) -> None:
    clean(tmp_path, splits=("train", "val", "test"))
    for split in splits:
        save(tmp_path / split / "cat/leak.png", picture(999))
    leak = found(find_exact_copies, examine(tmp_path))["exact_leak"]
    assert leak.severity == "error"
    assert {i.name for i in leak.images if not i.exclude} == {f"{kept}/cat/leak.png"}
    assert len(leak.images) == len(splits)


@pytest.mark.slow
def test_one_picture_with_two_labels_is_left_out_altogether(tmp_path: Path) -> None:
    clean(tmp_path, splits=("train", "test"))
    save(tmp_path / "train/cat/x.png", picture(999))
    save(tmp_path / "test/dog/x.png", picture(999))
    copies = found(find_exact_copies, examine(tmp_path))
    assert list(copies) == ["label_conflict"]
    assert all(image.exclude for image in copies["label_conflict"].images)
    assert reasons(copies["label_conflict"])["test/dog/x.png"] == (
        "same pixels as `train/cat/x.png` in train, labelled `cat`"
    )


@pytest.mark.slow
def test_each_of_several_copies_names_the_first_one_of_another_label(tmp_path: Path) -> None:
    clean(tmp_path)
    for place in ("cat/x", "cat/y", "dog/x", "dog/y"):
        save(tmp_path / f"{place}.png", picture(999))
    (conflict,) = find_exact_copies(examine(tmp_path))
    assert conflict.kind == "label_conflict"
    assert reasons(conflict) == {
        "cat/x.png": "same pixels as `dog/x.png`, labelled `dog`",
        "cat/y.png": "same pixels as `dog/x.png`, labelled `dog`",
        "dog/x.png": "same pixels as `cat/x.png`, labelled `cat`",
        "dog/y.png": "same pixels as `cat/x.png`, labelled `cat`",
    }


@pytest.mark.slow
def test_of_several_groups_of_near_copies_each_leaves_out_its_own(tmp_path: Path) -> None:
    examined = examine(clean(tmp_path, splits=("train", "test")))
    names = [examined.name(i) for i in range(len(examined.dataset))]
    ends = [("train/cat/003", "test/cat/004"), ("train/dog/001", "train/dog/002")]
    ends += [("test/dog/005", "train/dog/006")]
    pairs = np.sort([[names.index(f"{end}.png") for end in pair] for pair in ends], axis=1)
    findings = list(find_near_copies(examined, pairs, np.array([0.3, 0.2, 0.1], np.float32)))
    leaving = {image.name for each in findings for image in each.images if image.exclude}
    assert {"train/cat/003.png", "train/dog/006.png"} <= leaving
    assert not {"test/cat/004.png", "test/dog/005.png"} & leaving
    (within,) = [each for each in findings if each.kind == "near_duplicates"]
    assert {image.name for image in within.images} == {"train/dog/001.png", "train/dog/002.png"}


@pytest.mark.slow
def test_a_near_copy_in_a_later_split_leaves_out_the_one_in_train(
    tmp_path: Path,
) -> None:
    examined = examine(clean(tmp_path, splits=("train", "test")))
    names = [examined.name(i) for i in range(len(examined.dataset))]
    train, test = names.index("train/cat/003.png"), names.index("test/cat/004.png")
    pairs = np.sort(np.array([[train, test]]), axis=1)
    (leak,) = find_near_copies(examined, pairs, np.array([0.25], dtype=np.float32))
    assert (leak.kind, leak.severity) == ("near_leak", "error")
    assert {image.name: image.exclude for image in leak.images} == {
        "train/cat/003.png": True,
        "test/cat/004.png": False,
    }
    assert reasons(leak)["train/cat/003.png"] == (
        "nearly the same as `test/cat/004.png` in test (distance 0.25 of 1)"
    )


@pytest.mark.slow
def test_a_near_copy_of_a_leaked_picture_is_a_leak_too(tmp_path: Path) -> None:
    clean(tmp_path, splits=("train", "test"))
    shutil.copy(tmp_path / "train/cat/003.png", tmp_path / "test/cat/leak.png")
    examined = examine(tmp_path)
    names = [examined.name(i) for i in range(len(examined.dataset))]
    # Only one of the exact copies, the one in train, takes part in the search for near ones.
    pairs = np.array([[names.index("train/cat/003.png"), names.index("train/cat/007.png")]])
    pairs.sort(axis=1)
    (leak,) = find_near_copies(examined, pairs, np.array([0.5], dtype=np.float32))
    assert leak.kind == "near_leak"
    assert {image.name for image in leak.images if image.exclude} >= {"train/cat/007.png"}


def test_near_copies_with_other_labels_and_in_bursts_are_told_apart(tmp_path: Path) -> None:
    examined = examine(clean(tmp_path))
    names = [examined.name(i) for i in range(len(examined.dataset))]
    rows = [names.index(name) for name in ("cat/001.png", "dog/001.png")]
    burst = [names.index(f"cat/{n:03d}.png") for n in (5, 6, 7)]
    pairs = np.array([rows, burst[:2], burst[1:]])
    kinds = {f.kind: f for f in find_near_copies(examined, pairs, np.zeros(3, dtype=np.float32))}
    assert set(kinds) == {"near_label_conflict", "near_duplicates"}
    assert len(kinds["near_duplicates"].groups) == 1
    assert len(kinds["near_duplicates"].images) == 3
    assert not any(image.exclude for f in kinds.values() for image in f.images)
    assert "labelled `dog`" in reasons(kinds["near_label_conflict"])["cat/001.png"]


def test_how_a_near_copy_is_turned_is_said(tmp_path: Path) -> None:
    examined = examine(clean(tmp_path))
    turns = np.array([1, 6, 0], dtype=np.uint8)
    pairs, apart = np.array([[0, 1], [2, 3], [4, 5]]), np.full(3, 0.5, dtype=np.float32)
    (copies,) = find_near_copies(examined, pairs, apart, orientations=turns)
    said = reasons(copies)
    for name, other, turn in (
        ("000", "001", ", mirrored"),
        ("002", "003", ", turned by 90 degrees"),
        ("005", "004", ""),
    ):
        expected = f"nearly the same as `cat/{other}.png`{turn} (distance 0.50 of 1)"
        assert said[f"cat/{name}.png"] == expected


@pytest.mark.slow
def test_a_leak_that_may_be_chance_is_a_warning_and_leaves_out_nothing(tmp_path: Path) -> None:
    examined = examine(clean(tmp_path, splits=("train", "test")))
    names = [examined.name(i) for i in range(len(examined.dataset))]
    pairs = np.sort([[names.index("train/cat/003.png"), names.index("test/cat/004.png")]])
    distances = np.array([0.9], dtype=np.float32)
    (leak,) = find_near_copies(examined, pairs, distances, certain_below=0.8)
    assert (leak.kind, leak.severity) == ("possible_leak", "warning")
    assert not any(image.exclude for image in leak.images)


def test_without_pairs_nothing_is_nearly_the_same(tmp_path: Path) -> None:
    none = np.zeros((0, 2), dtype=np.int64)
    assert not list(find_near_copies(examine(clean(tmp_path)), none, np.zeros(0, np.float32)))


def test_odd_files_are_noted_one_by_one(tmp_path: Path) -> None:
    clean(tmp_path)
    save(tmp_path / "cat/really.jpg", picture(900), format="PNG")
    frames = [picture(seed) for seed in (901, 902, 903)]
    save(tmp_path / "cat/moving.gif", frames[0], save_all=True, append_images=frames[1:])
    exif = Image.Exif()
    exif[0x112] = 6
    save(tmp_path / "dog/turned.jpg", picture(904), exif=exif)
    save(tmp_path / "dog/print.jpg", picture(905).convert("CMYK"))
    deep = np.arange(40 * 48, dtype=np.uint16).reshape(40, 48) * 30
    save(tmp_path / "dog/deep.png", Image.fromarray(deep))
    odd = found(find_oddities, examine(tmp_path))
    assert reasons(odd["wrong_extension"]) == {
        "cat/really.jpg": "is PNG, though its name ends in `.jpg`"
    }
    assert reasons(odd["animated"]) == {"cat/moving.gif": "has several frames"}
    assert reasons(odd["turned"]) == {"dog/turned.jpg": "has EXIF orientation 6"}
    modes = reasons(odd["unusual_modes"])
    assert set(modes) == {"dog/print.jpg", "dog/deep.png"}
    assert modes["dog/deep.png"] == "has colour mode I;16 (16-bit grey)"
    assert {finding.severity for finding in odd.values()} == {"note"}


def test_endings_of_every_format_are_compared_with_what_the_files_are(tmp_path: Path) -> None:
    clean(tmp_path)
    for name in ("a.HEIC", "b.heif", "c.tga", "d.avif", "e.ico", "f.JP2", "g.jpeg"):
        save(tmp_path / "cat" / name, picture(len(name)), format="JPEG")
    wrong = _wrong_extensions(examine(tmp_path))
    named = {reason.rpartition(" ")[2] for reason in wrong.values()}
    assert {"`.heic`", "`.heif`"} <= named
    assert all(reason.startswith("is JPEG, though its name ends in") for reason in wrong.values())


def save_grey(root: Path, values: np.ndarray, name: str, **options: object) -> None:
    for number in range(3):
        save(root / "cat" / f"{number}{name}", Image.fromarray(values + number), **options)


RAMP = np.arange(40 * 48).reshape(40, 48) / (40 * 48 - 1)


@pytest.mark.parametrize(
    ("values", "name", "range_text", "part"),
    [
        ((RAMP * 4090).astype(np.uint16), ".png", "0,4095", "1/16"),
        ((RAMP * 4090).astype(np.uint16), ".tif", "0,4095", "1/16"),
        ((RAMP * 1020).astype(np.uint16), ".png", "0,1023", "1/64"),
        ((RAMP * 16_300).astype(np.uint16), ".png", "0,16383", "1/4"),
        ((RAMP * 250).astype(np.uint16), ".png", "0,255", "1/260"),
        ((RAMP * 250).astype(np.uint16), ".pgm", "0,255", "1/260"),
    ],
)
def test_values_far_below_their_range_are_told_with_the_range_that_fits(
    tmp_path: Path, values: np.ndarray, name: str, range_text: str, part: str
) -> None:
    save_grey(tmp_path, values, name)
    save(tmp_path / "dog/one.png", picture(1))
    examined = examine(tmp_path)
    (narrow,) = find_values(examined, None)
    assert narrow.severity == "warning"
    assert f"`--value-range {range_text}`" in narrow.advice
    assert f"{part} of 0 to 65535" in narrow.sentence
    assert narrow.sentence.startswith("3 images of more than 8 bits a value reach from 0 to ")
    assert [image.name for image in narrow.images] == [f"cat/{n}{name}" for n in range(3)]


@pytest.mark.parametrize("largest", [65_535, 40_000, 20_000])
def test_values_that_use_their_range_are_not_remarked_on(tmp_path: Path, largest: int) -> None:
    save_grey(tmp_path, (RAMP * (largest - 3)).astype(np.uint16), ".png")
    save(tmp_path / "dog/one.png", picture(1))
    assert list(find_values(examine(tmp_path), None)) == []


def test_floats_far_below_1_are_told_too(tmp_path: Path) -> None:
    for number in range(3):
        image = Image.fromarray((RAMP * 0.0473).astype(np.float32))
        save(tmp_path / "cat" / f"{number}.tif", image)
    save(tmp_path / "dog/one.png", picture(1))
    (narrow,) = find_values(examine(tmp_path), None)
    assert "`--value-range 0,0.048`" in narrow.advice
    assert "1/21 of 0 to 1: the network sees 13 of 256 grey levels" in narrow.sentence


def png_of_16_bits(colours: np.ndarray) -> bytes:
    height, width, _ = colours.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in colours)
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in parts
    )


def test_the_values_of_colours_of_16_bits_are_judged_by_their_upper_8(tmp_path: Path) -> None:
    colours = (RAMP[:, :, np.newaxis] * [4000, 3000, 2000]).astype(np.uint16)
    for number in range(3):
        (tmp_path / "cat").mkdir(exist_ok=True)
        (tmp_path / "cat" / f"{number}.png").write_bytes(png_of_16_bits(colours))
    save(tmp_path / "dog/one.png", picture(1))
    (narrow,) = find_values(examine(tmp_path), None)
    assert "0 to 3840" in narrow.sentence
    assert narrow.advice.startswith("Save them scaled to the full range")


def test_a_range_of_values_that_no_image_needs_is_told(tmp_path: Path) -> None:
    examined = examine(clean(tmp_path))
    (unused,) = find_values(examined, (0, 4095))
    assert unused.title == "`--value-range` without effect"
    assert list(find_values(examined, None)) == []


def test_grey_pictures_among_coloured_ones_are_found_whatever_their_channels(
    tmp_path: Path,
) -> None:
    clean(tmp_path)
    save(tmp_path / "cat/one.png", picture(900).convert("L"))
    save(tmp_path / "cat/three.png", picture(901).convert("L").convert("RGB"))
    mix = found(find_colour_mix, examine(tmp_path))["colour_mix"]
    assert reasons(mix) == {"cat/one.png": "is grey", "cat/three.png": "is grey"}
    assert mix.sentence == "2 of 50 pictures are grey; the others are in colour."


def test_names_that_other_systems_cannot_have_are_noted(tmp_path: Path) -> None:
    clean(tmp_path)
    save(tmp_path / "cat/line\nbreak.png", picture(900))
    save(tmp_path / "dog/Photo.png", picture(901))
    save(tmp_path / "dog/photo.png", picture(902))
    names = found(find_odd_names, examine(tmp_path))
    assert set(reasons(names["odd_names"])) == {r"cat/line\nbreak.png"}
    assert set(reasons(names["case_names"])) == {"dog/Photo.png", "dog/photo.png"}


def test_what_was_seen_while_opening_is_passed_on(tmp_path: Path) -> None:
    clean(tmp_path)
    (tmp_path / "cat/readme.txt").write_text("cats")
    assert ".txt" in found(find_remarks, examine(tmp_path))["remarks"].details[0]


@pytest.mark.slow
def test_small_missing_and_unequal_classes_are_named(tmp_path: Path) -> None:
    clean(tmp_path, splits=("train", "test"))
    for number in range(2):
        save(tmp_path / f"train/owl/{number}.png", picture(900 + number))
    balance = found(find_balance, examine(tmp_path))
    assert balance["missing_in_split"].details == ("`owl` has no images in test",)
    assert balance["few_images"].severity == "warning"
    assert balance["few_images"].details == ("`owl` has 2 images",)
    assert "12 times as many images as `owl` (24 and 2)" in balance["imbalance"].sentence


def test_a_class_whose_images_are_all_unreadable_is_said_to_be_so(tmp_path: Path) -> None:
    clean(tmp_path)
    (tmp_path / "owl").mkdir()
    (tmp_path / "owl/1.png").write_bytes(b"no picture")
    missing = found(find_balance, examine(tmp_path))["missing_in_split"]
    assert missing.details == ("`owl` has no images in the data (all of them are unreadable)",)


@pytest.mark.slow
@given(st.lists(st.integers(0, 1000), min_size=1, max_size=30))
def test_effective_classes_lie_between_one_and_their_number(counts: list[int]) -> None:
    effective = effective_classes(np.array(counts))
    present = sum(count > 0 for count in counts)
    assert (present == 0 and effective == 0) or 1 - 1e-9 <= effective <= present + 1e-9


def test_equal_classes_are_as_varied_as_there_are() -> None:
    assert effective_classes(np.array([7, 7, 7, 0])) == pytest.approx(3)


@pytest.mark.slow
def test_pictures_in_which_nothing_can_be_seen_are_found(tmp_path: Path) -> None:
    clean(tmp_path)
    sized = {"height": 160, "width": 200}
    save(tmp_path / "cat/empty.png", Image.new("RGB", (50, 40), (90, 120, 30)))
    save(tmp_path / "cat/dark.png", picture(900, **sized).point(lambda v: v // 12))
    save(tmp_path / "cat/light.png", picture(901, **sized).point(lambda v: 255 - v // 12))
    save(tmp_path / "dog/flat.png", picture(902, **sized).point(lambda v: 110 + v // 30))
    save(tmp_path / "dog/blur.png", picture(903, **sized).filter(ImageFilter.GaussianBlur(6)))
    seen = found(find_appearance, examine(tmp_path))
    assert {kind: set(reasons(one)) for kind, one in seen.items()} == {
        "empty_pictures": {"cat/empty.png"},
        "dark": {"cat/dark.png"},
        "light": {"cat/light.png"},
        "low_contrast": {"dog/flat.png"},
        "blurry": {"dog/blur.png"},
    }


@pytest.mark.slow
def test_data_that_is_all_dark_or_all_blurred_is_not_called_so(tmp_path: Path) -> None:
    for number in range(20):
        dark = picture(number, height=160, width=200).point(lambda v: v // 12)
        save(tmp_path / f"cat/{number}.png", dark.filter(ImageFilter.GaussianBlur(6)))
        save(tmp_path / f"dog/{number}.png", dark.filter(ImageFilter.GaussianBlur(6)).rotate(180))
    assert not {"dark", "blurry", "low_contrast"} & set(found(find_appearance, examine(tmp_path)))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["flowers", "hymenoptera"])
def test_few_photos_of_real_data_are_called_dark_or_blurry(shared_data: Path, name: str) -> None:
    seen = found(find_appearance, examine(shared_data / name))
    expected = {"train/ants/imageNotFound.gif"} if name == "hymenoptera" else set()
    assert {image.name for one in seen.values() for image in one.images} == expected


@pytest.mark.slow
def test_extreme_shapes_and_sizes_are_found(tmp_path: Path) -> None:
    for number in range(20):
        save(tmp_path / f"cat/{number}.png", picture(number, height=300, width=320))
        save(tmp_path / f"dog/{number}.png", picture(100 + number, height=320, width=300))
    save(tmp_path / "cat/banner.png", picture(900, height=100, width=900))
    save(tmp_path / "dog/icon.png", picture(901, height=20, width=24))
    save(tmp_path / "dog/poster.jpg", Image.new("RGB", (6000, 4400), (200, 30, 30)))
    shapes = {f.kind: f for f in find_shapes(examine(tmp_path), square(224))}
    assert {kind: set(reasons(one)) for kind, one in shapes.items()} == {
        "long": {"cat/banner.png"},
        "small": {"dog/icon.png"},
        "huge": {"dog/poster.jpg"},
    }
    assert reasons(shapes["long"])["cat/banner.png"] == "has 100x900 pixels"


def test_what_a_crop_cuts_off_is_counted_and_padding_cuts_nothing(tmp_path: Path) -> None:
    for number in range(6):
        save(tmp_path / f"cat/{number}.png", picture(number, height=50, width=100))
        save(tmp_path / f"dog/{number}.png", picture(100 + number, height=50, width=50))
    examined = examine(tmp_path)
    (cut,) = find_shapes(examined, square(50))
    assert cut.kind == "cut_off"
    assert len(cut.images) == 6
    assert "50% is cut off" in cut.images[0].reason
    seen = fitted(examined, square(50))
    assert seen is not None
    assert seen.cut_off.largest == pytest.approx(0.5)
    assert seen.enlarged == 0
    assert not list(find_shapes(examined, square(50, fit="pad")))
    larger = fitted(examined, square(60))
    assert larger is not None
    assert larger.enlarged == 1


def test_a_class_with_a_file_format_of_its_own_is_a_shortcut(tmp_path: Path) -> None:
    for number in range(25):
        save(tmp_path / f"cat/{number}.png", picture(number))
        save(tmp_path / f"dog/{number}.jpg", picture(100 + number))
    (shortcut,) = list(find_shortcuts(examine(tmp_path)))
    assert shortcut.title == "file format gives the class away"
    assert shortcut.details == ("the format is PNG: 100.0% of `cat`, 0.0% of the others",)


@pytest.mark.slow
def test_a_class_with_a_size_of_its_own_is_a_shortcut(tmp_path: Path) -> None:
    for number in range(25):
        save(tmp_path / f"cat/{number}.png", picture(number, height=60 + number, width=60 + number))
        for label, first in (("dog", 100), ("owl", 200)):
            side = 20 + number
            save(
                tmp_path / label / f"{number}.png", picture(first + number, height=side, width=side)
            )
    (shortcut,) = list(find_shortcuts(examine(tmp_path)))
    assert shortcut.title == "size gives the class away"
    assert shortcut.details == ("the height is above 52: 100.0% of `cat`, 0.0% of the others",)


def test_few_images_make_no_shortcut(tmp_path: Path) -> None:
    for number in range(10):
        save(tmp_path / f"cat/{number}.png", picture(number))
        save(tmp_path / f"dog/{number}.jpg", picture(100 + number))
    assert not list(find_shortcuts(examine(tmp_path)))


@pytest.mark.slow
@given(st.integers(0, 2**32 - 1))
def test_the_best_threshold_is_that_of_trying_all(seed: int) -> None:
    random = np.random.default_rng(seed)
    labels = random.permutation(np.arange(40) % 2)
    values = np.round(random.normal(labels * random.uniform(0, 3), 1), 1)
    rule = best_rules(of_numbers(values), labels, np.bincount(labels))[1]
    inside = labels == 1
    scores = [
        (np.mean(side[inside]) + np.mean(~side[~inside])) / 2
        for cut in np.unique(values)
        for side in (values <= cut, values > cut)
    ]
    assert rule.score == pytest.approx(max(scores))


def test_rare_categories_make_no_rule() -> None:
    labels = np.arange(200) % 2
    feature = of_categories([f"category {n}" for n in range(200)])
    rule = best_rules(feature, labels, np.bincount(labels))[0]
    assert rule.score < 0.6


def test_the_most_serious_findings_come_first() -> None:
    ordered = by_severity(
        [
            finding("remarks", severity="note"),
            finding("unreadable", severity="error"),
            finding("dark", severity="warning"),
        ]
    )
    assert [one.severity for one in ordered] == ["error", "warning", "note"]
