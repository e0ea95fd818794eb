"""An optimizer's state as named tensors and JSON, and back to the bit.

Most optimizers keep a few tensors for each parameter. LBFGS keeps lists of them and plain numbers
too: what is no tensor goes into JSON, with `{"tensor": name}` where one belongs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, optim


def flatten(optimizer: optim.Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors named `<parameter>.<name>`, contiguous and on the CPU, and the rest for JSON."""
    content = optimizer.state_dict()
    tensors: dict[str, Tensor] = {}

    def described(value: Any, name: str) -> Any:
        if isinstance(value, Tensor):
            tensors[name] = value.detach().cpu().contiguous()
            return {"tensor": name}
        if isinstance(value, list | tuple):
            return [described(part, f"{name}.{index}") for index, part in enumerate(value)]
        return value

    state = {
        str(index): {name: described(value, f"{index}.{name}") for name, value in values.items()}
        for index, values in content["state"].items()
    }
    return tensors, state


def unflatten(
    optimizer: optim.Optimizer, tensors: Mapping[str, Tensor], described: Mapping[str, Any]
) -> None:
    """Gives an optimizer the state that `flatten` took, each tensor in its parameter's layout.

    Rates and the like stay those that it was made with: they are in the recipe.
    """

    def value_of(value: Any) -> Any:
        if isinstance(value, dict) and set(value) == {"tensor"}:
            # A copy begins where torch's tensors do in memory: sums over one that lies elsewhere
            # are rounded differently.
            return tensors[value["tensor"]].clone()
        return [value_of(part) for part in value] if isinstance(value, list) else value

    optimizer.load_state_dict(
        {
            "state": {
                int(index): {name: value_of(value) for name, value in values.items()}
                for index, values in described.items()
            },
            "param_groups": optimizer.state_dict()["param_groups"],
        }
    )
    for parameter, values in optimizer.state.items():
        for name, value in values.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                values[name] = torch.empty_like(parameter).copy_(value)
