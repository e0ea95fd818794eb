"""Images on disk to batches: sources, one decoder, preprocessing, splits, store, augmentation."""
