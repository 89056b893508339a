"""The page that compares two results."""

import re

from diagnose.comparing.comparison import compare
from diagnose.reports.comparison import render
from tests.reports.examples import healthy, sick


def test_words_of_severity_are_not_broken() -> None:
    """ "warning" once stood as "warnin" and "g" in a narrow column."""
    page = render(compare(sick(), healthy(), ("old.json", "new.json")), sick(), healthy())
    cells = re.findall(r"<td([^>]*)>(?:error|warning|hint)(?:,|<)", page)
    assert cells and all('class="word"' in attributes for attributes in cells)
    assert re.search(r"\.word \{[^}]*overflow-wrap: normal", page)


def test_no_line_ends_between_a_number_and_its_percent_sign() -> None:
    page = render(compare(sick(), healthy(), ("old", "new")), sick(), healthy())
    read = re.sub(r"<(pre|code|script|style|svg)\b.*?</\1>", "", page, flags=re.DOTALL)
    assert re.findall(r">[^<]*\d %", read) == [] and "\u00a0%" in read
