"""What one verb strings together."""

from convscope.workflows.checking import check
from convscope.workflows.learning import train, train_recipe
from convscope.workflows.summarizing import summarize
from convscope.workflows.using import decoding_from, evaluate, load

__all__ = ["check", "decoding_from", "evaluate", "load", "summarize", "train", "train_recipe"]
