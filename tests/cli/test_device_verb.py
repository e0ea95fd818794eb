"""`convscope device`: which device is used, and how fast it multiplies."""

from __future__ import annotations

import json

import pytest

from conftest import Convscope
from convscope import device_speed


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each operation once."""
    monkeypatch.setattr(device_speed, "MEASURED_SECONDS", 0.0)


def test_the_device_is_named_and_its_rates_are_printed(convscope: Convscope) -> None:
    done = convscope("device", "cpu")
    assert "device: cpu as requested, float32" in done.out
    assert "processors" in done.out
    assert "convolution 3x3" in done.out
    assert "GFLOP/s" in done.out


def test_rates_are_numbers_for_programs(convscope: Convscope) -> None:
    content = json.loads(convscope("device", "cpu", "--json").out)
    rates = {(rate["operation"], rate["memory_format"]): rate["flops"] for rate in content["rates"]}
    assert len(rates) >= 5
    assert all(1e6 < flops < 1e15 for flops in rates.values())


def test_a_device_that_is_not_there_is_an_error(convscope: Convscope) -> None:
    code, _, errors = convscope("device", "gpu")
    assert code == 7
    assert "no device is called `gpu`" in errors
    assert "did you mean `cuda`?" in errors
