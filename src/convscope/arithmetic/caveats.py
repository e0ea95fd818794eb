"""What makes the numbers of a layer worth less than exact, for reasons that only the pass knows."""

from __future__ import annotations

from enum import StrEnum


class Caveat(StrEnum):
    """A reason, and what it means for a reader.

    Attributes:
        VALUES: The network looks at values of the image, or at random numbers, and may choose by
            them what to run.
        RECURRENT: A recurrent layer, for which each device has kernels that keep other tensors.
        ATTENTION: Attention, of which each device has kernels that keep less.
        OWN_BACKWARD: Functions and checkpoints that bring a backward pass of their own, which
            nobody sees.
        CUT_OFF: Something is taken out of the graph of gradients, so that layers before it may have
            no backward pass.
    """

    VALUES = (
        "the network looks at values and may choose by them what it runs: "
        "numbers are those of one path, for an image of zeros"
    )
    RECURRENT = "memory of recurrent layers differs between devices"
    ATTENTION = "memory of attention is less where the device has a kernel for it"
    OWN_BACKWARD = (
        "parts of the network have a backward pass of their own (checkpoints, custom functions): "
        "what it computes and keeps isn't all counted"
    )
    CUT_OFF = (
        "gradients are cut off within the network (`detach`): layers before may have no backward "
        "pass, and keep nothing"
    )
