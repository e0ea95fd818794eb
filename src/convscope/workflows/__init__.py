"""What one verb strings together."""

from convscope.workflows.calibrating import calibrate
from convscope.workflows.checking import check
from convscope.workflows.comparing import compare
from convscope.workflows.comparing_recipes import compare_recipes
from convscope.workflows.evaluating import evaluate, save_figures, write_evaluation
from convscope.workflows.learning import find_learning_rate, train, train_recipe
from convscope.workflows.summarizing import summarize, verified_summary
from convscope.workflows.using import decoding_from, load

__all__ = [
    "calibrate",
    "check",
    "compare",
    "compare_recipes",
    "decoding_from",
    "evaluate",
    "find_learning_rate",
    "load",
    "save_figures",
    "summarize",
    "train",
    "train_recipe",
    "verified_summary",
    "write_evaluation",
]
