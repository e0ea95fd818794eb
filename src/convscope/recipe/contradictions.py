"""Fields that are given but would have no effect, or exclude each other: an error, never ignored.

Asked twice: of what a user gives, and of the recipe with all choices made, where a field may turn
out to have no effect with an optimizer or a schedule that was chosen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from convscope.errors import either_of

if TYPE_CHECKING:
    from convscope.recipe.recipe import Recipe

# What a network is built with besides options; it follows from the data and from other fields.
NO_OPTIONS = ("name", "num_classes", "in_channels", "input_size", "initialization")

# Field -> the optimizers that take it. A test compares this with torch's signatures.
OPTIMIZERS_WITH: Mapping[str, tuple[str, ...]] = {
    "momentum": ("sgd", "rmsprop", "muon"),
    "betas": ("adam", "adamw", "adamax", "muon"),
    "eps": ("adadelta", "adagrad", "adam", "adamw", "adamax", "rmsprop", "muon"),
    "weight_decay": (
        *("sgd", "asgd", "adadelta", "adagrad", "adam"),
        *("adamw", "adamax", "rmsprop", "muon"),
    ),
}

# Field -> the schedules that take it.
SCHEDULES_WITH: Mapping[str, tuple[str, ...]] = {
    "step_epochs": ("step",),
    "milestones": ("multi-step",),
    "gamma": ("step", "multi-step", "exponential", "plateau"),
    "plateau_epochs": ("plateau",),
    "final_lr": ("cosine", "one-cycle", "plateau"),
}

# What `dropout` and `drop_path` are short for.
SHORT_OPTIONS = ("dropout", "drop_path")

Problem = tuple[str, str | None]


def contradictions(recipe: Recipe) -> Iterable[Problem]:
    """What can't be in a recipe although each field by itself can, each with its way out."""
    checks = (
        _of_network,
        _of_transfer,
        _of_course,
        _of_optimizer,
        _of_schedule,
        _of_loss,
        _of_folds,
        _of_augmentation,
    )
    for check in checks:
        yield from check(recipe)


def _of_network(recipe: Recipe) -> Iterable[Problem]:
    for name in NO_OPTIONS:
        if name in recipe.options:
            yield f"`{name}` is no option of a network", None
    for name in SHORT_OPTIONS:
        if getattr(recipe, name) is not None and name in recipe.options:
            yield f"`{name}` is given twice", f"`--option {name}=...` says the same"


def _of_transfer(recipe: Recipe) -> Iterable[Problem]:
    is_partial = recipe.tune in ("dense", "head")
    if is_partial and recipe.weights is None and recipe.continues is None:
        yield (
            f"`tune={recipe.tune}` needs `weights` to start from",
            "layers that don't learn must have learned before: `--weights published`",
        )
    if recipe.feature_views is not None and not is_partial:
        yield (
            "`feature_views` has no effect where all layers learn",
            "it belongs to `--tune head` and `--tune dense`",
        )
    if recipe.unfreeze_epochs is not None and is_partial:
        yield (
            f"`unfreeze_epochs` and `tune={recipe.tune}` exclude each other",
            "unfreezing ends with all layers learning",
        )
    if recipe.layer_decay not in (None, 1) and recipe.tune == "head":
        yield (
            "`layer_decay` has no effect with `tune=head`",
            "one layer learns, there is no earlier",
        )
    if recipe.unfreeze_epochs is not None and recipe.weights is None and recipe.continues is None:
        yield (
            "`unfreeze_epochs` needs `weights` to start from",
            "layers that don't learn at first must have learned before: `--weights published`",
        )
    if recipe.continues is not None:
        if recipe.epochs is None:
            yield "`continues` needs `epochs`", "say how many there are to be in all: `--epochs 60`"
        for field, is_given, reason in (
            ("weights", recipe.weights is not None, "both say what to start from"),
            ("unfreeze_epochs", recipe.unfreeze_epochs is not None, "all layers have learned"),
            ("lr=auto", recipe.lr == "auto", "the run that goes on has its rate"),
            ("time", recipe.time is not None, "`epochs` says how long it goes on"),
        ):
            if is_given:
                yield f"`continues` and `{field}` exclude each other", reason


def _of_course(recipe: Recipe) -> Iterable[Problem]:
    if recipe.time is not None and recipe.epochs is not None:
        yield "`epochs` and `time` exclude each other", "both say how long to train"
    if recipe.batch_size == "auto" and recipe.sync_batch_norm:
        yield (
            "`batch_size=auto` and `sync_batch_norm` exclude each other",
            "a size is tried in each process alone; give a `--batch-size`",
        )
    if isinstance(recipe.batch_size, int) and recipe.accumulate > recipe.batch_size:
        yield (
            f"`accumulate` is {recipe.accumulate}, but a step has {recipe.batch_size} images",
            "`batch_size` counts the images of the whole step, all parts together",
        )
    yield from _growing("train_sizes", recipe.train_sizes, "32,48")
    if recipe.train_sizes is not None and recipe.feature_views:
        yield (
            "`train_sizes` and `feature_views` exclude each other",
            "features are computed once, at one size: `--feature-views 0` computes them anew",
        )


def _of_optimizer(recipe: Recipe) -> Iterable[Problem]:
    if recipe.opt is None:
        return
    for name, those in OPTIMIZERS_WITH.items():
        fields = (name, "bias_decay") if name == "weight_decay" else (name,)
        for field in fields:
            given = getattr(recipe, field)
            is_off = given is None or (name == "weight_decay" and given == 0)
            if not is_off and recipe.opt not in those:
                yield (
                    f"`{field}` has no effect with `opt={recipe.opt}`",
                    f"it belongs to {either_of(those)}",
                )
    if recipe.opt == "rprop":  # it takes the rate as its first step, and then its own
        for field, is_off in (
            ("sched", recipe.sched in (None, "constant")),
            ("warmup_epochs", not recipe.warmup_epochs),
            ("lr=auto", recipe.lr != "auto"),
        ):
            if not is_off:
                yield f"`{field}` has no effect with `opt=rprop`", "it finds its steps by itself"
    if recipe.opt == "lbfgs" and recipe.layer_decay not in (None, 1):
        yield (
            "`layer_decay` has no effect with `opt=lbfgs`",
            "it takes one rate for all weights",
        )


def _of_schedule(recipe: Recipe) -> Iterable[Problem]:
    if recipe.sched is None:
        return
    for field, those in SCHEDULES_WITH.items():
        if getattr(recipe, field) is not None and recipe.sched not in those:
            yield (
                f"`{field}` has no effect with `sched={recipe.sched}`",
                f"it belongs to {either_of(those)}",
            )
    yield from _growing("milestones", recipe.milestones, "30,60")


def _of_loss(recipe: Recipe) -> Iterable[Problem]:
    if recipe.focal_gamma is not None and recipe.loss != "focal":
        yield f"`focal_gamma` has no effect with `loss={recipe.loss}`", "it belongs to `focal`"
    evens = [
        name
        for name, is_on in (
            ("sampler", recipe.sampler == "balanced"),
            ("class_weights", recipe.class_weights != "none"),
            ("class_weight", bool(recipe.class_weight)),
        )
        if is_on
    ]
    if len(evens) > 1:
        yield (
            f"`{evens[0]}` and `{evens[1]}` exclude each other",
            "each makes up for classes of different size, both together would do it twice",
        )
    bad = [name for name, weight in recipe.class_weight.items() if not 0 <= weight < float("inf")]
    if bad:
        yield f"`class_weight` of {either_of(bad)} can't be negative or infinite", None


def _of_folds(recipe: Recipe) -> Iterable[Problem]:
    if recipe.fold and recipe.folds is None:
        yield f"`fold={recipe.fold}` needs `folds`", "for instance `--folds 5`"
    if recipe.folds is not None and recipe.fold >= recipe.folds:
        yield (
            f"`fold` is {recipe.fold}, but there are only {recipe.folds} folds",
            f"folds count from 0 to {recipe.folds - 1}",
        )
    if recipe.folds is not None and recipe.splits is not None:
        yield "`folds` and `splits` exclude each other", "both say which image is on which side"


def _of_augmentation(recipe: Recipe) -> Iterable[Problem]:
    if recipe.crop_scale and recipe.pad_crop:
        yield "`crop_scale` and `pad_crop` exclude each other", "both cut a part out of the image"
    if recipe.policy != "randaugment":
        for name in ("policy_ops", "policy_magnitude"):
            if getattr(recipe, name) is not None:
                yield (
                    f"`{name}` has no effect with `policy={recipe.policy}`",
                    "only randaugment has one",
                )
    if recipe.flip_mode == "alternating" and recipe.hflip == 0:
        yield "`flip_mode=alternating` has no effect with `hflip=0`", None
    if recipe.feature_views and (recipe.mixup or recipe.cutmix):
        name = "mixup" if recipe.mixup else "cutmix"
        yield (
            f"`{name}` and `feature_views` exclude each other",
            "images are mixed, not features: `--feature-views 0` computes features anew",
        )


def _growing(name: str, numbers: tuple[int, ...] | None, example: str) -> Iterable[Problem]:
    if numbers is not None and (sorted(set(numbers)) != list(numbers) or numbers[0] < 1):
        words = ",".join(str(number) for number in numbers)
        yield f"`{name}` is `{words}`; it has to grow", f"for instance {example}"
