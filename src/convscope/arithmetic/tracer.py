"""One forward pass of any module, watched operation by operation and layer by layer.

The pass runs on torch's meta device, which computes shapes and no values, with stand-ins for the
module's parameters and buffers: so it is instant for any network, and changes nothing in it. A
forward that needs values (it looks at them to decide something, or keeps tensors that torch doesn't
know as buffers) is run once more on zeros, on the device where the module is.

Hooks that others have put on the module run as in any pass, as some compute weights: they are
handed tensors without values.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.autograd.graph import saved_tensors_hooks
from torch.func import functional_call
from torch.nn.parameter import is_lazy

from convscope.arithmetic.cost_accumulator import CostAccumulator, Work
from convscope.arithmetic.costs import Caveat
from convscope.arithmetic.dependence import AxisFields, FunctionWatcher, ValueReading
from convscope.arithmetic.failures import failure
from convscope.arithmetic.ops.meta_shapes import as_on_devices, stand_in
from convscope.arithmetic.ops.operation import FunctionHook, Operation, storage_of, tensors_in
from convscope.arithmetic.ops.table import Kind, known_outputs, operator_of
from convscope.arithmetic.receptive_field import ReceptiveField
from convscope.arithmetic.running_layers import RunningLayers
from convscope.arithmetic.state_guard import (
    attributes_restored,
    in_mode,
    random_state_restored,
    separate_attention,
)
from convscope.errors import NetworkError, is_out_of_memory
from convscope.uncompiled import UncompiledMode


@dataclass(slots=True)
class LayerTrace:
    """What one module took and gave in a forward pass.

    Attributes:
        num_calls: The number of calls; using its weights without calling it, as attention does with
            its last layer, is one too.
        call_order: The number of modules called before its first call; None if never called.
        input_shapes: Shapes of the tensors that its last call took, by position.
        output_shape: Shape of the first tensor it returned in its last call.
        receptive_field: Field of that tensor; None if unknown.
        map_axes: The tensor's dimensions that are rows and columns; None where there are none.
        are_weights_borrowed: Whether its weights were used while it was not running.
    """

    num_calls: int = 0
    call_order: int | None = None
    input_shapes: list[tuple[int, ...]] = field(default_factory=list)
    output_shape: tuple[int, ...] | None = None
    receptive_field: ReceptiveField | None = None
    map_axes: tuple[int, int] | None = None
    are_weights_borrowed: bool = False


@dataclass(frozen=True, slots=True)
class Trace:
    """One forward pass.

    Attributes:
        layers: What each module took and gave, by its path; "" is the network.
        work: What was done, by the modules that were running: the network first, and last the one
            that did it itself.
        caveats: Why numbers of all modules may not be exact.
    """

    layers: dict[str, LayerTrace]
    work: dict[tuple[str, ...], Work]
    caveats: frozenset[Caveat]


class Tracer(UncompiledMode):  # type: ignore[no-untyped-call]
    """Hands every operation to the layer that runs it and to the two axes of the image.

    Args:
        module: The network.
        image: (N, C, H, W) what it will be called with.
        state: The parameters and buffers that it will compute with, by name.
    """

    def __init__(self, module: nn.Module, image: Tensor, *, state: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.layers = {name: LayerTrace() for name, _ in module.named_modules()}
        self.running = RunningLayers()
        self._reading = ValueReading(image)
        self._accumulator = CostAccumulator(self.running, state=state.values(), image=image)
        self._holders = _holders(module, state)
        self._call_order = itertools.count()
        self._height = AxisFields(image, dimension=2, training=module.training)
        self._width = AxisFields(image, dimension=3, training=module.training)
        axes = (self._height, self._width)
        self._watcher = FunctionWatcher(self._accumulator, self._reading, axes)
        self._is_cut_off = False
        # By identity of the tensor, which is held so that no other one gets its identity.
        self._without_gradient: dict[int, tuple[Tensor, Work]] = {}

    def __torch_dispatch__(
        self,
        func: OpOverload[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        """Run the operation as usual, then note what it did."""
        kwargs = kwargs or {}
        out = known_outputs(func, args, kwargs)
        if out is None:
            out = as_on_devices(func, args, func(*args, **kwargs))
        operation = Operation.from_call(func, args, kwargs, out)
        self._accumulator.add(operation, lender=self._lender(operation))
        self._follow_gradients(operation)
        self._reading.follow(operation, func.tags)
        self._height.follow(operation)
        self._width.follow(operation)
        return out

    def trace(self) -> Trace:
        """The pass as it was seen."""
        happened = {Caveat.VALUES: self._reading.has_happened, Caveat.CUT_OFF: self._is_cut_off}
        caveats = frozenset(caveat for caveat, holds in happened.items() if holds)
        return Trace(self.layers, self._accumulator.work, caveats)

    def _follow_gradients(self, operation: Operation) -> None:
        """Notice parts with a backward pass of their own, such as checkpoints.

        They say themselves what autograd saves; or their insides run without gradients, and yet
        what they give has one.
        """
        if not self._accumulator.is_saving():
            self._accumulator.current.caveats.add(Caveat.OWN_BACKWARD)
        if torch.is_grad_enabled():
            self._notice_own_backward(operation.inputs)
            is_detached = operator_of(operation).kind is Kind.DETACH
            self._is_cut_off |= is_detached and operation.inputs[0].requires_grad
            return
        for tensor in operation.outputs:
            if not tensor.requires_grad:
                self._without_gradient[id(tensor)] = (tensor, self._accumulator.current)

    def _notice_own_backward(self, tensors: Iterable[Tensor]) -> None:
        made = self._without_gradient
        if made and any(not tensor.is_leaf and id(tensor) in made for tensor in tensors):
            # Which of them the function ran can't be told.
            for _, work in made.values():
                work.caveats.add(Caveat.OWN_BACKWARD)

    def _lenders(self, tensors: Collection[Tensor]) -> list[str]:
        """Modules whose weights are among these tensors while they don't run themselves."""
        holders = [self._holders.get(storage_of(tensor), ()) for tensor in tensors]
        running = set(self.running.path)
        return list(
            dict.fromkeys(names[0] for names in holders if names and not running & {*names})
        )

    def _lender(self, operation: Operation) -> str | None:
        """The module whose weights an operation uses while it doesn't run itself.

        What is computed from these weights alone counts as its weights.
        """
        lenders = self._lenders(operation.inputs)
        if not lenders or self._reading.varies(operation.inputs):
            return lenders[0] if lenders else None
        self._holders.update((storage_of(made), (lenders[0],)) for made in operation.outputs)
        return None

    def _called(
        self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> object:
        """Run a function of torch; where it takes the weights of other modules, note its output."""
        taken = list(tensors_in([args, kwargs]))
        lenders = self._lenders(taken) if self._reading.varies(taken) else []
        output = self._watcher.called(func, args, kwargs)
        if next(tensors_in(output), None) is not None:
            for name in lenders:
                self.layers[name].are_weights_borrowed = True
                self._entered(name, taken)
                self._returned(name, output)
        return output

    def _entered(self, name: str, inputs: object) -> None:
        layer = self.layers[name]
        if layer.call_order is None:
            layer.call_order = next(self._call_order)
        layer.input_shapes = [tuple(x.shape) for x in tensors_in(inputs)]

    def _returned(self, name: str, output: object) -> None:
        layer = self.layers[name]
        layer.num_calls += 1
        self._notice_own_backward(tensors_in(output))
        first = next(tensors_in(output), None)
        if first is None:
            return
        layer.output_shape = tuple(first.shape)
        height, width = self._height.visible(first), self._width.visible(first)
        # What a number that Python has got is used for afterwards can't be followed.
        if height and width and not self._reading.has_happened:
            layer.receptive_field = ReceptiveField(height, width)
        else:
            layer.receptive_field = None
        rows, columns = self._height.dimension(first), self._width.dimension(first)
        layer.map_axes = None if rows is None or columns is None else (rows, columns)

    @contextmanager
    def watching(self, module: nn.Module) -> Iterator[None]:
        """Context manager that watches a pass through the module, by hooks that are gone after."""
        following = self.running.following(module, entered=self._entered, returned=self._returned)
        saving = saved_tensors_hooks(self._accumulator.save, _never_unpacked)
        with following, saving, self, FunctionHook(self._called):
            yield


def trace(
    module: nn.Module,
    input_shape: tuple[int, int, int, int],
    *,
    training: bool,
    method: str = "forward",
) -> Trace:
    """One forward pass of a network, which is left as it was.

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
    # and without gradients nothing would be saved for the backward pass.
    with (
        in_mode(module, training=training, method=method),
        random_state_restored(device),
        separate_attention(),
        torch.inference_mode(mode=False),
        torch.enable_grad(),
    ):
        try:
            return _run(module, input_shape, device=torch.device("meta"))
        except NetworkError:
            if any(tensor.is_meta for tensor in tensors):
                raise
        return _run(module, input_shape, device=device)


def _run(
    module: nn.Module, input_shape: tuple[int, int, int, int], *, device: torch.device
) -> Trace:
    """Trace on a device: with stand-ins for all tensors on meta, with copied buffers elsewhere."""
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
    tracer = Tracer(module, image, state=state)
    try:
        with attributes_restored(module), tracer.watching(module):
            functional_call(module, state, (image,))
    except NetworkError:
        raise  # a network of ours has said what is wrong
    except Exception as error:
        if is_out_of_memory(error):
            raise
        name = tracer.running.failed
        raise failure(
            module,
            input_shape,
            layer=name,
            given=tracer.layers[name].input_shapes,
            error=error,
        ) from error
    return tracer.trace()


def _holders(module: nn.Module, state: Mapping[str, Tensor]) -> dict[int, tuple[str, ...]]:
    """The modules that hold each parameter, by the memory of what stands for it."""
    names = {parameter: name for name, parameter in module.named_parameters()}
    holders: dict[int, tuple[str, ...]] = {}
    for layer_name, layer in module.named_modules():
        for parameter in layer.parameters(recurse=False):
            key = storage_of(state[names[parameter]])
            holders[key] = (*holders.get(key, ()), layer_name)
    return holders


def _never_unpacked(_packed: None) -> Tensor:
    raise NotImplementedError("a watched pass has no backward pass")


def _refuse_lazy(module: nn.Module) -> None:
    """Refuse lazy layers, which have no shape before their first real input."""
    for name, parameter in module.named_parameters():
        if is_lazy(parameter):
            raise NetworkError(
                f"parameter `{name}` of `{type(module).__name__}` has no shape yet",
                hint="it belongs to a lazy layer: call the network once on an image first",
            )
