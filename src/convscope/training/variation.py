"""How train images are varied: what a recipe says, and what it gets where it is silent."""

from __future__ import annotations

from dataclasses import fields

from convscope.data.augment.augmentation import Augmentation, default_augmentation
from convscope.data.augment.mixing import Mixing
from convscope.recipe import DecidedRecipe, Recipe, Tune, given_or


def augmentation_of(recipe: DecidedRecipe) -> Augmentation:
    """The augmentation that a recipe describes."""
    names = [
        field.name for field in fields(Augmentation) if field.name in type(recipe).model_fields
    ]
    given = {name: getattr(recipe, name) for name in names}
    return Augmentation(**{name: value for name, value in given.items() if value is not None})


def mixing_of(recipe: DecidedRecipe) -> Mixing | None:
    """How a recipe mixes the images of a batch; None if it doesn't."""
    if not recipe.mixup and not recipe.cutmix:
        return None
    return Mixing(mixup_alpha=recipe.mixup, cutmix_alpha=recipe.cutmix)


def decide_variation(
    recipe: Recipe, *, channels: int, num_train: int, tune: Tune
) -> dict[str, float]:
    """Where the recipe is silent: the usual shifts, unless crops or padding do that already."""
    usual = default_augmentation(channels=channels, num_images=num_train)
    if tune != "all":
        # What the first layers give is computed for a few versions of each image only. Shifted and
        # resized ones did worse than mirrored ones there (hymenoptera's train photos, five folds).
        usual = Augmentation(hflip=usual.hflip)
    moves = not recipe.crop_scale and not recipe.pad_crop
    return {
        "crop_scale": given_or(recipe.crop_scale, 0.0),
        "pad_crop": given_or(recipe.pad_crop, 0),
        "hflip": given_or(recipe.hflip, 0.5 if recipe.flip_mode == "alternating" else usual.hflip),
        "translate": given_or(recipe.translate, usual.translate if moves else 0.0),
        "rotate": given_or(recipe.rotate, usual.rotate),
        "scale": given_or(recipe.scale, usual.scale if moves else 0.0),
        "brightness": given_or(recipe.brightness, usual.brightness),
        "contrast": given_or(recipe.contrast, usual.contrast),
        "saturation": given_or(recipe.saturation, usual.saturation),
    }
