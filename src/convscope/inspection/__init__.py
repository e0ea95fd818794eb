"""What a network sees: feature maps, receptive fields, and the arithmetic of single values."""
