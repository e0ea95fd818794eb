"""English texts of the pages that are tables: layer tables and comparisons."""

from __future__ import annotations

COMPARISON = {
    "kind": "Comparison",
    "title": "Comparison of {names}",
    "text": "All are compared on the same {count} images: {images}.",
    "recipes_text": "Each recipe is measured by several runs that differ in seed or fold alone.",
    "conclusions": {
        "better": "{better} is better than {worse}.",
        "neither": "The images can't tell {first} and {second} apart.",
        "better_recipe": "{better} has a better recipe than {worse}.",
        "neither_recipe": "The runs can't tell the recipes of {first} and {second} apart.",
    },
    "results_heading": "Results",
    "columns": {
        "name": "classifier",
        "accuracy": "accuracy",
        "interval": "95 % interval",
        "log_loss": "log loss",
        "parameters": "parameters",
        "macs": "MACs",
        "speed": "images/s",
    },
    "recipe_columns": {
        "recipe": "recipe",
        "runs": "runs",
        "accuracy": "mean accuracy",
        "interval": "95 % interval",
        "range": "range",
    },
    "seeds": "{count} seeds",
    "folds": "{count} folds",
    "range": "{low} to {high}",
    "not_recipes": "These classifiers are compared, not their recipes: each training is partly "
    "chance. `--recipes` compares recipes by several runs of each.",
    "differences_heading": "Differences",
    "differences_text": "Accuracy of the second minus that of the first, in percentage points. "
    "Where the interval includes 0, the difference may be chance.",
    "p_text": "p: McNemar's test, adjusted for the number of pairs.",
    "pair_columns": {
        "first": "first",
        "second": "second",
        "difference": "difference",
        "interval": "95 % interval",
        "p": "p",
        "only_first": "only the first right",
        "only_second": "only the second right",
    },
    "difference_labels": {
        "label": "Differences in accuracy with 95 % intervals",
        "x": "difference in accuracy, in percentage points",
        "line": "no difference",
        "apart": "interval excludes it",
        "touching": "interval includes it",
    },
    "curves_heading": "Training curves",
    "curves_text": "Measured on the validation images of each run, which need not be the same.",
    "no_curves": "Classifiers without a run have no curves.",
    "curves": {
        "accuracy": "validation accuracy",
        "loss": "loss",
        "x": "epoch",
        "train": "dashed: train images",
        "best": "best epoch",
    },
    "disagreements_heading": "Images that only one gets right",
    "disagreements_text": "Those come first on which both are most confident.",
    "only": "Only {name} is right, {other} is wrong: {count}",
    "shown_of": "{shown} of {count} are shown.",
    "other_says": "{name}: {predicted}",
    "no_picture": "no picture",
    "about_heading": "Method",
    "repeat": "To create this page again",
    "written_by": "Written by Convscope {version}",
}

SUMMARY = {
    "kind": "Layer table",
    "parameters": "parameters",
    "trainable": "{count} trainable",
    "buffers": "{count} values in buffers",
    "backward": "{count} in the backward pass",
    "made": "computed in the forward pass",
    "saved": "kept for the backward pass",
    "input": "input",
    "mode": {"False": "in evaluation mode", "True": "in training mode"},
    "layers": "Layers",
    "variants": "Variants",
    "checks": "Verification",
    "bars_heading": "Parameters and {unit} by layer",
    "bars_text": "What each layer holds and computes itself, and its share of the whole. Layers "
    "without either are left out.",
    "bars_grouped": "What the modules down to depth {depth} hold and compute, and their share of "
    "the whole; a single bar for each layer would be too many.",
    "terms": {"trainable": "trainable", "buffers": "buffers", "stride": "stride"},
    "glossary_heading": "Glossary",
    "glossary": {
        "layer": "A step of the network. What is indented belongs to the module above it.",
        "kind": "The class of a layer.",
        "output": "Shape of what a layer gives: images x channels x height x width for feature "
        "maps, images x units for vectors.",
        "calls": "How often a layer runs for one batch.",
        "parameters": "Numbers that training changes: the weights and biases. A convolution has "
        "kernels x input channels x kernel height x kernel width of them, and a bias for each "
        "kernel. What several layers share is counted once.",
        "trainable": "Parameters that are not frozen.",
        "buffers": "Numbers that belong to the network but aren't trained by gradients, such as "
        "the running mean and variance of batch normalisation.",
        "MACs": "Multiply-accumulates: one product of a weight and an input, added to a sum. "
        "Counted are those of convolutions and matrix products in one forward pass of the whole "
        "batch, without biases, activations, pooling and normalisation.",
        "FLOPs": "Floating-point operations of one forward pass of the whole batch: two for each "
        "multiply-accumulate of convolutions and matrix products, and one for each operation of "
        "the kinds that were asked for.",
        "backward": "The same in the backward pass of a training step: one product for the "
        "gradient of the weights and one for that of the input, where they are needed.",
        "forward": "Memory of all tensors that one forward pass makes, in millions of bytes. Not "
        "all of them exist at the same time.",
        "saved": "Memory of the tensors that training keeps until the backward pass, in millions "
        "of bytes; without parameters. It grows with the batch size.",
        "field": "Receptive field: height and width of the region of the input, in pixels, that "
        "one value of the output depends on.",
        "jump": "Cumulative stride: how many pixels of the input lie between the receptive fields "
        "of neighbouring values; the product of the strides so far. A dash: no regular grid.",
        "stride": "How many places a kernel or window moves from one output value to the next. "
        "With a stride of 2 the output has half the height and width.",
        "start": "Where in the input the receptive field of the first value begins; negative "
        "where it reaches into the padding.",
        "effective": "Effective receptive field: the height and width in which 95 % of the "
        "gradient lies. It is smaller than the receptive field, as pixels at its border count "
        "little.",
        "Conv2d": "Convolution: slides kernels over feature maps. Each output value is the sum of "
        "a window of the input times a kernel, plus a bias.",
        "Linear": "Dense (fully connected) layer: each output is a weighted sum of all inputs, "
        "plus a bias.",
        "BatchNorm2d": "Batch normalisation: brings each channel to mean 0 and variance 1, then "
        "scales and shifts it by two learned numbers.",
        "LocalResponseNorm": "Local response normalisation: divides each value by the strength "
        "of its neighbouring channels.",
        "ReLU": "Activation: negative values become 0.",
        "ReLU6": "Activation: values are cut off at 0 and at 6.",
        "Sigmoid": "Activation: brings values to 0 to 1 along an S-shaped curve.",
        "Tanh": "Activation: brings values to -1 to 1 along an S-shaped curve.",
        "MaxPool2d": "Max pooling: the largest value of each window.",
        "AvgPool2d": "Mean pooling: the mean of each window.",
        "AdaptiveAvgPool2d": "Mean pooling to an output of fixed size, whatever the input's size.",
        "Dropout": "Sets random values to 0 in training; in evaluation it changes nothing.",
        "Flatten": "Makes one vector of all feature maps.",
        "Identity": "Passes its input on as it is.",
        "Sequential": "Modules that run one after the other.",
        "BasicBlock": "Residual block: two convolutions, to whose output the input is added.",
        "Bottleneck": "Residual block: 1x1, 3x3 and 1x1 convolutions, to whose output the input is "
        "added.",
    },
}

NETWORKS = {"kind": "Layer tables", "title": "Networks side by side"}
