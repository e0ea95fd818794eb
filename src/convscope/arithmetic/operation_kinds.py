"""Names of torch operations by what they do, for all who count, follow or explain them."""

from __future__ import annotations

from typing import NamedTuple


class Product(NamedTuple):
    """Names of a matrix product's arguments.

    Attributes:
        left: The factor over whose last axis it sums.
        right: The other factor.
        added: What is added to the product, if anything.
    """

    left: str
    right: str
    added: str | None = None


PRODUCTS = {
    "mm": Product("self", "mat2"),
    "bmm": Product("self", "mat2"),
    "mv": Product("self", "vec"),
    "dot": Product("self", "tensor"),
    "addmm": Product("mat1", "mat2", "self"),
    "baddbmm": Product("batch1", "batch2", "self"),
    "addmv": Product("mat", "vec", "self"),
}

BATCH_NORMS = (
    "native_batch_norm", "_native_batch_norm_legit", "_native_batch_norm_legit_no_training",
    "_batch_norm_with_update", "_batch_norm_no_update", "cudnn_batch_norm", "miopen_batch_norm",
)  # fmt: skip

# Torch declares of most functions that they work value by value, but not of these.
UNDECLARED_POINTWISE = ("hardswish", "_prelu_kernel", "log_sigmoid_forward")
