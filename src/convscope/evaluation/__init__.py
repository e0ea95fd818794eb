"""How good a classifier is, on images that training never saw."""
