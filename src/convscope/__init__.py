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
    "save_image": "convscope.data.image_files",
    "strongest_patches": "convscope.inspection.feature_maps.patches",
    "summarize": "convscope.api.summarize",
    "to_fully_convolutional": "convscope.networks",
    "trace_value": "convscope.inspection.values.trace",
    "train": "convscope.api.train",
    "write_comparison": "convscope.api.compare",
    "write_evaluation": "convscope.api.evaluate",
}

if TYPE_CHECKING:
    from convscope.api.calibrate import calibrate as calibrate
    from convscope.api.check import check as check
    from convscope.api.compare import compare as compare
    from convscope.api.compare import compare_recipes as compare_recipes
    from convscope.api.compare import write_comparison as write_comparison
    from convscope.api.evaluate import evaluate as evaluate
    from convscope.api.evaluate import write_evaluation as write_evaluation
    from convscope.api.explain import explain as explain
    from convscope.api.inspect import inspect as inspect
    from convscope.api.load import load as load
    from convscope.api.summarize import summarize as summarize
    from convscope.api.train import find_learning_rate as find_learning_rate
    from convscope.api.train import train as train
    from convscope.classifier import Classifier as Classifier
    from convscope.classifier import Prediction as Prediction
    from convscope.data.image_files import image_grid as image_grid
    from convscope.data.image_files import save_image as save_image
    from convscope.data.sources.opening import open_dataset as open_dataset
    from convscope.errors import ConvscopeError as ConvscopeError
    from convscope.evaluation.evaluate import Evaluation as Evaluation
    from convscope.inspection.attribution.class_map import class_map as class_map
    from convscope.inspection.feature_maps.activations import activations as activations
    from convscope.inspection.feature_maps.effective_field import effective_field as effective_field
    from convscope.inspection.feature_maps.patches import strongest_patches as strongest_patches
    from convscope.inspection.receptive_fields import receptive_field_of as receptive_field_of
    from convscope.inspection.values.trace import trace_value as trace_value
    from convscope.networks import build as build
    from convscope.networks import to_fully_convolutional as to_fully_convolutional
    from convscope.progress import Reporter as Reporter
    from convscope.recipe import Recipe as Recipe
    from convscope.run import Run as Run

__all__ = list(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module `convscope` has no attribute `{name}`")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted([*_PUBLIC, "__version__"])
