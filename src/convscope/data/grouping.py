"""Which images of a data set belong together, because they show the same picture."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from convscope.data import duplicates, facts
from convscope.data.catalogue import open_catalogue
from convscope.data.decode import decode_content
from convscope.data.gallery import Gallery
from convscope.data.split import connected
from convscope.progress import Reporter

SAID_FROM = 20_000  # images: some seconds
COMPARED_AT_MOST = 300_000  # images: some minutes


def group_images(gallery: Gallery, reporter: Reporter) -> NDArray[np.int64]:
    """(N,) labels: images with the same label have the same pixels or are near-duplicates.

    Found out once for the same images, whatever their order or names, and remembered.
    """
    hashes = gallery.pixel_hashes
    unique, labels = np.unique(hashes, return_inverse=True)
    if len(unique) > COMPARED_AT_MOST:
        reporter.say(
            f"note: of {len(unique):,} images only those with the same pixels are kept on one side "
            "of the split; comparing so many for near-duplicates would take too long"
        )
        return labels
    digest = hashlib.sha256(unique.tobytes()).hexdigest()
    key = f"near pairs {duplicates.VERSION} {facts.VERSION} {digest}"
    with open_catalogue(gallery.cache) as catalogue:
        remembered = catalogue.recall(key)
        if remembered is None:
            pairs = _near_pairs(gallery, reporter)
            catalogue.remember(key, pairs.tobytes())
        else:
            pairs = np.frombuffer(remembered, dtype=np.uint64).reshape(-1, 2)
    return connected(labels, np.searchsorted(unique, pairs))


def _near_pairs(gallery: Gallery, reporter: Reporter) -> NDArray[np.uint64]:
    """(M, 2) hashes of the pixels of near-duplicates."""
    chosen = duplicates.choose_sample(gallery.facts)
    images = gallery.dataset.images
    if len(gallery) > SAID_FROM:
        reporter.say(f"comparing {len(gallery):,} images with each other, once")
    found = duplicates.find_duplicates(
        gallery.facts,
        sample_indices=chosen,
        sample_pixels=[
            decode_content(images.content(int(index)), gallery.decoding).pixels for index in chosen
        ],
    )
    return gallery.pixel_hashes[found.pairs.reshape(-1)].reshape(-1, 2)
