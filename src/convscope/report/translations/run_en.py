"""English texts of the report on an evaluation."""

from __future__ import annotations

RUN = {
    "kind_run": "training report",
    "kind_evaluation": "evaluation",
    "title": "{name}: accuracy {accuracy}",
    # The verdict, sentence by sentence.
    "verdict_unseen": "On {count} images that neither training nor selection saw, {name} has an "
    "accuracy of {accuracy} (95 % confidence interval: {low} to {high}).",
    "verdict_seen": "On {count} images, {seen} of which training or selection saw, {name} has an "
    "accuracy of {accuracy}. What was seen says nothing about new images.",
    "verdict_unknown": "On {count} images {name} has an accuracy of {accuracy} (95 % confidence "
    "interval: {low} to {high}, if training saw none of them; that isn't known).",
    "verdict_baseline": "Always predicting {majority} would reach {share}.",
    "verdict_perfect": "No image is misclassified.",
    "verdict_pair": "The most frequent mistake is {label} predicted as {predicted}: {count} of "
    "{support}.",
    "verdict_calibrated": "Its probabilities are well calibrated: confidence and accuracy differ "
    "no more than chance explains.",
    "verdict_calibration_untold": "So few images can't tell whether its probabilities are "
    "calibrated.",
    "verdict_overconfident": "It is overconfident: its probabilities are too high by {error} on "
    "average.",
    "verdict_underconfident": "It is underconfident: its probabilities are too low by {error} on "
    "average.",
    "verdict_uneven": "Its probabilities are off by {error} on average, some too high and some too "
    "low.",
    "verdict_slices": "It is significantly worse on {groups}.",
    "verdict_few": "With so few images the interval is wide; more images would narrow it.",
    # Metrics.
    "accuracy": "accuracy",
    "top5_accuracy": "top-5 accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "log_loss": "log loss, nats",
    "brier": "Brier score",
    "calibration_error": "calibration error",
    "calibration_error_equal_mass": "calibration error, equal-mass bins",
    "images": "images",
    "wrong": "misclassified",
    "classes": "classes",
    # Sections.
    "metrics_heading": "Metrics",
    "metric": "metric",
    "value": "value",
    "interval": "95 % interval",
    "method": "interval by",
    "meaning": "definition",
    "meanings": {
        "accuracy": "fraction of images whose most probable class is the true one",
        "top5_accuracy": "fraction with the true class among the five most probable",
        "balanced_accuracy": "mean recall of the classes: each class counts the same",
        "macro_f1": "mean F1 of the classes",
        "log_loss": "mean negative log probability of the true class; lower is better",
        "brier": "mean squared distance of the probabilities from the true class's one-hot vector, "
        "0 to 2; lower is better",
        "calibration_error": "expected calibration error: mean gap between confidence and "
        "accuracy, 15 bins of equal width; lower is better",
        "calibration_error_equal_mass": "the same with 15 bins of equal numbers of images",
    },
    "methods": {
        "wilson": "Wilson",
        "wilson, effective number": "Wilson, effective number",
        "bootstrap": "bootstrap, bias-corrected",
    },
    "averages": "Macro averages: precision {macro_precision}, recall {balanced_accuracy}, F1 "
    "{macro_f1}, ROC AUC {roc}, average precision {ap}. Weighted by class size: precision "
    "{weighted_precision}, recall {accuracy}, F1 {weighted_f1}.",
    "splits_heading": "Splits",
    "used_for": "used for",
    "uses": {
        "train": "training",
        "validation": "validation: best epoch and temperature; no metric is reported on them",
        "test": "test",
        "excluded": "nothing: excluded",
    },
    "this_report": "The metrics of this report are computed on: {images}.",
    "unreadable": "{count} images can't be read and are in no metric:",
    "data_heading": "Data set",
    "data_text": "{images} images in {classes} classes, {smallest} to {largest} images per class.",
    "data_text_even": "{images} images in {classes} classes, {largest} images per class.",
    "data_check": "Only damage, exact duplicates and class sizes were checked here; `convscope "
    "check` looks for more.",
    "data_clean": "No damaged images and no exact duplicates were found.",
    "severities": {"error": "error", "warning": "warning", "note": "note"},
    "training_heading": "Training",
    "training_text": "{epochs} epochs; the weights are those of epoch {best}, the best on the "
    "validation images.",
    "loss": "loss",
    "learning_rate": "learning rate",
    "no_overfitting": "in that epoch {train} of the train images and {validation} of the "
    "validation images are right: no sign of overfitting; if that is too few, train longer, or "
    "take a larger network or pretrained weights",
    "confusion_heading": "Confusion matrix",
    "confusion_text": "Rows are true classes, columns predicted classes. Shades show fractions of "
    "a row.",
    "confusion_some": "The {shown} classes with the most mistakes, of {count}.",
    "confusion_all": "All {count} classes: only mistakes are coloured.",
    "true_class": "true",
    "predicted_class": "predicted",
    "elsewhere": "others",
    "pairs": "Most frequent confusions",
    "pair_count": "images",
    "pair_share": "of its class",
    "classes_heading": "Per-class metrics",
    "class": "class",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "roc_area": "ROC AUC",
    "average_precision": "average precision",
    "confused_with": "most often confused with",
    "classes_sorted": "Lowest F1 first. Small print: 95 % intervals (Wilson).",
    "recall_by_class": "recall by class",
    "between": "{count} classes in between",
    "without_images": "{count} classes without images here",
    "mistakes_heading": "Error analysis",
    "no_mistakes": "No image is misclassified.",
    "worst": "Worst mistakes",
    "worst_text": "Misclassified images with the lowest probability of their true class.",
    "unsure": "Least confident predictions",
    "unsure_text": "Images with the lowest confidence, right or wrong.",
    "suspects": "Suspected label errors",
    "suspects_text": "For these images another class is at least as probable as it is on average "
    "for its own images. Often the label is wrong, not the prediction.",
    "shown_of": "{shown} of {count} are shown.",
    "samples": "Sample predictions",
    "samples_text": "Drawn at random with a fixed seed.",
    "wrong_prediction": "{label} → {predicted}, {probability}",
    "right_prediction": "{label}, {probability}",
    "no_picture": "no picture",
    "grad_cam_heading": "Grad-CAM",
    "maps_of_one_view": "The probabilities are means over {count} views; the maps are of the whole "
    "image alone.",
    "not_compared": "These maps were not compared with random maps, so some may be meaningless. To "
    "compare, for any image file:",
    "compare": "compare with random maps",
    "map_of_predicted": "{target} (predicted): {probability}",
    "map_of_true": "{target} (true class): {probability}",
    "no_feature_maps": "There are no examples: {name} has no feature maps that Grad-CAM could "
    "weight. To explain any image file by another method, compared with random maps:",
    "no_gradient": "There are no examples: gradients can't be computed through {name}.",
    "no_example": "There are no examples: the images can't be read any more. To explain any image "
    "file:",
    "slices_heading": "Accuracy by slice",
    "slices_none": "On none of {count} slices, by image properties and by the data's columns, is "
    "the accuracy significantly lower than on the other images.",
    "slices_some": "Slices with a significantly lower accuracy than the other images (Fisher's "
    "exact test, adjusted for {count} slices):",
    "slices_all": "All slices",
    "slice": "slice",
    "other_images": "other images",
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
    "calibration_heading": "Calibration and selective prediction",
    "reliability": "reliability diagram",
    "reliability_text": "On the diagonal, 80 % of the images with 80 % confidence are classified "
    "correctly. A perfectly calibrated classifier has a calibration error below {chance} on 95 % "
    "of such samples; this one has {error}.",
    "temperature_text": "Logits are divided by {temperature} (temperature scaling). Without that "
    "the calibration error would be {before}, and the log loss {loss_before} instead of {loss}.",
    "temperature_images": "The temperature was chosen on: {images}.",
    "no_temperature": "There is no temperature scaling: the probabilities are the network's own.",
    "risk": "risk-coverage curve",
    "risk_text": "Selective prediction: the error rate if the classifier only predicts where it is "
    "most confident, and abstains elsewhere.",
    "threshold_text": "It abstains below a confidence of {threshold}: {coverage} of these images "
    "are accepted, with an error rate of {error}.",
    "ranking_heading": "ROC and precision-recall curves",
    "ranking_text": "Each class against all others.",
    "roc": "ROC curves",
    "precision_recall": "precision-recall curves",
    "augmentation_text": "Test-time augmentation: probabilities are means over {count} views of "
    "each image ({views}). From one view to {count}, accuracy changes by {difference} points (95 % "
    "interval {low} to {high}, p = {p}); {count} views take {times} times as long.",
    "network_heading": "Network",
    "network_text": "{name}: {parameters} parameters, {macs} multiply-accumulates per image, input "
    "{input}. {preprocessing}.",
    "layers": "Layers",
    "layer": "layer",
    "layer_kind": "kind",
    "output": "output",
    "parameters": "parameters",
    "macs": "MACs",
    "field": "receptive field",
    "jump": "jump",
    "reproduce_heading": "Reproducibility",
    "repeat_training": "To repeat the training",
    "repeat_evaluation": "To repeat the evaluation",
    "recipe": "Recipe",
    "environment": "Environment",
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
        "before": "without temperature scaling",
        "after": "with temperature scaling, 95 % interval",
        "coverage": "coverage: fraction of images accepted",
        "error": "error rate of accepted images",
        "threshold": "confidence threshold",
        "target_error": "target error",
        "false_positive": "false positive rate",
        "true_positive": "true positive rate",
        "mean": "mean of all classes",
        "others": "other classes",
        "chance": "by chance",
        "wrong_in_cell": "misclassified images in a cell",
        "pooled": "misclassified images, largest pair of classes in a cell",
        "right": "correct",
        "none_wrong": "no image is misclassified",
    },
}
