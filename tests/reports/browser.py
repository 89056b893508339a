"""Opens pages in headless Chromium: keyboard, themes, widths, disabled scripts, print, requests, axe-core.

Playwright uses the installed Chromium and downloads nothing. The Content-Security-Policy of the pages stays active;
axe-core is injected through the debugger, which the policy does not cover.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
)
HEIGHT = 900  # CSS px of the viewport
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

Theme = Literal["light", "dark"]


class Browser:
    """One Chromium. `show` opens a page; `messages` collects the errors and warnings of the latest page."""

    def __init__(self, chromium: Chromium) -> None:
        self._chromium = chromium
        self._context: BrowserContext | None = None
        self.messages: list[str] = []  # errors of scripts and of the policy, dialogs
        self.requests: list[str] = []  # URLs, that of the page first, without data:

    def show(self, place: Path | str, width: int = 1280, theme: Theme = "light", script: bool = True) -> Page:
        """Open a file or a URL at a width in CSS px, and close the previous page."""
        if self._context is not None:
            self._context.close()
        self.messages, self.requests = [], []
        self._context = self._chromium.new_context(
            viewport={"width": width, "height": HEIGHT}, color_scheme=theme, java_script_enabled=script
        )
        page = self._context.new_page()
        page.on("console", lambda message: self._hear(message.type, message.text))
        page.on("pageerror", lambda error: self.messages.append(str(error)))
        page.on("dialog", lambda dialog: (self.messages.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: self._note(request.url))
        page.goto(place.resolve().as_uri() if isinstance(place, Path) else place)
        return page

    def _hear(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.messages.append(text)

    def _note(self, address: str) -> None:
        if not address.startswith("data:"):
            self.requests.append(address)

    def complaints(self) -> list[str]:
        """Messages, and requests other than for the page itself. Empty for a self-contained page."""
        return self.messages + self.requests[1:]


@contextmanager
def browser() -> Iterator[Browser]:
    """A running Chromium. Without Chromium the test is skipped, or fails if DIAGNOSE_REQUIRE_BROWSER is 1."""
    if CHROMIUM is None:
        if os.environ.get("DIAGNOSE_REQUIRE_BROWSER") == "1":
            pytest.fail("Chromium is required and not installed")
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield Browser(chromium)
        chromium.close()


def violations(page: Page, within: str = "document") -> list[str]:
    """The violations found by axe-core (WCAG 2.2 A and AA, best practice), one line per rule and element.

    `within`: JavaScript expression for the element or document to check.
    """
    source = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    debugger = page.context.new_cdp_session(page)
    debugger.send("Runtime.evaluate", {"expression": source})
    debugger.detach()
    options = {"runOnly": RULES, "resultTypes": ["violations"]}
    found: list[dict[str, Any]] = page.evaluate(
        f"async (options) => (await axe.run({within}, options)).violations", options
    )
    return [f"{rule['id']}: {rule['help']}: {node['html'][:200]}" for rule in found for node in rule["nodes"]]


def fits(page: Page) -> bool:
    """Whether the page does not scroll horizontally."""
    width = page.viewport_size["width"] if page.viewport_size else 0
    return int(page.evaluate("document.documentElement.scrollWidth")) <= width


def stops(page: Page, most: int = 400) -> list[str]:
    """Text or label of each element that the Tab key reaches, in order, until it leaves the page or repeats."""
    reached: list[str] = []
    first: str | None = None
    for _ in range(most):
        page.keyboard.press("Tab")
        name, mark = page.evaluate(
            """() => {
              const e = document.activeElement;
              if (!e || e === document.body) return [null, null];
              e.dataset.stop ??= String(window.stops = (window.stops ?? 0) + 1);
              return [(e.getAttribute("aria-label") ?? e.textContent).trim().slice(0, 80), e.dataset.stop];
            }"""
        )
        if mark is None or mark == first:
            break
        first = first or mark
        reached.append(name)
    return reached
