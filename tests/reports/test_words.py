"""Terms, further reading, gauges, and what a check lacked."""

import ast
from pathlib import Path

import pytest

import diagnose
from diagnose.checks import CHECKS
from diagnose.findings import Finding, Interval, Severity
from diagnose.reports.gauge import gauge
from diagnose.reports.glossary import GLOSSARY, Words, target

PACKAGE = Path(diagnose.__file__).parent


def test_a_term_is_marked_once_a_section() -> None:
    words = Words()
    assert words("The variance is the larger part; variance falls with rows.").count("<button") == 1
    assert "<button" not in words("Variance again")
    words.section()
    assert 'popovertarget="term-variance"' in words("Variance again")
    assert list(words.used) == ["variance"]


def test_terms_are_found_in_the_plural_with_hyphens_and_as_other_words() -> None:
    words = Words()
    words("Dead units, a constant-prediction, the validation set and train-dev")
    assert set(words.used) == {"dead unit", "constant prediction", "dev set", "train-dev"}


def test_parts_of_names_are_no_terms_and_all_else_is_escaped() -> None:
    words = Words()
    assert words("layer block_variance_1 <script>") == "layer block_variance_1 &lt;script&gt;"


def test_numbers_stay_whole() -> None:
    assert Words()("about 6e-05, or 90 %") == 'about <span class="num">6e−5</span>, or <span class="num">90 %</span>'
    assert Words()("pass --dev PATH.") == 'pass <code class="num">--dev PATH</code>.'
    assert Words()("layer block_1e05") == "layer block_1e05"


@pytest.mark.parametrize("name", GLOSSARY)
def test_every_meaning_is_a_sentence(name: str) -> None:
    assert GLOSSARY[name][0].isupper() and GLOSSARY[name].endswith(".")
    assert " " not in target(name)


def test_every_check_of_ours_has_further_reading_and_no_other_is_named() -> None:
    codes = {check.code for check in CHECKS}
    assert set(BY_CHECK) <= codes
    assert {check.family for check in CHECKS} <= set(BY_FAMILY)
    assert all(reading(check.code, check.family) for check in CHECKS)
    assert reading("somebody-elses", "their family") == ()


def test_addresses_are_whole_and_carry_no_tracking() -> None:
    links = {link for links in (*BY_CHECK.values(), *BY_FAMILY.values()) for link in links}
    assert all(link.address.startswith(("https://", "http://")) and "?" not in link.address for link in links)
    assert len({link.address for link in links}) == len(links)


def reasons() -> list[str]:
    """Every reason written in the sources for which something is not measured."""
    found = []
    for path in (*PACKAGE.rglob("measuring/*.py"), *PACKAGE.joinpath("checks").resolve().rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("NotMeasured", "Unavailable")
            if named and node.args and isinstance(node.args[0], ast.Constant):
                found.append(str(node.args[0].value))
    return found


def test_most_reasons_come_with_advice() -> None:
    without = [reason for reason in reasons() if how_to_get(reason) == "–"]
    assert len(reasons()) > 30
    assert len(without) <= len(reasons()) / 4, without


def finding(value: float | None, threshold: float | None, interval: Interval | None = None) -> Finding:
    return Finding(Severity.ERROR, "message", value=value, threshold=threshold, interval=interval)


def test_a_gauge_shades_the_side_of_the_threshold_away_from_the_value() -> None:
    assert "nothing would be found below 1" in gauge(finding(3.0, 1.0))
    assert "nothing would be found above 1" in gauge(finding(0.5, 1.0))


def test_ratios_are_drawn_on_a_log_axis() -> None:
    assert "log scale" in gauge(finding(5_000.0, 10.0))
    assert "log scale" not in gauge(finding(-5_000.0, 10.0))


def test_a_gauge_needs_two_different_finite_numbers() -> None:
    for pair in ((None, 1.0), (1.0, None), (1.0, 1.0), (float("nan"), 1.0), (1.0, float("inf"))):
        assert gauge(finding(*pair)) == ""


def test_an_interval_of_another_quantity_is_not_drawn_around_the_value() -> None:
    assert "[0.40, 0.60]" in gauge(finding(0.5, 0.1, Interval(0.4, 0.6)))
    assert "[0.01, 0.02]" not in gauge(finding(0.5, 0.1, Interval(0.01, 0.02)))
