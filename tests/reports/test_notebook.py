"""What a notebook and the prompt show of a diagnosis and of its parts."""

from dataclasses import replace

import pytest

from diagnose.findings import Bars, Curves, Finding, Histogram, Severity, Table
from diagnose.reports import notebook, terminal
from tests.reports.examples import EVERY, HOSTILE, hostile, sick
from tests.reports.test_html import Page


def parts(name: str) -> list[object]:
    diagnosis = EVERY[name]()
    return [diagnosis, *diagnosis.causes, *diagnosis.findings, *diagnosis.remedies]


@pytest.mark.parametrize("name", EVERY)
def test_every_part_shows_itself_without_a_script(name: str) -> None:
    for part in parts(name):
        text = part._repr_html_()  # type: ignore[attr-defined]
        page = Page(text)
        assert page.open == [] and page.of("script") == [] and page.of("img") == []
        assert len(text) < 32_000 and "\u202e" not in text


@pytest.mark.parametrize("name", [name for name in EVERY if name != "hostile"])
def test_the_prompt_shows_one_short_line(name: str) -> None:
    for part in parts(name):
        assert "\n" not in repr(part) and len(repr(part)) < 250, repr(part)


def test_the_line_names_state_model_and_causes() -> None:
    assert repr(sick()) == "<Diagnosis of model.h5 on data/: sick, 4 causes>"
    assert repr(sick().causes[0]) == "<Cause inputs-not-scaled: Inputs are not scaled (error, confirmed)>"
    assert repr(sick().findings[0]) == (
        "<Finding input-scale-1: inputs reach the first layer with standard deviation 90 (error)>"
    )
    assert repr(sick().remedies[1]).startswith("<Remedy ")


def test_print_shows_the_summary_of_the_terminal() -> None:
    assert str(sick()) == terminal.render(sick()).rstrip()


def test_a_cell_has_the_errors_and_the_next_step() -> None:
    words = Page(notebook.render(sick())).words
    assert "Error rate: train 89.8 %, dev 90.1 %, test 89.9 %" in words
    assert sick().remedies[0].action in words


def test_a_cause_has_its_summary_and_its_figures() -> None:
    cause = next(cause for cause in sick().causes if any(isinstance(e, Bars) for e in cause.evidence))
    page = Page(cause._repr_html_())
    assert cause.title in page.words and cause.code in page.words and cause.summary in page.words
    shown = next(evidence for evidence in cause.evidence if isinstance(evidence, Bars))
    assert shown.title in page.words and page.of("svg")


def test_a_cell_has_the_first_drawing_of_the_first_cause_else_the_errors() -> None:
    first = next(e for e in sick().causes[0].evidence if isinstance(e, Bars | Curves | Histogram))
    assert first.title in Page(notebook.render(sick())).words
    without = Page(notebook.render(replace(sick(), causes=())))
    assert "Error by split" in without.words and without.of("svg")


def test_a_finding_has_its_number_with_interval_and_threshold() -> None:
    words = Page(sick().findings[0]._repr_html_()).words
    assert "90 [89.1, 90.9], threshold 10" in words and "12,000 rows" in words


def test_long_tables_are_cut_and_names_stay_text() -> None:
    rows = tuple((f"feature {number}", float(number)) for number in range(40))
    found = Finding(Severity.HINT, "m", evidence=(Table("All", ("Feature", "Value"), rows),))
    assert "and 28 more" in found._repr_html_()
    assert HOSTILE not in hostile().causes[0]._repr_html_()
