"""Checks of what layers that number words let through."""

from typing import Any

import pytest

from diagnose.checks.data.empty_vocabulary import empty_vocabulary
from diagnose.checks.data.texts_cut import texts_cut
from diagnose.findings import Interval, Severity
from diagnose.measurements import LookupLayer, Told, Words
from tests.checks import builders as b
from tests.checks import builders_training as t

ERROR, WARNING, HINT = Severity.ERROR, Severity.WARNING, Severity.HINT


def told(kept: float, low: float = 0.1) -> Told:
    """A linear model of skill 0.8 with all words."""
    return Told("out", 0.2, 0.8, 0.2 + 0.5 * (0.8 - kept), kept, Interval(low, low + 0.1), 400)


def words(**changes: Any) -> Words:
    given = {"path": "texts", "kind": "TextVectorization", "entries": 18, "tokens": 9_000, "unknown": 0.7}
    given |= {"length": None, "dropped": 0.0, "by_vocabulary": None, "by_length": None}
    return Words((LookupLayer(**{**given, **changes}),))


def net(skill: float) -> Any:
    return t.baseline(0.2, 0.9 * (1 - skill))


CASES = pytest.mark.parametrize(
    ("kept", "low", "skill", "found"),
    [
        (0.1, 0.1, 0.05, [ERROR]),
        (0.65, 0.02, 0.6, [WARNING]),
        (0.1, 0.1, 0.75, []),  # the net does as well as a linear model with all words
        (0.78, 0.001, 0.05, []),  # the net is behind, and what gets through tells nearly as much
        (0.1, -0.01, 0.05, []),  # too few rows to tell
    ],
)


@CASES
def test_unknown_words_count_by_what_they_cost(kept: float, low: float, skill: float, found: list[Severity]) -> None:
    measured = words(by_vocabulary=told(kept, low))
    assert b.severities(empty_vocabulary, b.network(), measured, net(skill)) == found


@CASES
def test_words_that_are_cut_off_count_by_what_they_cost(
    kept: float, low: float, skill: float, found: list[Severity]
) -> None:
    measured = words(unknown=0.0, length=2, dropped=0.8, by_length=told(kept, low))
    assert b.severities(texts_cut, measured, net(skill)) == found


def test_the_messages_name_the_layer_and_both_skills() -> None:
    [finding] = b.findings(empty_vocabulary, b.network(), words(by_vocabulary=told(0.1)), net(0.05))
    assert finding.message == (
        "70 % of the words are unknown to texts (TextVectorization), whose vocabulary has 18 entries: a linear model"
        " reaches skill 0.80 with all words and 0.10 with what is left (on 400 rows)"
    )
    [finding] = b.findings(texts_cut, words(unknown=0.0, length=2, dropped=0.8, by_length=told(0.1)), net(0.05))
    assert finding.message.startswith("texts keeps the first 2 words of a text and drops 80 % of the words: ")
    hashed = words(kind="Hashing", entries=3, by_vocabulary=told(0.1))
    [finding] = b.findings(empty_vocabulary, b.network(), hashed, net(0.05))
    assert "share one of the 3 bins of texts with another" in finding.message


def test_without_a_net_to_compare_it_is_a_hint() -> None:
    assert b.severities(empty_vocabulary, b.network(), words(by_vocabulary=told(0.1))) == [HINT]


def test_a_layer_without_an_entry_is_reported_once() -> None:
    network = b.network(b.layer("texts", kind="TextVectorization", vocabulary=0))
    measured = words(entries=0, unknown=1.0, by_vocabulary=told(0.0))
    assert b.severities(empty_vocabulary, network, measured, net(0.05)) == [ERROR]
