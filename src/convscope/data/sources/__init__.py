"""Sources: from what a user points at to a Dataset, one file a kind."""
