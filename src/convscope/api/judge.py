"""The labels of a data set, judged by the classifier of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from convscope.api.load import load
from convscope.audit.labels import JudgedLabels, SuspectLabel
from convscope.cache import open_cache
from convscope.classifier import Classifier
from convscope.data.dataset import Dataset
from convscope.data.decoding.content import Decoding
from convscope.data.index.image_index import build_image_index
from convscope.data.index.scan import Scan
from convscope.errors import UsageError
from convscope.evaluation.out_of_sample import OutOfSample, out_of_sample_outputs
from convscope.evaluation.subset import match_classes
from convscope.paths import short_path
from convscope.progress import Reporter
from convscope.recipe import DECODING_FIELDS
from convscope.run import Run

PREPROCESSING = ("value_range", "img_size", "fit")  # fields of a recipe that a run says
OTHER_RUN = "give a run that was trained on these classes"


@dataclass(frozen=True, slots=True)
class Judge:
    """A classifier that judges labels, and the run that says what it was trained on.

    Attributes:
        classifier: The classifier.
        run: Its run.
        reading: Fields of a recipe: images are decoded as in training.
    """

    classifier: Classifier
    run: Run
    reading: Mapping[str, Any]

    def matched(self, dataset: Dataset) -> Dataset:
        """The data set with labels that count the classifier's classes.

        Raises:
            DataError: It has a class that the classifier doesn't know.
        """
        return match_classes(dataset, self.classifier.classes, way_out=OTHER_RUN)

    def labels(
        self,
        dataset: Dataset,
        scan: Scan,
        decoding: Decoding,
        *,
        workers: int | None,
        reporter: Reporter,
    ) -> JudgedLabels:
        """The labels that the classifier contradicts, by out-of-sample probabilities.

        Args:
            dataset: The data set, as `matched` gives it.
            scan: Its scan.
            decoding: How images are decoded.
            workers: Threads that decode; None for one per core.
            reporter: Shows progress.

        Raises:
            DataError: None of the images can be read.
        """
        readable = scan.readable
        image_index = build_image_index(
            dataset.take(readable),
            cache=open_cache(),
            decoding=decoding,
            workers=workers,
            geometries=[self.classifier.preprocessing],
            reporter=reporter,
        )
        uses = self.run.image_splits
        used = [uses.get(int(key), frozenset()) for key in image_index.pixel_hashes]
        is_trained_on = np.array(["train" in splits for splits in used])
        found = out_of_sample_outputs(
            self.classifier, image_index, is_trained_on, reporter=reporter
        )
        return JudgedLabels(
            run=short_path(self.run.path),
            suspects=[_suspect(found, row, int(readable[row])) for row in found.suspects()],
            num_held_out=int((~is_trained_on).sum()),
            num_validation=sum("validation" in use and "train" not in use for use in used),
            num_cross_validated=int((is_trained_on & found.is_judged).sum()),
            num_unjudged=int((~found.is_judged).sum()),
            are_features_trained=self.run.recipe.tune != "head",
        )


def _suspect(found: OutOfSample, row: int, index: int) -> SuspectLabel:
    outputs = found.outputs
    return SuspectLabel(
        index,
        outputs.classes[outputs.predicted[row]],
        float(outputs.confidences[row]),
        float(outputs.target_probabilities[row]),
        bool(found.is_cross_validated[row]),
    )


def open_judge(run: Run | str | Path, given: Mapping[str, Any]) -> Judge:
    """The judge that a user names, with the fields of a recipe that it prescribes.

    Raises:
        RunError: There is no such run, or it has no classifier.
        UsageError: A field is given that the run says.
    """
    for field in PREPROCESSING:
        if field in given:
            raise UsageError(
                f"`{field}` has no effect with `run`: images are seen as the run's network does",
                hint=f"leave `{field}` out, or check without `run`",
            )
    opened = run if isinstance(run, Run) else Run.open(run)
    classifier = load(opened.path)
    names = [name for name in DECODING_FIELDS if name != "value_range"]
    reading = {name: getattr(opened.recipe, name) for name in names}
    value_range = classifier.preprocessing.value_range
    return Judge(classifier, opened, {**reading, "value_range": value_range})
