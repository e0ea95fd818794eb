"""Rows of use after training: evaluation, prediction, start of the program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from suite.comparison import PROGRAMS, Comparison, Side
from suite.material import Material
from suite.sides import Build, peers, shell

DECLARED = f"import sys; sys.path.insert(0, {str(PROGRAMS)!r}); import torchvision_parts as parts; "


def _many_photos(material: Material, quick: bool) -> tuple[Path, Path, dict[str, Any]]:
    """Folder of photos, classifier, and what the programs are told."""
    folder = material.flat_photos(50 if quick else 1000)
    classifier, state = material.classifier("resnet18")
    settings = {
        "work": "evaluate",
        "network": "resnet18",
        "photos": str(folder),
        "state": str(state),
        "classes": len(material.class_names()),
    }
    return folder, classifier, settings


def _photo_readers(settings: dict[str, Any]) -> tuple[Side, ...]:
    return (
        *peers("torchvision", "torchvision_peer.py", settings),
        *peers("timm", "timm_peer.py", settings),
    )


def evaluate(material: Material, quick: bool) -> Comparison:
    """Classifies JPEG files and measures: ours with figures and a report."""
    folder, classifier, settings = _many_photos(material, quick)
    words = ("evaluate", str(classifier), str(folder), "--split", "all", "--json", "-q")
    return Comparison(
        name="evaluate",
        title="resnet18, evaluation of 1,000 JPEG files, cold, with report",
        unit="s",
        clock="process",
        ours=shell(*words, "-o", "out"),
        peers=_photo_readers(settings),
        goals={"default": 3, "best": 1.5},
    )


def predict(material: Material, quick: bool) -> Comparison:
    """Classifies JPEG files."""
    folder, classifier, settings = _many_photos(material, quick)
    return Comparison(
        name="predict",
        title="resnet18, prediction of 1,000 JPEG files, cold",
        unit="s",
        clock="process",
        ours=shell("predict", str(classifier), str(folder), "--csv", "-q"),
        peers=_photo_readers(settings),
        goals={"default": 3, "best": 1.5},
    )


def one_photo(material: Material, quick: bool) -> Comparison:
    """One photo from the shell."""
    folder, classifier, settings = _many_photos(material, True)
    photo = str(next(iter(sorted(folder.rglob("*.jpg")))))
    settings |= {"work": "one_photo", "photo": photo}
    return Comparison(
        name="one-photo",
        title="resnet18, one photo from the shell, cold",
        unit="s",
        clock="process",
        ours=shell("predict", str(classifier), photo, "--json", "-q"),
        peers=tuple(peers("torchvision", "torchvision_peer.py", settings)),
        goals={"default": 2, "best": 1.5},
    )


def import_time(material: Material, quick: bool) -> Comparison:
    """Seconds of `import`, in a new Python."""
    names = {
        "timm": "timm", "fastai": "fastai.vision.all", "Lightning": "lightning",
        "ultralytics": "ultralytics.models.yolo.classify",
    }  # fmt: skip
    sides = [
        Side(name, command=("-c", f"{DECLARED}parts.import_torchvision(); import {module}"))
        for name, module in names.items()
    ]
    keras = "import os; os.environ['KERAS_BACKEND'] = 'torch'; import keras"
    return Comparison(
        name="import",
        title="import convscope",
        unit="s",
        clock="process",
        ours=Side("convscope", command=("-c", "import convscope")),
        peers=(*sides, Side("Keras", command=("-c", keras))),
        goals={"default": 10},
    )


def help_row(name: str, command: str) -> Build:
    """Seconds of a command's help."""

    def build(material: Material, quick: bool) -> Comparison:
        entry = "from ultralytics.cfg import entrypoint; entrypoint('help')"
        peer = Side("ultralytics", command=("-c", f"{DECLARED}parts.import_torchvision(); {entry}"))
        return Comparison(
            name=name,
            title=command,
            unit="s",
            clock="process",
            ours=shell(*command.split()[1:]),
            peers=(peer,),
            goals={"default": 10},
        )

    return build
