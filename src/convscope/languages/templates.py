"""Templates of English sentences, by which a sentence that is filled with values is translated.

A template is a sentence with braces: `{name}` stands for any text, `{count:n}` for a number,
`{time:d}` for a duration, and `image[s]` for one image or several. The text of `{reason:t}` is
translated itself, and so is each part of `{parts:l}`, which commas divide, of `{parts:s}` with
semicolons, of `{parts:o}` with "or" between them, and of `{parts:c}` with a comma and "or". The
translation has the same names in plain braces.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from string import Formatter

NUMBER = r"(?:[-+]?\d[\d,.]*(?:e[-+]?\d+)?%?|nan|inf)"
DURATION = r"\d[\d,.]*(?: (?:s|min|h))?"
# Kind of list -> what divides its parts, before and after.
LISTS = {"l": (", ", "、"), "s": ("; ", "；"), "o": (" or ", "或"), "c": (", or ", "，或 ")}
LABEL = re.compile(r"[a-z]+: {\w+:t}")
OPTIONAL = re.compile(r"\\\[([a-z]+)\\\]")  # in an escaped text
SENTENCE_ENDS = re.compile(r"(?<=\.) (?=\S)")
FULL_WIDTH_ENDS = ("。", "；", "：", "，", "！", "？")  # after these no space stands


class Template:
    """An English sentence with gaps, and its translation.

    Args:
        source: The English template.
        translation: The translated one.
    """

    def __init__(self, source: str, translation: str) -> None:
        self.translation = translation
        self.kinds: dict[str, str] = {}
        pattern, fixed = "", []
        pieces = list(Formatter().parse(source))
        for text, name, kind, _ in pieces:
            fixed += re.split(r"\[[a-z]+\]", text)
            pattern += OPTIONAL.sub(r"(?:\1)?", re.escape(text))
            if name in self.kinds:  # the same text again
                pattern += f"(?P={name})"
            elif name is not None:
                self.kinds[name] = kind or ""
                gap = _gap(kind or "", is_quoted=text.endswith("`"), is_last=pieces[-1][1] == name)
                pattern += f"(?P<{name}>{gap})"
        self.is_label = LABEL.fullmatch(source) is not None
        self.landmark = max(fixed, key=len)  # found sooner than the pattern
        self.num_fixed = sum(map(len, fixed))
        self._source = pattern

    def values(self, sentence: str) -> dict[str, str] | None:
        """What stands in the gaps; None for another sentence."""
        if self.landmark not in sentence:
            return None
        match = re.fullmatch(self._source, sentence)
        return None if match is None else match.groupdict()


def _gap(kind: str, *, is_quoted: bool, is_last: bool) -> str:
    """The pattern of what may stand in a gap: within one sentence, if it isn't translated text."""
    if kind == "n":
        return NUMBER
    if kind == "d":
        return DURATION
    if is_quoted:
        return "[^`]+"
    return ".+" if kind and is_last else r"(?:(?!\. ).)+?"


class Catalogue:
    """The templates of a language; of several that fit, the one with the longest text counts.

    Only a label like `note: ` before a text that is translated comes before all others.

    Args:
        templates: Translations by English template.
    """

    def __init__(self, templates: Mapping[str, str]) -> None:
        self._whole = {text: each for text, each in templates.items() if "{" not in text}
        gapped = [Template(*pair) for pair in templates.items()]
        self._templates = sorted(gapped, key=lambda each: (not each.is_label, -each.num_fixed))

    def translated(self, line: str) -> str:
        """A line in the language, with its indentation; as it is where there is no translation."""
        sentence = line.strip()
        if not sentence:
            return line
        return line.replace(sentence, self._sentence(sentence), 1)

    def _sentence(self, text: str) -> str:
        """A text whose sentences are translated: as many together as a template has."""
        parts, shown = SENTENCE_ENDS.split(text), ""
        while parts:
            for count in range(len(parts), 0, -1):
                sentences = " ".join(parts[:count])
                found = self._found(sentences)
                if found is not None or count == 1:
                    break
            gap = "" if not shown or shown.endswith(FULL_WIDTH_ENDS) else " "
            shown += gap + (sentences if found is None else found)
            parts = parts[count:]
        return shown

    def _found(self, sentence: str) -> str | None:
        """The translation by the template that fits best; None if none fits."""
        if sentence in self._whole:
            return self._whole[sentence]
        for template in self._templates:
            values = template.values(sentence)
            if values is not None:
                kinds = template.kinds
                shown = {name: self._value(text, kinds[name]) for name, text in values.items()}
                return template.translation.format(**shown)
        without_stop = self._found(sentence[:-1]) if sentence.endswith(".") else None
        return None if without_stop is None else f"{without_stop}。"

    def _value(self, text: str, kind: str) -> str:
        if kind in ("t", "d"):
            return self.translated(text)
        if kind in LISTS:
            comma, translated = LISTS[kind]
            return translated.join(self.translated(part) for part in text.split(comma))
        return text
