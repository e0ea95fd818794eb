"""The words of the report of an evaluation, in English."""

from __future__ import annotations

RUN = {
    "kind_run": "training report",
    "kind_evaluation": "evaluation",
    "title": "{name}: {accuracy} right",
    # The verdict, sentence by sentence.
    "verdict_unseen": "Of {count} images that neither training nor selection saw, {name} gets "
    "{accuracy} right; with 95 % confidence it is between {low} and {high} of all such images.",
    "verdict_seen": "Of {count} images, {seen} of which training or selection saw, {name} gets "
    "{accuracy} right. What was seen says nothing about new images.",
    "verdict_unknown": "Of {count} images {name} gets {accuracy} right; with 95 % confidence it is "
    "between {low} and {high} of all such images, if training saw none of these: that isn't known.",
    "verdict_baseline": "Always answering {majority} would reach {share}.",
    "verdict_perfect": "Not one is wrong.",
    "verdict_pair": "The most frequent mistake is to take {label} for {predicted}: {count} of "
    "{support}.",
    "verdict_calibrated": "Its probabilities can be believed: they are no further from the shares "
    "that are right than chance explains.",
    "verdict_calibration_untold": "So few images can't tell whether its probabilities can be "
    "believed.",
    "verdict_overconfident": "Its probabilities are too high: by {error} on average.",
    "verdict_underconfident": "Its probabilities are too low: by {error} on average.",
    "verdict_uneven": "Its probabilities are off by {error} on average, some too high and some too "
    "low.",
    "verdict_slices": "It is clearly worse on {groups}.",
    "verdict_few": "With so few images the interval is wide; more of them would narrow it.",
    # Headlines.
    "accuracy": "accuracy",
    "top5_accuracy": "top-5 accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "log_loss": "log loss, nats",
    "brier": "Brier score",
    "calibration_error": "calibration error",
    "calibration_error_equal_mass": "calibration error, bins of equal size",
    "images": "images",
    "wrong": "wrong",
    "classes": "classes",
    # Sections.
    "numbers_heading": "The numbers",
    "number": "number",
    "value": "value",
    "interval": "95 % interval",
    "method": "interval by",
    "meaning": "what it is",
    "meanings": {
        "accuracy": "share of images whose most probable class is right",
        "top5_accuracy": "share with the right class among the five most probable",
        "balanced_accuracy": "mean of the classes' recall: each class counts the same",
        "macro_f1": "mean of the classes' F1",
        "log_loss": "mean negative logarithm of the right class's probability; lower is better",
        "brier": "mean squared distance of the probabilities from the truth, 0 to 2; lower is "
        "better",
        "calibration_error": "how far confidence is from accuracy, on average; 15 bins of equal "
        "width; lower is better",
        "calibration_error_equal_mass": "the same with 15 bins of equal numbers of images",
    },
    "methods": {
        "wilson": "Wilson",
        "wilson, effective number": "Wilson, effective number",
        "bootstrap": "bootstrap, bias-corrected",
    },
    "others": "Macro means: precision {macro_precision}, recall {balanced_accuracy}, F1 "
    "{macro_f1}, "
    "area under ROC {roc}, average precision {ap}. Weighted by class size: precision "
    "{weighted_precision}, recall {accuracy}, F1 {weighted_f1}.",
    "sources_heading": "Which images each number is from",
    "use": "use",
    "uses": {
        "train": "learned from",
        "validation": "chose the best epoch and the temperature; nothing is reported on them",
        "test": "reported",
        "excluded": "left out",
    },
    "this_report": "This report is on: {images}.",
    "unreadable": "{count} images can't be read and are not counted:",
    "data_heading": "The data",
    "data_text": "{images} images in {classes} classes, of {smallest} to {largest} images each.",
    "data_text_even": "{images} images in {classes} classes, {largest} images each.",
    "data_check": "This looked for damage, exact copies and sizes of classes alone; "
    "`convscope check` looks for more.",
    "data_clean": "Neither damage nor exact copies were found.",
    "finding_titles": {},
    "severities": {"error": "error", "warning": "warning", "note": "note"},
    "learning_heading": "Learning",
    "learning_text": "{epochs} epochs; the weights are those of epoch {best}, which was best on "
    "the "
    "validation images.",
    "loss": "loss",
    "validation_accuracy": "accuracy on validation images",
    "confusion_heading": "What is taken for what",
    "confusion_text": "Rows are true classes, columns what they were taken for. Shades are shares "
    "of a row.",
    "confusion_some": "The {shown} classes with the most mistakes; of {count}.",
    "confusion_all": "All {count} classes: only mistakes are coloured.",
    "true_class": "true",
    "predicted_class": "taken for",
    "elsewhere": "others",
    "pairs": "The most frequent mistakes",
    "pair_count": "images",
    "pair_share": "of its class",
    "classes_heading": "Class by class",
    "class": "class",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "roc_area": "ROC area",
    "average_precision": "average precision",
    "taken_for": "most often taken for",
    "classes_sorted": "The lowest F1 first. In small print: 95 % intervals (Wilson).",
    "recall_by_class": "recall of each class",
    "between": "{count} classes in between",
    "without_images": "{count} classes without images here",
    "mistakes_heading": "Where it fails",
    "no_mistakes": "Not one image is wrong.",
    "worst": "The worst mistakes",
    "worst_text": "Wrong images to whose own class it gives the lowest probability.",
    "unsure": "The least sure",
    "unsure_text": "Images with the lowest confidence, right or wrong.",
    "suspects": "Labels to look at",
    "suspects_text": "Here another class is at least as probable as it usually is for its own "
    "images. Often the label is wrong, not the prediction.",
    "shown_of": "{shown} of {count} are shown.",
    "samples": "Some predictions",
    "samples_text": "Drawn at random, by a rule that draws the same ones each time.",
    "is_taken_for": "{label} → {predicted}, {probability}",
    "is_right": "{label}, {probability}",
    "no_picture": "no picture",
    "maps_heading": "What speaks for its answers",
    "maps_of_one_view": "The probabilities are means over {count} views; the maps are of the whole "
    "image alone.",
    "not_compared": "These maps were not compared with random ones, so some may say nothing. This "
    "compares, for any image file:",
    "compare": "compare with random maps",
    "map_of_answer": "for {target}, its answer: {probability}",
    "map_of_truth": "for {target}, the right class: {probability}",
    "no_feature_maps": "No example is shown: {name} has no feature maps that Grad-CAM could weigh. "
    "Another method, compared with random maps, looks into any image file:",
    "no_gradient": "No example is shown: no gradient can be followed through {name}.",
    "no_example": "No example is shown: the images can't be read any more. This looks into any "
    "image file:",
    "slices_heading": "Groups of images",
    "slices_none": "In none of {count} groups, by what the images are like and by the data's "
    "columns, is it significantly worse than elsewhere.",
    "slices_some": "Worse than elsewhere beyond what chance explains (Fisher's test, adjusted for "
    "{count} groups):",
    "slices_all": "All groups",
    "group": "group",
    "elsewhere_accuracy": "elsewhere",
    "p_value": "p",
    "properties": {
        "shorter_side_px": "shorter side, px",
        "aspect_ratio": "width / height",
        "brightness": "brightness",
        "contrast": "contrast",
        "sharpness": "sharpness",
        "colour_mode": "colour mode",
        "file_format": "file format",
    },
    "probabilities_heading": "Can its probabilities be believed?",
    "reliability": "confidence and accuracy",
    "reliability_text": "Where points lie on the diagonal, of the images with 80 % confidence 80 % "
    "are right. A perfectly calibrated classifier would have a calibration error below {chance} on "
    "95 % of such samples; this one has {error}.",
    "temperature_text": "Its logits are divided by {temperature} (temperature scaling). Without "
    "that the calibration error here would be {before}, and the log loss {loss_before} instead of "
    "{loss}.",
    "temperature_images": "The temperature was chosen on: {images}.",
    "no_temperature": "It has no temperature: its probabilities are the network's own.",
    "risk": "error among the surest",
    "risk_text": "How many of the answers are wrong if only the surest images are answered.",
    "threshold_text": "It answers from {threshold} confidence on: {coverage} of these images, of "
    "which {error} are wrong.",
    "ranking_heading": "Each class against all others",
    "roc": "ROC curves",
    "precision_recall": "precision and recall",
    "augmentation_text": "The numbers are from {count} views of each image ({views}). From one "
    "view to {count}, accuracy changes by {difference} points (95 % interval {low} to {high}, p = "
    "{p}); {count} views take {times} times as long.",
    "network_heading": "The network",
    "network_text": "{name}: {parameters} parameters, {macs} multiply-accumulates an image, input "
    "{input}. {preprocessing}.",
    "layers": "Its layers",
    "layer": "layer",
    "layer_kind": "kind",
    "output": "output",
    "parameters": "parameters",
    "macs": "MACs",
    "field": "receptive field",
    "jump": "jump",
    "recipe_heading": "To repeat it",
    "repeat_training": "The training",
    "repeat_evaluation": "The evaluation",
    "recipe": "The recipe",
    "environment": "The environment",
    "written_by": "Written by convscope {version}. This page needs no network and sends nothing.",
    "figures": {
        "in_percent": "{} in %",
        "apart": "interval excludes it",
        "touching": "interval includes it",
        "epoch": "epoch",
        "train": "train",
        "validation": "validation",
        "best": "best epoch",
        "confidence": "confidence",
        "diagonal": "accuracy equals confidence",
        "with_interval": "accuracy with 95 % interval",
        "before": "without temperature",
        "after": "with temperature and 95 % interval",
        "coverage": "share of images answered, the surest first",
        "error": "error among them",
        "from_confidence": "from confidence",
        "wanted": "wanted at most",
        "false_positive": "false positive rate",
        "true_positive": "true positive rate",
        "mean": "mean of all classes",
        "others": "other classes",
        "chance": "by chance",
        "wrong_in_cell": "wrong images in a cell",
        "pooled": "wrong images, most of one pair of classes in a cell",
        "right": "right",
        "none_wrong": "no image is wrong",
    },
}
