"""What one verb strings together.

The names load on first use: a table of layers needs no figures, and a prediction no metrics.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

# Name -> the module that has it.
_PUBLIC = {
    "calibrate": "convscope.workflows.calibrating",
    "check": "convscope.workflows.checking",
    "compare": "convscope.workflows.comparing",
    "compare_recipes": "convscope.workflows.comparing_recipes",
    "decoding_from": "convscope.workflows.using",
    "evaluate": "convscope.workflows.evaluating",
    "ExplanationFolder": "convscope.workflows.explaining",
    "explain": "convscope.workflows.explaining",
    "explain_each": "convscope.workflows.explaining",
    "find_learning_rate": "convscope.workflows.learning",
    "inspect": "convscope.workflows.inspecting",
    "load": "convscope.workflows.using",
    "save_figures": "convscope.workflows.evaluating",
    "summarize": "convscope.workflows.summarizing",
    "train": "convscope.workflows.learning",
    "train_recipe": "convscope.workflows.learning",
    "measured_summary": "convscope.workflows.summarizing",
    "write_evaluation": "convscope.workflows.evaluating",
    "write_explanation": "convscope.workflows.explaining",
    "write_inspection": "convscope.workflows.inspecting",
}

if TYPE_CHECKING:
    from convscope.workflows.calibrating import calibrate as calibrate
    from convscope.workflows.checking import check as check
    from convscope.workflows.comparing import compare as compare
    from convscope.workflows.comparing_recipes import compare_recipes as compare_recipes
    from convscope.workflows.evaluating import evaluate as evaluate
    from convscope.workflows.evaluating import save_figures as save_figures
    from convscope.workflows.evaluating import write_evaluation as write_evaluation
    from convscope.workflows.explaining import ExplanationFolder as ExplanationFolder
    from convscope.workflows.explaining import explain as explain
    from convscope.workflows.explaining import explain_each as explain_each
    from convscope.workflows.explaining import write_explanation as write_explanation
    from convscope.workflows.inspecting import inspect as inspect
    from convscope.workflows.inspecting import write_inspection as write_inspection
    from convscope.workflows.learning import find_learning_rate as find_learning_rate
    from convscope.workflows.learning import train as train
    from convscope.workflows.learning import train_recipe as train_recipe
    from convscope.workflows.summarizing import measured_summary as measured_summary
    from convscope.workflows.summarizing import summarize as summarize
    from convscope.workflows.using import decoding_from as decoding_from
    from convscope.workflows.using import load as load

__all__ = list(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module `convscope.workflows` has no attribute `{name}`")
    return getattr(import_module(_PUBLIC[name]), name)
