"""The texts of pages, by language and template; all languages have the same keys."""

from __future__ import annotations

from typing import Any

from convscope.errors import UsageError
from convscope.report.translations import pages_en, pages_zh
from convscope.report.translations.run_en import RUN as RUN_EN
from convscope.report.translations.run_zh import RUN as RUN_ZH
from convscope.text import either_of

TRANSLATIONS: dict[str, dict[str, dict[str, Any]]] = {
    "en": {
        "check": pages_en.CHECK,
        "explanation": pages_en.EXPLANATION,
        "explanations": pages_en.EXPLANATIONS,
        "inspection": pages_en.INSPECTION,
        "networks": pages_en.NETWORKS,
        "run": RUN_EN,
        "summary": pages_en.SUMMARY,
    },
    "zh": {
        "explanation": pages_zh.EXPLANATION,
        "explanations": pages_zh.EXPLANATIONS,
        "inspection": pages_zh.INSPECTION,
        "run": RUN_ZH,
    },
}


def translations_of(template: str, language: str) -> dict[str, Any]:
    """The texts of a template in a language.

    Raises:
        UsageError: There are none.
    """
    known = [name for name, templates in TRANSLATIONS.items() if template in templates]
    if language not in known:
        raise UsageError(
            f"there is no report in the language `{language}`", hint=f"it can be {either_of(known)}"
        )
    return dict(TRANSLATIONS[language][template])
