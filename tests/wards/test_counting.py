"""The rates and scores of the wards, on hand-written results."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.wards import data, measures, models, scoring, training
from tests.wards.families import own_loss
from tests.wards.recipe import Case, Recipe, healthy, in_halves, make, sick
from tests.wards.references import DIGITS_MLP
from tests.wards.training import Record, verify
from tests.wards.ward import Named, Rate, Result, family_table, per_cause, rates


def result(name: str, *causes: Named, sick: bool = True, state: str = "sick", verdict: str = "sick") -> Result:
    return Result(name, "family", "tuning", sick, verdict, "", ("dead-units",) if sick else (), state, causes)


def named(code: str, severity: str = "error", kind: str = "disease", right: bool = False) -> Named:
    return Named(code, kind, severity, "suspected", None, right, root=True)


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


def score(rows: data.Data, predictions: Any, logits: bool = False) -> scoring.Scores:
    return scoring.scores(scoring.usual(rows, logits), rows.judged, predictions)


def test_scores_of_constant_predictions_are_at_the_floor() -> None:
    digits = data.digits()
    predicted = np.zeros((len(digits.judged[1]), 10))
    predicted[:, 3] = 1
    assert score(digits, predicted).mean == pytest.approx(0.1)
    friedman = data.friedman()
    mean = np.full_like(friedman.judged[1], friedman.judged[1].mean())
    assert score(friedman, mean).mean == pytest.approx(0.0, abs=1e-6)


def test_a_nan_prediction_scores_zero() -> None:
    moons = data.moons()
    found = score(moons, np.full((len(moons.judged[1]), 1), np.nan))
    assert (found.mean, found.error) == (0.0, 0.0)


def test_a_binary_logit_is_cut_at_zero() -> None:
    moons = data.moons()
    logits = np.where(moons.judged[1] == 1, 0.2, -0.2)[:, None]
    assert score(moons, logits, logits=True).mean == 1.0
    assert score(moons, logits, logits=False).mean == 0.5


def test_each_output_has_its_own_score() -> None:
    both = data.digit_and_ink()
    right = np.eye(10)[both.judged[1][0]]
    found = score(both, (right, np.zeros_like(both.judged[1][1])))
    assert found.each == pytest.approx((1.0, 0.0), abs=0.02)
    assert found.mean == pytest.approx(np.mean(found.each))


def test_the_dice_of_an_empty_mask_is_zero_and_of_a_full_one_the_floor() -> None:
    masks = np.zeros((6, 4, 4, 1), "uint8")
    masks[:, 0] = 1
    measure = measures.dice()
    assert measure.score(None, masks, masks.astype("float32")) == 1.0
    assert measure.score(None, masks, np.zeros(masks.shape)) == 0.0
    assert measure.score(None, masks, np.full(masks.shape, np.nan)) == 0.0
    assert measure.constant(None, masks) == measure.score(None, masks, np.ones(masks.shape)) == pytest.approx(0.4)


def test_padding_does_not_count_for_the_recall_of_positions() -> None:
    x = np.array([[5, 6, 0, 0], [7, 0, 0, 0]])
    y = np.array([[1, 2, 0, 0], [2, 0, 0, 0]])
    measure = measures.recall(padding=0)
    assert measure.score(x, y, np.eye(3)[np.array([[1, 1, 2, 1], [1, 1, 1, 1]])]) == 0.5
    assert measure.constant(x, y) == 0.5
    assert measures.recall().constant(x, y) == pytest.approx(1 / 3)


def test_the_text_of_a_recipe_has_its_settings_and_sources() -> None:
    def text(**changes: Any) -> str:
        return sick("name", "family", DIGITS_MLP, {"dead-units"}, **changes).recipe.text

    assert text() == text()
    assert "def digits(" in text()
    assert text() != text(epochs=3)
    assert text() != text(model=DIGITS_MLP.model.but(hidden=(1,)))


def test_a_field_that_is_not_set_is_not_part_of_the_text() -> None:
    text = DIGITS_MLP.text
    assert "measures" not in text
    measured = replace(DIGITS_MLP, measures=(make(measures.recall, padding=0),)).text
    assert "recall(padding=0)" in measured
    assert "def predicted_classes(" in measured, "used inside a function inside the builder"


def test_the_text_of_a_recipe_has_what_its_classes_inherit() -> None:
    assert "class Signed(" in replace(DIGITS_MLP, loss=make(own_loss.Explained)).text


def test_a_function_among_the_settings_is_named_and_its_source_followed() -> None:
    text = replace(DIGITS_MLP, fitting=make(dict, callbacks=data.digits)).text
    assert "fitting: dict(callbacks=digits)" in text
    assert "def digits(" in text


def records(monkeypatch: pytest.MonkeyPatch, own: Record, *twins: Record) -> None:
    """Replace all trainings: one record for the case, one for each seed of its reference."""

    def trained(recipe: Recipe, seed: int = 0) -> tuple[None, Record]:
        return None, twins[seed] if recipe is DIGITS_MLP else own

    monkeypatch.setattr(training, "trained", trained)


def record(*scores: float, finite: bool = True) -> Record:
    return Record(float(np.mean(scores)), 0.01, 1.0, finite, 0.0, scores, (0.01,) * len(scores))


def one(**settings: Any) -> Case:
    return sick("name", "family", DIGITS_MLP, {"dead-units"}, epochs=1, **settings)


def test_harm_to_one_output_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    records(monkeypatch, record(0.9, 0.8, 0.6), *[record(0.9, 0.8, 0.75)] * 3)
    assert verify(one()).verdict == "sick"


def test_harm_within_the_spread_over_seeds_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    records(monkeypatch, record(0.6), record(0.9), record(0.7), record(0.8))
    assert verify(one()).verdict == "sick"
    records(monkeypatch, record(0.65), record(0.9), record(0.7), record(0.8))
    assert verify(one()).verdict == "harmless"


def test_a_dev_set_that_is_too_easy_scores_more_than_the_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    records(monkeypatch, record(0.9), *[record(0.6)] * 3)
    assert verify(one(optimistic=True)).verdict == "sick"
    assert verify(one()).verdict == "harmless"


def test_a_healthy_case_must_reach_the_baseline_with_every_output(monkeypatch: pytest.MonkeyPatch) -> None:
    case = healthy("name", "family", DIGITS_MLP, data=make(data.digit_and_ink), model=make(models.two_outputs))
    monkeypatch.setattr(training, "_baselines", lambda recipe, rows: [0.9, 0.9])
    records(monkeypatch, record(0.95, 0.88))
    assert verify(case).verdict == "healthy"
    records(monkeypatch, record(0.95, 0.8))
    assert verify(case).verdict == "unwell"


def test_a_familys_halves_are_counted_apart() -> None:
    lines = family_table([result("a", RIGHT), replace(result("b", WRONG), half="held-out")]).splitlines()
    assert [line.split()[:4] for line in lines[1:]] == [
        ["family", "held-out", "0", "of"],
        ["family", "tuning", "1", "of"],
    ]
    assert "[21%, 100%]" in lines[2]


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
