"""Outputs of layers for images: activations, sparsity, strongest patches, effective fields."""
