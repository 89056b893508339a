"""Names in scripts with characters of double width, in figures with class names, on a phone and on a desk."""

from dataclasses import replace
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from diagnose.diagnosis import Figure
from diagnose.findings import Bars, Curves, Mark, Matrix, Series
from diagnose.reports.html import render
from diagnose.reports.numbers import cut, width
from tests.reports.browser import Browser, fits
from tests.reports.examples import sick

pytestmark = pytest.mark.browser

NAMES = (
    "日本語の分類名その一",
    "한국어 분류 이름 둘",
    "中文类别名称三号测试样本",
    "ひらがなだけのなまえ",
    "狗",
    "Ｗｉｄｅ",
)
SHARE = tuple(0.1 * number for number in range(1, 7))
FIGURES = (
    Bars("名前別の再現率", NAMES, SHARE, "share of its rows", lows=SHARE, highs=tuple(2 * one for one in SHARE)),
    Matrix("Confusion", "actual", "predicted", NAMES, NAMES, tuple(tuple(map(float, range(6))) for _ in NAMES)),
    Curves(
        "損失の推移",
        "epoch",
        "loss",
        tuple(Series(name, (1.0, 2.0, 3.0), (at, at / 2, at / 3)) for name, at in zip(NAMES, SHARE, strict=True)),
        (Mark("最良のエポックの位置", 2.0), Mark("あなたの値", 2.1)),
    ),
)
# Of every text inside the figures: its words, its box, and the box of its figure, in CSS px.
TEXTS = """[...document.querySelectorAll('#errors figure svg')].flatMap((drawing, figure) => {
  const outer = drawing.closest('figure').getBoundingClientRect();
  return [...drawing.querySelectorAll('text')].filter(text => text.textContent.trim()).map(text => {
    const box = text.getBoundingClientRect();
    const turned = text.hasAttribute('transform') || getComputedStyle(text).transform !== 'none';
    return {figure, turned, text: text.textContent, left: box.left, right: box.right, top: box.top, bottom: box.bottom,
            from: outer.left, to: outer.right};
  });
})"""


def overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two texts of a figure cover more than 1 px of each other; the boxes of two turned ones say nothing."""
    if one["turned"] and other["turned"]:
        return False
    beside = min(one["right"], other["right"]) - max(one["left"], other["left"])
    above = min(one["bottom"], other["bottom"]) - max(one["top"], other["top"])
    return one["figure"] == other["figure"] and beside > 1 and above > 4  # lines of text have air above and below


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = replace(sick(), figures=tuple(Figure("errors", figure) for figure in FIGURES))
    place = tmp_path_factory.mktemp("wide") / "page.html"
    place.write_text(render(made), encoding="utf-8")
    return place


def drawn(page: Page) -> list[dict[str, Any]]:
    page.wait_for_function("document.fonts.status === 'loaded'")
    found: list[dict[str, Any]] = page.evaluate(TEXTS)
    return found


@pytest.mark.parametrize("wide", [360, 1280])
def test_wide_names_neither_overlap_nor_leave_their_figure(chromium: Browser, place: Path, wide: int) -> None:
    page = chromium.show(place, wide)
    texts = drawn(page)
    assert sum(any(sign in one["text"] for sign in "日한中ひ狗Ｗ") for one in texts) >= 12
    assert [(one["text"], other["text"]) for one, other in combinations(texts, 2) if overlap(one, other)] == []
    assert [one["text"] for one in texts if one["left"] < one["from"] - 1 or one["right"] > one["to"] + 1] == []
    assert fits(page)


@pytest.mark.parametrize("name", NAMES)
def test_names_are_cut_by_the_cells_that_they_fill(name: str) -> None:
    cuts = [cut(name, cells) for cells in range(4, 30)]
    assert all(width(text) <= cells for text, cells in zip(cuts, range(4, 30), strict=True))
    assert all(width(one) <= width(other) for one, other in pairwise(cuts)) and cuts[-1] == name
