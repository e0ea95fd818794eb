"""The browser of the tests in this folder, started once.

Driven by Playwright, not Selenium: it tells of every request and every word on the console without
a proxy, shows a page as printed and as dark, and its wheel holds all it needs; Selenium wants a
driver of just the browser's version besides. The browser is the system's (`make chromium`), so
nothing is downloaded that the system's package manager doesn't look after.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from browser.opening import NoBrowserError, started

pytest.register_assert_rewrite("browser.claims")  # so that what is cut off is told

if TYPE_CHECKING:
    from playwright.sync_api import Browser


# Not for the whole session: while Playwright runs, its event loop occupies the thread, and tests
# elsewhere couldn't run one of their own.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """A headless browser; users may have none, CI must."""
    try:
        with started() as browser:
            yield browser
    except NoBrowserError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))
