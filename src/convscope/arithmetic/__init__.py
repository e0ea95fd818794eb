"""Pure formulas, and the layer table of any torch module; knows no network of ours."""

from convscope.arithmetic.layer_row import LayerRow
from convscope.arithmetic.layer_table import LayerTable, layer_table
from convscope.arithmetic.receptive_field import ReceptiveField

__all__ = ["LayerRow", "LayerTable", "ReceptiveField", "layer_table"]
