"""Recipes as YAML: names stay text, numbers are decimal, and nothing is read that isn't meant."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convscope.errors import UsageError
from convscope.files import write_text
from convscope.recipe import RESERVED_OPTIONS, Recipe, parse_yaml, value_of


def loaded(tmp_path: Path, text: str) -> Recipe:
    (tmp_path / "r.yaml").write_text(f"data: d\n{text}\n")
    return Recipe.load(tmp_path / "r.yaml")


def refusal(tmp_path: Path, content: bytes) -> str:
    (tmp_path / "r.yaml").write_bytes(content)
    with pytest.raises(UsageError) as caught:
        Recipe.load(tmp_path / "r.yaml")
    assert caught.value.message.startswith(f"recipe `{tmp_path / 'r.yaml'}`")
    return caught.value.message


@pytest.mark.parametrize(
    "name", ["no", "yes", "on", "off", "y", "1", "010", "1e3", "0x10", "1:30", "2024-01-01", "true",
             "null", "~", ".inf", ".nan", "1_000", "<<", "=", "NO", "-1", "1.0"],
)  # fmt: skip
def test_names_stay_text(tmp_path: Path, name: str) -> None:
    recipe = loaded(tmp_path, f"class_weight: {{? {name} : 2}}\n")
    assert recipe.class_weight == {name: 2.0}
    if name not in ("null", "~"):  # which are nothing, where a name may be left out
        assert loaded(tmp_path, f"label_column: {name}").label_column == name
    assert loaded(tmp_path, f"label_column: '{name}'").label_column == name


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        *(("010", 10), ("08", 8), ("+3", 3), ("-0.5", -0.5), ("1e3", 1000.0), (".5", 0.5)),
        *(("no", "no"), ("on", "on"), ("Yes", "Yes"), ("1:30", "1:30"), ("0x10", "0x10")),
        *(("0o17", "0o17"), ("1_000", "1_000"), ("2024-01-01", "2024-01-01"), (".inf", ".inf")),
        *(("true", True), ("False", False), ("null", None), ("~", None), ("", None)),
        *(("'5'", "5"), ('"true"', "true"), ("[1, no, [2]]", [1, "no", [2]])),
        *(("{1: 2}", {"1": 2}), ("1e400", "1e400"), ("9" * 5000, "9" * 5000)),
    ],
)
def test_values_are_those_of_the_core_schema(written: str, meant: object) -> None:
    found = value_of(parse_yaml(written))
    assert (found, type(found)) == (meant, type(meant))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("epochs: 3\nepochs: 4", "`epochs` stands there a second time in line 3"),
        ("class_weight:\n  a: 1\n  a: 2", "`a` stands there a second time in line 4"),
        ("a: &x [1]\nb: *x", "the alias `*x` in line 3 isn't read"),
        ("model: !!python/name:os.system", "the tag `tag:yaml.org,2002:python/name:os.system`"),
        ("model: !!binary YQ==", "the tag `tag:yaml.org,2002:binary`"),
        ("options: [[[[[[[[[[1]]]]]]]]]]", "line 2 lies more than 8 levels deep"),
        ("? [a]\n: 1", "line 2 has a list or mapping where a name is wanted"),
        ("--- 1", "it has a second document behind `---`"),
        ("epochs: [", "expected the node content"),
        ("model: \"\\U99999999\"", "it is no YAML"),
        ("model: a\x00b", "unacceptable character"),
        ('"\\ud800": 1', "line 2 has half of a character"),
        ('group: "\\udfff"', "line 2 has half of a character"),
        ("epochs: 1:30", "`epochs` can't be `1:30`: it must be a valid integer"),
        ("epochs: 2024-01-01", "`epochs` can't be `2024-01-01`: it must be a valid integer"),
        ("epochs: 0x1F", "`epochs` can't be `0x1F`: it must be a valid integer"),
        ("lr: .inf", "`lr` can't be `.inf`: it must be a number above 0, or auto"),
        ("rotate: .nan", "`rotate` can't be `.nan`: it must be a valid number"),
        ("2024-01-01: 3", "a recipe has no field `2024-01-01`"),
        ("<<: {epochs: 3}", "a recipe has no field `<<`"),
        (f"epochs: {'1' * 5000}", "`epochs` can't be `1111"),
        ("format: true", "has format True, this version of convscope reads format 1"),
        ("format: {}", "has format {}, this version of convscope reads format 1"),
    ],
)  # fmt: skip
def test_what_a_recipe_cannot_mean_is_an_error_that_names_it(
    tmp_path: Path, text: str, problem: str
) -> None:
    assert problem in refusal(tmp_path, f"data: d\n{text}\n".encode())


@pytest.mark.parametrize("content", [b"\xff\xfe", b"data: \xff", b"[" * 100_000, b"", b"- 1", b"3"])
def test_what_is_no_recipe_at_all_is_an_error(tmp_path: Path, content: bytes) -> None:
    refusal(tmp_path, content)


def test_a_recipe_is_a_regular_file_of_bounded_size(tmp_path: Path) -> None:
    assert "has more than 1,048,576 bytes" in refusal(tmp_path, b"data: d\n" * 200_000)
    if os.name == "posix":
        os.mkfifo(tmp_path / "pipe.yaml")
        with pytest.raises(UsageError, match="it is a pipe, no file"):
            Recipe.load(tmp_path / "pipe.yaml")


names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12) | st.sampled_from(
    [
        "no",
        "010",
        "1e3",
        "~",
        "null",
        "1:30",
        "2024-01-01",
        "<<",
        "0x1",
        ".5e3",
        "a: b",
        "# x",
        "é\n",
    ]
)
values = st.one_of(
    names, st.integers(-(10**9), 10**9), st.booleans(), st.none(), st.lists(st.integers(1, 99)),
    st.floats(allow_nan=False, allow_infinity=False),
)  # fmt: skip
recipes = st.fixed_dictionaries(
    {"data": names},
    optional={
        "label_column": names,
        "group": names,
        "exclude": names,
        "weights": names,
        "model": names,
        "class_weight": st.dictionaries(names, st.floats(0, 1e6), max_size=3),
        "options": st.dictionaries(names.filter(lambda n: n not in RESERVED_OPTIONS), values),
        "epochs": st.integers(1, 100_000),
        "lr": st.floats(1e-300, 1e300),
        "seed": st.integers(0, 2**32 - 1),
        "rotate": st.floats(0, 180),
        "allow_damaged": st.booleans(),
        "value_range": st.just((0.0, 4095.0)),
        "extra_formats": st.just(("ICO", "TGA")),
        "img_size": st.sampled_from([224, "224x320"]),
    },
)


@settings(max_examples=60, deadline=None)
@given(fields=recipes)
def test_a_recipe_that_was_written_is_read_as_it_was(
    fields: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    recipe = Recipe.parse(fields)
    path = tmp_path_factory.getbasetemp() / "round.yaml"
    write_text(path, recipe.dump())
    assert Recipe.load(path) == recipe
