"""The words of documents, by language and template; findings bring their own.

A second language is a second table with the same keys.
"""

from __future__ import annotations

ENGLISH = {
    "check": {
        "kind": "data check",
        "title": "Check of {name}",
        "images": "images",
        "classes": "classes",
        "unreadable": "unreadable",
        "per_thousand": "s per 1,000 images",
        "findings": "What was found",
        "severities": {"error": "error", "warning": "warning", "note": "note"},
        "nothing": "No finding. Neither damage, copies, leaks nor anything odd was noticed.",
        "contents": "In short",
        "excluded": "left out",
        "all_of_them": "All {count} by name",
        "first_of_them": "The first {shown} of {count} by name; exclude.csv has all",
        "shown_groups": "{shown} of {count} groups are shown.",
        "shown_images": "{shown} of {count} are shown.",
        "more_in_group": "and {count} more",
        "no_picture": "no picture",
        "classes_heading": "Classes",
        "class": "class",
        "class_caption": "Readable images of each class{where}.",
        "by_split": " in each split",
        "all": "all",
        "share": "share",
        "sum": "sum",
        "between": "{count} classes in between, with {low} to {high} images each",
        "effective": "As varied as {effective} classes of equal size (there are {count}).",
        "sizes_heading": "Sizes",
        "all_same_size": "All images are {width} px wide and {height} px high.",
        "shorter": "shorter side, px",
        "aspect": "width / height",
        "spread": "half of the images lie between {low} and {high}, the median is {median}",
        "logarithmic": "logarithmic scale",
        "formats": "File formats",
        "modes": "Colour modes",
        "fit_heading": "What the network sees",
        "fit_crop": "With --fit crop at {size} px, the shorter side is resized and the centre cut "
        "out. Typically {median} of an image is cut off, at most {most}.",
        "fit_nothing": "With --fit crop at {size} px, nothing is cut off: the images have "
        "that shape.",
        "fit_pad": "With --fit pad at {size} px, nothing is cut off: black borders fill "
        "the square.",
        "fit_stretch": "With --fit stretch at {size} px, nothing is cut off: the aspect ratio "
        "changes.",
        "enlarged": "{share} of the images are smaller than that and are enlarged.",
        "cut_share": "{share} is cut off",
        "original": "the image; the frame is what is kept",
        "seen": "what the network sees",
        "samples_heading": "Samples",
        "samples_text": "Drawn at random from each class, by a rule that draws the same ones each "
        "time.",
        "more_classes": "{count} more classes are not shown.",
        "method_heading": "How this was checked",
        "method_reading": "Every image was decoded in full by the decoder that training and "
        "prediction use.",
        "method_exact": "Exact duplicates have the same decoded pixels, whatever the file's format "
        "or name.",
        "method_near": "Near-duplicates: {words}.",
        "method_labels": "Labels: {words}.",
        "method_appearance": "Pictures are called dark, light, flat or blurry only if they are so "
        "in themselves and unlike the others here.",
        "method_limits": "A check finds what it looks for. That nothing is found does not prove "
        "that labels are right or that the images are like those of later use.",
        "took": "Time",
        "part": "part",
        "seconds": "seconds",
        "again": "To repeat it",
        "exclude_hint": "To train without the images marked “left out” (edit exclude.csv first if "
        "you disagree)",
        "written_by": "Written by convscope {version}. This page needs no network and sends "
        "nothing.",
    }
}

WORDS = {"en": ENGLISH}
