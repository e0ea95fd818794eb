"""What one verb strings together."""

from convscope.workflows.checking import check
from convscope.workflows.learning import find_learning_rate, train, train_recipe
from convscope.workflows.summarizing import summarize
from convscope.workflows.using import decoding_from, evaluate, load

__all__ = [
    "check",
    "decoding_from",
    "evaluate",
    "find_learning_rate",
    "load",
    "summarize",
    "train",
    "train_recipe",
]
