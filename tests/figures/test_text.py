"""Names that are too long keep their beginning and end; lines are as long as there is room."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convscope.figures.text import broken, num_letters, printable, shortened


@pytest.mark.parametrize(
    ("name", "most", "short"),
    [
        ("cat", 24, "cat"),
        ("american_staffordshire_terrier", 15, "america…terrier"),
        ("american staffordshire terrier", 10, "ameri…rier"),
        ("美国斯塔福郡梗犬品种", 11, "美国斯…品种"),
        ("WWWWWWWWWWWW", 6, "WW…WW"),
    ],
)
def test_a_name_is_shortened_in_its_middle(name: str, most: float, short: str) -> None:
    assert shortened(name, most) == short


@given(st.text(max_size=80), st.integers(5, 40))
def test_a_shortened_name_fits_and_is_one_line(name: str, most: int) -> None:
    short = shortened(name, most)
    assert num_letters(short) <= most
    assert short.isprintable()


def test_what_can_not_be_seen_or_written_is_replaced() -> None:
    assert printable("a\nb\x00c\udc80") == "a\N{REPLACEMENT CHARACTER}b" + (
        "\N{REPLACEMENT CHARACTER}c\N{REPLACEMENT CHARACTER}"
    )


def test_lines_are_broken_between_words_and_in_chinese_anywhere() -> None:
    assert broken("share of the images", 50, size=9) == "share of\nthe images"
    assert broken("被回答的图像的比例", 50, size=9) == "被回答的图\n像的比例"
    assert broken("", 50, size=9) == ""


@given(st.text("ab 中,。", max_size=60))
def test_breaking_lines_loses_only_spaces(text: str) -> None:
    assert broken(text, 60, size=9).replace("\n", "").replace(" ", "") == text.replace(" ", "")
