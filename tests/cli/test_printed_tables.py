"""Tables on the terminal never round a share to what it isn't."""

from __future__ import annotations

import pytest

from convscope.cli.tables import _metric_text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (1.0, "100.00%"),
        (0.99996, "99.996%"),
        (0.999999, "99.9999%"),
        (0.99, "99.00%"),
        (0.0, "0.00%"),
        (0.00004, "0.004%"),
    ],
)
def test_only_all_is_a_hundred_percent_and_only_none_is_zero(share: float, text: str) -> None:
    assert _metric_text("accuracy", share) == text
