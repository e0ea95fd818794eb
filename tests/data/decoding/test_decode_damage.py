"""The one decoder: real files made to break decoders, and images damaged at random."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from convscope.data.decoding.content import DamagedImageError
from convscope.data.decoding.decode import decode

pytest.importorskip("resource", reason="peak memory is asked of a Unix system")

BENCHMARK = Path(__file__).parents[3] / "benchmarks" / "mutations.py"
MANY = 20_000

DECODE_ALL = """
import faulthandler, json, pathlib, resource, sys
from convscope.data.decoding.content import DamagedImageError
from convscope.data.decoding.decode import decode_content

folder = pathlib.Path(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
outcomes = {}
for path in sorted(path for path in folder.rglob("*") if path.is_file()):
    content = path.read_bytes()
    print(path, file=sys.stderr)
    faulthandler.dump_traceback_later(20, exit=True)
    try:
        pixels = decode_content(content).pixels
        outcomes[str(path.relative_to(folder))] = [str(pixels.dtype), *pixels.shape]
    except DamagedImageError as error:
        outcomes[str(path.relative_to(folder))] = error.message
    faulthandler.cancel_dump_traceback_later()
grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
print(json.dumps([outcomes, grown]))
"""


@pytest.mark.slow
def test_files_made_to_break_decoders_are_decoded_or_refused_with_a_reason(
    shared_data: Path,
) -> None:
    folder = shared_data / "nasty" / "pillow"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", DECODE_ALL, str(folder)],
        capture_output=True,
        text=True,
        errors="replace",
    )
    assert done.returncode == 0, done.stderr[-2000:]
    outcomes, grown_megabytes = json.loads(done.stdout)
    assert len(outcomes) == sum(path.is_file() for path in folder.rglob("*"))
    assert grown_megabytes < 512
    decoded = {name: shape for name, shape in outcomes.items() if isinstance(shape, list)}
    assert len(decoded) > 350
    for dtype, height, width, channels in decoded.values():
        assert dtype == "uint8"
        assert min(height, width) >= 1
        assert channels in (1, 3)
    reasons = [reason for reason in outcomes.values() if isinstance(reason, str)]
    assert [reason for reason in reasons if not reason.isprintable() or "at 0x" in reason] == []
    assert all(reason.startswith(("is ", "has ", "can't be decoded: ")) for reason in reasons)


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("truncated_image.png", "is truncated"),
        ("bmp/b/reallybig.bmp", "has 3,000,000x2,000,000 pixels, over the limit"),
        ("apng/syntax_num_frames_zero.png", "can't be decoded: no pixels are in it"),
        ("hopper_be.pfm", "has values from 1 to 255, beyond the 0 to 1 of its type"),
    ],
)
def test_some_of_them_are_refused_for_the_right_reason(
    shared_data: Path, name: str, outcome: str
) -> None:
    with pytest.raises(DamagedImageError) as refused:
        decode((shared_data / "nasty" / "pillow" / name).read_bytes())
    assert refused.value.message.startswith(outcome)


def test_texts_that_would_fill_the_memory_are_passed_over(shared_data: Path) -> None:
    content = (shared_data / "nasty" / "pillow" / "png_decompression_dos.png").read_bytes()
    assert decode(content).shape[:2] == (1, 1)


def test_pillow_logs_nothing_of_an_image_that_is_refused(
    shared_data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    name = "oom-225817ca0f8c663be7ab4b9e717b02c661e66834.tif"
    with pytest.raises(DamagedImageError, match="Invalid value for samples per pixel"):
        decode((shared_data / "nasty" / "pillow" / name).read_bytes())
    assert caplog.records == []


DECODE_WITH_LITTLE_MEMORY = """
import io, pathlib, resource, sys
from PIL import Image
from convscope.data.decoding.content import DamagedImageError
from convscope.data.decoding.decode import decode

stream = io.BytesIO()
Image.new("RGB", (9000, 9000)).save(stream, "PNG", compress_level=1)
size = int(pathlib.Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + (64 << 20), resource.RLIM_INFINITY))
try:
    decode(stream.getvalue())
except DamagedImageError as error:
    print(error.message)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux tells its size so")
def test_an_image_that_memory_is_too_small_for_is_refused() -> None:
    command = [sys.executable, "-c", DECODE_WITH_LITTLE_MEMORY]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout.strip() == "needs more memory than there is", done.stderr


@pytest.mark.slow
def test_damaged_images_neither_crash_nor_hang_the_decoder() -> None:
    done = subprocess.run(
        [sys.executable, str(BENCHMARK), "--json", "--count", str(MANY)],
        capture_output=True,
        text=True,
        errors="replace",
    )
    counts = json.loads(done.stdout or "{}")
    assert done.returncode == 0, f"{counts} {done.stderr[-2000:]}"
    assert counts["crashed"] == counts["hung"] == []
    assert counts["decoded"] + counts["refused"] == MANY
    assert counts["decoded"] > MANY / 10
    assert counts["peak_megabytes"] < 512
