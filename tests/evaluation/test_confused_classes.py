"""The cells of a confusion matrix against the matrix itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convscope.cli.tables import _confused_with
from convscope.evaluation.confusion import Confusion
from convscope.report.run_tables import confusion_table

NUM_CLASSES = 6
CLASSES = st.integers(0, NUM_CLASSES - 1)
ANSWERS = st.lists(st.tuples(CLASSES, CLASSES), min_size=1, max_size=60)


def confused_of(answers: list[tuple[int, int]], num_classes: int = NUM_CLASSES) -> Confusion:
    targets, predicted = np.array(answers).T
    return Confusion.of(targets, predicted, num_classes=num_classes)


def matrix_of(answers: list[tuple[int, int]]) -> np.ndarray:
    matrix = np.zeros((NUM_CLASSES, NUM_CLASSES), dtype=np.int64)
    for target, predicted in answers:
        matrix[target, predicted] += 1
    return matrix


@given(ANSWERS)
def test_sums_and_parts_are_those_of_the_matrix(answers: list[tuple[int, int]]) -> None:
    confused, matrix = confused_of(answers), matrix_of(answers)
    np.testing.assert_array_equal(confused.matrix, matrix)
    np.testing.assert_array_equal(confused.num_images, matrix.sum(axis=1))
    np.testing.assert_array_equal(confused.num_predicted, matrix.sum(axis=0))
    np.testing.assert_array_equal(confused.num_right, matrix.diagonal())
    chosen = np.array([1, 2, 5])
    np.testing.assert_array_equal(confused.part(chosen), matrix[np.ix_(chosen, chosen)])


@given(ANSWERS)
def test_each_class_is_most_confused_with_the_first_of_its_largest_counts(
    answers: list[tuple[int, int]],
) -> None:
    matrix = matrix_of(answers)
    np.fill_diagonal(matrix, 0)
    found = confused_of(answers).most_confused()
    np.testing.assert_array_equal(found.others, matrix.argmax(axis=1))
    np.testing.assert_array_equal(found.counts, matrix.max(axis=1))


@given(ANSWERS)
def test_the_terminal_reads_the_matrix_and_its_cells_alike(answers: list[tuple[int, int]]) -> None:
    names = [f"class {number}" for number in range(NUM_CLASSES)]
    confused = confused_of(answers)
    whole = {"confusion": confused.matrix.tolist()}
    cells = {"confusion": None, "confusion_cells": confused.to_list()}
    for name in names:
        assert _confused_with(name, names, whole) == _confused_with(name, names, cells)


def test_a_table_of_many_classes_shows_those_with_most_mistakes_and_what_is_elsewhere() -> None:
    names = [f"class {number}" for number in range(100)]
    answers = [(number, number) for number in range(100)]
    answers += [(90, 91)] * 5 + [(40, 90)] * 3 + [(90, 7)]
    table = confusion_table(confused_of(answers, 100), names)
    assert table.is_part
    assert {"class 90", "class 91", "class 40", "class 7"} < set(table.classes)
    row = table.rows[table.classes.index("class 90")]
    assert sum(cell.count for cell in row) == 7
    assert row[table.classes.index("class 91")].share == pytest.approx(5 / 7)
    assert row[-1].count == 0
