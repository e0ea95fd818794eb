"""The words of documents, by language and template.

Another language is another table with the same keys.
"""

from __future__ import annotations

from typing import Any

from convscope.errors import UsageError, either_of
from convscope.report.words.check_en import CHECK
from convscope.report.words.explanation_en import EXPLANATION as EXPLANATION_EN
from convscope.report.words.explanation_en import EXPLANATIONS as EXPLANATIONS_EN
from convscope.report.words.explanation_zh import EXPLANATION as EXPLANATION_ZH
from convscope.report.words.explanation_zh import EXPLANATIONS as EXPLANATIONS_ZH
from convscope.report.words.inspection_en import INSPECTION as INSPECTION_EN
from convscope.report.words.inspection_zh import INSPECTION as INSPECTION_ZH
from convscope.report.words.run_en import RUN as RUN_EN
from convscope.report.words.run_zh import RUN as RUN_ZH
from convscope.report.words.summary_en import NETWORKS, SUMMARY

WORDS: dict[str, dict[str, dict[str, Any]]] = {
    "en": {
        "check": CHECK,
        "explanation": EXPLANATION_EN,
        "explanations": EXPLANATIONS_EN,
        "inspection": INSPECTION_EN,
        "networks": NETWORKS,
        "run": RUN_EN,
        "summary": SUMMARY,
    },
    "zh": {
        "explanation": EXPLANATION_ZH,
        "explanations": EXPLANATIONS_ZH,
        "inspection": INSPECTION_ZH,
        "run": RUN_ZH,
    },
}


def words_of(template: str, language: str) -> dict[str, Any]:
    """The words of a template's document in a language.

    Raises:
        UsageError: There are none.
    """
    known = [name for name, templates in WORDS.items() if template in templates]
    if language not in known:
        raise UsageError(
            f"there is no report in the language `{language}`", hint=f"it can be {either_of(known)}"
        )
    return dict(WORDS[language][template])
