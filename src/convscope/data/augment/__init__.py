"""Augmentation: train images varied on the device, each a function of (seed, epoch, image)."""
