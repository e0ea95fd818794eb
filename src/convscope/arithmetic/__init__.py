"""Pure formulas, and the layer table of any torch module; knows no network of ours."""

from convscope.arithmetic.costs import KINDS, MACS, Convention
from convscope.arithmetic.layer_table import LayerRow, LayerTable, layer_table
from convscope.arithmetic.receptive_field import ReceptiveField
from convscope.arithmetic.verification import Verification, verify

__all__ = [
    "KINDS",
    "MACS",
    "Convention",
    "LayerRow",
    "LayerTable",
    "ReceptiveField",
    "Verification",
    "layer_table",
    "verify",
]
