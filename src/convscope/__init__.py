"""Train convolutional image classifiers, look inside them, and trust what they tell you.

The public names load on first use, so that `import convscope` costs nothing.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

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
    "activations": "convscope.inspection.activations",
    "build": "convscope.networks",
    "calibrate": "convscope.workflows",
    "check": "convscope.workflows",
    "class_map": "convscope.inspection.class_map",
    "compare": "convscope.workflows",
    "compare_recipes": "convscope.workflows",
    "effective_field": "convscope.inspection.effective_field",
    "evaluate": "convscope.workflows",
    "explain": "convscope.workflows",
    "find_learning_rate": "convscope.workflows",
    "image_grid": "convscope.data.pictures",
    "inspect": "convscope.workflows",
    "load": "convscope.workflows",
    "open_dataset": "convscope.data.sources.opening",
    "receptive_field_of": "convscope.inspection.fields",
    "save_image": "convscope.data.pictures",
    "strongest_patches": "convscope.inspection.patches",
    "summarize": "convscope.workflows",
    "to_fully_convolutional": "convscope.networks",
    "trace_value": "convscope.inspection.values",
    "train": "convscope.workflows",
    "write_evaluation": "convscope.workflows",
}

if TYPE_CHECKING:
    from convscope.classifier import Classifier as Classifier
    from convscope.classifier import Prediction as Prediction
    from convscope.data.pictures import image_grid as image_grid
    from convscope.data.pictures import save_image as save_image
    from convscope.data.sources.opening import open_dataset as open_dataset
    from convscope.errors import ConvscopeError as ConvscopeError
    from convscope.evaluation.evaluate import Evaluation as Evaluation
    from convscope.inspection.activations import activations as activations
    from convscope.inspection.class_map import class_map as class_map
    from convscope.inspection.effective_field import effective_field as effective_field
    from convscope.inspection.fields import receptive_field_of as receptive_field_of
    from convscope.inspection.patches import strongest_patches as strongest_patches
    from convscope.inspection.values import trace_value as trace_value
    from convscope.networks import build as build
    from convscope.networks import to_fully_convolutional as to_fully_convolutional
    from convscope.progress import Reporter as Reporter
    from convscope.recipe import Recipe as Recipe
    from convscope.run import Run as Run
    from convscope.workflows import calibrate as calibrate
    from convscope.workflows import check as check
    from convscope.workflows import compare as compare
    from convscope.workflows import compare_recipes as compare_recipes
    from convscope.workflows import evaluate as evaluate
    from convscope.workflows import explain as explain
    from convscope.workflows import find_learning_rate as find_learning_rate
    from convscope.workflows import inspect as inspect
    from convscope.workflows import load as load
    from convscope.workflows import summarize as summarize
    from convscope.workflows import train as train
    from convscope.workflows import write_evaluation as write_evaluation

__all__ = list(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module `convscope` has no attribute `{name}`")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted([*_PUBLIC, "__version__"])
