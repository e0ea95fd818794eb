"""`python -m convscope` and the command `convscope`."""

from __future__ import annotations

from convscope.cli.interruption import handle_signals, ignore_signals


def main() -> None:
    """Runs the command line and exits with its code."""
    handle_signals()
    import sys

    from convscope.cli.main import run

    code = run(sys.argv[1:])
    ignore_signals()
    sys.exit(code)


if __name__ == "__main__":
    main()
