# Made by `make docs` from the public names and what they take; don't edit.
from PIL.Image import Image
from collections.abc import Mapping
from collections.abc import Sequence
from convscope.api.calibrate import CalibrationResult
from convscope.api.check import Checked
from convscope.api.evaluate import EvaluationFiles
from convscope.arithmetic.layer_table import LayerTable
from convscope.classifier import Classifier as Classifier
from convscope.classifier import Prediction as Prediction
from convscope.data.dataset import Dataset
from convscope.data.decoding.content import Decoding
from convscope.data.image_files import image_grid as image_grid
from convscope.data.image_files import save_image as save_image
from convscope.errors import ConvscopeError as ConvscopeError
from convscope.evaluation.compared import Comparison
from convscope.evaluation.compared import RecipeComparison
from convscope.evaluation.evaluate import Evaluation as Evaluation
from convscope.inspection.attribution.class_map import class_map as class_map
from convscope.inspection.explained_image import Explanation
from convscope.inspection.explained_image import ValuePosition
from convscope.inspection.feature_maps.activations import activations as activations
from convscope.inspection.feature_maps.effective_field import effective_field as effective_field
from convscope.inspection.feature_maps.layer_views import Inspection
from convscope.inspection.feature_maps.patches import strongest_patches as strongest_patches
from convscope.inspection.receptive_fields import receptive_field_of as receptive_field_of
from convscope.inspection.values.trace import trace_value as trace_value
from convscope.networks.build import build as build
from convscope.networks.fully_convolutional import to_fully_convolutional as to_fully_convolutional
from convscope.progress import Reporter as Reporter
from convscope.recipe.recipe import Recipe as Recipe
from convscope.run import Run as Run
from convscope.training.autotune.learning_rate_finder import LearningRateSearch
from numpy import uint8
from numpy.typing import NDArray
from os import PathLike
from pathlib import Path
from torch.nn.modules.module import Module
from typing import Any
from typing import Literal
from typing import overload

__version__: str
__all__: list[str]

def calibrate(
    classifier: Run | str | Path,
    data: str | Path | None = None,
    *,
    target_error: float | None = None,
    device: str = 'auto',
    reporter: Reporter = ...,
    max_pixels: int | None = None,
    extra_formats: str | Sequence[str] | None = None,
    allow_damaged: bool | None = None,
    split: str | None = None,
    synonyms: Mapping[str, str] | str | Path | None = None,
    ignore_unknown: bool | None = None,
    workers: int | None = None,
    path_column: str | None = None,
    label_column: str | None = None,
    split_column: str | None = None,
    group: str | None = None,
    exclude: str | None = None,
    class_level: str | None = None,
    zip_encoding: str | None = None,
) -> CalibrationResult: ...

def check(
    data: str | Path | Dataset,
    *,
    run: Run | str | Path | None = None,
    workers: int | None = None,
    download: bool = False,
    output: str | Path | None = None,
    reporter: Reporter = ...,
    path_column: str | None = None,
    label_column: str | None = None,
    split_column: str | None = None,
    group: str | None = None,
    exclude: str | Path | None = None,
    class_level: Literal['first', 'last'] | None = None,
    zip_encoding: str | None = None,
    max_pixels: int = 100000000,
    extra_formats: Sequence[str] | str = ...,
    allow_damaged: bool = False,
    value_range: Sequence[float] | str | None = None,
    img_size: str | int | None = None,
    fit: Literal['crop', 'pad', 'stretch'] | None = None,
    language: str = 'en',
) -> Checked: ...

def compare(
    *classifiers: Classifier | Run | str | Path | list[Any],
    data: str | Path | None = None,
    device: str = 'auto',
    output: str | Path | None = None,
    reporter: Reporter = ...,
    language: str = 'en',
    max_pixels: int | None = None,
    extra_formats: str | Sequence[str] | None = None,
    allow_damaged: bool | None = None,
    split: str | None = None,
    synonyms: Mapping[str, str] | str | Path | None = None,
    ignore_unknown: bool | None = None,
    workers: int | None = None,
    path_column: str | None = None,
    label_column: str | None = None,
    split_column: str | None = None,
    group: str | None = None,
    exclude: str | None = None,
    class_level: str | None = None,
    zip_encoding: str | None = None,
) -> Comparison: ...

def compare_recipes(
    *runs: Run | str | Path | list[Any],
    output: str | Path | None = None,
    language: str = 'en',
) -> RecipeComparison: ...

def evaluate(
    classifier: Classifier | Run | str | Path,
    data: str | Path | None = None,
    *,
    tta: str | None = None,
    min_confidence: float | None = None,
    device: str = 'auto',
    output: str | Path | None = None,
    reporter: Reporter = ...,
    language: str = 'en',
    max_pixels: int | None = None,
    extra_formats: str | Sequence[str] | None = None,
    allow_damaged: bool | None = None,
    split: str | None = None,
    synonyms: Mapping[str, str] | str | Path | None = None,
    ignore_unknown: bool | None = None,
    workers: int | None = None,
    path_column: str | None = None,
    label_column: str | None = None,
    split_column: str | None = None,
    group: str | None = None,
    exclude: str | None = None,
    class_level: str | None = None,
    zip_encoding: str | None = None,
) -> Evaluation: ...

@overload
def explain(
    classifier: Classifier | Run | str | Path,
    images: str | PathLike[str] | bytes | Image | NDArray[uint8],
    *,
    decoding: Decoding = ...,
    device: str = 'auto',
    output: str | Path | None = None,
    reporter: Reporter = ...,
    unreadable: list[str] | None = None,
    language: str = 'en',
    top: int = 3,
    target: str | None = None,
    against: str | None = None,
    method: str = 'grad-cam',
    layer: str | None = None,
    value: ValuePosition | str | None = None,
    slide: tuple[int, int] | None = None,
    draws: int = 20,
    steps: int = 12,
) -> Explanation: ...

@overload
def explain(
    classifier: Classifier | Run | str | Path,
    images: list[str | PathLike[str] | bytes | Image | NDArray[uint8]] | tuple[str | PathLike[str] | bytes | Image | NDArray[uint8], ...],
    *,
    decoding: Decoding = ...,
    device: str = 'auto',
    output: str | Path | None = None,
    reporter: Reporter = ...,
    unreadable: list[str] | None = None,
    language: str = 'en',
    top: int = 3,
    target: str | None = None,
    against: str | None = None,
    method: str = 'grad-cam',
    layer: str | None = None,
    value: ValuePosition | str | None = None,
    slide: tuple[int, int] | None = None,
    draws: int = 20,
    steps: int = 12,
) -> list[Explanation]: ...

def find_learning_rate(
    data: str | Path,
    *,
    workers: int | None = None,
    download: bool = False,
    reporter: Reporter = ...,
    path_column: str | None = None,
    label_column: str | None = None,
    split_column: str | None = None,
    group: str | None = None,
    class_level: Literal['first', 'last'] | None = None,
    zip_encoding: str | None = None,
    exclude: str | Path | None = None,
    splits: str | Path | None = None,
    folds: int | None = None,
    fold: int = 0,
    img_size: str | int | None = None,
    fit: Literal['crop', 'pad', 'stretch'] | None = None,
    max_pixels: int = 100000000,
    value_range: Sequence[float] | str | None = None,
    extra_formats: Sequence[str] | str = ...,
    allow_damaged: bool = False,
    model: str | None = None,
    options: dict[str, Any] = ...,
    dropout: float | None = None,
    drop_path: float | None = None,
    initialization: Literal['kaiming', 'kaiming_fan_out', 'xavier', 'lecun', 'notes', 'normal', 'dirac', 'pytorch'] | None = None,
    weights: str | Path | None = None,
    continues: str | Path | None = None,
    tune: Literal['all', 'dense', 'head', 'auto'] | None = None,
    head_epochs: int | None = None,
    unfreeze_epochs: float | None = None,
    layer_decay: float | None = None,
    feature_views: int | None = None,
    epochs: int | None = None,
    time: str | None = None,
    epochs_cut: str | None = None,
    batch_size: int | Literal['auto'] | None = None,
    accumulate: int = 1,
    sampler: Literal['shuffle', 'balanced'] = 'shuffle',
    train_sizes: Sequence[int] | str | None = None,
    patience: int | None = None,
    sync_batch_norm: bool = False,
    deterministic: bool = False,
    seed: int = 0,
    device: str = 'auto',
    precision: Literal['auto', 'float32', 'bfloat16'] = 'auto',
    memory_format: Literal['auto', 'channels_last', 'contiguous'] = 'auto',
    opt: Literal['sgd', 'asgd', 'adadelta', 'adagrad', 'adam', 'adamw', 'adamax', 'rmsprop', 'rprop', 'lbfgs', 'muon'] | None = None,
    lr: float | Literal['auto'] | None = None,
    momentum: float | None = None,
    betas: Sequence[float] | str | None = None,
    eps: float | None = None,
    weight_decay: float | None = None,
    bias_decay: float | None = None,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    ema: float | None = None,
    sched: Literal['constant', 'step', 'multi-step', 'exponential', 'plateau', 'cosine', 'one-cycle'] | None = None,
    warmup_epochs: float | None = None,
    step_epochs: int | None = None,
    milestones: Sequence[int] | str | None = None,
    gamma: float | None = None,
    plateau_epochs: int | None = None,
    final_lr: float | None = None,
    loss: Literal['cross-entropy', 'bce', 'focal'] = 'cross-entropy',
    focal_gamma: float | None = None,
    class_weights: Literal['none', 'balanced', 'sqrt'] = 'none',
    class_weight: dict[str, float] = ...,
    label_smoothing: float | None = None,
    auxiliary_weight: float | None = None,
    crop_scale: float | None = None,
    pad_crop: int | None = None,
    hflip: float | None = None,
    vflip: float = 0.0,
    flip_mode: Literal['random', 'alternating'] = 'random',
    translate: float | None = None,
    rotate: float | None = None,
    scale: float | None = None,
    brightness: float | None = None,
    contrast: float | None = None,
    saturation: float | None = None,
    hue: float = 0.0,
    grey: float = 0.0,
    blur: float = 0.0,
    erase: float = 0.0,
    policy: Literal['none', 'randaugment', 'trivialaugment'] = 'none',
    policy_ops: int | None = None,
    policy_magnitude: int | None = None,
    mixup: float = 0.0,
    cutmix: float = 0.0,
) -> LearningRateSearch: ...

def inspect(
    classifier: Classifier | Run | str | Path,
    data: str | Path | None = None,
    *,
    num_images: int = 1000,
    device: str = 'auto',
    output: str | Path | None = None,
    reporter: Reporter = ...,
    language: str = 'en',
    max_pixels: int | None = None,
    extra_formats: str | Sequence[str] | None = None,
    allow_damaged: bool | None = None,
    split: str | None = None,
    synonyms: Mapping[str, str] | str | Path | None = None,
    ignore_unknown: bool | None = None,
    workers: int | None = None,
    path_column: str | None = None,
    label_column: str | None = None,
    split_column: str | None = None,
    group: str | None = None,
    exclude: str | None = None,
    class_level: str | None = None,
    zip_encoding: str | None = None,
    layers: Sequence[str] = ...,
    channels: Sequence[int] = ...,
    count: int = 8,
) -> Inspection: ...

def load(path: str | Path, *, device: str = 'auto') -> Classifier: ...

def open_dataset(
    path: str | Path,
    *,
    download: bool = False,
    path_column: str | None = None,
    label_column: str | None = None,
    split_column: str | None = None,
    group_column: str | None = None,
    class_level: Literal['first', 'last'] | None = None,
    zip_encoding: str | None = None,
    extra_formats: Sequence[str] = ...,
) -> Dataset: ...

def save_figures(
    evaluation: Evaluation,
    output: str | Path,
    *,
    run: Run | str | Path | None = None,
    language: str = 'en',
) -> list[Path]: ...

def summarize(
    network: Module | Classifier | str | Path,
    *,
    input_shape: tuple[int, int, int] | None = None,
    num_classes: int | None = None,
    batch_size: int = 1,
    training: bool = False,
    auxiliary_heads: bool = False,
    output: str | Path | None = None,
    language: str = 'en',
    **options: Any,
) -> LayerTable: ...

def train(
    data: str | Path | None = None,
    *,
    project: str | Path = 'runs',
    name: str | None = None,
    language: str = 'en',
    reporter: Reporter = ...,
    path_column: str | None = None,
    label_column: str | None = None,
    split_column: str | None = None,
    group: str | None = None,
    class_level: Literal['first', 'last'] | None = None,
    zip_encoding: str | None = None,
    exclude: str | Path | None = None,
    splits: str | Path | None = None,
    folds: int | None = None,
    fold: int = 0,
    img_size: str | int | None = None,
    fit: Literal['crop', 'pad', 'stretch'] | None = None,
    max_pixels: int = 100000000,
    value_range: Sequence[float] | str | None = None,
    extra_formats: Sequence[str] | str = ...,
    allow_damaged: bool = False,
    model: str | None = None,
    options: dict[str, Any] = ...,
    dropout: float | None = None,
    drop_path: float | None = None,
    initialization: Literal['kaiming', 'kaiming_fan_out', 'xavier', 'lecun', 'notes', 'normal', 'dirac', 'pytorch'] | None = None,
    weights: str | Path | None = None,
    continues: str | Path | None = None,
    tune: Literal['all', 'dense', 'head', 'auto'] | None = None,
    head_epochs: int | None = None,
    unfreeze_epochs: float | None = None,
    layer_decay: float | None = None,
    feature_views: int | None = None,
    epochs: int | None = None,
    time: str | None = None,
    epochs_cut: str | None = None,
    batch_size: int | Literal['auto'] | None = None,
    accumulate: int = 1,
    sampler: Literal['shuffle', 'balanced'] = 'shuffle',
    train_sizes: Sequence[int] | str | None = None,
    patience: int | None = None,
    sync_batch_norm: bool = False,
    deterministic: bool = False,
    seed: int = 0,
    device: str = 'auto',
    precision: Literal['auto', 'float32', 'bfloat16'] = 'auto',
    memory_format: Literal['auto', 'channels_last', 'contiguous'] = 'auto',
    opt: Literal['sgd', 'asgd', 'adadelta', 'adagrad', 'adam', 'adamw', 'adamax', 'rmsprop', 'rprop', 'lbfgs', 'muon'] | None = None,
    lr: float | Literal['auto'] | None = None,
    momentum: float | None = None,
    betas: Sequence[float] | str | None = None,
    eps: float | None = None,
    weight_decay: float | None = None,
    bias_decay: float | None = None,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    ema: float | None = None,
    sched: Literal['constant', 'step', 'multi-step', 'exponential', 'plateau', 'cosine', 'one-cycle'] | None = None,
    warmup_epochs: float | None = None,
    step_epochs: int | None = None,
    milestones: Sequence[int] | str | None = None,
    gamma: float | None = None,
    plateau_epochs: int | None = None,
    final_lr: float | None = None,
    loss: Literal['cross-entropy', 'bce', 'focal'] = 'cross-entropy',
    focal_gamma: float | None = None,
    class_weights: Literal['none', 'balanced', 'sqrt'] = 'none',
    class_weight: dict[str, float] = ...,
    label_smoothing: float | None = None,
    auxiliary_weight: float | None = None,
    crop_scale: float | None = None,
    pad_crop: int | None = None,
    hflip: float | None = None,
    vflip: float = 0.0,
    flip_mode: Literal['random', 'alternating'] = 'random',
    translate: float | None = None,
    rotate: float | None = None,
    scale: float | None = None,
    brightness: float | None = None,
    contrast: float | None = None,
    saturation: float | None = None,
    hue: float = 0.0,
    grey: float = 0.0,
    blur: float = 0.0,
    erase: float = 0.0,
    policy: Literal['none', 'randaugment', 'trivialaugment'] = 'none',
    policy_ops: int | None = None,
    policy_magnitude: int | None = None,
    mixup: float = 0.0,
    cutmix: float = 0.0,
    workers: int | None = None,
    download: bool = False,
    show_batch: str | Path | None = None,
    log_steps: bool = False,
    profile: bool = False,
    checkpoint_every: str | int | None = None,
    fresh: bool = False,
    allow_change: bool = False,
) -> Run: ...

def write_comparison(
    found: Comparison | RecipeComparison,
    output: str | Path,
    *,
    language: str = 'en',
    command: str | None = None,
) -> Path: ...

def write_evaluation(
    evaluation: Evaluation,
    output: str | Path,
    *,
    run: Run | str | Path | None = None,
    language: str = 'en',
    command: str | None = None,
) -> EvaluationFiles: ...
