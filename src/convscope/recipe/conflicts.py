"""All fields of a recipe, and the conflicts between them.

A field that is given but would have no effect, or that excludes another one, is an error and never
ignored. Conflicts are checked twice: in what a user gives, and in the resolved recipe, where the
optimizer or the schedule that was chosen may not take a field.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from convscope.recipe.data import AugmentationFields, DataFields, PreprocessingFields
from convscope.recipe.network import NetworkFields
from convscope.recipe.optimization import LossFields, OptimizerFields, ScheduleFields
from convscope.recipe.types import FROM_SCRATCH, Problem, cuts_of
from convscope.text import either_of

# Arguments of `build` that are no options: they follow from the data and from other fields.
RESERVED_OPTIONS = ("name", "num_classes", "in_channels", "input_size", "initialization")

# Fields that are short for options of the network.
OPTION_FIELDS = ("dropout", "drop_path")

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


# Pydantic lists the fields of the last base first; help and files begin with the data.
class RecipeFields(
    AugmentationFields,
    LossFields,
    OptimizerFields,
    ScheduleFields,
    NetworkFields,
    PreprocessingFields,
    DataFields,
):
    """All fields of a recipe, each with its own limits."""


def find_conflicts(recipe: RecipeFields) -> Iterable[Problem]:
    """Combinations of fields that can't be, although each field by itself can."""
    yield from _network_conflicts(recipe)
    yield from _transfer_conflicts(recipe)
    yield from _continue_conflicts(recipe)
    yield from _schedule_conflicts(recipe)
    yield from _optimizer_conflicts(recipe)
    yield from _learning_rate_conflicts(recipe)
    yield from _loss_conflicts(recipe)
    yield from _fold_conflicts(recipe)
    yield from _augmentation_conflicts(recipe)


def _exclusive(first: str, second: str, reason: str) -> Problem:
    return f"`{first}` and `{second}` exclude each other", reason


def _no_effect(field: str, setting: str, reason: str | None) -> Problem:
    return f"`{field}` has no effect with `{setting}`", reason


def _network_conflicts(recipe: RecipeFields) -> Iterable[Problem]:
    for name in RESERVED_OPTIONS:
        if name in recipe.options:
            yield f"`{name}` is no option of a network", None
    for name in OPTION_FIELDS:
        if getattr(recipe, name) is not None and name in recipe.options:
            yield f"`{name}` is given twice", f"`--option {name}=...` says the same"


def _transfer_conflicts(recipe: RecipeFields) -> Iterable[Problem]:
    is_partial = recipe.tune in ("dense", "head", "auto")
    unfreezes = recipe.unfreeze_epochs is not None
    if not _may_have_weights(recipe):
        trained_before = "frozen layers must have been trained before: `--weights published`"
        for field, is_given in (
            (f"tune={recipe.tune}", is_partial),
            ("unfreeze_epochs", unfreezes),
            ("head_epochs", recipe.head_epochs is not None),
        ):
            if is_given:
                yield f"`{field}` needs `weights` to start from", trained_before
    if unfreezes and is_partial:
        tune = f"tune={recipe.tune}"
        yield _exclusive("unfreeze_epochs", tune, "unfreezing ends with all layers trained")
    yield from _head_epochs_conflicts(recipe)
    if recipe.feature_views is not None and not is_partial and recipe.head_epochs is None:
        yield (
            "`feature_views` has no effect where all layers are trained",
            "it belongs to `--tune head` and `--tune dense`",
        )
    if recipe.layer_decay not in (None, 1) and recipe.tune == "head":
        yield _no_effect("layer_decay", "tune=head", "only the last layer is trained")


def _continue_conflicts(recipe: RecipeFields) -> Iterable[Problem]:
    if recipe.continues is None:
        return
    if recipe.epochs is None:
        yield "`continues` needs `epochs`", "say how many there are in total: `--epochs 60`"
    unfreezes = recipe.unfreeze_epochs is not None
    for field, is_given, reason in (
        ("weights", recipe.weights is not None, "both give the initial weights"),
        ("unfreeze_epochs", unfreezes, "all layers have been trained"),
        ("lr=auto", recipe.lr == "auto", "the continued run has its learning rate"),
        ("time", recipe.time is not None, "`epochs` says how long training continues"),
    ):
        if is_given:
            yield _exclusive("continues", field, reason)


def _may_have_weights(recipe: RecipeFields) -> bool:
    """Whether a training begins with trained weights, or may: no network is chosen yet."""
    if recipe.weights is None:
        return recipe.continues is not None or recipe.model is None
    return recipe.weights != FROM_SCRATCH


def _head_epochs_conflicts(recipe: RecipeFields) -> Iterable[Problem]:
    if recipe.head_epochs is None:
        return
    if recipe.tune in ("dense", "head"):
        setting = f"tune={recipe.tune}"
        yield _no_effect("head_epochs", setting, "no other layers follow")
    if recipe.unfreeze_epochs is not None:
        reason = "both say which layers are trained first"
        yield _exclusive("head_epochs", "unfreeze_epochs", reason)
    if recipe.epochs is not None and recipe.head_epochs >= recipe.epochs:
        yield (
            f"`head_epochs` is {recipe.head_epochs}, but there are {recipe.epochs} epochs",
            "`--tune head` trains the last layer in all of them",
        )


def _schedule_conflicts(recipe: RecipeFields) -> Iterable[Problem]:
    if recipe.time is not None and recipe.epochs is not None:
        yield _exclusive("epochs", "time", "both say how long to train")
    if recipe.epochs_cut is not None:
        if recipe.time is not None:
            yield _exclusive("epochs_cut", "time", "what is left out is decided by the clock")
        elif recipe.epochs is None:
            yield "`epochs_cut` needs `epochs`", "both are in the recipe that a training wrote"
        elif max(cuts_of(recipe.epochs_cut).values()) >= recipe.epochs:
            yield (
                f"`epochs_cut` is `{recipe.epochs_cut}`, but there are {recipe.epochs} epochs",
                "it says how many fewer there are, after which of them",
            )
    if recipe.batch_size == "auto" and recipe.sync_batch_norm:
        reason = "sizes are tried in each process alone; give a `--batch-size`"
        yield _exclusive("batch_size=auto", "sync_batch_norm", reason)
    if isinstance(recipe.batch_size, int) and recipe.accumulate > recipe.batch_size:
        yield (
            f"`accumulate` is {recipe.accumulate}, but a step has {recipe.batch_size} images",
            "`batch_size` is the number of images of the whole step, over all its micro-batches",
        )
    yield from _not_increasing("train_sizes", recipe.train_sizes, "32,48")
    if recipe.train_sizes is not None and recipe.feature_views:
        reason = "features are computed once, at one size; `--feature-views 0` trains on images"
        yield _exclusive("train_sizes", "feature_views", reason)


def _optimizer_conflicts(recipe: RecipeFields) -> Iterable[Problem]:
    if recipe.opt is None:
        return
    setting = f"opt={recipe.opt}"
    for name, optimizers in OPTIMIZERS_WITH.items():
        fields = (name, "bias_decay") if name == "weight_decay" else (name,)
        for field in fields:
            given = getattr(recipe, field)
            is_off = given is None or (name == "weight_decay" and given == 0)
            if not is_off and recipe.opt not in optimizers:
                yield _no_effect(field, setting, f"it belongs to {either_of(optimizers)}")
    if recipe.opt == "rprop":  # `lr` is only its first step size
        for field, is_off in (
            ("sched", recipe.sched in (None, "constant")),
            ("warmup_epochs", not recipe.warmup_epochs),
            ("lr=auto", recipe.lr != "auto"),
        ):
            if not is_off:
                yield _no_effect(field, setting, "it adapts its step sizes itself")
    if recipe.opt == "lbfgs" and recipe.layer_decay not in (None, 1):
        yield _no_effect("layer_decay", setting, "it takes one learning rate for all weights")


def _learning_rate_conflicts(recipe: RecipeFields) -> Iterable[Problem]:
    if recipe.sched is None:
        return
    for field, schedules in SCHEDULES_WITH.items():
        if getattr(recipe, field) is not None and recipe.sched not in schedules:
            reason = f"it belongs to {either_of(schedules)}"
            yield _no_effect(field, f"sched={recipe.sched}", reason)
    yield from _not_increasing("milestones", recipe.milestones, "30,60")


def _loss_conflicts(recipe: RecipeFields) -> Iterable[Problem]:
    if recipe.focal_gamma is not None and recipe.loss != "focal":
        yield _no_effect("focal_gamma", f"loss={recipe.loss}", "it belongs to `focal`")
    balancing = [
        name
        for name, is_on in (
            ("sampler", recipe.sampler == "balanced"),
            ("class_weights", recipe.class_weights != "none"),
            ("class_weight", bool(recipe.class_weight)),
        )
        if is_on
    ]
    if len(balancing) > 1:
        reason = "each corrects for imbalanced classes, both together would do it twice"
        yield _exclusive(balancing[0], balancing[1], reason)
    bad = [name for name, weight in recipe.class_weight.items() if not 0 <= weight < float("inf")]
    if bad:
        yield f"`class_weight` of {either_of(bad)} can't be negative or non-finite", None


def _fold_conflicts(recipe: RecipeFields) -> Iterable[Problem]:
    if recipe.fold and recipe.folds is None:
        yield f"`fold={recipe.fold}` needs `folds`", "for instance `--folds 5`"
    if recipe.folds is not None and recipe.fold >= recipe.folds:
        yield (
            f"`fold` is {recipe.fold}, but there are only {recipe.folds} folds",
            f"folds are numbered from 0 to {recipe.folds - 1}",
        )
    if recipe.folds is not None and recipe.splits is not None:
        yield _exclusive("folds", "splits", "both say which split an image belongs to")


def _augmentation_conflicts(recipe: RecipeFields) -> Iterable[Problem]:
    if recipe.crop_scale and recipe.pad_crop:
        yield _exclusive("crop_scale", "pad_crop", "both crop the image")
    if recipe.policy != "randaugment":
        for name in ("policy_ops", "policy_magnitude"):
            if getattr(recipe, name) is not None:
                setting = f"policy={recipe.policy}"
                yield _no_effect(name, setting, "it belongs to `randaugment`")
    if recipe.flip_mode == "alternating" and recipe.hflip == 0:
        yield _no_effect("flip_mode=alternating", "hflip=0", None)
    if recipe.feature_views and (recipe.mixup or recipe.cutmix):
        reason = "images are mixed, not features; `--feature-views 0` trains on images"
        yield _exclusive("mixup" if recipe.mixup else "cutmix", "feature_views", reason)


def _not_increasing(name: str, numbers: tuple[int, ...] | None, example: str) -> Iterable[Problem]:
    if numbers is not None and (sorted(set(numbers)) != list(numbers) or numbers[0] < 1):
        text = ",".join(str(number) for number in numbers)
        yield f"`{name}` is `{text}`; it must increase", f"for instance {example}"
