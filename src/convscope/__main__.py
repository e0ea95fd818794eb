"""`python -m convscope` and the command `convscope`."""

from __future__ import annotations

import time

from convscope.cli.interruption import handle_signals, ignore_signals


def main() -> None:
    """Runs the command line and exits with its code."""
    began = time.monotonic()
    handle_signals()
    import gc
    import sys

    from convscope.cli.main import run

    code = run(sys.argv[1:], began=began)
    ignore_signals()
    gc.freeze()  # else the interpreter looks at each object of torch once more, for two seconds
    sys.exit(code)


if __name__ == "__main__":
    main()
