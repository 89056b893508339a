"""The page in Chromium: themes, widths, keyboard, script off, print, accessibility, hostile names."""

import os
from itertools import product
from pathlib import Path

import pytest

from diagnose.reports.html import render
from tests.reports.browser import Browser, Theme, fits, stops, violations
from tests.reports.examples import EVERY, sick

pytestmark = pytest.mark.browser

WIDTHS = (360, 704, 1024, 1280, 1920)
THEMES: tuple[Theme, ...] = ("light", "dark")
VISIBLE = "[...document.querySelectorAll('main p, main h1, main h2')].filter(e => e.offsetParent).length"
OPEN_ALL = "document.querySelectorAll('details').forEach(part => { part.open = true; })"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    for name, make in EVERY.items():
        (folder / f"{name}.html").write_text(render(make()), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in EVERY}


@pytest.mark.parametrize("name", EVERY)
def test_no_page_scrolls_sideways(chromium: Browser, pages: dict[str, Path], name: str) -> None:
    for width in WIDTHS:
        page = chromium.show(pages[name], width)
        page.evaluate(OPEN_ALL)
        assert fits(page), width


@pytest.mark.parametrize("name", EVERY)
def test_the_policy_blocks_nothing_and_nothing_is_asked_for(
    chromium: Browser, pages: dict[str, Path], name: str
) -> None:
    for theme in THEMES:
        page = chromium.show(pages[name], 1280, theme)
        page.evaluate(OPEN_ALL)
        assert chromium.complaints() == []


@pytest.mark.parametrize("name", EVERY)
def test_axe_finds_nothing(chromium: Browser, pages: dict[str, Path], name: str) -> None:
    for width, theme in product((360, 1280, 1920), THEMES):
        page = chromium.show(pages[name], width, theme)
        page.evaluate(OPEN_ALL)
        assert violations(page) == [], (width, theme)


def test_axe_would_find_something(chromium: Browser, tmp_path: Path) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text("<!doctype html><title>x</title><img src='data:image/gif;base64,'><p style='color:#ccc'>pale</p>")
    found = "\n".join(violations(chromium.show(bad)))
    assert "image-alt" in found
    assert "color-contrast" in found


def test_without_script_the_text_is_the_same_and_no_button_is_dead(chromium: Browser, pages: dict[str, Path]) -> None:
    page = chromium.show(pages["sick"])
    with_script = page.evaluate(VISIBLE)
    assert page.locator("button.copy").count() == page.locator(".code").count()
    page = chromium.show(pages["sick"], script=False)
    assert page.evaluate(VISIBLE) == with_script
    assert page.locator("button.copy").count() == 0


def test_names_of_200_characters_stay_inside_their_boxes(chromium: Browser, pages: dict[str, Path]) -> None:
    outside = """[...document.querySelectorAll('main *')].filter((e) => {
      const box = e.getBoundingClientRect();
      return box.width && box.right > innerWidth + 1 && !e.closest('pre, .box, svg, nav, .vh');
    }).map((e) => e.tagName + '.' + e.className)"""
    for width in (360, 1280):
        assert chromium.show(pages["hostile"], width).evaluate(outside) == []


@pytest.mark.parametrize(("width", "theme"), list(product((360, 1280), THEMES)))
def test_a_screenshot_is_taken(
    chromium: Browser, pages: dict[str, Path], tmp_path: Path, width: int, theme: Theme
) -> None:
    """For people to look at: set DIAGNOSE_SCREENSHOTS to a folder to keep the pictures."""
    folder = Path(os.environ.get("DIAGNOSE_SCREENSHOTS", tmp_path))
    page = chromium.show(pages["sick"], width, theme)
    background = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert background == {"light": "rgb(253, 253, 251)", "dark": "rgb(21, 24, 27)"}[theme]
    page.screenshot(path=folder / f"sick-{width}-{theme}.png", full_page=True)
    assert (folder / f"sick-{width}-{theme}.png").stat().st_size > 100_000
    assert sick().headline in (page.text_content("h1") or "")
