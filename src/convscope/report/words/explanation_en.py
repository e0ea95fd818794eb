"""The words of the page that explains one image, and of the page of several, in English."""

from __future__ import annotations

EXPLANATION = {
    "kind": "Explanation",
    "title": "{image}: {label}, {probability}",
    "verdict": "The classifier {name} takes this image for {label}, with a probability of "
    "{probability}.",
    "verdict_unsure": "The classifier {name} is unsure: it finds {label} most probable, with "
    "{probability}, which is below its threshold of {threshold}.",
    "probabilities": "The most probable classes",
    "class": "class",
    "probability": "probability",
    "seen": "what the network sees",
    "seen_alternative": "the image as the network gets it",
    "map_alternative": "the image, coloured where it speaks for {target}",
    "rather": "{target} rather than {against}",
    "maps_heading": "What speaks for each class",
    "maps_heading_one": "What speaks for {target}",
    "maps_heading_against": "What speaks for {target} rather than {against}",
    "colours": "Orange speaks for the class, blue against it; the strongest colour marks each "
    "map's own largest hundredth.",
    "colours_for": "Orange speaks for the class; the strongest orange marks each map's own largest "
    "hundredth.",
    "methods": {
        "grad-cam": "Grad-CAM: the last feature maps, each weighed by how much the class grows "
        "with it.",
        "guided-backprop": "Guided backpropagation: how much the class changes with each pixel, "
        "along positive ways only. It shows edges that the network sees, often the same ones for "
        "all classes.",
        "integrated-gradients": "Integrated gradients: how much of the class's score each pixel "
        "brings, on the way from an image of the mean colour to this one.",
        "occlusion": "Occlusion: how much the class loses when a window around a pixel is blurred.",
    },
    "layer_chosen": "Weighed are the {channels} maps of {height}×{width} that `{layer}` gives: "
    "what the last convolution before the head found.",
    "layer_given": "Weighed are the {channels} maps of {height}×{width} that `{layer}` gives.",
    "verdicts": {
        "better": "better than random",
        "perhaps": "perhaps luck",
        "no better": "no better than random",
        "zero": "zero everywhere",
        "untold": "can't be judged",
    },
    "verdict_texts": {
        "better": "{as_good} of {draws} random maps do as well.",
        "perhaps": "{as_good} of {draws} random maps do as well.",
        "few": "None of {draws} random maps does as well, but so few can't tell it from luck.",
        "no better": "{as_good} of {draws} random maps do as well: don't believe it.",
        "zero": "Nothing in these feature maps speaks for this class.",
        "untold": "Blurring the whole image doesn't take this class away, so blurring parts tells "
        "nothing.",
    },
    "faithful_heading": "Are the maps true?",
    "faithful_text": "The pixels that a map calls most important are blurred first, in {steps} "
    "steps. If the map is true, the class falls faster than by {draws} random maps that are as "
    "smooth: by that it is judged. It should come back faster, too, when these pixels are put back "
    "first. An area is the mean "
    "score on the way, between the whole image and the blurred one. The blur has a standard "
    "deviation of {blur} of the image's shorter side: the least of three that takes the first "
    "class away, if one does. The picture shows {target}.",
    "score": "The score is the class's probability.",
    "score_against": "The score is the class's share of the probability of both classes.",
    "deletion": "taken away (lower is better)",
    "insertion": "put back (higher is better)",
    "by_map": "map",
    "by_random": "random",
    "as_good": "random maps as good",
    "curves": {
        "title": "How fast the class goes and comes back",
        "label": "Score of the class while pixels are taken away and put back, by the map and at "
        "random",
        "taken": "taken away, most important first",
        "put_back": "put back, most important first",
        "share": "Share of the pixels",
        "score": "Score",
        "own": "by the map",
        "random": "by random maps",
    },
    "class_map_heading": "Where {target} is seen",
    "class_map_text": "The classifier slides over the image, prepared to {height}×{width}: "
    "{rows}×{columns} places, each of which answers for {window_height}×{window_width} pixels, "
    "{down} down and {right} across from the next.",
    "class_map_words": {
        "label": "how probable {target} is at each place of the image",
        "scale": "probability of {target}",
        "window": "what one place answers for",
    },
    "stages_heading": "What each stage makes of it",
    "stages_text": "Of each size of map, what the last layer gives: the maps with the largest "
    "values first. Below each stand its channel and its largest value. The frame is all that the "
    "strongest of all values can see.",
    "stage": "{shown} of {channels} maps of {height}×{width}; the largest value is {largest}, in "
    "channel {channel}",
    "field": "It sees {height}×{width} pixels, {share} of the image.",
    "field_whole": "It can see the whole image.",
    "no_field": "Its values have no receptive field that is a box.",
    "stage_alternative": "the strongest feature maps of {layer}",
    "field_alternative": "what the strongest value of {layer} sees",
    "kernels_heading": "The first kernels",
    "kernels_text": "What the first convolution looks for, {count} kernels of {height}×{width}.",
    "map_words": {
        "own": "activation, colours for each map by itself",
        "lowest": "below 0",
        "highest": "the map's largest",
    },
    "kernel_words": {
        "weight": "weight, the same colours for all kernels",
        "nothing": "weight 0; brighter is positive, each kernel by itself",
    },
    "kernels_alternative": "the kernels of the first convolution",
    "value_heading": "The arithmetic of one value",
    "value_holds": "Every term of it; each step's sum equals what the network computed.",
    "value_fails": "Every term of it; some sums do NOT equal what the network computed.",
    "about_heading": "How this was made",
    "preprocessing": "Preprocessing",
    "repeat": "This makes it again",
    "written_by": "Written by Convscope {version}",
}

EXPLANATIONS = {
    "kind": "Explanations",
    "title": "{name}: {count} images explained",
    "heading": "{name}",
    "text": "{count} images. Each picture shows what speaks for the predicted class; it leads to "
    "the image's own page.",
    "doubtful": "Maps that are not clearly better than random ones: {count}.",
    "alternative": "{image}, coloured where it speaks for {label}",
    "written_by": "Written by Convscope {version}",
}
