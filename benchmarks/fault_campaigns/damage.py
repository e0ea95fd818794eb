"""Checkpoints with flipped bits, cut off, with files exchanged: none may be taken for whole."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

from convscope.errors import RunError
from convscope.training.runs.checkpoint import load_newest
from fault_campaigns.trainings import Outcome, finish, workplace

Damage = Callable[[Path, Path, random.Random], None]


def run(trials: int, *, seed: int) -> Outcome:
    """The campaign."""
    chance = random.Random(seed)
    outcome, fell_back, refused, harmless = Outcome(), 0, 0, 0
    with workplace() as place:
        finish(place, place / "project", checkpoint_every=5)
        whole = place / "project" / "run" / "checkpoints"
        older, newest = sorted((p for p in whole.iterdir()), key=lambda path: int(path.name))
        expected = {path: _content(path) for path in (older, newest)}
        for trial in range(trials):
            damaged = place / "damaged"
            shutil.copytree(whole, damaged)
            damage = chance.choice(DAMAGES)
            damage(damaged / newest.name, damaged / older.name, chance)
            try:
                checkpoint, remarks = load_newest(damaged)
            except RunError:
                checkpoint, remarks = None, ["refused"]
            if checkpoint is None:
                refused += 1
            else:
                original = older if checkpoint.step == int(older.name) else newest
                fell_back += original == older
                harmless += original == newest
                # What is loaded has to be, to the byte, what was once saved at this step.
                if any(checkpoint.files[n] != expected[original][n] for n in checkpoint.files):
                    outcome.faults.append(f"trial {trial}: {damage.__name__} was believed")
                elif original == older and not remarks:
                    outcome.faults.append(f"trial {trial}: {damage.__name__} was not told")
            shutil.rmtree(damaged)
    outcome.words = (
        f"{trials} damaged checkpoints: {fell_back} times the one before was taken and it was "
        f"said, {refused} times none, {harmless} times nothing that counts was changed"
    )
    return outcome


def _content(place: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in place.iterdir()}


def _any_file(place: Path, chance: random.Random) -> Path:
    return chance.choice(sorted(place.iterdir()))


def flipped_bit(newest: Path, older: Path, chance: random.Random) -> None:
    """One bit somewhere."""
    path = _any_file(newest, chance)
    content = bytearray(path.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def flipped_bits(newest: Path, older: Path, chance: random.Random) -> None:
    """Some bits of a block, as a bad sector has them."""
    path = _any_file(newest, chance)
    content = bytearray(path.read_bytes())
    start = chance.randrange(len(content))
    content[start : start + 512] = chance.randbytes(len(content[start : start + 512]))
    path.write_bytes(content)


def cut_off(newest: Path, older: Path, chance: random.Random) -> None:
    """A file that ends too soon."""
    path = _any_file(newest, chance)
    content = path.read_bytes()
    path.write_bytes(content[: chance.randrange(len(content))])


def zeros_at_the_end(newest: Path, older: Path, chance: random.Random) -> None:
    """As file systems leave files whose last blocks never came."""
    path = _any_file(newest, chance)
    content = path.read_bytes()
    keep = chance.randrange(len(content))
    path.write_bytes(content[:keep] + bytes(len(content) - keep))


def added(newest: Path, older: Path, chance: random.Random) -> None:
    """A file that goes on after its end."""
    path = _any_file(newest, chance)
    path.write_bytes(path.read_bytes() + chance.randbytes(chance.randint(1, 64)))


def missing(newest: Path, older: Path, chance: random.Random) -> None:
    """A file less."""
    _any_file(newest, chance).unlink()


def exchanged(newest: Path, older: Path, chance: random.Random) -> None:
    """Two files with each other's content."""
    first, second = chance.sample(sorted(newest.iterdir()), 2)
    one, other = first.read_bytes(), second.read_bytes()
    first.write_bytes(other)
    second.write_bytes(one)


def of_another_step(newest: Path, older: Path, chance: random.Random) -> None:
    """A file, or all of them, from the checkpoint before."""
    paths = sorted(older.iterdir())
    for path in paths if chance.random() < 0.3 else [chance.choice(paths)]:
        (newest / path.name).write_bytes(path.read_bytes())


DAMAGES: tuple[Damage, ...] = (
    flipped_bit,
    flipped_bits,
    cut_off,
    zeros_at_the_end,
    added,
    missing,
    exchanged,
    of_another_step,
)
