"""Single ONNX operators against the reference implementation of `onnx`, written in NumPy."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_made
import pytest
import torch
from onnx.reference import ReferenceEvaluator
from onnx_made import model, node

from convscope.errors import NetworkError
from convscope.onnx_import import read_onnx

RNG = np.random.default_rng(0)
BIG = 2**63 - 1


def floats(*shape: int) -> Any:
    return RNG.normal(size=shape).astype(np.float32)


def whole(*values: Any) -> Any:
    return np.array(values, dtype=np.int64)


def ours(graph: onnx.ModelProto, x: Any, folder: Path) -> Any:
    network, _ = read_onnx(onnx_made.saved(graph, folder))
    with torch.no_grad():
        return network.eval()(torch.from_numpy(x)).numpy()


def holds(graph: onnx.ModelProto, folder: Path, *, batch: int = 2) -> None:
    shape = [dim.dim_value for dim in graph.graph.input[0].type.tensor_type.shape.dim]
    x = floats(batch, *shape[1:])
    outputs: Any = ReferenceEvaluator(graph).run(None, {"x": x})
    wanted = outputs[0]
    found = ours(graph, x, folder)
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


N = ("n", 3, 9, 10)

ONE_INPUT = [
    *(("Relu", {}), ("LeakyRelu", {}), ("LeakyRelu", {"alpha": 0.3}), ("Elu", {"alpha": 0.5})),
    *(("Selu", {}), ("Celu", {"alpha": 2.0}), ("Sigmoid", {}), ("Tanh", {}), ("HardSwish", {})),
    *(("HardSigmoid", {}), ("HardSigmoid", {"alpha": 1 / 6}), ("Softplus", {}), ("Mish", {})),
    *(("Erf", {}), ("Abs", {}), ("Exp", {}), ("Neg", {}), ("Softsign", {}), ("Sign", {})),
    *(("Floor", {}), ("Ceil", {}), ("Round", {}), ("Reciprocal", {}), ("Sin", {}), ("Cos", {})),
    *(("GlobalAveragePool", {}), ("GlobalMaxPool", {}), ("Identity", {}), ("Dropout", {})),
    *(("Transpose", {}), ("Transpose", {"perm": [0, 2, 3, 1]}), ("Clip", {})),
    *(("Flatten", {"axis": axis}) for axis in (0, 1, 2, -1)),
    *(("Softmax", {"axis": 1}), ("LogSoftmax", {}), ("ReduceMean", {})),
    ("ReduceMean", {"noop_with_empty_axes": 1}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("operator", "attributes"), ONE_INPUT)
def test_an_operator_of_one_input_is_the_references(
    operator: str, attributes: dict[str, Any], tmp_path: Path
) -> None:
    holds(model([node(operator, "x", "y", **attributes)], image=N), tmp_path)


STORED = {
    "convolution with holes, groups, uneven padding": (
        [node("Conv", "x", "w", "y", pads=[2, 1, 0, 3], dilations=[2, 1], group=3)],
        {"w": floats(6, 1, 3, 3)},
    ),
    "pooling with holes": (
        [node("MaxPool", "x", "y", pads=[1, 1, 1, 1], dilations=[2, 2], kernel_shape=[3, 3])],
        {},
    ),
    "batch normalisation": (
        [node("BatchNormalization", "x", "s", "b", "m", "v", "y", epsilon=1e-3)],
        {"s": floats(3), "b": floats(3), "m": floats(3), "v": abs(floats(3)) + 1},
    ),
    "instance normalisation": (
        [node("InstanceNormalization", "x", "s", "b", "y", epsilon=1e-3)],
        {"s": floats(3), "b": floats(3)},
    ),
    "layer normalisation": (
        [node("LayerNormalization", "x", "s", "b", "y")],
        {"s": floats(10), "b": floats(10)},
    ),
    "layer normalisation over two axes, without a bias": (
        [node("LayerNormalization", "x", "s", "y", axis=2)],
        {"s": floats(9, 10)},
    ),
    "dense": (
        [node("Flatten", "x", "a"), node("Gemm", "a", "w", "b", "y")],
        {"w": floats(270, 5), "b": floats(5)},
    ),
    "dense, turned, bias of two axes": (
        [node("Flatten", "x", "a"), node("Gemm", "a", "w", "b", "y", transB=1)],
        {"w": floats(5, 270), "b": floats(1, 5)},
    ),
    "product with weights": ([node("MatMul", "x", "w", "y")], {"w": floats(10, 4)}),
    "product with weights on the left": ([node("MatMul", "w", "x", "y")], {"w": floats(4, 9)}),
    "product with several matrices": ([node("MatMul", "x", "w", "y")], {"w": floats(3, 10, 4)}),
    "product with itself": (
        [node("Transpose", "x", "t", perm=[0, 1, 3, 2]), node("MatMul", "x", "t", "y")],
        {},
    ),
    **{
        f"{operator} of {what}": ([node(operator, "c", "x", "y")], {"c": value})
        for operator in ("Add", "Sub", "Mul", "Div", "Max", "Min", "Sum")
        for what, value in (("maps", floats(3, 1, 1)), ("a number", np.float32(2.5)))
    },
    "power": (
        [node("Abs", "x", "a"), node("Pow", "a", "c", "y")],
        {"c": np.float32(0.75)},
    ),
    "slopes": ([node("PRelu", "x", "s", "y")], {"s": floats(3, 1, 1)}),
    "one slope": ([node("PRelu", "x", "s", "y")], {"s": floats(1)}),
    "upper bound alone": ([node("Clip", "x", "", "c", "y")], {"c": np.float32(0.3)}),
    **{
        f"padding, {mode}": (
            [node("Pad", "x", "p", "y", mode=mode)],
            {"p": whole(0, 0, 1, 2, 0, 0, 3, 1)},
        )
        for mode in ("constant", "reflect", "edge")
    },
    "padding of channels with a number, by axes": (
        [node("Pad", "x", "p", "v", "a", "y")],
        {"p": whole(1, 2, 0, 1), "v": np.float32(7), "a": whole(1, -1)},
    ),
    "slices from the end, with a step": (
        [node("Slice", "x", "s", "e", "a", "t", "y")],
        {"s": whole(-5, 1), "e": whole(BIG, -1), "a": whole(2, -1), "t": whole(2, 1)},
    ),
    "slices of the first axes": (
        [node("Slice", "x", "s", "e", "y")],
        {"s": whole(0, 1), "e": whole(1, 3)},
    ),
    "uneven parts": ([node("Split", "x", "s", "y", axis=2)], {"s": whole(9)}),
    "squeezed": (
        [node("Slice", "x", "s", "e", "a", "b"), node("Squeeze", "b", "a", "y")],
        {"s": whole(0), "e": whole(1), "a": whole(1)},
    ),
    "new axes": ([node("Unsqueeze", "x", "a", "y")], {"a": whole(0, -1)}),
    "one channel": ([node("Gather", "x", "i", "y", axis=1)], {"i": np.array(-1)}),
    "some columns": ([node("Gather", "x", "i", "y", axis=3)], {"i": whole([0, 2], [-1, 3])}),
    "new shape": ([node("Reshape", "x", "s", "y")], {"s": whole(0, -1, 5)}),
    "repeated": (
        [node("Expand", "c", "s", "d"), node("Add", "x", "d", "y")],
        {"c": floats(3, 1, 1), "s": whole(9, 1)},
    ),
    "laid beside": ([node("Concat", "x", "x", "y", axis=-3)], {}),
    "kernels put together": (
        [
            node("ScatterND", "z", "i", "w", "k"),
            node("Conv", "x", "k", "y", kernel_shape=[3, 3], pads=[1, 0, 1, 0]),
        ],
        {
            "z": np.zeros((2, 3, 3, 3), np.float32),
            "i": whole([0, 1], [1, 2]),
            "w": floats(2, 3, 3),
        },
    ),
    **{
        f"{operator} over axes": (
            [node(operator, "x", "a", "y", keepdims=0)],
            {"a": whole(-1, 1)},
        )
        for operator in ("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL2")
    },
    "in double precision": ([node("Cast", "x", "y", to=11)], {}),
    "arithmetic of shapes": (
        [
            node("Shape", "x", "s"),
            node("Gather", "s", "i", "g"),
            node("Unsqueeze", "g", "a", "u"),
            node("Concat", "u", "m", "t", axis=0),
            node("Reshape", "x", "t", "y"),
        ],
        {"i": np.array(0), "a": whole(0), "m": whole(-1)},
    ),
    "a scale out of a shape": (
        [
            node("Shape", "x", "s", start=3),
            node("Cast", "s", "c", to=1),
            node("Sqrt", "c", "q"),
            node("Div", "x", "q", "y"),
        ],
        {},
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", STORED)
def test_an_operator_with_stored_values_is_the_references(case: str, tmp_path: Path) -> None:
    nodes, stored = STORED[case]
    holds(model(nodes, image=N, **stored), tmp_path)


EARLIER = {
    "bounds": (6 + 1, [node("Clip", "x", "y", min=-0.2, max=0.5)]),
    "padding": (9, [node("Pad", "x", "y", pads=[0, 0, 1, 2, 0, 0, 3, 1], value=2.0)]),
    "slices": (9, [node("Slice", "x", "y", starts=[1, 0], ends=[3, 5], axes=[1, 3])]),
    "parts": (11, [onnx.helper.make_node("Split", ["x"], ["z", "y"], axis=3, split=[3, 7])]),
    "new axes": (11, [node("Unsqueeze", "x", "y", axes=[2])]),
    "means": (13, [node("ReduceMean", "x", "y", axes=[2, 3])]),
}


@pytest.mark.parametrize("case", EARLIER)
def test_earlier_versions_say_as_attributes_what_later_ones_take_as_inputs(
    case: str, tmp_path: Path
) -> None:
    opset, nodes = EARLIER[case]
    holds(model(nodes, image=N, opset=opset), tmp_path)


@pytest.mark.parametrize("approximate", ["none", "tanh"])
def test_gelu_is_the_references(approximate: str, tmp_path: Path) -> None:
    graph = model([node("Gelu", "x", "y", approximate=approximate)], image=N, opset=20)
    holds(graph, tmp_path)


def test_parts_of_no_stated_size_are_equal_but_the_last(tmp_path: Path) -> None:
    parts = onnx.helper.make_node("Split", ["x"], ["a", "b", "c", "y"], axis=3, num_outputs=4)
    holds(model([parts], image=N), tmp_path)


@pytest.mark.parametrize("side", ["SAME_UPPER", "SAME_LOWER", "VALID"])
@pytest.mark.parametrize("strides", [[1, 1], [2, 2], [1, 3]])
def test_convolutions_pad_themselves_as_in_the_reference(
    side: str, strides: list[int], tmp_path: Path
) -> None:
    convolution = node("Conv", "x", "w", "b", "y", auto_pad=side, strides=strides)
    holds(model([convolution], image=N, w=floats(4, 3, 3, 2), b=floats(4)), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("side", ["SAME_UPPER", "SAME_LOWER", "VALID"])
@pytest.mark.parametrize(("strides", "counts"), [([1, 1], 0), ([2, 2], 1), ([1, 3], 0)])
def test_means_pad_themselves_as_in_the_reference(
    side: str, strides: list[int], counts: int, tmp_path: Path
) -> None:
    attributes = {"auto_pad": side, "strides": strides, "kernel_shape": [3, 2]}
    pool = node("AveragePool", "x", "y", count_include_pad=counts, **attributes)
    holds(model([pool], image=N), tmp_path)


@pytest.mark.parametrize("strides", [[1, 1], [2, 2], [1, 3]])
def test_maxima_padded_first_are_those_padded_last_of_the_turned_image(
    strides: list[int], tmp_path: Path
) -> None:
    """The reference drops a row with `SAME_LOWER`, against its own specification."""
    attributes = {"strides": strides, "kernel_shape": [3, 2]}
    upper = model([node("MaxPool", "x", "y", auto_pad="SAME_UPPER", **attributes)], image=N)
    holds(upper, tmp_path)
    lower = model([node("MaxPool", "x", "y", auto_pad="SAME_LOWER", **attributes)], image=N)
    x = floats(2, *N[1:])
    turned = ours(upper, x[..., ::-1, ::-1].copy(), tmp_path)[..., ::-1, ::-1]
    found = ours(lower, x, tmp_path)
    assert found.shape[2:] == (-(-9 // strides[0]), -(-10 // strides[1]))
    np.testing.assert_array_equal(found, turned)


PADS = ([0, 0, 1, 1], [1, 0, 0, 2], [1, 1, 1, 1], [2, 2, 2, 2])


@pytest.mark.parametrize(
    ("pads", "ceil", "stride"), list(itertools.product(PADS, [0, 1], [2, 3])), ids=str
)
def test_maxima_over_padding_are_those_of_the_reference(
    pads: list[int], ceil: int, stride: int, tmp_path: Path
) -> None:
    attributes = {"strides": [stride, stride], "kernel_shape": [3, 3], "ceil_mode": ceil}
    holds(model([node("MaxPool", "x", "y", pads=pads, **attributes)], image=N), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pads", "ceil", "stride", "counts"),
    list(itertools.product(PADS[:3], [0, 1], [2, 3], [0, 1])),
    ids=str,
)
def test_means_over_padding_are_those_of_its_definition(
    pads: list[int], ceil: int, stride: int, counts: int, tmp_path: Path
) -> None:
    attributes = {"strides": [stride, stride], "kernel_shape": [3, 3], "ceil_mode": ceil}
    pool = node("AveragePool", "x", "y", pads=pads, count_include_pad=counts, **attributes)
    graph = model([pool], image=N, opset=22)
    if ceil and counts and pads[:2] != pads[2:]:
        with pytest.raises(NetworkError, match="`ceil_mode` comes with uneven padding"):
            ours(graph, floats(1, *N[1:]), tmp_path)
        return
    x = floats(1, *N[1:])
    np.testing.assert_allclose(
        ours(graph, x, tmp_path), means(x, pads, ceil, stride, counts), rtol=1e-5, atol=1e-6
    )


def means(x: Any, pads: list[int], ceil: int, stride: int, counts: int) -> Any:
    """Window by window: of what lies in the image or, if it counts, in the padding."""
    starts = []
    for axis in range(2):
        before, after, length = pads[axis], pads[axis + 2], x.shape[axis + 2]
        free = length + before + after - 3
        last = -(-free // stride) if ceil else free // stride
        starts.append(
            [s * stride - before for s in range(last + 1) if s * stride < length + before]
        )
    rows = []
    for top, left in itertools.product(*starts):
        inside = x[:, :, max(top, 0) : top + 3, max(left, 0) : left + 3]
        height, width = inside.shape[2:]
        if counts:
            height = min(top + 3, x.shape[2] + pads[2]) - top
            width = min(left + 3, x.shape[3] + pads[3]) - left
        rows.append(inside.sum((2, 3)) / (height * width))
    return np.stack(rows, 2).reshape(*x.shape[:2], *map(len, starts))


def test_softmax_took_all_later_axes_together_until_version_13(tmp_path: Path) -> None:
    x = floats(2, *N[1:])
    powers = np.exp(x)
    whole_image = powers / powers.sum((1, 2, 3), keepdims=True)
    found = ours(model([node("Softmax", "x", "y")], image=N, opset=11), x, tmp_path)
    np.testing.assert_allclose(found, whole_image, rtol=1e-5)
    logs = node("LogSoftmax", "x", "y", axis=2)
    found = ours(model([logs], image=N, opset=9), x, tmp_path)
    np.testing.assert_allclose(found, np.log(powers / powers.sum((2, 3), keepdims=True)), rtol=1e-4)


def test_local_response_normalisation_is_the_references(tmp_path: Path) -> None:
    norm = node("LRN", "x", "y", size=3, alpha=0.1, beta=0.7, bias=2.0)
    # The reference normalises as many channels as there are images.
    holds(model([norm], image=N), tmp_path, batch=3)


def test_squeezing_says_its_axes_or_takes_all_of_length_1(tmp_path: Path) -> None:
    first = node("Slice", "x", "y", starts=[0], ends=[1], axes=[1])
    first.output[0] = "s"
    for axes in ({"axes": [1]}, {}):
        holds(model([first, node("Squeeze", "s", "y", **axes)], image=N, opset=9), tmp_path)


def refused(nodes: list[onnx.NodeProto], folder: Path, **stored: Any) -> str:
    opset = stored.pop("opset", 18)
    with pytest.raises(NetworkError) as raised:
        ours(model(nodes, image=N, opset=opset, **stored), floats(1, *N[1:]), folder)
    assert raised.value.hint
    return re.sub(r"\s+", " ", raised.value.message)


UNTAUGHT = {
    "its `size` is `2`": ([node("LRN", "x", "y", size=2)], {}),
    "its `alpha` isn't 1": (
        [node("Flatten", "x", "a"), node("Gemm", "a", "w", "y", alpha=0.5)],
        {"w": floats(270, 5)},
    ),
    "its `beta` isn't 1": (
        [node("Flatten", "x", "a"), node("Gemm", "a", "w", "b", "y", beta=0.5)],
        {"w": floats(270, 5), "b": floats(5)},
    ),
    "`transA` turns what comes from the image": (
        [node("Flatten", "x", "a"), node("Gemm", "a", "w", "y", transA=1)],
        {"w": floats(1, 5)},
    ),
    "its weights have the shape `(5,)`": (
        [node("Flatten", "x", "a"), node("Gemm", "a", "w", "y")],
        {"w": floats(5)},
    ),
    "its weights `k` are computed, not stored": (
        [node("Relu", "w", "k"), node("Flatten", "x", "a"), node("Gemm", "a", "k", "y")],
        {"w": floats(270, 5)},
    ),
    "its statistics `k` are computed, not stored": (
        [node("Relu", "w", "k"), node("BatchNormalization", "x", "w", "w", "k", "w", "y")],
        {"w": floats(3)},
    ),
    "it is exported in training mode": (
        [node("Dropout", "x", "r", "t", "y")],
        {"r": np.float32(0.5), "t": np.array(True)},
    ),
    "its scale doesn't have all the axes that it normalises": (
        [node("LayerNormalization", "x", "s", "y", axis=1)],
        {"s": floats(10)},
    ),
    "its `stash_type` isn't 32-bit floats": (
        [node("LayerNormalization", "x", "s", "y", stash_type=11)],
        {"s": floats(10)},
    ),
    "its slopes of shape `(10,)` aren't one a channel": (
        [node("PRelu", "x", "s", "y")],
        {"s": floats(10)},
    ),
    "its `mode` is `reflect` along images or channels": (
        [node("Pad", "x", "p", "y", mode="reflect")],
        {"p": whole(0, 1, 1, 2, 0, 0, 3, 1)},
    ),
    "its `mode` is `wrap`": (
        [node("Pad", "x", "p", "y", mode="wrap")],
        {"p": whole(0, 0, 1, 2, 0, 0, 3, 1), "opset": 19},
    ),
    "its step is `-1`": (
        [node("Slice", "x", "s", "e", "a", "t", "y")],
        {"s": whole(5), "e": whole(1), "a": whole(2), "t": whole(-1)},
    ),
    "is cast to type `7`, no float": (
        [node("Cast", "x", "z", to=7), node("Cast", "z", "y", to=1)],
        {},
    ),
    "its `dilations` are larger than 1": (
        [node("AveragePool", "x", "y", kernel_shape=[2, 2], dilations=[2, 2])],
        {"opset": 19},
    ),
    "its `pads` are `[-1, 0, 0, 0]`": (
        [node("MaxPool", "x", "y", kernel_shape=[2, 2], pads=[-1, 0, 0, 0])],
        {},
    ),
    "its `auto_pad` is `SAME`": (
        [node("MaxPool", "x", "y", kernel_shape=[2, 2], auto_pad="SAME")],
        {},
    ),
    "its axes contradict each other": (
        [node("MaxPool", "x", "y", kernel_shape=[2, 2], strides=[1])],
        {},
    ),
    "a length is below 1": ([node("MaxPool", "x", "y", kernel_shape=[2, 0])], {}),
    "`kernel_shape` isn't that of its weights, `(3, 3)`": (
        [node("Conv", "x", "w", "y", kernel_shape=[2, 2])],
        {"w": floats(4, 3, 3, 3)},
    ),
    "its `group` is `3`": (
        [node("Conv", "x", "w", "y", group=3)],
        {"w": floats(4, 1, 3, 3)},
    ),
    "its `alpha` is `2.0`": ([node("Selu", "x", "y", alpha=2.0)], {}),
    "its `gamma` is `2.0`": ([node("Selu", "x", "y", gamma=2.0)], {}),
    "its `approximate` is `some`": (
        [node("Gelu", "x", "y", approximate="some")],
        {"opset": 20},
    ),
    "its second output is used": (
        [onnx.helper.make_node("MaxPool", ["x"], ["y", "i"], kernel_shape=[2, 2])],
        {},
    ),
    "its `reduction` is `add`": (
        [node("ScatterND", "w", "i", "v", "k"), node("Add", "x", "k", "y")],
        {"w": floats(9, 10), "i": whole([0]), "v": floats(1, 10), "reduction": "add"},
    ),
    "its `p` depends on the image": (
        [node("ReduceMean", "x", "p"), node("Clip", "x", "p", "y")],
        {},
    ),
    "it computes with values that don't depend on the image": (
        [node("Relu", "c", "d"), node("Add", "x", "d", "y")],
        {"c": np.float32(1)},
    ),
    "it gives 8,192 values, which is no shape": (
        [node("Concat", *["c"] * 1024, "d", axis=0), node("Reshape", "x", "d", "y")],
        {"c": np.arange(8)},
    ),
    "it asks for 1,000,000,000,000 values, which is no shape": (
        [node("ConstantOfShape", "c", "d"), node("Reshape", "x", "d", "y")],
        {"c": whole(10**6, 10**6)},
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("message", UNTAUGHT)
def test_what_is_not_supported_is_an_error_that_names_node_and_reason(
    message: str, tmp_path: Path
) -> None:
    nodes, stored = UNTAUGHT[message]
    stored = dict(stored)
    if "reduction" in stored:
        nodes[0].attribute.append(onnx.helper.make_attribute("reduction", stored.pop("reduction")))
    text = refused(nodes, tmp_path, **stored)
    assert message in text
    assert any(f"operator `{entry.op_type}` of node `" in text for entry in nodes)


def test_constants_that_are_no_dense_numbers_are_refused(tmp_path: Path) -> None:
    constant = onnx.helper.make_node("Constant", [], ["c"], value_string="words")
    text = refused([constant, node("Add", "x", "c", "y")], tmp_path)
    assert "the constant `c` is given as `value_string`" in text


def test_numbers_that_torch_has_no_layers_for_are_refused(tmp_path: Path) -> None:
    rounded = onnx.helper.make_tensor("w", onnx.TensorProto.BFLOAT16, [3, 1, 1], [1.0, 2.0, 3.0])
    text = refused([node("Add", "x", "w", "y")], tmp_path, w=rounded)
    assert "the tensor `w` of the file holds `bfloat16` values" in text


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("value_float", 2.0), ("value_int", 3), ("value_floats", [1.0, 2.0]), ("value_ints", [1, 2])],
)
def test_constants_are_read_in_every_form(attribute: str, value: Any, tmp_path: Path) -> None:
    constant = onnx.helper.make_node("Constant", [], ["c"], **{attribute: value})
    cast, product = node("Cast", "c", "d", to=1), node("Mul", "x", "d", "y")
    last = node("Reshape", "x", "c", "y") if attribute == "value_ints" else product
    nodes = [constant, last] if attribute == "value_ints" else [constant, cast, product]
    shape = ("n", 1, 1, 2)
    if attribute == "value_floats":
        nodes = [constant, node("Mul", "x", "c", "y")]
    holds(model(nodes, image=shape), tmp_path, batch=1)
