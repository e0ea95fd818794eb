"""What a check says about labels: not judged, none suspect, or which are."""

from __future__ import annotations

from pathlib import Path

from planted import clean, examine

from convscope.audit.labels import JudgedLabels, SuspectLabel, find_suspect_labels

JUDGED = JudgedLabels(
    run="runs/pets",
    suspects=(),
    num_held_out=3,
    num_validation=0,
    num_cross_validated=1,
    num_unjudged=2,
    are_features_trained=False,
)


def test_labels_that_nobody_judged_are_a_finding(tmp_path: Path) -> None:
    (found,) = find_suspect_labels(examine(clean(tmp_path, count=1)), None)
    assert (found.kind, found.severity, found.images) == ("labels_not_judged", "note", ())
    assert "`convscope check DATA --run RUN`" in found.advice


def test_no_suspect_is_a_finding_too_with_what_was_judged_by_what(tmp_path: Path) -> None:
    (found,) = find_suspect_labels(examine(clean(tmp_path, count=1)), JUDGED)
    assert (found.title, found.severity) == ("labels judged, none is suspect", "note")
    assert found.details == (
        "3 images that `runs/pets` was not trained on: by its classifier",
        "1 image that it was trained on: by cross-validation, a linear classifier on the network's "
        "features, trained without the image",
        "2 images not judged: too few others of the class",
    )


def test_suspects_are_named_with_both_probabilities_and_their_source(tmp_path: Path) -> None:
    suspects = [SuspectLabel(1, "cat", 0.9, 0.04, True), SuspectLabel(0, "dog", 0.8, 0.1, False)]
    judged = JUDGED._replace(suspects=suspects, are_features_trained=True, num_validation=2)
    (found,) = find_suspect_labels(examine(clean(tmp_path, count=1)), judged)
    assert (found.kind, found.severity) == ("suspect_labels", "warning")
    assert [(image.name, image.reason) for image in found.images] == [
        ("dog/000.png", "looks like `cat` (90%; its own class 4%; cross-validated)"),
        ("cat/000.png", "looks like `dog` (80%; its own class 10%; not trained on)"),
    ]
    assert "(2 of them chose its epoch and temperature)" in found.details[0]
    assert "look right there" in found.details[2]
