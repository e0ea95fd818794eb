"""Attributions: how much each pixel contributes to a class, and whether that can be believed."""
