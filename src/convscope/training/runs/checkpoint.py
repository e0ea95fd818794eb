"""Checkpoints: the complete state of a training in one folder that is whole or not there.

checkpoints/<step>/
model.safetensors  best.safetensors  optimizer.safetensors  average.safetensors  state.json
manifest.json      run, step, sizes and SHA-256 of the others and of itself; written last

Everything is written into a folder of another name beside it, each file waited for until it is on
the disk; then the folder is renamed. Only when that is on the disk too, an older one is removed.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn, optim

from convscope.errors import RunError, is_out_of_memory
from convscope.files import json_bytes, new_folder, write_new
from convscope.paths import CHECKPOINTS_FOLDER
from convscope.records import check_fields, check_format, json_object
from convscope.schemas import ManifestFile, StateFile
from convscope.training.runs.state import Snapshot, TrainingState, unflatten

FORMAT = 3
KEPT = 2
STEP = re.compile("0|[1-9][0-9]{0,17}")  # name of a checkpoint's folder; `²` is a digit too
MANIFEST, STATE, TENSORS = "manifest.json", "state.json", ".safetensors"


def write_checkpoint(
    folder: Path,
    snapshot: Snapshot,
    *,
    run_id: str,
    check: Callable[[], None] = lambda: None,
) -> None:
    """Writes `folder/<step>/`, then removes all but this one and the one before.

    A checkpoint of a later step goes too: it was damaged, else the training had gone on from it.

    Args:
        folder: The run's `checkpoints`.
        snapshot: What to write.
        run_id: Tells this run's checkpoints from those of another.
        check: Raises an error where the folder may be another's, after minutes of writing.

    Raises:
        RunError: The folder can't be written; older checkpoints stay as they are.
    """
    with new_folder(folder / str(snapshot.step)) as place:
        files = {}
        for name, tensors in snapshot.tensors.items():
            file = f"{name}{TENSORS}"
            files[file] = write_new(place / file, save(tensors))
        files[STATE] = write_new(place / STATE, json_bytes(snapshot.state))
        manifest = {"format": FORMAT, "run": run_id, "step": snapshot.step, "files": files}
        write_new(place / MANIFEST, json_bytes({**manifest, "sha256": _seal(manifest)}))
        check()
    kept = [step for step in steps_in(folder) if step <= snapshot.step][-KEPT:]
    for step in steps_in(folder):
        if step not in kept:
            shutil.rmtree(folder / str(step), ignore_errors=True)  # what stays goes next time


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint that has been verified.

    Attributes:
        step: Optimizer steps done.
        files: The content of its files, by name.
        state: What the training knew.
        model: Weights and buffers.
        best: Those of the best epoch.
        average: The moving average of the weights; None where there is none.
    """

    step: int
    files: Mapping[str, bytes]
    state: TrainingState
    model: dict[str, Tensor]
    best: dict[str, Tensor]
    average: dict[str, Tensor] | None
    _optimizer: dict[str, Tensor]
    _described: dict[str, Any]

    @classmethod
    def parse(cls, step: int, files: Mapping[str, bytes]) -> Checkpoint:
        """The checkpoint in files that have been verified.

        Raises:
            RunError: They hold something else.
        """
        try:
            state = json_object(files[STATE], Path(STATE))
            check_fields(state, Path(STATE), StateFile)
            described = state.pop("optimizer")
            tensors = {
                name.removesuffix(TENSORS): load(content)
                for name, content in files.items()
                if name.endswith(TENSORS)
            }
            return cls(
                step,
                files,
                TrainingState.from_dict(state),
                tensors["model"],
                tensors["best"],
                tensors.get("average"),
                tensors["optimizer"],
                described,
            )
        except (SafetensorError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise RunError(f"checkpoint {step} can't be read: {error}") from error

    def restore(self, network: nn.Module, optimizer: optim.Optimizer) -> None:
        """Puts weights and optimizer state back, each tensor in the memory layout it had.

        Raises:
            RunError: They belong to another network or optimizer.
        """
        try:
            network.load_state_dict(self.model)
            unflatten(optimizer, self._optimizer, self._described)
        except (RuntimeError, KeyError, TypeError, ValueError, AttributeError) as error:
            if is_out_of_memory(error):
                raise
            raise RunError(
                f"checkpoint {self.step} doesn't fit this network and its optimizer: {error}",
                hint="`--fresh` begins the run anew, `--name NAME` begins another",
            ) from error


def load_newest(folder: Path, *, run_id: str | None = None) -> tuple[Checkpoint | None, list[str]]:
    """The newest checkpoint that verifies, and remarks on newer ones that don't.

    Args:
        folder: The run's `checkpoints`.
        run_id: Which run they have to be of; None for any.

    Raises:
        RunError: A checkpoint is of another format, or the disk gives none of them: to begin anew
            would replace what may be whole.
    """
    remarks: list[str] = []
    unreadable: RunError | None = None
    for step in reversed(steps_in(folder)):
        try:
            return _load(folder / str(step), run_id), remarks
        except _DamagedError as error:
            remarks.append(f"checkpoint {step} is damaged ({error}) and is not used")
        except OSError as error:
            if is_out_of_memory(error):
                raise
            unreadable = unreadable or _unreadable(error, folder / str(step))
            remarks.append(f"{unreadable.message}; checkpoint {step} is not used")
    if unreadable is not None:
        raise unreadable
    return None, remarks


def _unreadable(error: OSError, path: Path) -> RunError:
    return RunError(
        f"`{error.filename or path}` can't be read: {error.strerror or error}",
        hint="once the disk gives it, the same command resumes; `--fresh` begins anew",
    )


def load_ended(run_path: Path, say: Callable[[str], None]) -> Checkpoint:
    """The last state of a run that has ended, for a training that goes on from there.

    Args:
        run_path: The run's folder.
        say: Told of checkpoints that are damaged.

    Raises:
        RunError: It has no whole checkpoint.
    """
    checkpoint, remarks = load_newest(run_path / CHECKPOINTS_FOLDER)
    for remark in remarks:
        say(f"note: {remark}")
    if checkpoint is None:
        raise RunError(
            f"`{run_path}` has no whole checkpoint to go on from",
            hint="`--weights RUN` starts a new training from its best weights",
        )
    return checkpoint


def steps_in(folder: Path) -> list[int]:
    """Steps of which there is a checkpoint, whole or damaged, in their order.

    Raises:
        RunError: The folder can't be read.
    """
    try:
        names = [path.name for path in folder.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise _unreadable(error, folder) from error
    return sorted(int(name) for name in names if STEP.fullmatch(name))


class _DamagedError(Exception):
    """A file of a checkpoint is missing or isn't what the manifest says."""


def _load(place: Path, run_id: str | None) -> Checkpoint:
    files = _verified(place, run_id)
    try:
        return Checkpoint.parse(int(place.name), files)
    except RunError as error:
        raise _DamagedError(error.message) from error


def _verified(place: Path, run_id: str | None) -> dict[str, bytes]:
    """The content of all files, each as it was written.

    It is hashed as it is used: nobody can exchange a file between the two.

    Raises:
        OSError: A file is there and can't be read.
    """
    manifest = _manifest(place)
    if run_id is not None and manifest["run"] != run_id:
        raise _DamagedError("it belongs to another run")
    content = {}
    for name, facts in manifest["files"].items():
        path = place / name
        if path.parent != place or _size(path) != facts["bytes"]:
            raise _DamagedError(f"{name} is missing or cut off")
        content[name] = path.read_bytes()
        if hashlib.sha256(content[name]).hexdigest() != facts["sha256"]:
            raise _DamagedError(f"{name} was changed")
    return content


def _size(path: Path) -> int | None:
    """The size of a file; None where there is no file, or something else.

    Raises:
        OSError: The disk doesn't say.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _manifest(place: Path) -> dict[str, Any]:
    path = place / MANIFEST
    if _size(path) is None:
        raise _DamagedError(f"{MANIFEST} is missing")
    try:
        manifest = json_object(path.read_bytes(), path)
    except RunError as error:
        raise _DamagedError(f"{MANIFEST} was changed") from error
    seal = manifest.pop("sha256", None)
    if seal is None and isinstance(manifest.get("format"), int):  # formats 1 and 2 had none
        check_format(manifest, path, (FORMAT,))
    # Before the format: one that a damaged disk made up is no news of another version.
    if seal != _seal(manifest):
        raise _DamagedError(f"{MANIFEST} was changed")
    check_format(manifest, path, (FORMAT,))
    try:
        check_fields(manifest, path, ManifestFile)
    except RunError as error:
        raise _DamagedError(error.message) from error
    if manifest["step"] != int(place.name):
        raise _DamagedError(f"it is checkpoint {manifest['step']}")
    return manifest


def _seal(manifest: Mapping[str, Any]) -> str:
    return hashlib.sha256(json_bytes(manifest)).hexdigest()
