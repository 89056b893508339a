"""Terms and gauges."""

import re
from dataclasses import replace

import pytest

from diagnose.findings import Finding, Interval, Severity
from diagnose.reports.gauge import gauge
from diagnose.reports.glossary import Words, target
from diagnose.reports.story import row
from diagnose.reports.terms import GLOSSARY


def test_a_term_is_marked_once_per_section() -> None:
    words = Words()
    assert words("The variance is the larger part; variance falls with rows.").count("<button") == 1
    assert "<button" not in words("Variance again")
    words.section()
    assert 'popovertarget="term-variance"' in words("Variance again")
    assert list(words.used) == ["variance"]


def test_terms_are_found_as_plurals_with_hyphens_and_as_synonyms() -> None:
    words = Words()
    words("Dead units, a constant-prediction, the validation set and train-dev")
    assert set(words.used) == {"dead unit", "constant prediction", "dev set", "train-dev"}


def test_parts_of_names_are_not_terms_and_all_text_is_escaped() -> None:
    words = Words()
    assert words("layer block_variance_1 <script>") == "layer block_variance_1 &lt;script&gt;"


def test_numbers_do_not_wrap() -> None:
    assert Words()("about 6e-05, or 90 %") == 'about <span class="num">6e−5</span>, or <span class="num">90 %</span>'
    assert Words()("pass --dev PATH.") == 'pass <code class="num">--dev PATH</code>.'
    assert Words()("layer block_1e05") == "layer block_1e05"


@pytest.mark.parametrize("name", GLOSSARY)
def test_every_meaning_is_a_sentence(name: str) -> None:
    assert GLOSSARY[name][0].isupper() and GLOSSARY[name].endswith(".")
    assert " " not in target(name)


def finding(value: float | None, threshold: float | None, interval: Interval | None = None) -> Finding:
    return Finding(Severity.ERROR, "message", value=value, threshold=threshold, interval=interval)


def test_a_gauge_shades_the_side_of_the_threshold_away_from_the_value() -> None:
    above, below = gauge(finding(3.0, 1.0)), gauge(finding(0.5, 1.0))
    assert "3; alarm threshold 1" in above
    assert "0.5; alarm threshold 1" in below
    (start,) = re.findall(r'class="okb" x="([\d.]+)%"', above)
    assert float(start) == 0
    (start,) = re.findall(r'class="okb" x="([\d.]+)%"', below)
    assert float(start) > 0


def test_a_value_and_its_threshold_have_their_unit() -> None:
    found = replace(finding(0.076, 0.0257, Interval(0.045, 0.101)), unit="share")
    assert "7.6 % [4.5, 10.1]; alarm threshold 2.6 %" in gauge(found)
    told = row(found)
    assert (told.measured, told.interval, told.threshold) == ("7.6 %", "[4.5, 10.1]", "2.6 %")
    assert row(replace(found, unit="skill")).measured == "skill 0.076"
    assert row(replace(found, unit="")).measured == "0.076"
    assert row(replace(found, value=None, threshold=None)).threshold == "–"


def test_ratios_are_drawn_on_a_log_axis() -> None:
    assert "log scale" in gauge(finding(5_000.0, 10.0))
    assert "log scale" not in gauge(finding(-5_000.0, 10.0))


def test_a_gauge_needs_two_different_finite_numbers() -> None:
    for pair in ((None, 1.0), (1.0, None), (1.0, 1.0), (float("nan"), 1.0), (1.0, float("inf"))):
        assert gauge(finding(*pair)) == ""


def test_an_interval_of_another_quantity_is_not_drawn_around_the_value() -> None:
    assert "[0.40, 0.60]" in gauge(finding(0.5, 0.1, Interval(0.4, 0.6)))
    assert "[0.01, 0.02]" not in gauge(finding(0.5, 0.1, Interval(0.01, 0.02)))
