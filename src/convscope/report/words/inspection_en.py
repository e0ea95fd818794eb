"""The words of the page of what layers answer to, in English."""

from __future__ import annotations

INSPECTION = {
    "kind": "Layers",
    "title": "{name}: what its layers answer to",
    "text": "What the layers answer to in {count} images: {images}.",
    "layer": "layer",
    "columns": {
        "output": "output",
        "zeros": "zeros",
        "dead": "dead",
        "rare": "rare",
        "field": "receptive field",
        "effective": "what counts of it",
    },
    "table_text": "Zeros: share of all values that are exactly 0; after a ReLU about half is "
    "usual. Dead: channels that are 0 at every position of every image. Rare: channels that are "
    "not 0 in less than 1 % of the images. Receptive field: pixels that a value can depend on. "
    "What counts of it: where 95 % of the gradient of the values in the middle lies, along each "
    "axis.",
    "whole": "whole image",
    "unknown": "unknown",
    "zeros": "{share} of the values of its {channels} channels are 0.",
    "dead": "Dead, that is 0 everywhere: {count} ({channels}).",
    "rare": "Active in less than 1 % of the images: {count} ({channels}).",
    "sparsity_alternative": "share of zeros of each channel of {layer}",
    "sparsity_words": {
        "x": "channels, the most active first",
        "y": "values that are 0",
        "channel": "a channel",
        "dead": "dead: 0 everywhere",
        "mean": "mean of all channels",
    },
    "field": "The value in the middle of its maps can see {height} × {width} pixels; 95 % of what "
    "counts, over {images} images, lies in {effective}.",
    "field_alternative": "what the value in the middle of {layer} sees on the first image",
    "field_words": {
        "box": "receptive field",
        "padding": "padding",
        "spread": "95 % of what counts, along each axis",
        "heat": "how much a pixel counts",
    },
    "patches_heading": "What excites its channels most",
    "patches_text": "Each picture is all that one value sees, cut out of an image, the strongest "
    "first; below it is the value. Stripes are padding. Each image gives one picture at most.",
    "no_patches": "Its values see no boxes that follow one step, so no parts of images can be cut "
    "out.",
    "channel": "channel {channel}",
    "channel_zeros": "{share} zeros",
    "patch_alternative": "a part of an image that excites channel {channel}",
    "off": "Off: it is nowhere above 0.",
    "about_heading": "How this page came about",
    "about_text": "The network ran in evaluation mode on images prepared as for any prediction. "
    "Labels were not used.",
    "repeat": "To make it again",
    "written_by": "Written by Convscope {version}",
}
