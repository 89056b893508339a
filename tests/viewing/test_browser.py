"""The viewer in Chromium: widths, themes, axe, keyboard, disabled scripts, pages that refresh themselves."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect
from werkzeug.serving import make_server

from diagnose.viewing.pages import application
from tests.reports.browser import Browser, Theme, fits, stops, violations
from tests.reports.conftest import chromium
from tests.reports.examples import healthy, sick
from tests.viewing.results import put, several

pytestmark = pytest.mark.browser

__all__ = ["chromium"]

PAGES = {
    "list": "/",
    "searched": "/?q=cnn&sort=dev",
    "filtered": "/?cause=inputs-not-scaled",
    "nothing found": "/?q=nothing+at+all",
    "trends": "/trends",
    "report": "/report/cnn-20261101T090000Z.json",
    "side by side": "/compare?result=cnn-20261101T090000Z.json&result=cnn-20261103T090000Z.json",
    "hostile beside sick": "/compare?result=hostile.json&result=cnn-20261103T090000Z.json",
    "damaged": "/report/damaged.json",
}
WIDTHS = (360, 704, 1280, 1920)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return several(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def site(folder: Path) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, application(folder), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


@pytest.mark.parametrize("name", PAGES)
def test_no_page_scrolls_sideways_or_reports_errors(chromium: Browser, site: str, name: str) -> None:
    for width in WIDTHS:
        page = chromium.show(site + PAGES[name], width)
        assert fits(page), width
        unexpected = [text for text in chromium.messages if "422" not in text]
        assert unexpected == []
        assert [address for address in chromium.requests if not address.startswith(site)] == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(chromium: Browser, site: str, name: str, theme: Theme) -> None:
    for width in (360, 1280):
        assert violations(chromium.show(site + PAGES[name], width, theme)) == [], width


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_the_page_of_a_running_training(
    chromium: Browser, site: str, folder: Path, theme: Theme
) -> None:
    path = put(folder, sick(), "running", 9, live=True)
    try:
        for address in ("/", f"/report/{path.name}"):
            assert violations(chromium.show(site + address, 1280, theme)) == [], address
    finally:
        path.unlink()


def test_the_keyboard_reaches_search_sort_and_comparison(chromium: Browser, site: str) -> None:
    page = chromium.show(site)
    reached = stops(page)
    assert reached[0] == "Skip to the content"
    for name in ("Search", "Dev error", "cnn", "Trends"):
        assert any(name in stop for stop in reached), name
    for day in (1, 3):
        page.locator(f"input[name=result][value='cnn-2026110{day}T090000Z.json']").focus()
        page.keyboard.press("Space")
    page.get_by_role("button", name="Compare these two").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/compare?**")
    expect(page.locator("h1")).to_contain_text("no fault found")


def test_without_script_search_sort_and_comparison_work(chromium: Browser, site: str) -> None:
    page = chromium.show(site, script=False)
    page.fill("#q", "cnn")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("tbody tr")).to_have_count(3)
    page.get_by_role("link", name="Dev error").click()
    page.wait_for_url("**sort=dev**")
    for place in (0, 2):
        page.locator("input[name=result]").nth(place).check()
    page.get_by_role("button", name="Compare two results").click()
    page.wait_for_url("**/compare?**")
    expect(page.locator("h1")).to_have_text(re.compile("^From sick to no fault found"))


def test_the_page_of_a_running_training_refreshes(chromium: Browser, site: str, folder: Path) -> None:
    path = put(folder, sick(), "running", 9, live=True)
    try:
        page = chromium.show(f"{site}/report/{path.name}")
        assert page.locator(".live").inner_text() == "live"
        put(folder, healthy(), "running", 9, live=True)
        page.wait_for_selector("text=No fault found", timeout=20_000)
        assert chromium.messages == []
    finally:
        path.unlink()


def test_the_list_does_not_refresh_during_a_selection(chromium: Browser, site: str, folder: Path) -> None:
    page = chromium.show(site)
    page.locator("input[name=result]").first.check()
    path = put(folder, sick(), "arrived", 8)
    try:
        page.evaluate("look()")
        page.wait_for_timeout(1500)
        assert page.locator("text=arrived").count() == 0
        page.locator("input[name=result]").first.uncheck()
        page.locator("h1").click()
        page.evaluate("look()")
        page.wait_for_selector("text=arrived", timeout=20_000)
    finally:
        path.unlink()
