"""Near-duplicates: images of the same picture, by a threshold calibrated for each data set."""
