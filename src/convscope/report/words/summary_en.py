"""The words of the layer table's page, in English."""

SUMMARY = {
    "kind": "Layer table",
    "parameters": "parameters",
    "trainable": "{count} trainable",
    "buffers": "{count} values in buffers",
    "backward": "{count} in the backward pass",
    "made": "made in the forward pass",
    "saved": "kept for the backward pass",
    "input": "input",
    "mode": {False: "in evaluation mode", True: "in training mode"},
    "layers": "Layers",
    "variants": "Which form this is",
    "checks": "Checked by measurement",
    "conventions": "What the numbers mean",
}

NETWORKS = {"kind": "Layer tables", "title": "Networks side by side"}
