"""Train convolutional image classifiers, look inside them, and trust what they tell you.

The public names load on first use, so that `import convscope` costs nothing. Type checkers and
editors read them, and their signatures, in `__init__.pyi`, which `make docs` writes.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

# OpenMP's threads spin while they wait for each other. Where another program wants the same core,
# a small network then trains several times slower than with threads that sleep
# (docs/performance.md). OpenMP reads this once, when torch is imported; a user's value wins.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"

# Public name -> the module that has it.
_PUBLIC = {
    "Classifier": "convscope.classifier",
    "ConvscopeError": "convscope.errors",
    "Evaluation": "convscope.evaluation.evaluate",
    "Prediction": "convscope.classifier",
    "Recipe": "convscope.recipe",
    "Reporter": "convscope.progress",
    "Run": "convscope.run",
    "activations": "convscope.inspection.feature_maps.activations",
    "build": "convscope.networks",
    "calibrate": "convscope.api.calibrate",
    "check": "convscope.api.check",
    "class_map": "convscope.inspection.attribution.class_map",
    "compare": "convscope.api.compare",
    "compare_recipes": "convscope.api.compare",
    "effective_field": "convscope.inspection.feature_maps.effective_field",
    "evaluate": "convscope.api.evaluate",
    "explain": "convscope.api.explain",
    "find_learning_rate": "convscope.api.train",
    "image_grid": "convscope.data.image_files",
    "inspect": "convscope.api.inspect",
    "load": "convscope.api.load",
    "open_dataset": "convscope.data.sources.opening",
    "receptive_field_of": "convscope.inspection.receptive_fields",
    "save_figures": "convscope.api.evaluate",
    "save_image": "convscope.data.image_files",
    "strongest_patches": "convscope.inspection.feature_maps.patches",
    "summarize": "convscope.api.summarize",
    "to_fully_convolutional": "convscope.networks",
    "trace_value": "convscope.inspection.values.trace",
    "train": "convscope.api.train",
    "write_comparison": "convscope.api.compare",
    "write_evaluation": "convscope.api.evaluate",
}

__all__ = list(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module `convscope` has no attribute `{name}`")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted([*_PUBLIC, "__version__"])
