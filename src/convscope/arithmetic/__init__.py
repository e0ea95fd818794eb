"""Pure formulas, and the layer table of any torch module; knows no network of ours."""
