"""Chinese translations of the sentences that verbs print and that pages take from data.

A template belongs into the file of its subject; `languages/templates.py` says how it is written.
"""

from __future__ import annotations

from convscope.languages.chinese.check import CHECK
from convscope.languages.chinese.data import DATA
from convscope.languages.chinese.errors import ERRORS
from convscope.languages.chinese.evaluation import EVALUATION
from convscope.languages.chinese.layers import LAYERS
from convscope.languages.chinese.networks import NETWORKS
from convscope.languages.chinese.training import TRAINING
from convscope.languages.chinese.words import WORDS

SUBJECTS = {
    "words": WORDS,
    "data": DATA,
    "check": CHECK,
    "training": TRAINING,
    "evaluation": EVALUATION,
    "layers": LAYERS,
    "networks": NETWORKS,
    "errors": ERRORS,
}
TEMPLATES = {
    english: chinese for subject in SUBJECTS.values() for english, chinese in subject.items()
}
