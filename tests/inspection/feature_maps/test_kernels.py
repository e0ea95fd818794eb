"""Kernels are the weights of the layer, as a convolution with them shows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from convscope.errors import UsageError
from convscope.inspection.feature_maps.activations import activations, kernels
from convscope.networks import build
from convscope.networks.lenet1998 import C3_INPUTS


def test_kernels_convolve_to_what_the_layer_gives() -> None:
    network = build("squeezenet1_1")
    image = torch.randn(1, 3, 40, 40)
    given = activations(network, image, ["features.0"])["features.0"]
    weights = kernels(network, "features.0")
    assert weights.shape == (64, 3, 3, 3)
    bias = network.get_parameter("features.0.bias")
    expected = F.conv2d(image, torch.from_numpy(weights), bias, stride=2)
    assert torch.allclose(given, expected, atol=1e-5)


def test_connections_that_a_table_leaves_out_are_zero() -> None:
    weights = kernels(build("lenet5_1998"), "c3")
    assert weights.shape == (16, 6, 5, 5)
    for kernel, sources in zip(weights, C3_INPUTS, strict=True):
        assert np.flatnonzero(kernel.any(axis=(1, 2))).tolist() == list(sources)


def test_layers_without_kernels_are_errors_with_a_way_out() -> None:
    network = build("lenet5")
    with pytest.raises(UsageError, match="`pool1` is a `.*`, which has no kernels\nhint: "):
        kernels(network, "pool1")
    with pytest.raises(UsageError, match="hint: `conv1` is the first one that has"):
        kernels(network, "flatten")
    with pytest.raises(UsageError, match="hint: this network has none"):
        kernels(build("mlp"), "fc1")
