"""The words of documents: every language says the same things, with the same values in them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from convscope.errors import UsageError
from convscope.report.translations import TRANSLATIONS, translations_of


def placeholders(words: dict[str, Any]) -> dict[str, Any]:
    """For each text which values it has; for each table of texts the same of these."""
    return {
        name: placeholders(text) if isinstance(text, dict) else sorted(re.findall(r"{\w+}", text))
        for name, text in words.items()
    }


@pytest.mark.parametrize("language", list(TRANSLATIONS))
def test_every_language_has_the_same_words(language: str) -> None:
    assert "run" in TRANSLATIONS[language]
    for template, words in TRANSLATIONS[language].items():
        assert placeholders(words) == placeholders(TRANSLATIONS["en"][template])


def test_another_language_is_refused() -> None:
    with pytest.raises(UsageError, match="no report in the language `fr`") as refused:
        translations_of("run", "fr")
    assert refused.value.hint == "it can be `en` or `zh`"
