"""What a network sees: attributions, feature maps, receptive fields, traces of single values."""
