"""Pictures of a document for people: full pages at 390 and 1280 px, light and dark.

python tests/browser/screenshots.py REPORT.html FOLDER
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from opening import (  # type: ignore[import-not-found]
    SCHEMES,
    WIDTHS_PX,
    Document,
    NoBrowserError,
    started,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", type=Path)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    if not given.report.is_file():
        sys.exit(f"error: there is no file `{given.report}`")
    given.folder.mkdir(parents=True, exist_ok=True)
    try:
        with started() as browser:
            document = Document(browser, given.report)
            for width_px in WIDTHS_PX:
                for scheme in SCHEMES:
                    path = given.folder / f"{given.report.stem}-{width_px}-{scheme}.png"
                    document.show(width_px=width_px, scheme=scheme)
                    document.save_picture(path)
                    print(path)  # noqa: T201
    except NoBrowserError as error:
        sys.exit(f"error: {error}\nhint: install Chromium or Google Chrome")


if __name__ == "__main__":
    main()
