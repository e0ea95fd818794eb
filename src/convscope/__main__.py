"""`python -m convscope` and the command `convscope`."""

from __future__ import annotations

import sys

from convscope.cli.main import run


def main() -> None:
    """Runs the command line and exits with its code."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
