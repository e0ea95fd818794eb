"""Augmentation of train images on the device, as a function of (seed, epoch, image)."""
