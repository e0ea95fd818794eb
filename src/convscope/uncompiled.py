"""Optimizers and dispatch modes that take no part in torch's compiler.

torch wraps methods of both so that its compiler passes them over. The wrappers load it when they
are first called: 2 s of the processor, also where nothing is compiled.
"""

from __future__ import annotations

import inspect

import torch
from torch import optim
from torch.utils._python_dispatch import TorchDispatchMode

WRAPPED = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")


def uncompiled(kind: type[optim.Optimizer]) -> type[optim.Optimizer]:
    """The same optimizer, whose methods are those below torch's wrappers.

    What a wrapper wraps is found by `inspect.unwrap`, which gives the method itself where a version
    of torch doesn't wrap it. A step is taken without gradients, as torch's own are.

    Args:
        kind: An optimizer's class, none of whose steps is differentiated.
    """
    methods = {name: inspect.unwrap(getattr(kind, name)) for name in WRAPPED}
    step = torch.no_grad()(inspect.unwrap(kind.step))
    described = {"__doc__": kind.__doc__, "__module__": kind.__module__}
    return type(kind.__name__, (kind,), {**methods, "step": step, **described})


class UncompiledMode(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """A dispatch mode whose `__torch_dispatch__` torch leaves as it is."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Answer to torch, which else loads its compiler in order to keep it away."""
        return False
