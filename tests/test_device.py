"""The choice of device and number format, with its reason."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest
import torch

from convscope.device import ALLOCATOR_VARIABLES, Device, choose_device
from convscope.errors import DeviceError


def test_the_cpu_computes_in_float32_unless_asked_otherwise() -> None:
    device = choose_device("cpu")
    assert device.torch == torch.device("cpu")
    assert device.reason == "cpu as requested, float32"
    assert device.precision == "float32"


def test_bfloat16_is_used_by_convolutions_when_asked_for() -> None:
    device = choose_device("cpu", "bfloat16")
    assert device.reason == "cpu as requested, bfloat16 as requested"
    with device.autocast():
        assert torch.nn.Conv2d(1, 1, 3)(torch.ones(1, 1, 4, 4)).dtype == torch.bfloat16


@pytest.mark.skipif(torch.cuda.is_available(), reason="has a GPU")
def test_auto_says_why_it_is_the_cpu() -> None:
    assert choose_device("auto").reason == "cpu (no GPU found), float32"


@pytest.mark.parametrize(
    ("name", "precision", "message"),
    [
        ("gpu", "auto", "no device is called `gpu`"),
        ("cuda:7", "auto", "`cuda:7` was requested, but this machine offers"),
        ("meta", "auto", "`meta` is no device that convscope runs on"),
        ("cpu", "float16", "no number format is called `float16`"),
    ],
)
def test_what_the_machine_lacks_is_an_error(name: str, precision: str, message: str) -> None:
    with pytest.raises(DeviceError, match=message):
        choose_device(name, precision)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("0", "did you mean `cuda:0`?"),
        (0, "did you mean `cuda:0`?"),
        ("3", "did you mean `cuda:3`?"),
        ("cuda0", "did you mean `cuda:0`?"),
        ("gpu", "did you mean `cuda`?"),
        ("GPU", "did you mean `cuda`?"),
        ("gpu:1", "did you mean `cuda:1`?"),
        ("CPU", "did you mean `cpu`?"),
        ("-1", "did you mean `cpu`?"),
        ("metal", "did you mean `mps`?"),
        ("0,1", "several GPUs take a process each: `torchrun --nproc-per-node 2 -m convscope ...`"),
        ("tpu", "choose `auto`, `cpu`, `cuda` or `mps`"),
    ],
)
def test_a_device_is_found_by_what_others_call_it(name: str, meant: str) -> None:
    with pytest.raises(DeviceError, match=f"no device is called `{name}`") as refused:
        choose_device(name)
    assert refused.value.hint == meant


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_is_found_and_computes_in_bfloat16() -> None:
    device = choose_device("auto")
    assert device.torch.type == "cuda"
    assert device.compute_dtype == torch.bfloat16
    assert "tensor cores" in device.reason


def test_the_random_state_of_an_apple_gpu_is_restored_too(monkeypatch: pytest.MonkeyPatch) -> None:
    states = [torch.tensor([7])]  # what torch keeps on such a machine
    monkeypatch.setattr(torch.mps, "get_rng_state", lambda: states[-1])
    monkeypatch.setattr(torch.mps, "set_rng_state", states.append)
    device = Device(torch.device("mps"), torch.float32, "as requested")

    def draw() -> None:
        with device.fork_rng():
            states.append(torch.tensor([8]))
            raise ValueError("broken off")

    with pytest.raises(ValueError, match="broken off"):
        draw()
    assert int(states[-1]) == 7


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
@pytest.mark.parametrize("given", [{}, {"MALLOC_MMAP_THRESHOLD_": "131072"}], ids=["usual", "own"])
def test_memory_of_freed_tensors_is_kept_unless_the_user_chose_otherwise(
    given: dict[str, str],
) -> None:
    measured = """
import resource, torch
from convscope.device import choose_device
choose_device("cpu")
faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for step in range(24):
    if step == 16:
        before = faults()
    torch.ones(1 << 22)
print(faults() - before)
"""
    environment = {key: os.environ[key] for key in os.environ.keys() - ALLOCATOR_VARIABLES}
    done = subprocess.run(
        [sys.executable, "-c", measured], env={**environment, **given}, capture_output=True
    )
    all_pages = 8 * 2**22 * 4 // 4096
    assert (int(done.stdout) > all_pages / 10) is bool(given)
