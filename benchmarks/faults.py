"""Faults, many times over: can a training be lost, or a damaged file be believed?

    python benchmarks/faults.py CAMPAIGN [--trials N] [--seed S]

kill        kill -9 at random moments, a part of them inside a save; then the same call again
ranks       two processes by torchrun, one of them killed; torchrun starts them again
crash       the process ends at each open, fsync, rename, removal of a save
damage      checkpoints with flipped bits, cut off, with files exchanged
disk        a disk that is full after random many bytes
terminate   SIGTERM at random moments
files       damaged files of a run, a classifier, a recipe, an exclusion list
cache       damaged files of the cache
malicious   files made to run code, to take all memory, or to be two things at once

Prints one line a campaign with what was counted; exits with 1 if anything was lost, different or
believed. `all` runs the long campaign of each.
"""

from __future__ import annotations

import argparse
import sys
import time
from importlib import import_module

# Campaign -> trials of the long run; "crash" goes through all moments that there are.
LONG = {
    "kill": 300,
    "ranks": 100,
    "crash": 1,
    "damage": 10_000,
    "disk": 100,
    "terminate": 100,
    "malicious": 100,
    "files": 10_000,
    "cache": 1_000,
}


def main() -> int:
    """Runs campaigns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("campaign", choices=[*LONG, "all"])
    parser.add_argument("--trials", type=int)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    code = 0
    for name in LONG if given.campaign == "all" else [given.campaign]:
        run = import_module(f"fault_campaigns.{name}").run
        began = time.monotonic()
        outcome = run(given.trials or LONG[name], seed=given.seed)
        seconds = time.monotonic() - began
        verdict = "ok" if not outcome.faults else f"{len(outcome.faults)} FAULTS"
        print(f"{name}: {verdict}, {outcome.words}, {seconds:.0f} s", flush=True)
        for fault in outcome.faults[:20]:
            print(f"  {fault}", flush=True)
        code |= bool(outcome.faults)
    return code


if __name__ == "__main__":
    sys.exit(main())
