"""The texts of pages, by language and template; all languages have the same keys."""

from __future__ import annotations

from typing import Any

from convscope.languages import language_of
from convscope.report.translations import pages_en, pages_zh, tables_en, tables_zh
from convscope.report.translations.check_zh import CHECK as CHECK_ZH
from convscope.report.translations.run_en import RUN as RUN_EN
from convscope.report.translations.run_zh import RUN as RUN_ZH

TRANSLATIONS: dict[str, dict[str, dict[str, Any]]] = {
    "en": {
        "check": pages_en.CHECK,
        "comparison": tables_en.COMPARISON,
        "explanation": pages_en.EXPLANATION,
        "explanations": pages_en.EXPLANATIONS,
        "inspection": pages_en.INSPECTION,
        "networks": tables_en.NETWORKS,
        "run": RUN_EN,
        "shared": pages_en.SHARED,
        "summary": tables_en.SUMMARY,
    },
    "zh": {
        "check": CHECK_ZH,
        "comparison": tables_zh.COMPARISON,
        "explanation": pages_zh.EXPLANATION,
        "explanations": pages_zh.EXPLANATIONS,
        "inspection": pages_zh.INSPECTION,
        "networks": tables_zh.NETWORKS,
        "run": RUN_ZH,
        "summary": tables_zh.SUMMARY,
        "shared": pages_zh.SHARED,
    },
}


def translations_of(template: str, language: str) -> dict[str, Any]:
    """The texts of a template in a language.

    Raises:
        UsageError: There are no texts in it.
    """
    return dict(TRANSLATIONS[language_of(language)][template])
