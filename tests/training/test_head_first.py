"""First the head alone, on computed features, then all layers: one training of two phases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from alone import train_alone

import convscope
from conftest import make_pictures
from convscope.errors import UsageError
from convscope.recipe import Recipe
from convscope.training.runs.checkpoint import load_newest

pytestmark = pytest.mark.slow

SMALL: dict[str, Any] = {"model": "resnet20", "img_size": 16, "batch_size": 16}


class Phases:
    """A source of weights, and a training of two epochs of the head and one of all layers."""

    def __init__(self, place: Path) -> None:
        self.place = place
        make_pictures(place / "pictures", {"blue": 20, "red": 30})
        self.source = train_alone(place / "pictures", project=place / "source", epochs=1, **SMALL)
        self.run = self.train(head_epochs=2, epochs=3)

    def train(self, *, project: str = "runs", **given: Any) -> convscope.Run:
        return train_alone(
            self.place / "pictures",
            project=self.place / project,
            weights=self.source.classifier_path,
            **{**SMALL, **given},
        )


@pytest.fixture(scope="module")
def phases(tmp_path_factory: pytest.TempPathFactory) -> Phases:
    return Phases(tmp_path_factory.mktemp("phases"))


def weights(run: convscope.Run) -> dict[str, torch.Tensor]:
    checkpoint, _ = load_newest(run.checkpoints_path)
    assert checkpoint is not None
    return dict(checkpoint.model)


def test_all_layers_change_after_the_epochs_of_the_head(phases: Phases) -> None:
    before = convscope.load(phases.source.classifier_path).network.state_dict()
    after = weights(phases.run)
    assert not torch.equal(before["conv1.weight"].contiguous(), after["conv1.weight"])
    assert len(phases.run.history) == 3


def test_the_epochs_of_the_head_are_those_of_a_training_of_the_head_alone(phases: Phases) -> None:
    alone = phases.train(tune="head", epochs=2, project="alone")
    head = [row["validation_loss"] for row in alone.history]
    assert [row["validation_loss"] for row in phases.run.history[:2]] == head


def test_a_rate_rises_anew_when_all_layers_are_trained(phases: Phases) -> None:
    recipe = phases.run.recipe
    assert recipe.layer_decay == 0.85
    assert isinstance(recipe.lr, float)
    head, _, whole = (row["learning_rate"] for row in phases.run.history)
    assert head > recipe.lr > whole  # a trained network is fine-tuned at a fifth of the usual rate


def test_its_recipe_gives_the_same_model_again(phases: Phases) -> None:
    recipe = Recipe.load(phases.run.recipe_path).model_dump(exclude={"data"})
    again = train_alone(phases.place / "pictures", project=phases.place / "again", **recipe)
    first, second = weights(phases.run), weights(again)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_it_can_be_continued(phases: Phases, tmp_path: Path) -> None:
    run = convscope.train(
        phases.place / "pictures",
        project=tmp_path,
        weights=phases.source.classifier_path,
        head_epochs=1,
        epochs=2,
        **SMALL,
    )
    longer = convscope.train(continues=run.path, epochs=3, project=tmp_path)
    assert len(longer.history) == 3
    assert longer.history[:2] == run.history


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"head_epochs": 3, "epochs": 3}, "`head_epochs` is 3, but there are 3 epochs"),
        ({"head_epochs": 1, "tune": "head"}, "`head_epochs` has no effect with `tune=head`"),
        (
            {"head_epochs": 1, "unfreeze_epochs": 0.5},
            "`head_epochs` and `unfreeze_epochs` exclude each other",
        ),
        ({"head_epochs": 1, "weights": "none"}, "`head_epochs` needs `weights` to start from"),
    ],
    ids=lambda value: None if isinstance(value, dict) else str(value),
)
def test_what_can_not_be_is_refused(given: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        Recipe.parse({"data": "photos", "weights": "published", "model": "resnet18", **given})
    assert message in caught.value.message
