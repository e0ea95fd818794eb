"""Names of splits: one vocabulary for folders, columns, cells, arrays and annotation files.

A name stands for a split (`train`, `Training set`, `val2017`), or only mentions one among other
words (`seg_train`, `PublicTest`): whoever meets the latter uses it on more evidence, or asks.
Held-out images would be trained on otherwise.
"""

from __future__ import annotations

import re

SPLIT_WORDS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "holdout", "heldout", "t10k"), "test"),
}
SHOWN_SPLITS = ("train", "val", "test")  # the words that messages advise
# Held out or not: a part of another split, two at once, or validation as well as test.
UNCLEAR_WORDS = frozenset(
    ("eval", "evaluation", "trainval", "minival", "valminusminival", "minitrain", "testdev")
)
# What may stand beside a split's word without a meaning of its own.
NEUTRAL_WORDS = frozenset(
    ("", "set", "split", "data", "dataset", "image", "images", "img", "imgs", "file", "files")
    + ("folder", "list")
)
_BETWEEN_WORDS = re.compile(r"[\W_]+|(?<=[a-z])(?=[A-Z])")
_HELD_OUT = re.compile(r"(?<![^_])h[eo]ld_out(?![^_])")
_YEAR = re.compile(r"(?:19|20)\d\d$")
_GLUED = {word + neutral: split for word, split in SPLIT_WORDS.items() for neutral in NEUTRAL_WORDS}


def words_of(name: str) -> list[str]:
    """The words of a name in small letters: `PublicTest` and `public_test` have two."""
    words = (word.lower() for word in _BETWEEN_WORDS.split(name) if word)
    return [word for word in _HELD_OUT.sub("holdout", "_".join(words)).split("_") if word]


def split_of(name: str) -> str | None:
    """The split that a name as a whole stands for, or None."""
    meant = (_YEAR.sub("", word) for word in words_of(name))
    splits = {split_of_word(word) for word in meant if word not in NEUTRAL_WORDS}
    return splits.pop() if len(splits) == 1 else None


def split_of_word(word: str) -> str | None:
    """The split that a single word stands for, or None."""
    return _GLUED.get(word)


def split_in(name: str) -> str | None:
    """The only split that a name mentions, among whatever other words; None for none or several."""
    mentioned = _mentioned(name)
    return mentioned.pop() if len(mentioned) == 1 else None


def mentions_split(name: str) -> bool:
    """Whether a word of a name stands for a split, be it clear for which or not."""
    return bool(_mentioned(name))


def rest_of(name: str) -> tuple[str, ...]:
    """The words of a name that stand for no split, and mean something."""
    words = (word.rstrip("0123456789") for word in words_of(name))
    return tuple(w for w in words if w not in NEUTRAL_WORDS and split_of_word(w) is None)


def _mentioned(name: str) -> set[str | None]:
    """The splits that the words of a name stand for; None for a word that is unclear."""
    words = [word.rstrip("0123456789") for word in words_of(name)]
    return {split_of_word(word) for word in words if split_of_word(word) or word in UNCLEAR_WORDS}
