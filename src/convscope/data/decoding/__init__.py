"""Bytes of image files to uint8 pixels: the one decoder, Pillow's. Needs numpy and Pillow only."""
