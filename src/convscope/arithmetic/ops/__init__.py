"""Torch operations as they ran, and the one table of what is known about them."""
