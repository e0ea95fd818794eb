"""How long a training will take: said before its first step, with what would be quicker."""

from __future__ import annotations

from collections.abc import Callable

from convscope.errors import is_out_of_memory
from convscope.progress import Reporter
from convscope.recipe import Recipe
from convscope.text import counted, duration_text
from convscope.training.autotune.forecast import Forecast, alternatives, epochs_of, forecast
from convscope.training.autotune.time_budget import measuring_seconds
from convscope.training.setup import Setup
from convscope.training.training_data import TrainingData

WORTH_SAYING_SECONDS = 30.0  # a shorter training is over before the sentence is read
QUICKER_SHARE = 0.7  # of the time; what takes longer is not worth another start


def announce_duration(
    recipe: Recipe,
    build: Callable[[Recipe], Setup],
    data: TrainingData,
    *,
    steps_done: int,
    reporter: Reporter,
) -> None:
    """Measures some steps and says how long the training takes, unless that is short.

    Args:
        recipe: The recipe, in which what had to be measured is known.
        build: Builds the setup of a recipe.
        data: The images.
        steps_done: Number of steps that are done already.
        reporter: Says it.
    """
    try:
        foreseen = forecast(recipe, build, limit_seconds=measuring_seconds(None))
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return  # the first step will find out too, and says what fits
    done = steps_done // len(foreseen.setup.image_batches)
    epochs = epochs_of(recipe, foreseen.setup) - done
    of_head = max(0, (recipe.head_epochs or 0) - done)  # they count for nothing
    seconds = foreseen.features_seconds
    seconds += (epochs - of_head) * foreseen.epoch_seconds(recipe.tune)
    if seconds < WORTH_SAYING_SECONDS or epochs < 1:
        return
    parts = _parts(recipe, foreseen, epochs, of_head)
    reporter.say(
        f"about {duration_text(seconds)}: {parts}{_quicker(recipe, foreseen, data, seconds)}"
    )


def _parts(recipe: Recipe, foreseen: Forecast, epochs: int, of_head: int) -> str:
    """What the time goes into."""
    parts = []
    if foreseen.num_features:
        took = duration_text(foreseen.features_seconds)
        parts.append(f"{took} for features that are computed once")
    if each := foreseen.epoch_seconds(recipe.tune):
        parts.append(f"{counted(epochs - of_head, 'epoch')} of {duration_text(each)}")
    return ", then ".join(parts)


def _quicker(recipe: Recipe, foreseen: Forecast, data: TrainingData, seconds: float) -> str:
    """What would be quicker, where something would."""
    best = next(alternatives(recipe, foreseen, data), None)
    if best is None or best.seconds > QUICKER_SHARE * seconds:
        return ""
    return f"; {best.text} takes about {duration_text(best.seconds)}"
