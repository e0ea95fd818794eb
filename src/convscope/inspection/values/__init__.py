"""The arithmetic of one value: recorded, traced back, recomputed term by term, written out."""
