"""`convscope summary` as users type it."""

from __future__ import annotations

import csv
import functools
import json
import re
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from conftest import Convscope
from convscope.api.summarize import summarize
from convscope.errors import UsageError

NETWORK = """
from torch import nn

LEARNS = nn.Linear(3, 3)

class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        return self.conv(x).relu()

def needs(width):
    return nn.Linear(width, 3)

def a_number():
    return 3

def breaks():
    raise RuntimeError("no luck")
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    place = tmp_path / "mine.py"
    place.write_text(NETWORK)
    return place


def test_a_network_is_shown_with_its_totals_and_its_forms(convscope: Convscope) -> None:
    out = convscope("summary", "alexnet").out
    assert "MACs 714,188,480 (multiply-accumulates of convolutions and matrix products)" in out
    assert "MB kept for the backward pass" in out
    assert "`alexnet` is one of 3 forms of AlexNet" in out
    assert "`alexnet_2012` has 60,965,224 parameters, 724,406,816 MACs" in out


@pytest.mark.slow
def test_auxiliary_heads_are_counted_on_request(convscope: Convscope) -> None:
    words = ("summary", "googlenet", "--depth", "1")
    assert "6,379,984 parameters are in layers that this pass doesn't call" in convscope(*words).out
    out = convscope(*words, "--auxiliary-heads").out
    assert "MACs 1,506,748,416" in out
    assert "in evaluation mode, through auxiliary heads" in out
    assert "not called" not in out


def test_auxiliary_heads_of_a_network_without_any_are_an_error(convscope: Convscope) -> None:
    result = convscope("summary", "resnet20", "--auxiliary-heads")
    assert result.code == 4
    assert result.err == (
        "error: `CifarResNet` has no auxiliary heads\n"
        "hint: of the table of networks, only the forms of GoogLeNet have some\n"
    )


@pytest.mark.parametrize(
    "name", ["training", "auxiliary_heads", "input_shape", "num_classes", "output", "language"]
)
def test_what_a_flag_says_is_no_option_of_the_network(convscope: Convscope, name: str) -> None:
    err = convscope("summary", "resnet20", "--option", f"{name}=1").err
    assert err.startswith(f"error: `{name}` is no option of a network\n")


@pytest.mark.slow
def test_training_mode_and_chosen_columns_are_shown(convscope: Convscope) -> None:
    words = ("summary", "resnet20", "--train", "-b", "2", "--columns", "layer,backward,forward")
    out = convscope(*words).out
    assert "input 2 x 3 x 32 x 32, in training mode" in out
    assert "backward MACs" in out
    assert "parameters  " not in out


def test_flops_say_what_is_in_them(convscope: Convscope) -> None:
    plain = json.loads(convscope("summary", "lenet5", "--flops", "--json").out)
    assert plain["flops"] == 2 * 416_520
    out = convscope("summary", "lenet5", "--flops", "--with", "bias,pooling").out
    assert "FLOPs 845,862 (two for each multiply-accumulate" in out
    assert "and the operations of: bias, pooling)" in out


@pytest.mark.slow
def test_every_number_is_verified_on_request(convscope: Convscope) -> None:
    words = ("summary", "lenet_rgb", "--verify")
    out = convscope(*words).out
    assert "MACs against torch's flop counter: 13 checks, none differ" in out
    assert "receptive fields against gradients: 25 checks, none differ" in out
    assert json.loads(convscope(*words, "--json").out)["verification"]["holds"]


@pytest.mark.slow
def test_what_really_counts_is_measured_on_request(convscope: Convscope) -> None:
    words = ("summary", "lenet_rgb", "--effective")
    assert "effective" in convscope(*words).out
    rows = {row["name"]: row for row in json.loads(convscope(*words, "--json").out)["layers"]}
    # The further a layer is from the image, the more do pixels in the middle count.
    shares = [
        rows[name]["effective_field"][0] / rows[name]["receptive_field"]["size"][0]
        for name in ("conv1", "conv2")
    ]
    assert shares[1] < shares[0] < 2
    assert rows["conv2"]["status"]["effective_field"] == "measured"
    assert rows["fc1"]["effective_field"] is None


@pytest.mark.slow
def test_the_table_is_written_as_csv_markdown_and_html(
    convscope: Convscope, tmp_path: Path
) -> None:
    rows = list(csv.DictReader(convscope("summary", "lenet5", "--format", "csv").out.splitlines()))
    assert rows[0]["macs"] == "416520"
    markdown = convscope("summary", "lenet5", "--format", "markdown", "--depth", "0").out
    assert "| (network) | LeNet | 1 x 10 | 61,706 | 416,520 |" in markdown
    page = tmp_path / "table.html"
    done = convscope("summary", "lenet5", "--format", "html", "--verify", "-o", page)
    assert done.out == f"written to {page}\n"
    text = page.read_text(encoding="utf-8")
    assert "<h1>lenet5</h1>" in text
    assert "none differ" in text
    assert not re.search(r"(src|href)=\"http", text)


@pytest.mark.slow
def test_several_networks_stand_side_by_side(convscope: Convscope, tmp_path: Path) -> None:
    words = ("summary", "resnet18", "vgg16", "googlenet_2014")
    out = convscope(*words).out
    assert re.search(r"resnet18 +1x3x224x224 +11,689,512 +1,814,073,344 .* 69\.8%", out)
    assert "not measured here" in out
    rows = json.loads(convscope(*words, "--json").out)
    assert [row["network"] for row in rows] == list(words[1:])
    assert rows[2]["imagenet_top1"] is None
    smaller = json.loads(convscope(*words, "--input", "3x96x96", "--json").out)
    assert {row["imagenet_top1"] for row in smaller} == {None}
    assert "| resnet18 |" in convscope(*words, "--format", "markdown").out
    assert "resnet18," in convscope(*words, "--format", "csv").out
    page = tmp_path / "networks.html"
    assert convscope(*words, "--format", "html", "-o", page).code == 0
    assert "Networks side by side" in page.read_text(encoding="utf-8")


CHOOSES = """
from torch import nn

class Chooses(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        return self.conv(x) if x.mean() < 1 else self.conv(self.conv(x))
"""


@pytest.mark.slow
def test_numbers_keep_their_marks_in_totals_side_by_side_and_on_pages(
    convscope: Convscope, tmp_path: Path
) -> None:
    file = tmp_path / "chooses.py"
    file.write_text(CHOOSES, encoding="utf-8")
    name, shape = f"{file}:Chooses", ("--input", "3x8x8")
    text = convscope("summary", name, *shape).out
    assert "MACs ? 3,888 (" in text
    assert "backward pass ? 3,888 MACs" in text
    assert "memory ? 0.001 MB made in the forward pass, ? 0.001 MB kept" in text
    assert "? the network looks at values" in text
    both = ("summary", name, "resnet18", "--input", "3x32x32")
    beside = convscope(*both).out
    assert "? 97,200" in beside
    assert f"`{name}`: ? the network looks at values" in beside
    first, second = json.loads(convscope(*both, "--json").out)
    assert (first["status"]["macs"], second["status"]["macs"]) == ("varies", "exact")
    assert first["uncounted"] == []
    assert "looks at values" in first["caveats"][0]
    rows = list(csv.DictReader(convscope(*both, "--format", "csv").out.splitlines()))
    assert [row["saved_bytes_status"] for row in rows] == ["varies", "measured"]
    page = tmp_path / "page.html"
    convscope("summary", name, *shape, "--format", "html", "-o", str(page))
    assert "<dd>? 3,888" in page.read_text(encoding="utf-8")
    assert "the network looks at values" in page.read_text(encoding="utf-8")


def test_a_network_in_a_file_of_ones_own_is_shown(convscope: Convscope, file: Path) -> None:
    out = convscope("summary", f"{file}:Small", "--input", "3x8x8", "--verify").out
    assert "1 x 4 x 6 x 6" in out
    assert "MACs 3,888" in out
    assert out.count("none differ") == 4


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "doesn't say which network of the file is meant"),
        (":Smal", "hint: did you mean `Small`?"),
        (":needs", "gave no network: TypeError: needs() missing"),
        (":a_number", "gave a `int`, no torch module"),
        (":breaks", "gave no network: RuntimeError: no luck"),
    ],
)
def test_a_file_that_gives_no_network_says_why(
    convscope: Convscope, file: Path, name: str, message: str
) -> None:
    done = convscope("summary", f"{file}{name}", "--input", "3x8x8")
    assert done.code == 4
    assert message in done.err


LATE = """
from __future__ import annotations
from dataclasses import dataclass
from torch import nn

@dataclass
class Options:
    width: int = 4

class Net(nn.Sequential):
    def __init__(self):
        from neighbour import SIDE
        super().__init__(nn.Conv2d(3, Options().width, SIDE))
"""


def test_a_file_may_have_dataclasses_and_import_its_neighbours_late(
    convscope: Convscope, tmp_path: Path
) -> None:
    (tmp_path / "late.py").write_text(LATE)
    (tmp_path / "neighbour.py").write_text("SIDE = 5")
    done = convscope("summary", f"{tmp_path / 'late.py'}:Net", "--input", "3x8x8")
    assert done.code == 0
    assert "parameters 304" in done.out


def test_effective_fields_of_a_network_in_half_precision_are_measured(
    convscope: Convscope, tmp_path: Path
) -> None:
    (tmp_path / "half.py").write_text(
        "from torch import nn\ndef net():\n    return nn.Sequential(nn.Conv2d(3, 4, 3)).bfloat16()"
    )
    words = ("--input", "3x8x8", "--effective", "--json")
    rows = json.loads(convscope("summary", f"{tmp_path / 'half.py'}:net", *words).out)["layers"]
    assert 2 < rows[1]["effective_field"][0] <= 3


def test_a_file_that_is_not_there_or_breaks_says_so(convscope: Convscope, tmp_path: Path) -> None:
    done = convscope("summary", "none.py:Net", "--input", "3x8x8")
    assert "error: there is no file `none.py`" in done.err
    broken = tmp_path / "broken.py"
    broken.write_text("import nothing_of_this_name\n")
    done = convscope("summary", f"{broken}:Net", "--input", "3x8x8")
    assert "broken.py` can't be run: ModuleNotFoundError: No module named" in done.err


def test_a_module_that_does_not_say_what_it_takes_needs_the_input(
    convscope: Convscope, file: Path
) -> None:
    done = convscope("summary", f"{file}:Small")
    assert done.code == 2
    assert "on the command line, `--input 3x224x224`" in done.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--with", "bias"), "error: other operations are no multiply-accumulates"),
        (("--flops", "--with", "norm"), "error: no kind of operations is called `norm`"),
        (("--columns", "colour"), "error: the layer table has no column `colour`"),
        (("--json", "--format", "csv"), "error: `--json` and `--format csv` exclude each other"),
        (("resnet18", "--depth", "1"), "error: `--depth` applies to one network, not to several"),
    ],
)
def test_flags_that_do_not_apply_are_errors(
    convscope: Convscope, words: tuple[str, ...], message: str
) -> None:
    done = convscope("summary", "lenet5", *words)
    assert done.code == 2
    assert message in done.err


def test_a_convolution_is_worked_out_with_its_formulas(convscope: Convscope) -> None:
    words = ("summary", "conv", "--input", "3x32x32", "--kernels", "16", "--size", "5")
    out = convscope(*words).out
    assert "floor((32 - 5 + 2 * 0) / 1) + 1" in out
    assert "28 * 28 * 16 * 3 * 5 * 5" in out
    assert "output 16 x 28 x 28" in out
    worked = json.loads(convscope(*words, "--padding", "2", "--json").out)
    assert worked["output_shape"] == [16, 32, 32]


def test_pooling_and_dense_layers_are_worked_out(convscope: Convscope) -> None:
    words = ("summary", "pool", "--input", "16x28x28", "--size", "2x3", "--padding", "0x1")
    assert "output 16 x 14 x 10" in convscope(*words).out
    dense = convscope("summary", "dense", "--input", "32x5x5", "--outputs", "120").out
    assert "800 * 120 + 120" in dense


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("pool", "--input", "1x9x9", "--size", "2", "--padding", "2"), "more than half of a win"),
        (("pool", "--input", "1x9x9", "--size", "two"), "error: `--size` can't be `two`"),
        (
            ("conv", "--input", "3x2x2", "--kernels", "4", "--size", "3"),
            "error: a window of extent `3` doesn't fit into `2` padded values",
        ),
        (
            ("conv", "--input", "3x9x9", "--kernels", "4", "--size", "3", "--groups", "2"),
            "error: 3 channels and 4 kernels can't be split in 2",
        ),
        (("conv", "--input", "3x9x9", "--kernels", "4", "--size", "3", "--depth", "2"), "no flag"),
    ],
)
def test_a_layer_that_can_not_be_is_refused(
    convscope: Convscope, words: tuple[str, ...], message: str
) -> None:
    done = convscope("summary", *words)
    assert done.code == 2
    assert message in done.err


def test_a_lazy_network_is_given_its_shapes(convscope: Convscope, tmp_path: Path) -> None:
    (tmp_path / "lazy.py").write_text(
        "from torch import nn\ndef net():\n"
        "    return nn.Sequential(nn.LazyConv2d(4, 3), nn.Flatten(), nn.LazyLinear(5))"
    )
    done = convscope("summary", f"{tmp_path / 'lazy.py'}:net", "--input", "3x8x8")
    assert "parameters 837 (837 trainable)" in done.out


@pytest.mark.parametrize(
    ("words", "right"),
    [
        (("resnet18", "--input", "224x224x3"), "3x224x224"),
        (("lenet5", "--input", "28x28x1"), "1x28x28"),
        (("squeezenet1_1", "resnet18", "--input", "240x320x3"), "3x240x320"),
        (("conv", "--input", "8x8x4", "--kernels", "8", "--size", "3"), "4x8x8"),
        (("pool", "--input", "32x32x3", "--size", "2"), "3x32x32"),
        (("dense", "--input", "28x28x1", "--outputs", "10"), "1x28x28"),
    ],
)
def test_height_and_width_before_the_channels_are_refused_with_the_right_order(
    convscope: Convscope, words: tuple[str, ...], right: str
) -> None:
    done = convscope("summary", *words)
    assert done.code == 2
    shape = words[words.index("--input") + 1]
    assert done.err.startswith(f"error: `{shape}` would be {shape.partition('x')[0]} channels of ")
    assert f"hint: is this height x width x channels? write `{right}`, channels first" in done.err


@pytest.mark.parametrize(
    ("shape", "order", "right"),
    [
        ("224x3x224", "height x channels x width", "3x224x224"),
        ("64x4x96", "height x channels x width", "4x64x96"),
        ("1024x100x3", "height x width x channels", "3x1024x100"),
        ("32x1000x3", "height x width x channels", "3x32x1000"),
        ("8x100x4", "height x width x channels", "4x8x100"),
    ],
)
def test_channels_of_images_in_any_other_place_are_refused(
    convscope: Convscope, shape: str, order: str, right: str
) -> None:
    done = convscope("summary", "resnet18", "--input", shape)
    assert done.code == 2
    assert f"hint: is this {order}? write `{right}`, channels first" in done.err


def test_signals_of_one_pixel_in_height_or_width_are_taken() -> None:
    assert summarize("resnet18", input_shape=(12, 1000, 1))
    assert summarize("resnet18", input_shape=(12, 1, 1000))


def test_the_channels_of_a_module_are_its_own(convscope: Convscope, tmp_path: Path) -> None:
    (tmp_path / "nets.py").write_text(
        "from torch import nn\ndef wide():\n    return nn.Conv2d(24, 5, 3, padding=1)\n"
        "def photos():\n    return nn.Conv2d(3, 5, 3, padding=1)\n"
    )
    given = ("--input", "24x32x3")
    assert convscope("summary", f"{tmp_path / 'nets.py'}:wide", *given).code == 0
    refused = convscope("summary", f"{tmp_path / 'nets.py'}:photos", *given)
    assert "hint: is this height x width x channels? write `3x24x32`, channels first" in refused.err


def test_narrow_maps_of_many_channels_are_taken(convscope: Convscope) -> None:
    words = ("conv", "--input", "12x1000x1", "--kernels", "8", "--size", "3x1")
    assert convscope("summary", *words).code == 0


@pytest.mark.parametrize("shape", [(224, 224), (1, 3, 224, 224), ()])
def test_a_shape_in_python_that_is_no_images_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="is no shape of an image"):
        summarize("resnet18", input_shape=shape)  # type: ignore[arg-type]


def test_height_and_width_first_are_refused_in_python_too() -> None:
    with pytest.raises(UsageError, match="would be 224 channels of 224x3 pixels"):
        summarize("resnet18", input_shape=(224, 224, 3))


@pytest.mark.parametrize("given", [nn.Flatten, lambda: nn.Flatten(), functools.partial(nn.Flatten)])
def test_what_makes_a_module_is_refused_with_the_hint_to_call_it(given: Any) -> None:
    with pytest.raises(UsageError, match="has no layer table") as caught:
        summarize(given, input_shape=(3, 8, 8))
    assert caught.value.hint is not None
    assert caught.value.hint.endswith("call what makes a module")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch.jit
def test_a_wrapped_module_of_a_file_is_shown_or_named(convscope: Convscope, tmp_path: Path) -> None:
    (tmp_path / "nets.py").write_text(
        "import torch\nfrom torch import nn\ndef plain(): return nn.Conv2d(3, 5, 3)\n"
        "def parallel(): return nn.DataParallel(plain())\n"
        "def scripted(): return torch.jit.script(plain())\n"
    )
    given = ("--input", "3x8x8", "--verify")
    shown = convscope("summary", f"{tmp_path / 'nets.py'}:parallel", *given)
    assert shown.out == convscope("summary", f"{tmp_path / 'nets.py'}:plain", *given).out
    refused = convscope("summary", f"{tmp_path / 'nets.py'}:scripted", *given)
    assert refused.code == 4
    assert refused.err.startswith("error: the module is a `RecursiveScriptModule`, compiled by")
    assert "channels" not in refused.err


def test_a_missing_flag_is_named(convscope: Convscope) -> None:
    err = convscope("summary", "conv", "--kernels", "3", "--size", "5").err
    assert err.startswith("error: `--input CxHxW` is missing\n")


def test_the_format_is_that_of_the_files_ending(convscope: Convscope, tmp_path: Path) -> None:
    for ending, start in (("csv", "name,"), ("md", "| layer"), ("json", "{"), ("html", "<!doc")):
        file = tmp_path / f"table.{ending}"
        convscope("summary", "lenet5_relu", "-o", file)
        assert file.read_text(encoding="utf-8").startswith(start)
    convscope("summary", "lenet5_relu", "-o", tmp_path / "zh.html", "--lang", "zh")
    assert "术语表" in (tmp_path / "zh.html").read_text(encoding="utf-8")
    done = convscope("summary", "lenet5", "lenet_rgb", "--lang", "zh", "--format", "html")
    assert "网络对照" in done.out
    done = convscope("summary", "lenet5_relu", "-o", tmp_path / "x.md", "--format", "html")
    assert "ends like markdown, but html is asked for" in done.err


@pytest.mark.parametrize("ending", ["txt", "json", "csv", "md", "html"])
def test_output_in_python_is_what_the_verb_writes(
    convscope: Convscope, tmp_path: Path, ending: str
) -> None:
    file, typed = tmp_path / f"python.{ending}", tmp_path / f"typed.{ending}"
    summarize("lenet5_relu", batch_size=2, output=file, language="zh")
    convscope("summary", "lenet5_relu", "-b", "2", "-o", typed, "--lang", "zh")
    assert file.read_bytes() == typed.read_bytes()


def test_a_module_of_ones_own_is_written_into_a_folder(tmp_path: Path) -> None:
    summarize(nn.Sequential(nn.Conv2d(3, 4, 3)), input_shape=(3, 8, 8), output=tmp_path / "tables")
    text = (tmp_path / "tables" / "summary.txt").read_text(encoding="utf-8")
    assert "Sequential" in text
    assert "parameters 112 (112 trainable)" in text


def test_flops_of_the_backward_pass_are_flops_too(convscope: Convscope) -> None:
    words = ("summary", "lenet5_relu", "--depth", "0", "--columns", "layer,calls,backward")
    assert "backward pass 715,440 MACs" in convscope(*words).out
    out = convscope(*words, "--flops").out
    assert "backward pass 1,430,880 FLOPs" in out
    assert re.search(r"layer +calls +backward FLOPs", out)


@pytest.mark.slow
def test_a_column_that_is_measured_is_measured_where_it_is_named(convscope: Convscope) -> None:
    words = ("summary", "lenet5_relu", "--columns")
    assert re.search(r"conv1 +4\.?8?|conv1 +5", convscope(*words, "layer,effective").out)
    assert "effective" not in convscope(*words, "all").out
    assert "`--columns` is empty" in convscope(*words, "").err


def test_all_kinds_of_operations_may_be_named_with_others(convscope: Convscope) -> None:
    words = ("summary", "lenet5_relu", "--flops", "--with")
    assert "FLOPs 852,370" in convscope(*words, "all,bias").out
