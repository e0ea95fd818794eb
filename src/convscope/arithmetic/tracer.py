"""One forward pass of any module, watched operation by operation and layer by layer.

The pass runs on torch's meta device, which computes shapes and no values, with stand-ins for the
module's parameters and buffers: so it is instant for any network, and changes nothing in it. A
forward that needs values (it looks at them to decide something, or keeps tensors that torch doesn't
know as buffers) is run once more on zeros, on the device where the module is.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.autograd.graph import saved_tensors_hooks
from torch.func import functional_call
from torch.nn.functional import scaled_dot_product_attention
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from convscope.arithmetic.costs import NO_COSTS, Costs
from convscope.arithmetic.memory import Memory
from convscope.arithmetic.meta_shapes import shapes, stand_in
from convscope.arithmetic.operation import Operation, tensors_in
from convscope.arithmetic.operation_macs import backward_macs, operation_macs
from convscope.arithmetic.operation_work import operation_work
from convscope.arithmetic.propagation import AxisFields, NoticesInstanceNorm
from convscope.arithmetic.receptive_field import ReceptiveField
from convscope.errors import NetworkError


@dataclass(slots=True)
class LayerTrace:
    """What one module did during a forward pass.

    Attributes:
        num_calls: How often it was called; 0 if never.
        call_order: How many other modules were called before it was first; None if never.
        num_operations: Torch operations that it ran itself, not in the modules inside it.
        costs: What these operations take; without what the module holds.
        uncounted: Names of those of them for which nobody has said what they take.
        input_shapes: Shapes of the tensors that it was given in its last call, by position.
        output_shape: Shape of the first tensor it returned in its last call.
        receptive_field: Field of that tensor; None if unknown.
        map_axes: The tensor's dimensions that are rows and columns; None where there are none.
        is_fused: Whether it runs attention for which each device has kernels of its own.
    """

    num_calls: int = 0
    call_order: int | None = None
    num_operations: int = 0
    costs: Costs = NO_COSTS
    uncounted: set[str] = field(default_factory=set)
    input_shapes: list[tuple[int, ...]] = field(default_factory=list)
    output_shape: tuple[int, ...] | None = None
    receptive_field: ReceptiveField | None = None
    map_axes: tuple[int, int] | None = None
    is_fused: bool = False


class Tracer(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Hands every operation to the layer that runs it and to the two axes of the image."""

    def __init__(self, module: nn.Module, image: Tensor, *, state: Collection[Tensor]) -> None:
        """Prepare to watch.

        Args:
            module: The network.
            image: (N, C, H, W) what it will be called with.
            state: The parameters and buffers that it will compute with.
        """
        super().__init__()  # type: ignore[no-untyped-call]
        self.layers = {name: LayerTrace() for name, _ in module.named_modules()}
        self.running = [""]
        self._call_order = itertools.count()
        self._memory = Memory(state=state, image=image)
        self._height = AxisFields(image, dimension=2, training=module.training)
        self._width = AxisFields(image, dimension=3, training=module.training)

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Torch's question whether to keep its compiler away, for which it would load it: 2 s."""
        return False

    def __torch_dispatch__(
        self,
        func: OpOverload[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        """Run the operation as usual, then note what it did."""
        kwargs = kwargs or {}
        out = shapes(func, args, kwargs)
        if out is None:
            out = func(*args, **kwargs)
        operation = Operation.from_call(func, args, kwargs, out)
        layer = self.layers[self.running[-1]]
        layer.num_operations += 1
        layer.costs += self._costs(operation, layer)
        self._height.follow(operation)
        self._width.follow(operation)
        return out

    def _costs(self, operation: Operation, layer: LayerTrace) -> Costs:
        work = operation_work(operation)
        if work is None:
            layer.uncounted.add(operation.name)
        own = Costs(
            macs=operation_macs(operation),
            backward_macs=backward_macs(operation),
            forward_bytes=self._memory.made(operation),
        )
        return own + (work or NO_COSTS)

    def _keep(self, tensor: Tensor) -> None:
        """Note what autograd keeps; as there is no backward pass, nothing is really kept."""
        self.layers[self.running[-1]].costs += Costs(saved_bytes=self._memory.saved(tensor))

    def leave(self, name: str, output: object) -> None:
        """Note what a layer returned."""
        layer = self.layers[name]
        layer.num_calls += 1
        first = next(tensors_in(output), None)
        if first is None:
            return
        layer.output_shape = tuple(first.shape)
        height, width = self._height.visible(first), self._width.visible(first)
        layer.receptive_field = ReceptiveField(height, width) if height and width else None
        rows, columns = self._height.dimension(first), self._width.dimension(first)
        layer.map_axes = None if rows is None or columns is None else (rows, columns)

    @contextmanager
    def watching(self, module: nn.Module) -> Iterator[None]:
        """Know which layer is running, by hooks that are gone afterwards."""
        with ExitStack() as hooks:
            for name, layer in module.named_modules():
                hooks.enter_context(layer.register_forward_pre_hook(self._entering(name)))
                hooks.enter_context(layer.register_forward_hook(self._leaving(name)))
            hooks.enter_context(saved_tensors_hooks(self._keep, _never_unpacked))
            hooks.enter_context(self)
            hooks.enter_context(_NoticesAttention(self))
            hooks.enter_context(NoticesInstanceNorm(self._height, self._width))
            yield

    def _entering(self, name: str) -> Any:
        def hook(_module: nn.Module, inputs: object) -> None:
            self.running.append(name)
            layer = self.layers[name]
            if layer.call_order is None:
                layer.call_order = next(self._call_order)
            layer.input_shapes = [tuple(x.shape) for x in tensors_in(inputs)]

        return hook

    def _leaving(self, name: str) -> Any:
        def hook(_module: nn.Module, _inputs: object, output: object) -> None:
            # A forward that catches the error of a layer inside it has left that one on the stack.
            while self.running.pop() != name:
                pass
            self.leave(name, output)

        return hook


class _NoticesAttention(TorchFunctionMode):
    """Attention runs as products here, and as one operation that keeps less on most devices."""

    def __init__(self, tracer: Tracer) -> None:
        super().__init__()
        self._tracer = tracer

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        """Run the function as usual."""
        if func is scaled_dot_product_attention:
            self._tracer.layers[self._tracer.running[-1]].is_fused = True
        return func(*args, **(kwargs or {}))


def trace(
    module: nn.Module,
    input_shape: tuple[int, int, int, int],
    *,
    training: bool,
    method: str = "forward",
) -> dict[str, LayerTrace]:
    """What each module inside a network did in one forward pass, by its path; "" is the network.

    Args:
        module: Any network that takes one image batch; on any device, or on meta.
        input_shape: (N, C, H, W) of the input.
        training: Whether it runs in training mode.
        method: Which of its methods is the forward pass.

    Raises:
        NetworkError: The forward pass fails for this input, or there is no such method.
    """
    tensors = [*module.parameters(), *module.buffers()]
    device = next((tensor.device for tensor in tensors), torch.device("cpu"))
    _refuse_lazy(module)
    # In torch's inference mode, layers would arrive as single operations instead of their parts,
    # and without gradients nothing would be kept for the backward pass.
    with (
        in_mode(module, training=training, method=method),
        separate_attention(),
        torch.inference_mode(mode=False),
        torch.enable_grad(),
    ):
        try:
            return _run(module, input_shape, device=torch.device("meta"))
        except NetworkError:
            if any(tensor.is_meta for tensor in tensors):
                raise
        with _random_state_kept(device):
            return _run(module, input_shape, device=device)


def _run(
    module: nn.Module, input_shape: tuple[int, int, int, int], *, device: torch.device
) -> dict[str, LayerTrace]:
    """Trace on a device: on meta with stand-ins for all tensors, elsewhere with copied buffers."""
    if device.type == "meta":
        tensors = [*module.named_parameters(), *module.named_buffers()]
        state = {
            name: stand_in(tensor, requires_grad=tensor.requires_grad) for name, tensor in tensors
        }
    else:
        state = {
            **dict(module.named_parameters()),
            **{name: tensor.clone() for name, tensor in module.named_buffers()},
        }
    floats = (tensor.dtype for tensor in module.parameters() if tensor.is_floating_point())
    image = torch.zeros(input_shape, dtype=next(floats, torch.float32), device=device)
    tracer = Tracer(module, image, state=state.values())
    try:
        with tracer.watching(module):
            functional_call(module, state, (image,))
    except NetworkError:
        raise  # a network of ours has said what is wrong
    except Exception as error:
        raise _failure(module, image, tracer=tracer, error=error) from error
    return tracer.layers


def _never_unpacked(_kept: None) -> Tensor:
    raise NotImplementedError("a watched pass has no backward pass")


@contextmanager
def in_mode(module: nn.Module, *, training: bool, method: str = "forward") -> Iterator[None]:
    """Training or evaluation mode, and the method that calling the module runs.

    Afterwards each layer is back in the mode it was in, and calls run `forward` again.

    Raises:
        NetworkError: The module has no such method.
    """
    if not callable(getattr(module, method, None)):
        raise NetworkError(f"`{type(module).__name__}` has no method `{method}`")
    before = [(layer, layer.training) for layer in module.modules()]
    own_forward = vars(module).get("forward")
    module.train(training)
    try:
        if method != "forward":
            # An attribute of the instance comes before its class's, also where torch calls it.
            module.forward = getattr(module, method)
        yield
    finally:
        if own_forward is not None:
            module.forward = own_forward
        else:
            vars(module).pop("forward", None)
        for layer, was_training in before:
            layer.training = was_training


@contextmanager
def separate_attention() -> Iterator[None]:
    """Attention as single operations: its fused kernel for inference would hide the products."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


@contextmanager
def _random_state_kept(device: torch.device) -> Iterator[None]:
    """Dropout on a real device draws numbers; the caller's generators don't notice."""
    others = [] if device.type == "cpu" else [device]
    with torch.random.fork_rng(devices=others, device_type=device.type):
        yield


def _refuse_lazy(module: nn.Module) -> None:
    """A lazy layer has no shape before its first real input, so nothing can be counted."""
    for name, parameter in module.named_parameters():
        if is_lazy(parameter):
            raise NetworkError(
                f"parameter `{name}` of `{type(module).__name__}` has no shape yet",
                hint="it belongs to a lazy layer: call the network once on an image first",
            )


def _failure(module: nn.Module, image: Tensor, *, tracer: Tracer, error: Exception) -> NetworkError:
    """The error that says which layer could not take what reached it, in torch's own words."""
    name = tracer.running[-1]
    given = ", ".join(f"`{shape}`" for shape in tracer.layers[name].input_shapes)
    place = f"layer `{name}` failed on {given or 'no tensor'}" if name else "its own forward failed"
    lines = str(error).strip().splitlines() or [type(error).__name__]
    batch_hint = ", and whether it needs a batch of 2 or more to train" if module.training else ""
    return NetworkError(
        f"`{type(module).__name__}` can't take an input of shape `{tuple(image.shape)}`: "
        f"{place}: {lines[0]}",
        hint="check the number of channels and whether the image is large enough for the network"
        f"{batch_hint}",
    )
