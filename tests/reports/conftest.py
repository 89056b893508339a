"""Starts one Chromium for the tests of one file."""

from collections.abc import Iterator

import pytest

from tests.reports.browser import Browser, browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as running:
        yield running
