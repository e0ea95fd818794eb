"""Audit: what is wrong with a data set, said before anything is trained on it."""
