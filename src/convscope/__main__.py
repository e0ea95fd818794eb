"""`python -m convscope` and the command `convscope`."""

from __future__ import annotations

import signal
import sys

from convscope.cli.main import run


def main() -> None:
    """Runs the command line and exits with its code."""
    code = run(sys.argv[1:])
    for number in (signal.SIGINT, signal.SIGTERM):  # it is too late to stop
        signal.signal(number, signal.SIG_IGN)
    sys.exit(code)


if __name__ == "__main__":
    main()
