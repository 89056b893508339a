"""The page in Chromium: no horizontal scroll, no complaint of the policy, readable without script."""

import os
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from diagnose.reports.html import render
from tests.reports.browser import CHROMIUM, Browser, browser
from tests.reports.examples import EVERY, sick

pytestmark = pytest.mark.browser

WIDTHS = (360, 704, 1024, 1280, 1920)
VISIBLE = "[...document.querySelectorAll('main p, main h1, main h2')].filter(e => e.offsetParent).length"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if CHROMIUM is None:
        if os.environ.get("DIAGNOSE_REQUIRE_BROWSER") == "1":
            pytest.fail("Chromium is required and not installed")
        pytest.skip("Chromium is not installed")
    with browser(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    for name, make in EVERY.items():
        (folder / f"{name}.html").write_text(render(make()), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in EVERY}


@pytest.mark.parametrize("name", EVERY)
def test_no_page_scrolls_sideways(chromium: Browser, pages: dict[str, Path], name: str) -> None:
    for width in WIDTHS:
        chromium.show(pages[name], width)
        chromium.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
        assert chromium.evaluate("document.documentElement.scrollWidth") <= width, width


@pytest.mark.parametrize("name", EVERY)
def test_the_policy_blocks_nothing_and_nothing_is_asked_for(
    chromium: Browser, pages: dict[str, Path], name: str
) -> None:
    for theme in ("light", "dark"):
        chromium.show(pages[name], 1280, theme)
        chromium.evaluate("document.title")
        assert chromium.complaints() == []


def test_both_themes_have_readable_text(chromium: Browser, pages: dict[str, Path]) -> None:
    ratios = """(() => {
      const root = getComputedStyle(document.documentElement);
      const light = (token) => {
        const hex = root.getPropertyValue(token).trim().slice(1);
        const full = hex.length === 3 ? [...hex].map((c) => c + c).join("") : hex;
        const parts = [0, 2, 4].map((i) => parseInt(full.slice(i, i + 2), 16) / 255)
          .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
      };
      const pairs = [];
      for (const text of ["--ink", "--soft", "--train", "--dev", "--test", "--ok", "--flag", "--warn"])
        for (const back of ["--bg", "--sunk"]) {
          const [a, b] = [light(text), light(back)].sort((x, y) => y - x);
          pairs.push((a + 0.05) / (b + 0.05));
        }
      return Math.min(...pairs);
    })()"""
    for theme in ("light", "dark"):
        chromium.show(pages["sick"], 1280, theme)
        assert chromium.evaluate(ratios) >= 4.5, theme


def test_without_script_the_text_is_the_same_and_no_button_is_dead(chromium: Browser, pages: dict[str, Path]) -> None:
    chromium.show(pages["sick"], 1280)
    with_script = chromium.evaluate(VISIBLE)
    assert chromium.evaluate("document.querySelectorAll('button').length") == chromium.evaluate(
        "document.querySelectorAll('.code').length"
    )
    chromium.show(pages["sick"], 1280, script=False)
    assert chromium.evaluate(VISIBLE) == with_script
    assert chromium.evaluate("document.querySelectorAll('button').length") == 0


def test_names_of_200_characters_stay_inside_their_boxes(chromium: Browser, pages: dict[str, Path]) -> None:
    outside = """[...document.querySelectorAll('main *')].filter((e) => {
      const box = e.getBoundingClientRect();
      return box.width && box.right > innerWidth + 1 && !e.closest('pre, .box, svg, nav, .vh');
    }).map((e) => e.tagName + '.' + e.className)"""
    for width in (360, 1280):
        chromium.show(pages["hostile"], width)
        assert chromium.evaluate(outside) == []


@pytest.mark.parametrize(("width", "theme"), list(product((360, 1280), ("light", "dark"))))
def test_a_screenshot_is_taken(
    chromium: Browser, pages: dict[str, Path], tmp_path: Path, width: int, theme: str
) -> None:
    """For people to look at: set DIAGNOSE_SCREENSHOTS to a folder to keep the pictures."""
    folder = Path(os.environ.get("DIAGNOSE_SCREENSHOTS", tmp_path))
    chromium.show(pages["sick"], width, theme)
    background = chromium.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert background == {"light": "rgb(253, 253, 251)", "dark": "rgb(21, 24, 27)"}[theme]
    chromium.screenshot(folder / f"sick-{width}-{theme}.png")
    assert (folder / f"sick-{width}-{theme}.png").stat().st_size > 100_000
    assert sick().headline in chromium.evaluate("document.querySelector('h1').textContent")
