"""Ctrl-C and its kin end a command with one word at any moment of its start, and never abort it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from convscope.cli.interruption import ignore_signals, unwinding

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")

SIGNALS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated", signal.SIGHUP: ""}
TRIALS = 4


def has_begun(number: int) -> bool:
    """Whether the process has its own handler of SIGTERM, which is its first deed."""
    status = Path(f"/proc/{number}/status").read_text(encoding="ascii")
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught & 1 << (signal.SIGTERM - 1))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_signal_at_any_moment_of_a_start_ends_with_one_word(number: signal.Signals) -> None:
    chance = random.Random(number)
    words = [sys.executable, "-m", "convscope", "networks"]
    began = time.monotonic()
    subprocess.run(words, stdout=subprocess.DEVNULL, check=True)
    seconds = time.monotonic() - began
    outcomes = []
    for _ in range(TRIALS):
        with subprocess.Popen(
            words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as process:
            while not has_begun(process.pid):
                time.sleep(0.001)
            time.sleep(chance.uniform(0, seconds))
            process.send_signal(number)
            _, said = process.communicate()
        outcomes.append((process.returncode, said.strip()))
    ends = {(128 + number, SIGNALS[number]), (0, "")}  # or it was done by then
    assert set(outcomes) <= ends
    assert (128 + number, SIGNALS[number]) in outcomes


ASKS = """
import os, signal
try:
    os.kill(os.getpid(), signal.SIGINT)
    for _ in range(9): pass
except KeyboardInterrupt:
    print("unwound")
"""


def test_within_an_import_nothing_is_unwound(tmp_path: Path) -> None:
    """An exception there leaves modules half imported, or aborts extensions."""
    (tmp_path / "asks.py").write_text(ASKS)
    program = (
        "from convscope.cli.interruption import unwinding\nwith unwinding():\n    import asks\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "\ninterrupted\n")


def test_a_command_that_works_is_unwound_and_the_caller_has_its_handlers_back() -> None:
    before = {number: signal.signal(number, signal.SIG_DFL) for number in SIGNALS}
    try:
        with pytest.raises(KeyboardInterrupt):
            _ask_within(signal.SIGINT)
        with pytest.raises(SystemExit, match="129"):
            _ask_within(signal.SIGHUP)
        assert {signal.getsignal(number) for number in SIGNALS} == {signal.SIG_DFL}
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as `nohup` does
        with unwinding():
            os.kill(os.getpid(), signal.SIGHUP)
        ignore_signals()
        assert {signal.getsignal(number) for number in SIGNALS} == {signal.SIG_IGN}
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_the_second_hangup_of_a_closed_terminal_breaks_off_nothing() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    tidied = []

    def work() -> None:
        try:
            os.kill(os.getpid(), signal.SIGHUP)
            time.sleep(1)
        finally:
            os.kill(os.getpid(), signal.SIGHUP)
            time.sleep(0.01)
            tidied.append(True)

    try:
        with pytest.raises(SystemExit, match="129"), unwinding():
            work()
        assert tidied
    finally:
        signal.signal(signal.SIGHUP, before)


def _ask_within(number: signal.Signals) -> None:
    with unwinding():
        os.kill(os.getpid(), number)
        time.sleep(1)


NO_MEMORY = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]), int(sys.argv[1])))
from convscope.__main__ import main
sys.argv[1:2] = []
main()
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
@pytest.mark.parametrize("megabytes", [300, 500, 1000])
def test_too_little_memory_is_told_as_such(megabytes: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", NO_MEMORY, str(megabytes << 20), "summary", "vgg16"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1)
    assert "Traceback" not in done.stderr
    said = ("error: there is not enough memory", "OpenBLAS error: Memory allocation")
    assert done.returncode == 0 or done.stderr.startswith(said)
