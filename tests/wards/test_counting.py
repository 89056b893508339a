"""The rates and scores of the wards, on hand-written results."""

from typing import Any

import numpy as np
import pytest

from tests.wards import data, scoring
from tests.wards.recipe import Recipe, in_halves, make, sick
from tests.wards.references import DIGITS_MLP
from tests.wards.ward import Named, Rate, Result, per_cause, rates


def result(name: str, *causes: Named, sick: bool = True, state: str = "sick", verdict: str = "sick") -> Result:
    return Result(name, "family", "tuning", sick, verdict, "", ("dead-units",) if sick else (), state, causes)


def named(code: str, severity: str = "error", kind: str = "disease", right: bool = False) -> Named:
    return Named(code, kind, severity, "suspected", None, right)


RIGHT, WRONG = named("dead-units", right=True), named("no-signal")


def test_rank_counts_from_one() -> None:
    assert result("a", RIGHT).rank == 1
    assert result("b", WRONG, RIGHT).rank == 2
    assert result("c", WRONG).rank is None


def test_rates_leave_out_unverified_cases() -> None:
    shares = rates([result("a", RIGHT), result("b", WRONG, RIGHT), result("c", verdict="harmless")])
    assert shares["sick: right cause first"] == Rate(1, 2)
    assert shares["sick: right cause in the first three"] == Rate(2, 2)


def test_directions_and_hints_are_not_alarms() -> None:
    causes = (named("high-variance", "warning", "direction"), named("dead-units", "hint"))
    shares = rates([result("a", *causes, sick=False, state="healthy", verdict="healthy")])
    assert shares["healthy: some disease at warning or error"] == Rate(0, 1)


def test_a_disease_at_warning_is_an_alarm() -> None:
    shares = rates([result("a", named("dead-units", "warning"), sick=False, state="attention", verdict="healthy")])
    assert shares["healthy: some disease at warning or error"] == Rate(1, 1)
    assert shares["healthy: some disease at error"] == Rate(0, 1)


def test_wilson_intervals() -> None:
    low, high = Rate(0, 10).interval  # for 0 of n the upper end is z2 / (n + z2)
    assert low == pytest.approx(0.0, abs=1e-12)
    assert high == pytest.approx(1.96**2 / (10 + 1.96**2))
    assert Rate(5, 10).interval == pytest.approx((0.2366, 0.7634), abs=1e-4)


def test_misses_and_false_alarms_are_counted_by_cause() -> None:
    rows = {row.code: row for row in per_cause([result("a", RIGHT), result("b", WRONG)])}
    assert (rows["dead-units"].cases, rows["dead-units"].named, rows["dead-units"].first) == (2, 1, 1)
    assert rows["no-signal"].false_first == 1


def test_scores_of_constant_predictions_are_at_the_floor() -> None:
    digits = data.digits()
    predicted = np.zeros((len(digits.judged[1]), 10))
    predicted[:, 3] = 1
    assert scoring.score(digits, digits.judged[1], predicted)[0] == pytest.approx(0.1)
    friedman = data.friedman()
    mean = np.full_like(friedman.judged[1], friedman.judged[1].mean())
    assert scoring.score(friedman, friedman.judged[1], mean)[0] == pytest.approx(0.0, abs=1e-6)


def test_a_nan_prediction_scores_zero() -> None:
    moons = data.moons()
    assert scoring.score(moons, moons.judged[1], np.full((len(moons.judged[1]), 1), np.nan)) == (0.0, 0.0)


def test_a_binary_logit_is_cut_at_zero() -> None:
    moons = data.moons()
    logits = np.where(moons.judged[1] == 1, 0.2, -0.2)[:, None]
    assert scoring.score(moons, moons.judged[1], logits, logits=True)[0] == 1.0
    assert scoring.score(moons, moons.judged[1], logits, logits=False)[0] == 0.5


def test_the_text_of_a_recipe_has_its_settings_and_sources() -> None:
    def text(**changes: Any) -> str:
        return sick("name", "family", DIGITS_MLP, {"dead-units"}, **changes).recipe.text

    assert text() == text()
    assert "def digits(" in text()
    assert text() != text(epochs=3)
    assert text() != text(model=DIGITS_MLP.model.but(hidden=(1,)))


def test_appending_a_case_moves_no_other() -> None:
    recipe = Recipe(make(data.digits), make(dict), make(dict))
    cases = [sick(str(n), "family", recipe, {"dead-units"}) for n in range(5)]
    assert in_halves(cases)[:4] == in_halves(cases[:4])
    assert {case.half for case in in_halves(cases)} == {"tuning", "held-out"}


def test_planted_changes_do_not_modify_the_reference() -> None:
    digits = data.digits()
    before = digits.train[0].copy()
    for change in (data.multiplied, data.holes, data.random_inputs, data.random_targets, data.extra_columns):
        change(digits)
    assert np.array_equal(digits.train[0], before)
