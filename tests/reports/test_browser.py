"""The page in Chromium: themes, widths, keyboard, disabled scripts, print, accessibility, hostile names."""

import os
import re
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from playwright.sync_api import expect

from diagnose.comparing.comparison import compare
from diagnose.diagnosis import ClassLevel, Figure
from diagnose.findings import Interval, Sample, Samples
from diagnose.reports import comparison
from diagnose.reports.html import render
from tests.reports.browser import Browser, Theme, fits, stops, violations
from tests.reports.examples import EVERY, sick

pytestmark = pytest.mark.browser

WIDTHS = (360, 704, 1024, 1280, 1920)
THEMES: tuple[Theme, ...] = ("light", "dark")
VISIBLE = "[...document.querySelectorAll('main p, main h1, main h2')].filter(e => e.offsetParent).length"
SHEET = 688  # CSS px: an A4 sheet without its margins
WIDE = Interval(0.0, 1.0)
CLASSES = (("cat", 30, 0.9), ("dog", 10, 0.2), ("emu", 20, 0.95))  # name, rows, F1 score
OPEN_ALL = "document.querySelectorAll('details').forEach(part => { part.open = true; })"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    for name, make in EVERY.items():
        (folder / f"{name}.html").write_text(render(make()), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in EVERY}


@pytest.mark.parametrize("name", EVERY)
def test_no_page_scrolls_sideways(chromium: Browser, pages: dict[str, Path], name: str) -> None:
    page = chromium.show(pages[name])
    page.evaluate(OPEN_ALL)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert fits(page), width


@pytest.mark.parametrize("name", EVERY)
def test_the_policy_blocks_nothing_and_nothing_is_requested(
    chromium: Browser, pages: dict[str, Path], name: str
) -> None:
    for theme in THEMES:
        page = chromium.show(pages[name], 1280, theme)
        page.evaluate(OPEN_ALL)
        assert chromium.complaints() == []


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", EVERY)
def test_axe_finds_nothing_with_every_part_open(
    chromium: Browser, pages: dict[str, Path], name: str, theme: Theme
) -> None:
    widths = (360, 1280) if name == "sick" else ((360, 1280)[(list(EVERY).index(name) + THEMES.index(theme)) % 2],)
    for width in widths:
        page = chromium.show(pages[name], width, theme)
        page.evaluate(OPEN_ALL)
        assert violations(page) == [], width


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing_in_a_comparison(chromium: Browser, tmp_path: Path, theme: Theme) -> None:
    place = tmp_path / "comparison.html"
    old, new = sick(), EVERY["healthy"]()
    place.write_text(comparison.render(compare(old, new, ("old", "new")), old, new), encoding="utf-8")
    page = chromium.show(place, 1280, theme)
    page.evaluate(OPEN_ALL)
    assert violations(page) == []


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
    """Set DIAGNOSE_SCREENSHOTS to a folder to keep the screenshots."""
    folder = Path(os.environ.get("DIAGNOSE_SCREENSHOTS", tmp_path))
    page = chromium.show(pages["sick"], width, theme)
    background = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert background == {"light": "rgb(253, 253, 251)", "dark": "rgb(21, 24, 27)"}[theme]
    page.screenshot(path=folder / f"sick-{width}-{theme}.png", full_page=True)
    assert (folder / f"sick-{width}-{theme}.png").stat().st_size > 100_000
    assert sick().headline in (page.text_content("h1") or "")


def test_the_keyboard_reaches_every_control_without_a_trap(chromium: Browser, pages: dict[str, Path]) -> None:
    page = chromium.show(pages["healthy"])
    controls = page.evaluate(
        "[...document.querySelectorAll('a, button, summary, [tabindex=\"0\"]')].filter(e => e.checkVisibility()).length"
    )
    reached = stops(page)
    assert reached[0] == "Skip to the verdict"
    assert len(reached) == controls


def test_the_keyboard_skips_opens_and_closes(chromium: Browser, pages: dict[str, Path]) -> None:
    page = chromium.show(pages["sick"])
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("#verdict$"))
    part = page.locator("details.doc > summary").first
    part.focus()
    page.keyboard.press("Enter")
    details = part.locator("..")
    expect(details).to_have_attribute("open", "")
    page.keyboard.press("Enter")
    expect(details).not_to_have_attribute("open", "")


@pytest.mark.parametrize("script", [True, False])
def test_a_term_is_explained_by_key_and_without_script(chromium: Browser, pages: dict[str, Path], script: bool) -> None:
    page = chromium.show(pages["sick"], script=script)
    term = page.locator("button.term").first
    meaning = page.locator(f"#{term.get_attribute('popovertarget')}")
    expect(meaning).to_be_hidden()
    term.focus()
    page.keyboard.press("Enter")
    expect(meaning).to_be_visible()
    assert len(meaning.inner_text()) > 30
    page.keyboard.press("Escape")
    expect(meaning).to_be_hidden()


def test_the_copy_button_copies_the_snippet(chromium: Browser, pages: dict[str, Path]) -> None:
    page = chromium.show(pages["sick"])
    page.evaluate("navigator.clipboard.writeText = (text) => { window.copied = text; return Promise.resolve(); }")
    button = page.locator("button.copy").first
    button.focus()
    page.keyboard.press("Enter")
    expect(button).to_have_text("Copied")
    assert page.evaluate("window.copied") == page.locator(".code pre").first.text_content()


@pytest.mark.parametrize("name", ["sick", "deep"])
def test_print_has_the_light_colours_all_terms_and_no_controls(
    chromium: Browser, pages: dict[str, Path], tmp_path: Path, name: str
) -> None:
    page = chromium.show(pages[name], theme="dark")
    pdf = page.pdf(path=tmp_path / "page.pdf", format="A4")
    assert pdf.startswith(b"%PDF")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
    for hidden in ("nav", "button.copy"):
        assert not any(page.locator(hidden).nth(n).is_visible() for n in range(page.locator(hidden).count()))
    assert all(word.is_visible() for word in page.locator("main > section > .lede .term").all())
    terms = page.locator("[popover]").all()
    assert terms and all(term.is_visible() for term in terms)


def test_print_breaks_no_row_and_no_figure(chromium: Browser, pages: dict[str, Path]) -> None:
    page = chromium.show(pages["sick"])
    page.emulate_media(media="print")
    kept = "[...document.querySelectorAll('figure:not(.full), tr, caption, .row')]"
    assert set(page.evaluate(f"{kept}.map(e => getComputedStyle(e).breakInside)")) == {"avoid"}


def test_print_keeps_short_tables_whole_and_draws_no_scroll_bar(chromium: Browser, pages: dict[str, Path]) -> None:
    page = chromium.show(pages["sick"])
    page.emulate_media(media="print")
    tables = (
        "[...document.querySelectorAll('table:not(.verd)')].map(e => "
        "[e.querySelectorAll(':scope > tbody > tr').length > 12, getComputedStyle(e).breakInside])"
    )
    assert {(long, kept == "avoid") for long, kept in page.evaluate(tables)} == {(False, True), (True, False)}
    boxes = "[...document.querySelectorAll('.box')].map(e => getComputedStyle(e).overflowX)"
    assert set(page.evaluate(boxes)) == {"visible"}


@pytest.mark.parametrize("name", ["sick", "deep"])
def test_the_printed_table_of_layers_fits_the_sheet(chromium: Browser, pages: dict[str, Path], name: str) -> None:
    page = chromium.show(pages[name], width=SHEET)
    page.emulate_media(media="print")
    page.evaluate(OPEN_ALL)
    beyond = (
        "[...document.querySelectorAll('.every-layer td, .every-layer th')].filter(e => e.scrollWidth > e.clientWidth)"
    )
    assert page.evaluate(f"{beyond}.map(e => e.textContent)") == []
    box = page.locator(".every-layer").bounding_box()
    assert box is not None and box["x"] + box["width"] <= SHEET


def test_a_link_to_a_folded_check_unfolds_it(chromium: Browser, pages: dict[str, Path]) -> None:
    page = chromium.show(pages["sick"])
    link = page.locator(".evid a.quiet").first
    part = page.locator(str(link.get_attribute("href")))
    expect(part).not_to_have_attribute("open", "")
    link.focus()
    page.keyboard.press("Enter")
    expect(part).to_have_attribute("open", "")


def test_hostile_names_run_and_request_nothing(chromium: Browser, pages: dict[str, Path]) -> None:
    for theme in THEMES:
        page = chromium.show(pages["hostile"], theme=theme)
        page.evaluate(OPEN_ALL)
        for part in page.locator("button.term").all()[:3]:
            part.click()
            page.keyboard.press("Escape")
        assert chromium.complaints() == []
        assert page.locator("script").count() == 1
        assert page.evaluate(
            "[...document.querySelectorAll('*')].every(e => ![...e.attributes].some(a => /^on/.test(a.name)))"
        )
        assert page.locator("img[src='x']").count() == 0


def test_links_to_further_reading_load_nothing(chromium: Browser, pages: dict[str, Path]) -> None:
    page = chromium.show(pages["sick"])
    page.evaluate(OPEN_ALL)
    page.locator("a[rel~=external]").first.hover()
    assert page.locator("a[rel~=external]").count() > 5
    assert chromium.complaints() == []


def test_the_arrow_keys_and_a_tap_tell_the_values_of_a_figure(chromium: Browser, pages: dict[str, Path]) -> None:
    page = chromium.show(pages["sick"])
    figure = page.locator("#errors .plot > svg").first
    told = page.locator(".tip")
    expect(told).to_be_hidden()
    figure.focus()
    page.keyboard.press("ArrowRight")
    expect(told).to_have_text("target: 5.0 %")
    page.keyboard.press("ArrowDown")
    expect(told).to_have_text(re.compile(r"^baseline: gradient boosting: 13\.2 % \["))
    page.keyboard.press("Tab")
    expect(told).to_be_hidden()
    figure.locator("circle").last.click()
    expect(told).to_have_text(figure.locator("circle").last.locator("title").text_content() or "no title")


def test_a_click_sorts_the_classes(chromium: Browser, tmp_path: Path) -> None:
    levels = tuple(ClassLevel(name, 0.5, 0.5, rows, 0.5, WIDE, 0.5, 0.5, dice, WIDE) for name, rows, dice in CLASSES)
    made = replace(sick(), errors=(replace(sick().errors[1], classes=levels),))
    (tmp_path / "page.html").write_text(render(made), encoding="utf-8")
    page = chromium.show(tmp_path / "page.html")
    names = page.locator("#errors .sortable tbody th")
    expect(names).to_have_text(["dog", "cat", "emu"])
    rows = page.locator("#errors .sortable button", has_text="Rows")
    rows.click()
    expect(names).to_have_text(["cat", "emu", "dog"])
    rows.click()
    expect(names).to_have_text(["dog", "emu", "cat"])
    expect(page.locator("#errors .sortable [aria-sort=ascending]")).to_have_text(re.compile("^Rows"))


def test_a_picture_is_enlarged_by_key(chromium: Browser, pages: dict[str, Path]) -> None:
    page = chromium.show(pages["sick"])
    page.evaluate(OPEN_ALL)
    button = page.locator(".enlarge").first
    before = button.locator("img").bounding_box()
    button.focus()
    page.keyboard.press("Enter")
    assert before is not None
    page.wait_for_function("width => document.querySelector('.enlarge img').width > 1.5 * width", arg=before["width"])


def test_the_mistaken_rows_of_one_pair_are_chosen_in_a_list(chromium: Browser, tmp_path: Path) -> None:
    pairs = ("4 as 9", "1 as 7", "4 as 9", "")
    rows = tuple(Sample(f"row {place}", text="a text", pair=pair) for place, pair in enumerate(pairs))
    made = replace(sick(), figures=(Figure("data", Samples("Largest losses on dev", rows)),))
    (tmp_path / "page.html").write_text(render(made), encoding="utf-8")
    page = chromium.show(tmp_path / "page.html")
    options = page.locator("#data .pairs option")
    assert options.all_inner_texts() == ["all rows (4)", "4 as 9 (2)", "1 as 7 (1)"]
    page.locator("#data .pairs").select_option("4 as 9")
    expect(page.locator("#data .pics li:visible")).to_have_count(2)
    page.locator("#data .pairs").select_option("")
    expect(page.locator("#data .pics li:visible")).to_have_count(4)


def test_a_cause_that_another_explains_is_folded_and_unfolds_by_its_link(
    chromium: Browser, pages: dict[str, Path]
) -> None:
    page = chromium.show(pages["sick"])
    link = page.locator("#causes .tree a").first
    part = page.locator(str(link.get_attribute("href")))
    expect(part).not_to_have_attribute("open", "")
    link.click()
    expect(part).to_have_attribute("open", "")
