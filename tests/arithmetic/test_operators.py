"""The table of operators: its entries are torch's, and forms in place take what is true of them."""

from __future__ import annotations

import pytest
import torch

from convscope.arithmetic.ops import field_rules
from convscope.arithmetic.ops.operation import Operation
from convscope.arithmetic.ops.table import (
    OPERATORS,
    Kind,
    factors_of,
    names_of,
    operator_of,
    works_by_value,
)


def operation(name: str, *, is_tagged_pointwise: bool = False) -> Operation:
    return Operation(name, {}, (), is_tagged_pointwise, ())


def test_every_entry_is_an_operation_of_torch() -> None:
    assert [name for name in OPERATORS if not hasattr(torch.ops.aten, name)] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", OPERATORS)
def test_an_entry_with_a_meta_shape_is_that_of_its_overload(name: str) -> None:
    shape = OPERATORS[name].meta_shape
    assert shape is None or shape.overload._schema.name == f"aten::{name}"


@pytest.mark.parametrize(
    ("name", "kind", "rule"),
    [
        ("relu_", Kind.ACTIVATION, field_rules.pointwise),
        ("mish_", Kind.ACTIVATION, field_rules.pointwise),
        ("hardswish_", Kind.ACTIVATION, field_rules.pointwise),
        ("detach_", Kind.DETACH, field_rules.pointwise),
        ("copy_", Kind.MOVE, field_rules.overwrite),
        # The input has its new shape already.
        ("squeeze_", Kind.MOVE, None),
        # Torch's own counter doesn't know it.
        ("addmm_", Kind.UNKNOWN, None),
        ("sort", Kind.UNKNOWN, None),
    ],
)
def test_forms_in_place_share_what_also_holds_for_them(
    name: str, kind: Kind, rule: field_rules.FieldRule | None
) -> None:
    found = operator_of(operation(name))
    assert (found.kind, found.field_rule) == (kind, rule)
    assert (found.work is None) == (kind is Kind.UNKNOWN)


def test_what_torch_declares_to_work_by_value_needs_no_entry() -> None:
    declared = operation("erfinv", is_tagged_pointwise=True)
    assert "erfinv" not in OPERATORS
    assert operator_of(declared).kind is Kind.POINTWISE
    assert works_by_value(declared)
    assert works_by_value(operation("hardswish"))  # which torch doesn't declare
    assert not works_by_value(operation("_softmax"))


def test_each_matrix_product_names_its_factors() -> None:
    assert all(OPERATORS[name].factors for name in names_of(Kind.MATRIX_PRODUCT))
    assert factors_of(operation("addmm")) == ("mat1", "mat2", "self")
    with pytest.raises(KeyError):
        factors_of(operation("convolution"))
