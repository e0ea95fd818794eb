"""Checkpoints: the complete state of a training in one folder that is whole or not there.

checkpoints/<step>/
model.safetensors  best.safetensors  optimizer.safetensors  average.safetensors  state.json
manifest.json      sizes and SHA-256 of the others, written last
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor, nn, optim

from convscope.classifier import portable_state
from convscope.errors import RunError
from convscope.files import check_format, new_folder, read_json, sha256, write_json
from convscope.training.optimizer_state import flatten, unflatten

FORMAT = 2
KEPT = 2


@dataclass(slots=True)
class TrainingState:
    """What a training knows besides weights.

    Attributes:
        epochs: How many there are to be in all.
        epoch: The next one, counting from 0.
        history: One row per epoch so far.
        best_epoch: With the highest validation accuracy, -1 before the first.
        best_accuracy: On the validation images.
        best_loss: On the validation images; decides between equal accuracies.
        first_epoch: From which on this run trained, where it goes on with another; patience begins.
        used_seconds: What this run has taken so far.
    """

    epochs: int
    epoch: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = -1
    best_accuracy: float = -1.0
    best_loss: float = float("inf")
    first_epoch: int = 0
    used_seconds: float = 0.0

    def is_better(self, accuracy: float, loss: float) -> bool:
        """Whether an epoch with these validation numbers is the best so far."""
        return (accuracy, -loss) > (self.best_accuracy, -self.best_loss)


def save_checkpoint(
    folder: Path,
    step: int,
    *,
    network: nn.Module,
    best: Mapping[str, Tensor],
    optimizer: optim.Optimizer,
    state: TrainingState,
    average: Mapping[str, Tensor] | None = None,
) -> None:
    """Writes `folder/<step>/`, then removes all but the newest two.

    Raises:
        RunError: The folder can't be written; older checkpoints stay as they are.
    """
    tensors, described = flatten(optimizer)
    with new_folder(folder / str(step)) as place:
        save_file(portable_state(network), place / "model.safetensors")
        save_file(dict(best), place / "best.safetensors")
        save_file(tensors, place / "optimizer.safetensors")
        if average is not None:
            contiguous = {name: value.cpu().contiguous() for name, value in average.items()}
            save_file(contiguous, place / "average.safetensors")
        write_json(place / "state.json", {**asdict(state), "optimizer": described})
        files = {
            path.name: {"bytes": path.stat().st_size, "sha256": sha256(path)}
            for path in sorted(place.iterdir())
        }
        write_json(place / "manifest.json", {"format": FORMAT, "step": step, "files": files})
    for old in _steps(folder)[:-KEPT]:
        shutil.rmtree(folder / str(old))


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint that has been verified.

    Attributes:
        step: Optimizer steps done.
        state: What the training knew.
        model: Weights and buffers.
        best: Those of the best epoch.
        average: The moving average of the weights; None where there is none.
    """

    step: int
    state: TrainingState
    model: dict[str, Tensor]
    best: dict[str, Tensor]
    average: dict[str, Tensor] | None
    _optimizer: dict[str, Tensor]
    _described: dict[str, Any]

    def restore(self, network: nn.Module, optimizer: optim.Optimizer) -> None:
        """Puts weights and optimizer state back, each tensor in the memory layout it had."""
        network.load_state_dict(self.model)
        unflatten(optimizer, self._optimizer, self._described)


def load_newest(folder: Path) -> tuple[Checkpoint | None, list[str]]:
    """The newest checkpoint that verifies, and remarks on newer ones that don't.

    Raises:
        RunError: A checkpoint is of another format.
    """
    remarks: list[str] = []
    for step in reversed(_steps(folder)):
        try:
            return _load(folder / str(step)), remarks
        except _DamagedError as error:
            remarks.append(f"checkpoint {step} is damaged ({error}) and is not used")
    return None, remarks


def load_ended(run_path: Path) -> Checkpoint:
    """The last state of a run that has ended, for a training that goes on from there.

    Raises:
        RunError: It has no whole checkpoint.
    """
    checkpoint, _ = load_newest(run_path / "checkpoints")
    if checkpoint is None:
        raise RunError(
            f"`{run_path}` has no whole checkpoint to go on from",
            hint="`--weights RUN` starts a new training from its best weights",
        )
    return checkpoint


class _DamagedError(Exception):
    """A file of a checkpoint is missing or isn't what the manifest says."""


def _load(place: Path) -> Checkpoint:
    try:
        manifest = read_json(place / "manifest.json")
    except RunError as error:
        raise _DamagedError(error.message) from error
    check_format(manifest, known=FORMAT, path=place / "manifest.json")
    for name, facts in manifest["files"].items():
        path = place / name
        if not path.is_file() or path.stat().st_size != facts["bytes"]:
            raise _DamagedError(f"{name} is missing or cut off")
        if sha256(path) != facts["sha256"]:
            raise _DamagedError(f"{name} was changed")
    state = read_json(place / "state.json")
    described = state.pop("optimizer")
    has_average = "average.safetensors" in manifest["files"]
    return Checkpoint(
        manifest["step"],
        TrainingState(**state),
        load_file(place / "model.safetensors"),
        load_file(place / "best.safetensors"),
        load_file(place / "average.safetensors") if has_average else None,
        load_file(place / "optimizer.safetensors"),
        described,
    )


def _steps(folder: Path) -> list[int]:
    if not folder.is_dir():
        return []
    return sorted(int(path.name) for path in folder.iterdir() if path.name.isdigit())
