"""Trainings that are asked to stop at a moment that a test chooses."""

from __future__ import annotations

import os

from convscope.progress import Reporter


class Asking(Reporter):
    """Sends this process a signal when it is told something."""

    def __init__(self, number: int, words: str) -> None:
        super().__init__(quiet=True)
        self._number, self._words = number, words

    def say(self, sentence: str) -> None:
        """Hears what a person would read."""
        if self._words in sentence and self._number:
            number, self._number = self._number, 0
            os.kill(os.getpid(), number)
