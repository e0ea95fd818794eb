"""ONNX files that are damaged, hostile or not for a layer table; and what modules are called."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx_made import model, node, saved

from convscope.arithmetic import layer_table
from convscope.errors import NetworkError
from convscope.onnx_import import read_onnx

KERNELS = np.ones((4, 3, 3, 3), np.float32)
CONVOLUTION = node("Conv", "x", "w", "y")


def good() -> onnx.ModelProto:
    return model([CONVOLUTION], w=KERNELS)


def refusal(file: Path, **options: Any) -> NetworkError:
    with pytest.raises(NetworkError) as raised:
        read_onnx(file, **options)
    assert raised.value.hint
    return raised.value


def test_a_file_that_is_not_there_or_a_folder_says_so(tmp_path: Path) -> None:
    assert "none.onnx` is missing" in refusal(tmp_path / "none.onnx").message
    (tmp_path / "folder.onnx").mkdir()
    assert "is a folder, no ONNX file" in refusal(tmp_path / "folder.onnx").message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it holds no graph"),
        (b"words of someone\n" * 100, "can't be read: Error parsing message"),
        (good().SerializeToString()[:-40], "can't be read"),
        (b"\x08\x0a" * 1000, "can't be read"),
    ],
    ids=["empty", "text", "truncated", "numbers"],
)
def test_what_is_no_onnx_file_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    error = refusal(saved(content, tmp_path))
    assert message in error.message
    assert "damaged, no ONNX file" in str(error.hint)


def test_a_file_that_ends_anywhere_is_refused_or_is_no_network(tmp_path: Path) -> None:
    content = good().SerializeToString()
    for end in range(0, len(content), 7):
        refusal(saved(content[:end], tmp_path))


@pytest.mark.slow
def test_a_file_with_any_byte_changed_is_read_or_refused_but_never_breaks(tmp_path: Path) -> None:
    content = bytearray(good().SerializeToString())
    outcomes = set()
    for at in range(0, len(content), 3):
        changed = bytearray(content)
        changed[at] ^= 0x55
        try:
            network, shape = read_onnx(saved(bytes(changed), tmp_path))
            layer_table(network, shape)
            outcomes.add("read")
        except NetworkError:
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}


def outside(location: str) -> TensorProto:
    tensor = numpy_helper.from_array(KERNELS, "w")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    return tensor


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("weights.bin", "not regular file"),
        ("../secret.bin", "points outside the directory"),
        ("/etc/hostname", "absolute path"),
        ("link.bin", "symbolic link"),
        ("short.bin", "the tensor `w` of the file is damaged"),
    ],
)
def test_weights_are_read_from_files_beside_it_only(
    location: str, message: str, tmp_path: Path
) -> None:
    folder = tmp_path / "inside"
    folder.mkdir()
    (tmp_path / "secret.bin").write_bytes(KERNELS.tobytes())
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    (folder / "short.bin").write_bytes(bytes(100))
    error = refusal(saved(model([CONVOLUTION], w=outside(location)), folder))
    assert message in error.message


def with_lengths(*lengths: int) -> TensorProto:
    tensor = numpy_helper.from_array(KERNELS, "w")
    tensor.ClearField("dims")
    tensor.dims.extend(lengths)
    return tensor


@pytest.mark.parametrize("first", [10**9, -4, 2**62])
def test_a_tensor_that_lies_about_its_size_is_refused(first: int, tmp_path: Path) -> None:
    refusal(saved(model([CONVOLUTION], w=with_lengths(first, 3, 3, 3)), tmp_path))


def test_operators_that_are_not_known_are_listed_together(tmp_path: Path) -> None:
    strange = helper.make_node("Sharpen", ["a"], ["y"], domain="com.example", name="sharp")
    nodes = [node("ConvTranspose", "x", "w", "b"), node("ConvTranspose", "b", "w", "a"), strange]
    message = refusal(saved(model(nodes, w=KERNELS), tmp_path)).message
    assert "has operators that can't be read" in message
    assert "`ConvTranspose`, 2 times, first as node `b`" in message
    assert "`com.example.Sharpen`, once, as node `sharp`" in message


@pytest.mark.parametrize("operator", ["If", "Loop", "Scan"])
def test_graphs_within_graphs_are_refused(operator: str, tmp_path: Path) -> None:
    content = model([node(operator, "x", "y", body=good().graph)])
    assert f"`{operator}`, once, as node `y`" in refusal(saved(content, tmp_path)).message


def test_operators_defined_in_the_file_are_refused_with_the_way_out(tmp_path: Path) -> None:
    content = good()
    content.functions.append(
        helper.make_function("own", "Twice", ["a"], ["b"], [node("Add", "a", "a", "b")], [])
    )
    error = refusal(saved(content, tmp_path))
    assert "defines operators of its own, `Twice` for instance" in error.message
    assert "inline_local_functions" in str(error.hint)


@pytest.mark.parametrize(("opset", "way_out"), [(6, "version_converter"), (999, "newer `onnx`")])
def test_versions_that_are_not_known_are_refused(opset: int, way_out: str, tmp_path: Path) -> None:
    error = refusal(saved(model([CONVOLUTION], w=KERNELS, opset=opset), tmp_path))
    assert f"uses version `{opset}` of the ONNX operators" in error.message
    assert way_out in str(error.hint)


def test_a_graph_that_runs_in_circles_is_refused(tmp_path: Path) -> None:
    circle = model([node("Add", "x", "z", "y"), node("Relu", "y", "z")])
    assert "topologically sorted" in refusal(saved(circle, tmp_path)).message


def test_an_attribute_that_an_operator_does_not_have_is_refused(tmp_path: Path) -> None:
    content = model([node("Relu", "x", "y", colour=3)])
    assert "colour" in refusal(saved(content, tmp_path)).message


def test_an_output_that_no_image_reaches_is_no_network(tmp_path: Path) -> None:
    content = model([node("Relu", "x", "z"), node("Identity", "w", "y")], w=KERNELS)
    assert "no output of" in refusal(saved(content, tmp_path)).message


def taking(*inputs: onnx.ValueInfoProto) -> onnx.ModelProto:
    content = model([node("Relu", "x", "y")])
    content.graph.ClearField("input")
    content.graph.input.extend(inputs)
    return content


def value(name: str, shape: Any, kind: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


IMAGES = (1, 3, 8, 8)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (taking(value("x", IMAGES), value("z", IMAGES)), "has 2 inputs, `x`, `z`"),
        (
            taking(value("x", (1, 80))),
            "no batch of images but `float` values of shape `(1, 80)`",
        ),
        (taking(value("x", IMAGES, TensorProto.UINT8)), "but `uint8` values of shape"),
        (taking(value("x", ())), "but `float` values of shape `()`"),
        (
            model([node("Transpose", "x", "y", perm=[0, 3, 1, 2])], image=(1, 8, 8, 3)),
            "has its channels last, (N, H, W, C)",
        ),
    ],
)
def test_an_input_that_is_no_batch_of_images_is_refused(
    content: onnx.ModelProto, message: str, tmp_path: Path
) -> None:
    assert message in refusal(saved(content, tmp_path)).message


def test_a_graph_without_an_input_is_refused(tmp_path: Path) -> None:
    content = taking()
    content.graph.node[0].input[0] = "w"
    content.graph.initializer.append(numpy_helper.from_array(KERNELS, "w"))
    assert "has no input" in refusal(saved(content, tmp_path)).message


def test_weights_that_are_listed_as_inputs_are_no_inputs(tmp_path: Path) -> None:
    content = good()
    content.graph.input.append(value("w", KERNELS.shape))
    network, shape = read_onnx(saved(content, tmp_path))
    assert shape == (3, 9, 10)
    assert [name for name, _ in network.named_parameters()] == ["Conv_0.weight"]


def test_an_open_image_size_has_to_be_said_and_a_fixed_one_can_not_be_changed(
    tmp_path: Path,
) -> None:
    half_open = saved(model([CONVOLUTION], w=KERNELS, image=("n", 3, "h", None)), tmp_path)
    error = refusal(half_open)
    assert "leaves open which images it takes: `3x?x?`" in error.message
    assert "`--input 3x224x224`" in str(error.hint)
    network, shape = read_onnx(half_open, (3, 12, 14))
    assert layer_table(network, shape).rows[0].output_shape == (1, 4, 10, 12)
    message = refusal(half_open, input_shape=(1, 12, 14)).message
    assert "takes images of shape `3x?x?`, not `1x12x14`" in message
    fixed = saved(good(), tmp_path)
    message = refusal(fixed, input_shape=(3, 12, 14)).message
    assert "takes images of shape `3x9x10`, not `3x12x14`" in message


def test_a_batch_that_the_graph_can_not_follow_is_an_error_that_says_so(tmp_path: Path) -> None:
    content = model([node("Reshape", "x", "s", "y")], s=np.array([9, 3, 10]))
    network, shape = read_onnx(saved(content, tmp_path))
    assert layer_table(network, shape).rows[0].output_shape == (9, 3, 10)
    with pytest.raises(NetworkError, match="made for batches of 1, not 2"):
        layer_table(network, (2, *shape))


def test_weights_that_layers_share_are_counted_once(tmp_path: Path) -> None:
    kernels = np.ones((3, 3, 1, 1), np.float32)
    nodes = [node("Conv", "x", "w", "a"), node("Identity", "w", "v"), node("Conv", "a", "v", "y")]
    network, shape = read_onnx(saved(model(nodes, w=kernels), tmp_path))
    table = layer_table(network, shape)
    assert table.parameters == 9
    assert table.macs == 2 * 9 * 90


def test_running_statistics_single_numbers_and_constants_are_no_parameters(tmp_path: Path) -> None:
    ones = np.ones(3, np.float32)
    constant = helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(ones[:, None]))
    nodes = [
        constant,
        node("BatchNormalization", "x", "s", "b", "m", "v", "n"),
        node("Mul", "n", "k", "p"),
        node("Mul", "p", "one", "q"),
        node("Add", "q", "c", "y"),
    ]
    stored: dict[str, Any] = {
        "s": ones,
        "b": ones,
        "m": ones,
        "v": ones,
        "k": np.float32(2),
        "one": ones[:1],
    }
    network, shape = read_onnx(saved(model(nodes, image=(1, 3, 3, 9), **stored), tmp_path))
    table = layer_table(network, shape)
    assert (table.parameters, table.buffers) == (6, 3 + 3 + 1 + 3)


def named(*names: str, folder: Path) -> list[str]:
    values = ["x", *(f"v{index}" for index in range(len(names) - 1)), "y"]
    nodes = [
        node("Relu", *values[index : index + 2], name=name) for index, name in enumerate(names)
    ]
    network, _ = read_onnx(saved(model(nodes), folder))
    return [name for name, layer in network.named_modules() if type(layer).__name__ == "ReLU"]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["", "/Relu", ""], ["Relu_0", "Relu", "Relu_2"]),
        (["/layer1/layer1.0/conv1/Relu"], ["layer1.0.conv1"]),
        (["/blocks.0/mlp/act/Relu", "/blocks.1/Relu"], ["blocks.0.mlp.act", "blocks.1"]),
        (["/act/Relu", "/act/Relu_1"], ["act.Relu", "act.Relu_1"]),
        (["model/conv1/Conv2D", "model/conv1/Bias"], ["model.conv1.Conv2D", "model.conv1.Bias"]),
        (["same", "same"], ["same", "same_1"]),
        (["forward", "type", "training", "_modules"], ["forward_", "type_", "training_"]),
        (["a/b/c", "a/b", "a"], ["a.b", "a.b_1", "a_1"]),
        (["x\n\x1b[31m"], ["x__[31m"]),
        (["/a" * 5000, "b" * 5000], ["Relu_0", "Relu_1"]),
    ],
)
def test_modules_are_called_like_the_nodes_as_far_as_modules_can(
    names: list[str], expected: list[str], tmp_path: Path
) -> None:
    found = named(*names, folder=tmp_path)
    assert len(found) == len(names)
    assert found[: len(expected)] == expected or sorted(found) == sorted(expected)


def test_a_row_of_layers_that_is_broken_off_is_one_module_called_twice(tmp_path: Path) -> None:
    nodes = [
        node("Relu", "x", "a", name="/shared/Relu"),
        node("Conv", "a", "w", "b", name="/conv/Conv"),
        node("Relu", "b", "y", name="/shared/Relu_1"),
    ]
    network, shape = read_onnx(saved(model(nodes, w=KERNELS), tmp_path))
    rows = {row.name: row for row in layer_table(network, shape).rows}
    assert rows["shared"].num_calls == 2
    assert rows["shared"].output_shape == (1, 4, 7, 8)
    assert rows["conv"].output_shape == (1, 4, 7, 8)


@pytest.mark.parametrize(
    ("image", "shape"),
    [
        ((1, 3, 10**9, 10), "1x3x1000000000x10"),
        ((1, 3, 10, 2**40), "1x3x10x1099511627776"),
        ((1, 10**6, 10, 10), "1x1000000x10x10"),
        ((10**9, 3, 10, 10), "1000000000x3x10x10"),
        (("N", 3, 8193, 8193), "?x3x8193x8193"),
    ],
)
def test_an_absurd_size_of_the_input_is_named(
    tmp_path: Path, image: tuple[int | str, ...], shape: str
) -> None:
    file = saved(model([CONVOLUTION], image=image, w=KERNELS), tmp_path)
    assert refusal(file).message == f"the input `x` of `{file}` is `{shape}`, which no images are"


@pytest.mark.parametrize(
    ("operator", "attributes"),
    [
        ("MaxPool", {"kernel_shape": [10**9, 2]}),
        ("MaxPool", {"kernel_shape": [2, 2], "strides": [2**40, 1]}),
        ("AveragePool", {"kernel_shape": [2, 2], "pads": [0, 0, 10**9, 0]}),
        ("MaxPool", {"kernel_shape": [2, 2], "dilations": [1, 10**9]}),
        ("Conv", {"pads": [10**9] * 4}),
        ("Conv", {"strides": [10**9, 10**9]}),
    ],
)
def test_absurd_attributes_are_named(
    tmp_path: Path, operator: str, attributes: dict[str, list[int]]
) -> None:
    inputs = ("x", "w", "y") if operator == "Conv" else ("x", "y")
    stored: dict[str, Any] = {"w": KERNELS} if operator == "Conv" else {}
    error = refusal(saved(model([node(operator, *inputs, **attributes)], **stored), tmp_path))
    name = list(attributes)[-1]
    assert f"its `{name}` are `{attributes[name]}`, above 8,192" in error.message


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_stored_tensor_with_a_non_finite_value_is_named(tmp_path: Path, value: float) -> None:
    kernels = KERNELS.copy()
    kernels[1, 2, 0, 1] = value
    error = refusal(saved(model([CONVOLUTION], w=kernels), tmp_path))
    assert error.message == "the tensor `w` of the file has non-finite values"


@pytest.mark.skipif(os.name != "posix", reason="only there such files can be made")
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_pipe_or_device_is_not_waited_for(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "a.onnx"
    os.mkfifo(file) if kind == "pipe" else file.symlink_to("/dev/zero")
    assert f"it is a {kind}, no file" in refusal(file).message


@pytest.mark.skipif(os.name != "posix", reason="only there such files can be made")
@pytest.mark.parametrize("kind", ["pipe", "device", "link", "absolute", "missing", "short"])
def test_weights_beside_the_file_are_a_whole_regular_file_there(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "w.bin").write_bytes(KERNELS.tobytes())
    place, target = "w.bin", folder / "w.bin"
    if kind == "pipe":
        os.mkfifo(target)
    elif kind == "device":
        target.symlink_to("/dev/zero")
    elif kind == "link":
        target.symlink_to(tmp_path / "w.bin")
    elif kind == "absolute":
        place = str(tmp_path / "w.bin")
    elif kind == "short":
        target.write_bytes(KERNELS.tobytes()[:100])
    tensor = numpy_helper.from_array(KERNELS, "w")
    onnx.external_data_helper.set_external_data(tensor, place, length=KERNELS.nbytes)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    refusal(saved(model([CONVOLUTION], w=tensor), folder))
