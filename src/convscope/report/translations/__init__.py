"""The texts of pages, by language and template; all languages have the same keys."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from convscope.errors import UsageError
from convscope.report.translations import pages_en, pages_zh, tables_en, tables_zh
from convscope.report.translations.run_en import RUN as RUN_EN
from convscope.report.translations.run_zh import RUN as RUN_ZH
from convscope.text import did_you_mean, either_of

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
        "comparison": tables_zh.COMPARISON,
        "explanation": pages_zh.EXPLANATION,
        "explanations": pages_zh.EXPLANATIONS,
        "inspection": pages_zh.INSPECTION,
        "run": RUN_ZH,
        "summary": tables_zh.SUMMARY,
        "shared": pages_zh.SHARED,
    },
}

# What languages are called elsewhere, in `plain` writing.
OTHER_NAMES = {
    **dict.fromkeys(("english", "eng", "enus", "engb"), "en"),
    **dict.fromkeys(("chinese", "mandarin", "zhcn", "zhhans", "zho", "cn", "中文"), "zh"),
}


def check_language(language: str, known: Collection[str] = tuple(TRANSLATIONS)) -> None:
    """Refuses a language that no report is written in.

    Raises:
        UsageError: There are no texts in it.
    """
    if language not in known:
        near = did_you_mean(language, known, habits=OTHER_NAMES)
        hint = f"it can be {either_of(list(known))}"
        raise UsageError(
            f"there is no report in the language `{language}`",
            hint=f"{near} {hint}" if near else hint,
        )


def translations_of(template: str, language: str) -> dict[str, Any]:
    """The texts of a template in a language.

    Raises:
        UsageError: There are none.
    """
    check_language(language, [name for name, texts in TRANSLATIONS.items() if template in texts])
    return dict(TRANSLATIONS[language][template])
