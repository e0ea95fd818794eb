"""English texts of all pages but the report on an evaluation; findings have their own texts."""

from __future__ import annotations

SHARED = {"contents": "Contents", "enlarge": "enlarge, or make small again"}

EXPLANATION = {
    "kind": "Explanation",
    "title": "{image}: {label}, {probability}",
    "verdict": "The classifier {name} predicts {label} for this image, with a probability of "
    "{probability}.",
    "verdict_unsure": "The classifier {name} is unsure: the most probable class is {label}, with "
    "{probability}, which is below its threshold of {threshold}.",
    "probabilities": "The most probable classes",
    "class": "class",
    "probability": "probability",
    "seen": "network input",
    "seen_alternative": "the image as the network gets it",
    "map_alternative": "the image with the attribution map for {target}",
    "rather": "{target} rather than {against}",
    "maps_heading": "Attribution for each class",
    "maps_heading_one": "Attribution for {target}",
    "maps_heading_against": "Attribution for {target} rather than {against}",
    "colours": "Orange is evidence for the class, blue against it; the strongest colour marks the "
    "largest 1 % of each map.",
    "colours_for": "Orange is evidence for the class; the strongest orange marks the largest 1 % "
    "of each map.",
    "methods": {
        "grad-cam": "Grad-CAM: the last feature maps, each weighted by the gradient of the class's "
        "score.",
        "guided-backprop": "Guided backpropagation: the gradient of the class's score at each "
        "pixel, along positive paths only. It shows edges that the network sees, often the same "
        "ones for all classes.",
        "integrated-gradients": "Integrated gradients: how much each pixel adds to the class's "
        "score, on the path from an image of the mean colour to this one.",
        "occlusion": "Occlusion: how much the class's score drops when a window around a pixel is "
        "blurred.",
    },
    "layer_chosen": "Weighted are the {channels} maps of {height}×{width} of `{layer}`: the output "
    "of the last convolution before the head.",
    "layer_given": "Weighted are the {channels} maps of {height}×{width} of `{layer}`.",
    "verdicts": {
        "better": "better than random",
        "perhaps": "may be chance",
        "no better": "no better than random",
        "zero": "zero everywhere",
        "untold": "can't be judged",
    },
    "verdict_texts": {
        "better": "{as_good} of {draws} random maps are as good.",
        "perhaps": "{as_good} of {draws} random maps are as good.",
        "few": "None of {draws} random maps is as good, but so few can't exclude chance.",
        "no better": "{as_good} of {draws} random maps are as good: don't trust it.",
        "zero": "Nothing in these feature maps is evidence for this class.",
        "untold": "Blurring the whole image doesn't lower this class's score, so blurring parts "
        "says nothing.",
    },
    "faithful_heading": "Faithfulness of the maps",
    "faithful_text": "Deletion blurs the pixels that a map ranks highest first, in {steps} steps; "
    "insertion restores them in the same order. If the map is faithful, the score falls faster "
    "than with {draws} random maps of the same smoothness: by that it is judged. It should also "
    "rise faster when the pixels are restored. An area is the mean score along the way, between "
    "the whole image and the blurred one. The blur has a standard deviation of {blur} of the "
    "image's shorter side: the least of three at which the first class is no longer predicted, if "
    "there is one. The figure shows {target}.",
    "score": "The score is the class's probability.",
    "score_against": "The score is the class's share of the probability of both classes.",
    "deletion": "deletion (lower is better)",
    "insertion": "insertion (higher is better)",
    "by_map": "map",
    "by_random": "random",
    "as_good": "random maps as good",
    "curves": {
        "label": "Score of the class during deletion and insertion, by the map and by random maps",
        "taken": "deletion, most important pixels first",
        "put_back": "insertion, most important pixels first",
        "share": "Fraction of the pixels",
        "score": "Score",
        "own": "by the map",
        "random": "by random maps",
    },
    "class_map_heading": "Where {target} is predicted",
    "class_map_text": "The classifier slides over the image, resized to {height}×{width}: "
    "{rows}×{columns} positions, each of which classifies {window_height}×{window_width} pixels, "
    "{down} down and {right} across from the next.",
    "class_map_labels": {
        "label": "probability of {target} at each position in the image",
        "scale": "probability of {target}",
        "window": "window of one position",
    },
    "stages_heading": "Feature maps by stage",
    "stages_text": "The output of the last layer at each size of feature map: the maps with the "
    "largest values first. Below each are its channel and its largest value. The frame is the "
    "receptive field of the largest value.",
    "stage": "{shown} of {channels} maps of {height}×{width}; the largest value is {largest}, in "
    "channel {channel}",
    "field": "Its receptive field is {height}×{width} pixels, {share} of the image.",
    "field_whole": "Its receptive field is the whole image.",
    "no_field": "It has no rectangular receptive field.",
    "stage_alternative": "the feature maps of {layer} with the largest values",
    "field_alternative": "the receptive field of the largest value of {layer}",
    "kernels_heading": "Kernels of the first convolution",
    "kernels_text": "{count} kernels of {height}×{width}.",
    "map_labels": {
        "own": "activation, colours scaled for each map",
        "lowest": "below 0",
        "highest": "the map's maximum",
    },
    "kernel_labels": {
        "weight": "weight, the same colours for all kernels",
        "nothing": "weight 0; brighter is positive, scaled for each kernel",
    },
    "kernels_alternative": "the kernels of the first convolution",
    "value_heading": "The arithmetic of one value",
    "value_holds": "Each step is computed again from its terms, and equals what the network "
    "computed.",
    "value_fails": "Each step is computed again from its terms; some do NOT equal what the network "
    "computed.",
    "value_read": "The last operation comes first. Numbers in grids are rounded, sums are of "
    "unrounded products; blue is above 0, orange below, each grid's darkest is its layer's "
    "largest. Row and column numbers are those of the input; striped places are padding.",
    "arithmetic": {
        "deviation": "The largest difference is {deviation} of the sum of absolute terms; "
        "rounding explains up to {tolerance}.",
        "unit": "unit {0}",
        "channel_row_column": "channel {0}, row {1}, column {2}",
        "channel": "input channel {0}",
        "grids": {
            "product": {
                "window": "input",
                "kernel": "kernel",
                "product": "product",
            },
            "choice": {"window": "input; framed is what was taken"},
        },
        "other_channels": "the {count} other input channels together",
        "other_terms": "the {count} other inputs together",
        "beyond": "{count} more terms{sum} are not on this page, which shows {most} at most to "
        "stay below 5 MB; `--json` prints all.",
        "beyond_sum": " (together {sum})",
        "input": "input",
        "value": "its value",
        "weight": "weight",
        "term": "term",
        "padding": "padding",
        "sum": "sum",
        "added": {"bias": "bias", "shift": "shift c"},
        "branch": "it is the input number {number} of those that are joined",
        "kinds": {
            "convolution": "convolution",
            "dense": "dense layer",
            "max pooling": "max pooling",
            "mean pooling": "mean pooling",
            "batch normalisation": "batch normalisation",
            "layer normalisation": "layer normalisation",
            "group normalisation": "group normalisation",
            "addition": "addition",
            "difference": "difference",
            "product": "product",
            "quotient": "quotient",
            "function": "activation or other function",
            "concatenation": "concatenation",
            "softmax": "softmax",
            "sum": "sum",
            "maximum": "maximum",
            "minimum": "minimum",
            "image": "the image",
            "padding": "padding",
            "constant": "a constant",
            "value of an earlier layer": "value of an earlier layer",
        },
    },
    "about_heading": "Method",
    "preprocessing": "Preprocessing",
    "repeat": "To create this page again",
    "written_by": "Written by Convscope {version}",
}

EXPLANATIONS = {
    "kind": "Explanations",
    "title": "{name}: {count} images explained",
    "heading": "{name}",
    "text": "{count} images. Each picture shows the attribution for the predicted class; it links "
    "to the image's own page.",
    "doubtful": "Maps that are not clearly better than random ones: {count}.",
    "alternative": "{image}, with the attribution map for {label}",
    "written_by": "Written by Convscope {version}",
}

INSPECTION = {
    "kind": "Layers",
    "title": "{name}: what its layers respond to",
    "text": "What the layers respond to in {count} images: {images}.",
    "layer": "layer",
    "type": "type",
    "columns": {
        "output": "output",
        "zeros": "zeros",
        "dead": "dead",
        "rare": "rarely active",
        "field": "receptive field",
        "effective": "effective field",
    },
    "table_text": "Zeros: fraction of values that are exactly 0; after a ReLU about half is "
    "normal. Dead: channels that are 0 at every position of every image. Rarely active: channels "
    "that are not 0 in less than 1 % of the images. Receptive field: pixels that a value can "
    "depend on. Effective field: where 95 % of the gradient of the values in the middle lies, "
    "along each axis.",
    "whole": "whole image",
    "unknown": "unknown",
    "zeros": "{share} of the values of its {channels} channels are 0.",
    "dead": "Dead channels, 0 everywhere: {count} ({channels}).",
    "rare": "Active in less than 1 % of the images: {count} ({channels}).",
    "sparsity_alternative": "fraction of zeros of each channel of {layer}",
    "sparsity_labels": {
        "x": "channels, the most active first",
        "y": "fraction of zeros",
        "channel": "a channel",
        "dead": "dead: 0 everywhere",
        "mean": "mean of all channels",
    },
    "field": "The receptive field of the value in the middle of its maps is {height} × {width} "
    "pixels; the effective field, 95 % of the gradient over {images} images, is {effective}.",
    "field_alternative": "receptive field of the value in the middle of {layer}, on the first "
    "image",
    "field_labels": {
        "box": "receptive field",
        "padding": "padding",
        "spread": "effective field: 95 % of the gradient, along each axis",
        "heat": "gradient of each pixel",
    },
    "patches_heading": "Patches that activate its channels most",
    "patches_text": "Each picture is the receptive field of one value, cut out of an image, the "
    "largest value first; the value and the image's class are below. Stripes are padding. Each "
    "image gives at most one picture. The kernel is that of the convolution behind the channel: "
    "blue is above 0, brown below; a kernel on colour images is shown in the colours that excite "
    "it.",
    "no_patches": "Its values have no receptive fields on a regular grid, so no patches can be cut "
    "out.",
    "channel": "channel {channel}",
    "channel_zeros": "{share} zeros",
    "kernel": "Kernel {number} of `{layer}`, {height}×{width}.",
    "kernel_slices": "The {shown} of {channels} input channels with the largest weights:",
    "kernel_alternative": "kernel {number}: blue is above 0, brown below",
    "slice": "{channel}",
    "patch_alternative": "an image patch that activates channel {channel}",
    "off": "Inactive: it is nowhere above 0.",
    "about_heading": "Method",
    "about_text": "The network ran in evaluation mode on images preprocessed as for any "
    "prediction. Labels stand below pictures, and were not used else.",
    "repeat": "To create this page again",
    "written_by": "Written by Convscope {version}",
}

CHECK = {
    "kind": "data check",
    "title": "Check of {name}",
    "images": "images",
    "classes": "classes",
    "unreadable": "unreadable",
    "per_thousand": "s per 1,000 images",
    "findings": "Findings",
    "severities": {"error": "error", "warning": "warning", "note": "note"},
    "excluded": "excluded",
    "all_of_them": "All {count} by name",
    "more_details": "And {count} more; `convscope check --json` has all",
    "first_of_them": "The first {shown} of {count} by name; exclude.csv has all",
    "shown_groups": "{shown} of {count} groups are shown.",
    "more_in_group": "and {count} more",
    "no_picture": "no picture",
    "classes_heading": "Classes",
    "class": "class",
    "class_caption": "Readable images of each class{where}.",
    "by_split": " in each split that the data came with",
    "all": "all",
    "share": "share",
    "sum": "sum",
    "between": "{count} classes in between, with {low} to {high} images each",
    "effective": "Effective number of classes: {effective} (of {count}).",
    "sizes_heading": "Sizes",
    "all_same_size": "All images are {width} px wide and {height} px high.",
    "shorter": "shorter side, px",
    "aspect": "width / height",
    "spread": "half of the images are between {low} and {high}, the median is {median}",
    "logarithmic": "logarithmic scale",
    "formats": "File formats",
    "modes": "Colour modes",
    "fit_heading": "Network input",
    "fit_crop": "With --fit crop at {size} px, the shorter side is resized and the centre is "
    "cropped. The median fraction cut off an image is {median}, the largest {most}.",
    "fit_nothing": "With --fit crop at {size} px, nothing is cut off: the images have that shape.",
    "fit_pad": "With --fit pad at {size} px, nothing is cut off: black borders fill the square.",
    "fit_stretch": "With --fit stretch at {size} px, nothing is cut off: the aspect ratio changes.",
    "enlarged": "{share} of the images are smaller than that and are enlarged.",
    "cut_share": "{share} is cut off",
    "original": "the image; the frame is what is kept",
    "seen": "network input",
    "samples_heading": "Samples",
    "samples_text": "Drawn at random from each class, with a fixed seed.",
    "more_classes": "{count} more classes are not shown.",
    "method_heading": "Method",
    "method_reading": "Every image was decoded in full by the decoder that training and "
    "prediction use.",
    "method_exact": "Exact duplicates have the same decoded pixels, whatever the file's format "
    "or name.",
    "method_near": "Near-duplicates: {description}.",
    "method_appearance": "Images are called dark, light, flat or blurry only if they are so in "
    "absolute terms and unlike the others here.",
    "method_limits": "A check finds what it looks for. No findings don't prove that labels are "
    "right or that the images are like those in production.",
    "took": "Time",
    "part": "step",
    "seconds": "seconds",
    "again": "To repeat the check",
    "train_hint": "To train, on {images}:",
    "train_without": "To train without the images marked “excluded” (edit exclude.csv first if you "
    "disagree), on {images}:",
    "written_by": "Written by convscope {version}. This page needs no network and sends nothing.",
}
