"""The texts of findings, apart from the detectors, so that a second language can be added.

Braces are filled with values by the detector.
"""

from __future__ import annotations

from typing import NamedTuple


class FindingMessages(NamedTuple):
    """The texts of one kind of finding."""

    title: str
    sentence: str
    advice: str


FINDINGS: dict[str, FindingMessages] = {
    "unreadable": FindingMessages(
        "unreadable files",
        "They can't be decoded, so that a network can be neither trained nor tested on them.",
        "Repair or delete them. Training leaves them out, and refuses where they are more than 5 % "
        "of all and `--allow-damaged` isn't given.",
    ),
    "truncated": FindingMessages(
        "truncated images",
        "Their files end early; what is missing is a flat area that no camera took.",
        "Get them again from where they came, or leave them out.",
    ),
    "label_conflict": FindingMessages(
        "same picture, different labels",
        "The same pixels carry different labels, so that at most one of them is right.",
        "Decide which label is right; until then all copies should be left out.",
    ),
    "exact_leak": FindingMessages(
        "same picture in several splits",
        "A test on pictures that were trained on measures memory: its accuracy is too high.",
        "Keep the copy in the later split (test, then validation), leave the others out.",
    ),
    "near_leak": FindingMessages(
        "nearly the same picture in several splits",
        "Recompressed, resized, cropped, turned or mirrored copies of trained pictures make a test "
        "too easy.",
        "Look at them side by side; leave out the copies in train.",
    ),
    "possible_leak": FindingMessages(
        "perhaps the same picture in several splits",
        "So far apart that among this many images such pairs are to be expected by chance.",
        "Look at them side by side; leave out what are copies.",
    ),
    "near_label_conflict": FindingMessages(
        "nearly the same picture, different labels",
        "Copies that differ by compression, size or a crop should have the same label, and turned "
        "or mirrored ones too, unless the class is a direction.",
        "Look at them side by side: one label is probably wrong.",
    ),
    "exact_duplicates": FindingMessages(
        "exact duplicates",
        "The same pixels several times count more than other pictures, and make up fewer "
        "pictures than there seem to be.{where}",
        "Keep one of each.",
    ),
    "near_duplicates": FindingMessages(
        "near-duplicates",
        "Recompressed, resized, slightly cropped, turned or mirrored copies, or shots of one "
        "burst.{where}",
        "Nothing has to be done; leave copies out where they are many.",
    ),
    "suspect_labels": FindingMessages(
        "suspect labels",
        "The classifier of `{run}` finds another class at least as probable as it is on average "
        "for images of that class, and their own less probable than on average.",
        "Look at each: move what lies in the wrong class. Of the others the classifier is wrong.",
    ),
    "no_suspect_labels": FindingMessages(
        "labels judged, none is suspect",
        "The classifier of `{run}` contradicts no label clearly.",
        "Nothing has to be done.",
    ),
    "labels_not_judged": FindingMessages(
        "labels not judged",
        "Whether each image lies in the right class was not looked for: that takes a trained "
        "classifier.",
        "Train one; then `convscope check DATA --run RUN` names the labels that it contradicts.",
    ),
    "shortcut": FindingMessages(
        "{feature} gives the class away",
        "A network may learn the {feature} instead of what is in the picture, look excellent "
        "here, and fail on pictures from elsewhere.",
        "{advice}",
    ),
    "imbalance": FindingMessages(
        "classes of very different size",
        "`{largest}` has {ratio} times as many images as `{smallest}` ({most} and {fewest}), "
        "so accuracy says little about the small classes.",
        "Judge by the F1 of each class rather than by accuracy, and collect more of the rare ones.",
    ),
    "one_class": FindingMessages(
        "images of one class only",
        "There is nothing to tell apart{where}, so no classifier can be trained.",
        "Give a folder, or a table, with at least two classes.",
    ),
    "few_images": FindingMessages(
        "classes with few images",
        "With fewer than {limit} images{where}, a network hardly learns a class, and its "
        "measured accuracy says next to nothing.",
        "Collect more, or join classes that may be joined.",
    ),
    "missing_in_split": FindingMessages(
        "classes missing in a split",
        "Where a split has no images of a class, nothing can be said about that class.",
        "Move some images there, or let Convscope draw the splits.",
    ),
    "empty_pictures": FindingMessages(
        "empty pictures",
        "All their pixels have the same colour: nothing is in them.",
        "Look at them; leave out what is a failed shot or download.",
    ),
    "dark": FindingMessages(
        "very dark pictures",
        "Far darker than the others here; little can be seen in them.",
        "Look at them; leave out what nobody could recognise.",
    ),
    "light": FindingMessages(
        "very light pictures",
        "Far lighter than the others here; little can be seen in them.",
        "Look at them; leave out what nobody could recognise.",
    ),
    "low_contrast": FindingMessages(
        "pictures with hardly any contrast",
        "Their brightness varies far less than in the others here.",
        "Look at them; leave out what nobody could recognise.",
    ),
    "blurry": FindingMessages(
        "blurry pictures",
        "Far less sharp than the others here: out of focus, shaken, or enlarged.",
        "Look at them; they may be fine if pictures will be like this in use.",
    ),
    "wrong_extension": FindingMessages(
        "file names that name another format",
        "Convscope reads files by content, so nothing is wrong here; other programs may refuse "
        "them.",
        "Rename them if other programs will read them.",
    ),
    "animated": FindingMessages(
        "files with several frames",
        "Of animations and documents of several pages only the first frame is used.",
        "Save frames as files of their own if they matter.",
    ),
    "turned": FindingMessages(
        "pictures turned by their EXIF orientation",
        "Their pixels lie on the side, and a note in the file says how to turn them. Convscope "
        "turns them upright everywhere; other programs may not.",
        "Nothing has to be done here.",
    ),
    "unusual_modes": FindingMessages(
        "unusual colour modes",
        "They are converted in the same way in training and in use: transparency is laid over "
        "white, CMYK becomes RGB, 16 bits are scaled to 8.",
        "Look whether they still show what they should.",
    ),
    "narrow_values": FindingMessages(
        "values that reach only a part of their range",
        "{count} of more than 8 bits a value reach from {smallest:.7g} to {largest:.7g}, 1/{part} "
        "of {black:g} to {white:.7g}: the network sees {levels} of 256 grey levels.",
        "{advice}",
    ),
    "unused_value_range": FindingMessages(
        "`--value-range` without effect",
        "All images have 8 bits a value or fewer, which stay as they are.",
        "Leave `--value-range` out.",
    ),
    "colour_mix": FindingMessages(
        "grey and colour pictures mixed",
        "{few} of {all} pictures are {rare}; the others are {common}.",
        "Nothing has to be done unless the colour depends on the class.",
    ),
    "long": FindingMessages(
        "extremely long pictures",
        "One side is more than {limit} times the other; cropped, most is lost, padded or "
        "stretched, little is seen.",
        "Cut them into pieces, or leave them out.",
    ),
    "small": FindingMessages(
        "very small pictures",
        "Their shorter side is far below the median here ({typical} px): enlarged, they are a "
        "blur.",
        "Look for larger versions.",
    ),
    "huge": FindingMessages(
        "very large pictures",
        "They have far more pixels than the network will see, and take long to decode.",
        "Nothing has to be done; smaller copies would be read faster.",
    ),
    "cut_off": FindingMessages(
        "much is cut off",
        "At {size} px, `--fit crop` cuts off more than {limit} of each of {count}, typically "
        "{median} of a picture.",
        "If what matters may lie at the border, train with `--fit pad` or `--fit stretch`.",
    ),
    "odd_names": FindingMessages(
        "names that other systems can't have",
        "They hold control characters, bytes that are no UTF-8, or a backslash; escapes stand for "
        "these here.",
        "Rename them before the data goes to another system.",
    ),
    "case_names": FindingMessages(
        "names that differ only in upper and lower case",
        "On Windows and macOS one of them overwrites the other.",
        "Rename them before the data goes to another system.",
    ),
    "remarks": FindingMessages(
        "seen while opening",
        "What was noticed and decided while the data was opened.",
        "Read whether it is what you meant.",
    ),
}

# By the worst severity of what was found.
VERDICTS = {
    "error": "Deal with these before training: {names}.",
    "warning": "Nothing has to be done before training; worth a look: {names}.",
    "note": "Nothing is wrong; {notes} to know.",
    "nothing": "Nothing is wrong.",
}
LABELS_NOT_JUDGED = "Labels are not judged."  # behind each of them, where that is so
