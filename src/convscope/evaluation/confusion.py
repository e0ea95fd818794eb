"""Confusion: how many images of each class were predicted as which, for any number of classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from convscope.short_repr import short_repr


class MostConfused(NamedTuple):
    """What each class is most often wrongly predicted as.

    Attributes:
        others: (K,) index of the class; 0 where no image of the class is wrong.
        counts: (K,) number of images.
    """

    others: NDArray[np.int64]
    counts: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Confusion:
    """The cells of a confusion matrix that aren't empty, by true and then by predicted class.

    There are no more of them than images. The whole matrix of 10,000 classes has 100 million.

    Attributes:
        num_classes: K.
        targets: (M,) index of the true class.
        predicted: (M,) index of the predicted class.
        counts: (M,) number of images.
    """

    num_classes: int
    targets: NDArray[np.int64]
    predicted: NDArray[np.int64]
    counts: NDArray[np.int64]

    __repr__ = short_repr

    @classmethod
    def of(
        cls, targets: NDArray[np.int64], predicted: NDArray[np.int64], *, num_classes: int
    ) -> Confusion:
        """The confusion of N images with these true (N,) and predicted (N,) classes."""
        present, counts = np.unique(targets * num_classes + predicted, return_counts=True)
        return cls(num_classes, *np.divmod(present, num_classes), counts)

    @property
    def is_right(self) -> NDArray[np.bool_]:
        """(M,) whether a cell lies on the diagonal."""
        return np.asarray(self.targets == self.predicted)

    @property
    def num_right(self) -> NDArray[np.int64]:
        """(K,) number of images of each class that are predicted as it."""
        right = np.zeros(self.num_classes, dtype=np.int64)
        right[self.targets[self.is_right]] = self.counts[self.is_right]
        return right

    @property
    def num_images(self) -> NDArray[np.int64]:
        """(K,) number of images of each class: the sums of the rows."""
        return self._sums(self.targets)

    @property
    def num_predicted(self) -> NDArray[np.int64]:
        """(K,) number of images that are predicted as each class: the sums of the columns."""
        return self._sums(self.predicted)

    @property
    def matrix(self) -> NDArray[np.int64]:
        """(K, K) counts; rows are true classes, columns predicted ones."""
        return self.part(np.arange(self.num_classes))

    def part(self, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
        """(C, C) the matrix of some classes (C,) alone."""
        place = np.full(self.num_classes, -1)
        place[chosen] = np.arange(len(chosen))
        rows, columns = place[self.targets], place[self.predicted]
        is_in = (rows >= 0) & (columns >= 0)
        matrix = np.zeros((len(chosen), len(chosen)), dtype=np.int64)
        matrix[rows[is_in], columns[is_in]] = self.counts[is_in]
        return matrix

    def most_confused(self) -> MostConfused:
        """What each class is most often wrongly predicted as; of several the first."""
        wrong = np.flatnonzero(~self.is_right)
        found = MostConfused(*np.zeros((2, self.num_classes), dtype=np.int64))
        # What is written last stays: the largest count, and of equal ones the first class.
        order = wrong[np.lexsort((-self.predicted[wrong], self.counts[wrong]))]
        found.others[self.targets[order]] = self.predicted[order]
        found.counts[self.targets[order]] = self.counts[order]
        return found

    def to_list(self) -> list[list[int]]:
        """True class, predicted class and number of images of each cell, ready for JSON."""
        cells = np.stack([self.targets, self.predicted, self.counts], axis=1)
        return [list(map(int, cell)) for cell in cells]

    def _sums(self, classes: NDArray[np.int64]) -> NDArray[np.int64]:
        sums = np.zeros(self.num_classes, dtype=np.int64)
        np.add.at(sums, classes, self.counts)
        return sums
