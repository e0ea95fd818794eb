"""The eight orientations of a picture, and its signature, which is the same in all of them."""

from __future__ import annotations

import numpy as np
import pytest

from convscope.data.duplicates.distances import coarse
from convscope.data.duplicates.orientations import (
    INVERSE,
    NAMES,
    NUM_ORIENTATIONS,
    closest_orientations,
    each_oriented,
    oriented,
    signatures,
)

PICTURES = np.random.default_rng(0).integers(0, 256, (5, 32, 32), dtype=np.uint8)


def test_there_are_eight_different_orientations() -> None:
    everything = {oriented(PICTURES, turn).tobytes() for turn in range(NUM_ORIENTATIONS)}
    assert len(everything) == len(NAMES) == NUM_ORIENTATIONS


@pytest.mark.parametrize("turn", range(NUM_ORIENTATIONS))
def test_each_orientation_has_its_inverse(turn: int) -> None:
    again = oriented(oriented(PICTURES, turn), int(INVERSE[turn]))
    assert (again == PICTURES).all()


@pytest.mark.parametrize(
    ("name", "turned"),
    [
        ("mirrored", PICTURES[:, :, ::-1]),
        ("upside down", PICTURES[:, ::-1]),
        ("turned by 180 degrees", np.rot90(PICTURES, 2, (1, 2))),
        ("turned by 90 degrees", np.rot90(PICTURES, 1, (1, 2))),
        ("turned by 90 degrees", np.rot90(PICTURES, -1, (1, 2))),
        ("mirrored and turned by 90 degrees", PICTURES.swapaxes(1, 2)),
    ],
)
def test_an_orientation_has_the_name_of_what_was_done(name: str, turned: np.ndarray) -> None:
    found = closest_orientations(coarse(PICTURES), coarse(np.ascontiguousarray(turned)))
    assert {NAMES[turn] for turn in found} == {name}
    assert (each_oriented(PICTURES, found) == turned).all()


@pytest.mark.parametrize("turn", range(NUM_ORIENTATIONS))
def test_a_signature_is_the_same_in_all_orientations_and_no_others(turn: int) -> None:
    expected = signatures(PICTURES)
    found = signatures(np.ascontiguousarray(oriented(PICTURES, turn)))
    assert np.abs(found - expected).max() < 1e-6
    assert np.abs(expected[1:] - expected[:-1]).max(axis=1).min() > 0.05
