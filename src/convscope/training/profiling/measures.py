"""What measures steps: a clock for phases, ranges around calls of layers, and sums of a trace."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from itertools import pairwise
from typing import Any

from torch import Tensor, nn

from convscope.device import Device, Moment
from convscope.training.loop import Watch

WITH_AUXILIARIES = "forward_with_auxiliaries"  # another method that is a forward pass


class PhaseClock:
    """Adds up the time of phases that lie within each other; each moment counts for the innermost.

    Args:
        device: The device whose work is timed.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self._open: list[str] = []
        self._moments: list[tuple[str | None, Moment]] = []  # with the phase that was until then

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Context manager around a phase."""
        self._mark()
        self._open.append(name)
        try:
            yield
        finally:
            self._mark()
            self._open.pop()

    def seconds(self) -> dict[str, float]:
        """Seconds of each phase, without those of phases within it."""
        seconds: dict[str, float] = defaultdict(float)
        for (_, begin), (phase, end) in pairwise(self._moments):
            if phase is not None:
                seconds[phase] += self._device.seconds_between(begin, end)
        return dict(seconds)

    def _mark(self) -> None:
        phase = self._open[-1] if self._open else None
        self._moments.append((phase, self._device.moment()))


@contextmanager
def watched_calls(modules: Mapping[str, nn.Module], watch: Watch) -> Iterator[None]:
    """Context manager in which each call of a module is watched under its name."""
    opened: list[AbstractContextManager[object]] = []

    def begin(name: str, *_: object) -> None:
        opened.append(watch(name))
        opened[-1].__enter__()

    def end(*_: object) -> None:
        opened.pop().__exit__(None, None, None)

    with ExitStack() as hooks:
        for name, module in modules.items():
            for hook in (
                module.register_forward_pre_hook(partial(begin, name)),
                module.register_forward_hook(end),
            ):
                hooks.callback(hook.remove)
        yield


@contextmanager
def watched_forward(network: nn.Module, watch: Watch) -> Iterator[None]:
    """Context manager in which a network's forward pass is watched, with auxiliary heads too."""
    with_auxiliaries: Any = getattr(network, WITH_AUXILIARIES, None)

    def watched(inputs: Tensor) -> object:
        with watch("forward"):
            return with_auxiliaries(inputs)

    with watched_calls({"forward": network}, watch):
        if with_auxiliaries is None:
            yield
            return
        setattr(network, WITH_AUXILIARIES, watched)
        try:
            yield
        finally:
            delattr(network, WITH_AUXILIARIES)  # the method is the class's


def traced_seconds(
    events: Sequence[Any], layers: Mapping[str, object], is_gpu: bool
) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds of the layers' forward passes, and those of the operators alone, by their names.

    On a GPU it is the time of the kernels that were started.
    """
    of_layers: dict[str, float] = defaultdict(float)
    of_operators: dict[str, float] = defaultdict(float)
    for event in events:
        if event.device_type.name != "CPU":
            continue  # a kernel, which counts for the operator that started it
        if event.name in layers:
            whole = event.device_time_total if is_gpu else event.cpu_time_total
            of_layers[event.name] += whole / 1e6
        elif not event.is_user_annotation:
            own = event.self_device_time_total if is_gpu else event.self_cpu_time_total
            of_operators[event.name] += own / 1e6
    return of_layers, of_operators
