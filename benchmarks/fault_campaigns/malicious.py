"""Files made to run code, to take all memory, or to be two things at once: refused with a reason.

Each is given where weights are taken (`--weights`), put in place of a classifier's weights, and put
into a checkpoint whose manifest is sealed anew, as somebody would who knows the format.
"""

from __future__ import annotations

import builtins
import hashlib
import io
import json
import os
import pickle
import random
import shutil
import struct
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import convscope
from convscope.errors import ConvscopeError
from convscope.files import json_bytes, seal_of
from convscope.networks import read_weights
from convscope.training.runs.checkpoint import load_newest
from fault_campaigns.trainings import Outcome, finish, workplace

Make = Callable[[Path, random.Random], bytes]


def run(trials: int, *, seed: int) -> Outcome:
    """The campaign."""
    chance = random.Random(seed)
    outcome, refused = Outcome(), 0
    with workplace() as place:
        finish(place, place / "project")
        run_folder, marker = place / "project" / "run", place / "executed"
        for trial in range(trials):
            make = ATTACKS[trial % len(ATTACKS)]
            content = make(marker, chance)
            for use in (_as_weights, _as_classifier, _in_checkpoint):
                work = place / "work"
                work.mkdir()
                reason = use(content, run_folder, work, chance)
                words = f"trial {trial}, {make.__name__} {use.__name__[1:].replace('_', ' ')}"
                if marker.exists():
                    outcome.faults.append(f"{words}: was executed")
                    marker.unlink()
                elif reason is None:
                    outcome.faults.append(f"{words}: was taken")
                refused += reason is not None
                shutil.rmtree(work)
    outcome.words = f"{trials} files of {len(ATTACKS)} kinds, {refused} times refused with a reason"
    return outcome


def _as_weights(content: bytes, run: Path, work: Path, chance: random.Random) -> str | None:
    path = work / f"weights{chance.choice(('.safetensors', '.pth', '.pt', '.bin', '.ckpt'))}"
    path.write_bytes(content)
    return _reason(lambda: read_weights(path))


def _as_classifier(content: bytes, run: Path, work: Path, chance: random.Random) -> str | None:
    folder = work / "classifier"
    shutil.copytree(run / "classifier", folder)
    (folder / "model.safetensors").write_bytes(content)
    card = json.loads((folder / "classifier.json").read_text())
    card["weights"]["sha256"] = hashlib.sha256(content).hexdigest()
    del card["sha256"]
    (folder / "classifier.json").write_text(json.dumps({**card, "sha256": seal_of(card)}))
    return _reason(lambda: convscope.load(folder))


def _in_checkpoint(content: bytes, run: Path, work: Path, chance: random.Random) -> str | None:
    newest = max(int(path.name) for path in (run / "checkpoints").iterdir())
    folder = work / str(newest)
    shutil.copytree(run / "checkpoints" / str(newest), folder)
    name = chance.choice(("model", "best", "optimizer", "average")) + ".safetensors"
    (folder / name).write_bytes(content)
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["sha256"]
    digest = hashlib.sha256(content).hexdigest()
    manifest["files"][name] = {"bytes": len(content), "sha256": digest}
    seal = hashlib.sha256(json_bytes(manifest)).hexdigest()
    (folder / "manifest.json").write_text(json.dumps({**manifest, "sha256": seal}))
    checkpoint, remarks = load_newest(work)
    return None if checkpoint is not None else remarks[0]


def _reason(load: Callable[[], object]) -> str | None:
    try:
        load()
    except ConvscopeError as error:
        return error.message
    return None


class Call:
    """Pickled, it calls a function when it is read."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


def _calls(marker: Path) -> list[Call]:
    program = f"open({str(marker)!r}, 'w').close()"
    return [
        Call(builtins.exec, program),
        Call(builtins.eval, f"open({str(marker)!r}, 'w')"),
        Call(os.system, f"touch {marker}"),
        Call(subprocess.Popen, ["touch", str(marker)]),
        Call(Path.touch, marker),
        Call(builtins.open, str(marker), "w"),
        Call(os.mkdir, str(marker)),
    ]


def plain_pickle(marker: Path, chance: random.Random) -> bytes:
    """A pickle that calls something."""
    return pickle.dumps(chance.choice(_calls(marker)), protocol=chance.choice((2, 4, 5)))


def nested_pickle(marker: Path, chance: random.Random) -> bytes:
    """The call lies among real weights."""
    state = {"fc.weight": torch.ones(2, 3), "state_dict": {"x": [chance.choice(_calls(marker))]}}
    return pickle.dumps(state)


def torch_archive(marker: Path, chance: random.Random) -> bytes:
    """As `torch.save` writes it."""
    file = io.BytesIO()
    state = {"fc.weight": torch.ones(2, 3), "more": chance.choice(_calls(marker))}
    torch.save(state, file, _use_new_zipfile_serialization=chance.random() < 0.5)
    return file.getvalue()


def pickle_in_storage(marker: Path, chance: random.Random) -> bytes:
    """An archive in which the pickle that is called lies where a storage should."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(chance.choice(_calls(marker))))
        archive.writestr("archive/version", "3\n")
        archive.writestr("archive/data/0", pickle.dumps(chance.choice(_calls(marker))))
    return file.getvalue()


def script_archive(marker: Path, chance: random.Random) -> bytes:
    """A compiled network: code, and not weights."""
    file = io.BytesIO()
    torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 2), torch.ones(1, 2)), file)
    return file.getvalue()


def _safetensors(header: dict[str, Any] | bytes, data: bytes, length: int | None = None) -> bytes:
    words = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(words) if length is None else length) + words + data


def oversized_header(marker: Path, chance: random.Random) -> bytes:
    """A header that claims to be as long as memory."""
    length = chance.choice((2**63, 2**40, 100_000_001, 2**64 - 1))
    return _safetensors({}, b"\0" * 64, length)


def overlapping_tensors(marker: Path, chance: random.Random) -> bytes:
    """Two tensors that share bytes."""
    entry = {"dtype": "F32", "shape": [4]}
    shift = chance.choice((0, 4, 8))
    header = {
        "a": {**entry, "data_offsets": [0, 16]},
        "b": {**entry, "data_offsets": [shift, shift + 16]},
    }
    return _safetensors(header, b"\0" * (16 + shift))


def hole(marker: Path, chance: random.Random) -> bytes:
    """Bytes that belong to no tensor, where another file could hide."""
    header = {"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}
    return _safetensors(header, b"\0" * 4 + pickle.dumps(chance.choice(_calls(marker))))


def impossible_shape(marker: Path, chance: random.Random) -> bytes:
    """A tensor larger than its bytes, or than any memory."""
    shape = chance.choice(([2**40, 2**40], [2**62], [-1], [10**9]))
    header = {"a": {"dtype": "F32", "shape": shape, "data_offsets": [0, 4]}}
    return _safetensors(header, b"\0" * 4)


def deep_header(marker: Path, chance: random.Random) -> bytes:
    """JSON so deep that a reader that calls itself runs out of stack."""
    depth = chance.choice((1_000, 100_000))
    return _safetensors(b"[" * depth + b"]" * depth, b"")


def unknown_type(marker: Path, chance: random.Random) -> bytes:
    """A type of numbers that doesn't exist."""
    header = {"a": {"dtype": "PYOBJECT", "shape": [1], "data_offsets": [0, 4]}}
    return _safetensors(header, b"\0" * 4)


def random_bytes(marker: Path, chance: random.Random) -> bytes:
    """Nothing at all."""
    return chance.randbytes(chance.randint(0, 4096))


ATTACKS: tuple[Make, ...] = (
    plain_pickle,
    nested_pickle,
    torch_archive,
    pickle_in_storage,
    script_archive,
    oversized_header,
    overlapping_tensors,
    hole,
    impossible_shape,
    deep_header,
    unknown_type,
    random_bytes,
)
