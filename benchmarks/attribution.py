"""On how many images Grad-CAM is better than random maps: SqueezeNet on ants and bees.

    python benchmarks/attribution.py DATA --weights WEIGHTS [--recipe RECIPE] [--images N]

Trains as the recipe says, takes the validation images that the network gets right, and lets the
pixels that each map calls important be blurred first, by the weakest of three blurs that takes the
class away. A map is better if the probability of the class falls faster than for random maps of the
same power spectrum, on average over 20 of them; clearly better if none of the 20 does as well.
Wilson intervals of 95 %.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import yaml

import convscope
from convscope.evaluation.intervals import proportion
from convscope.inspection.attribution.attribution import METHODS, attribute
from convscope.inspection.attribution.faithfulness import DRAWS, STEPS, Faithfulness, faithfulness

RECIPE = Path(__file__).parents[1] / "recipes" / "squeezenet-head.yaml"


def main() -> None:
    """Trains, explains each image, and prints shares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with train/ and val/")
    parser.add_argument("--weights", required=True, help="of ImageNet")
    parser.add_argument("--recipe", type=Path, default=RECIPE)
    parser.add_argument("--images", type=int, help="only the first ones of a random order")
    parser.add_argument("--methods", nargs="+", default=["grad-cam"], choices=METHODS)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        written = yaml.safe_load(given.recipe.read_text(encoding="utf-8"))
        fields = {name: value for name, value in written.items() if name != "format"}
        run = convscope.train(
            given.data, weights=given.weights, project=folder, name="measured", **fields
        )
        classifier = convscope.load(run.path)
    found = sorted(path for path in (given.data / "val").rglob("*") if path.is_file())
    order = np.random.default_rng(0).permutation(len(found))[: given.images]
    measured: dict[str, list[Faithfulness]] = {method: [] for method in given.methods}
    num_wrong, start = 0, time.perf_counter()
    for index in order:
        path = found[index]
        try:
            pixels = classifier.prepare(path)
        except convscope.ConvscopeError as error:
            print(f"left out: {path.name}: {error.message}")
            continue
        if classifier.predict_prepared(pixels[None])[0].label != path.parent.name:
            num_wrong += 1
            continue
        maps = [attribute(classifier, pixels, method=method) for method in given.methods]
        for one in maps:  # each by itself: random maps are to be as smooth as it is
            measured[one.method].append(faithfulness(classifier, pixels, [one])[0])
    print(
        f"{num_wrong} images wrong; {DRAWS} random maps, {STEPS} steps; "
        f"{time.perf_counter() - start:.0f} s"
    )
    for method, all_of_it in measured.items():
        _report(method, all_of_it)


def _report(method: str, measured: list[Faithfulness]) -> None:
    print(f"\n{method}, {len(measured)} images that are classified correctly")
    shares = {
        "better by deletion": [one.deletion_score > 0 for one in measured],
        "clearly better by deletion": [one.is_clearly_better for one in measured],
        "better by insertion": [one.insertion_score > 0 for one in measured],
        "zero maps": [one.is_zero for one in measured],
        "blurred image changes the prediction's probability": [one.can_tell for one in measured],
    }
    for name, hits in shares.items():
        count = sum(hits)
        interval = proportion(count, len(hits)).interval
        between = f"{interval.low:.1%} to {interval.high:.1%}"
        print(f"  {name:<52}{count:>4}  {count / len(hits):.1%} ({between})")
    drop = np.mean([one.deletion_score for one in measured])
    print(f"  mean deletion score                                 {drop:.3f}")


if __name__ == "__main__":
    main()
