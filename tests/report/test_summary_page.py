"""The page of a layer table explains the words that it uses, and its bars add up."""

from __future__ import annotations

import re

import pytest
from reading import Page, check_asks_for_nothing

import convscope
from convscope.arithmetic import Convention
from convscope.arithmetic.table_text import COLUMNS, titles
from convscope.languages import LANGUAGES, speaking
from convscope.report.summary import BARS_AT_MOST, cost_bars, summary_page


def terms(page: str) -> list[str]:
    """The terms of the glossary."""
    return [part.partition("<")[0] for part in page.partition('glossary">')[2].split("<dt>")[1:]]


def test_the_glossary_has_the_terms_that_appear_and_no_others() -> None:
    table = convscope.summarize("lenet5_relu")
    found = terms(summary_page(table, "lenet5_relu"))
    assert {"MACs", "field", "jump", "stride", "parameters", "Conv2d", "ReLU"} <= set(found)
    assert not {"FLOPs", "BatchNorm2d", "effective", "calls"} & set(found)
    flops = Convention(flops=True)
    few = terms(summary_page(table, "x", ("layer", "output"), convention=flops))
    assert "FLOPs" in few
    assert not {"MACs", "field", "jump", "stride", "Conv2d"} & set(few)


@pytest.mark.parametrize("language", LANGUAGES)
def test_headings_of_the_page_are_those_of_the_table(language: str) -> None:
    page = summary_page(
        convscope.summarize("lenet5_relu"), "lenet5_relu", tuple(COLUMNS), language=language
    )
    with speaking(language):
        headings = "".join(re.findall('<th scope="col"[^>]*>([^<]*)', page))
        assert headings.startswith("".join(titles(tuple(COLUMNS))))


@pytest.mark.parametrize("name", ["lenet5_relu", "resnet50", "googlenet"])
def test_the_bars_add_up_to_the_network(name: str) -> None:
    table = convscope.summarize(name)
    bars, depth = cost_bars(table)
    assert sum(bar.parameters[0] for bar in bars) == table.parameters
    assert sum(bar.operations[0] for bar in bars) == table.macs
    assert sum(bar.parameters[1] for bar in bars) == pytest.approx(1)
    assert len(bars) <= BARS_AT_MOST
    assert (depth is None) == (name == "lenet5_relu")


def test_the_page_speaks_chinese() -> None:
    table = convscope.summarize("lenet5_relu")
    page = summary_page(table, "lenet5_relu", language="zh")
    check_asks_for_nothing(page)
    text = Page(page).text
    assert "累积步幅" in terms(page)
    assert "（网络）" in text
    assert "whole input" not in text
