"""What a notebook and the prompt show of a diagnosis and of its parts."""

import pytest

from diagnose.findings import Bars, Finding, Severity, Table
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
        assert len(text) < 20_000 and "\u202e" not in text


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


def test_a_cause_has_its_summary_and_the_numbers_of_its_figures() -> None:
    cause = next(cause for cause in sick().causes if any(isinstance(e, Bars | Table) for e in cause.evidence))
    words = Page(cause._repr_html_()).words
    assert cause.title in words and cause.code in words and cause.summary in words
    shown = next(evidence for evidence in cause.evidence if isinstance(evidence, Bars | Table))
    assert shown.title in words


def test_a_finding_has_its_number_with_interval_and_threshold() -> None:
    words = Page(sick().findings[0]._repr_html_()).words
    assert "90 [89.1, 90.9], threshold 10" in words and "12,000 rows" in words


def test_long_tables_are_cut_and_names_stay_text() -> None:
    labels = tuple(f"feature {number}" for number in range(40))
    found = Finding(Severity.HINT, "m", evidence=(Bars("All", labels, tuple(map(float, range(40)))),))
    assert "and 28 more" in found._repr_html_()
    assert HOSTILE not in hostile().causes[0]._repr_html_()
