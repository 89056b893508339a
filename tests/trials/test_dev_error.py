"""Remedies of a model that learns are judged on new rows."""

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from sklearn.datasets import load_digits

import diagnose
from diagnose.checks.reading.remaining import Remaining
from diagnose.diagnosis import Effect
from diagnose.findings import Interval
from diagnose.intervals import chance_below, trainings_interval
from diagnose.measurements import NotMeasured
from diagnose.measuring import work
from diagnose.measuring.planning import planner_for
from diagnose.measuring.training import Assessment
from diagnose.settings import Settings
from diagnose.stages import silent
from diagnose.trials import dev_error, rounds
from diagnose.trials.dev_error import helps, stands_for
from diagnose.trials.joining import Trial
from diagnose.trials.paired import plan_of
from diagnose.trials.plan import DoesNotApply, Intervention, TrainingPlan
from diagnose.trials.rounds import Rounds
from tests.checks.builders_training import regression, score
from tests.trials.models import SOFTMAX, Scene, dense, net

LEFT = Remaining(score(0.05), score(0.1), None)
LISTS = ("machine_learning_yearning", "fast_ai")


def overfitted(**options: Any) -> diagnose.Diagnosis:
    """A net that knows 200 digits by heart, examined with the checks of the gate and of the gaps."""
    keras.utils.set_random_seed(0)
    digits = load_digits()
    rows = np.random.default_rng(0).permutation(len(digits.target))
    x, y = digits.data[rows].astype("float32") / 16, digits.target[rows]
    model = keras.Sequential([keras.Input((64,)), layers.Dense(32, "relu"), layers.Dense(10, "softmax")])
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    model.fit(x[:200], y[:200], epochs=40, batch_size=20, verbose=0)
    only = ["does-not-learn", "variance", "avoidable-bias", "constant-predictions"]
    split = ((x[:200], y[:200]), (x[-800:], y[-800:]))
    return diagnose.examine(model, *split, batch_size=20, **{"only": only} | options)


@pytest.fixture(scope="module")
def diagnosis() -> diagnose.Diagnosis:
    return overfitted()


def test_remedies_of_variance_are_measured_on_dev(diagnosis: diagnose.Diagnosis) -> None:
    tried = {effect.remedy: effect for effect in diagnosis.effects}
    assert {"regularize", "dropout", "more-data"} <= tried.keys()
    kept = tried["keep-best-weights"]
    assert kept.causes == ("best-weights-thrown-away",) and not kept.likely
    for effect in tried.values():
        assert effect.metric == "dev error" and effect.restores is None and (effect.causes == () or effect is kept)
        assert 0 < effect.before < 0.3  # as the model itself, 0.1


def test_the_better_half_after_one_training_is_tried_with_all_seeds(diagnosis: diagnose.Diagnosis) -> None:
    options = [effect for effect in diagnosis.effects if effect.remedy not in ("more-data", "keep-best-weights")]
    dropped, chosen = ([effect for effect in options if effect.seeds == seeds] for seeds in (1, 3))
    assert len(dropped) == len(chosen) == 3
    assert all(effect.interval is None and effect.helps is None for effect in dropped)
    for effect in chosen:  # chosen among six
        assert effect.interval is not None and effect.interval.level == pytest.approx(1 - 0.05 / 6)
    assert "in one training, and" in dropped[0].message
    assert "first look at all changes" in diagnosis.settings["plan"]


def test_without_time_for_a_first_look_the_first_changes_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "HALVED", 10_000)  # more changes than there are
    monkeypatch.setattr(work, "LOOP", 8.0)  # dear ones
    diagnosis = overfitted()
    assert "first look at all changes" not in diagnosis.settings["plan"]
    assert {effect.seeds for effect in diagnosis.effects} == {3}


def test_the_verdicts_have_the_payoffs(diagnosis: diagnose.Diagnosis) -> None:
    tried = {effect.remedy: effect for effect in diagnosis.effects}
    for name in LISTS:
        verdicts = {verdict.item: verdict for verdict in diagnosis.verdicts[name]}
        brings = verdicts["more-data"].payoff
        assert brings is not None and brings.how == "estimated"
        assert (brings.before, brings.after) == (tried["more-data"].before, tried["more-data"].after)
        regularised = verdicts["regularize" if name == LISTS[0] else "regularization"]
        assert regularised.payoff is not None and regularised.payoff.how == "measured"
        assert "Tried: with" in regularised.because


def test_more_rows_are_forecast_to_help_a_net_that_has_few(diagnosis: diagnose.Diagnosis) -> None:
    effect = next(effect for effect in diagnosis.effects if effect.remedy == "more-data")
    assert effect.forecast and effect.helps and effect.after < 0.9 * effect.before
    assert [
        verdict.verdict for name in LISTS for verdict in diagnosis.verdicts[name] if verdict.item == "more-data"
    ] == [
        "do",
        "do",
    ]
    figure = next(figure for figure in diagnosis.figures if "by training rows" in figure.evidence.title)
    measured, forecast = figure.evidence.series  # type: ignore[union-attr]
    assert measured.x == (20.0, 40.0, 80.0, 140.0, 200.0)
    assert forecast.x == (200.0, 400.0, 2000.0)
    assert measured.y[0] > measured.y[-1]


@pytest.fixture
def open_at_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing helps for sure, and all that was tried with all seeds may help."""
    monkeypatch.setattr(dev_error, "helps", lambda change, before: None)
    monkeypatch.setattr(dev_error.DevError, "unsure", staticmethod(lambda effect: effect.interval is not None))


@pytest.mark.usefixtures("open_at_first")
def test_the_most_promising_change_gets_more_seeds_where_none_helps_for_sure(diagnosis: diagnose.Diagnosis) -> None:
    again = overfitted()
    (surer,) = [effect for effect in again.effects if effect.seeds == 6]
    assert surer.interval is not None and surer.interval.level == pytest.approx(1 - 0.05 / 12)  # six changes, two looks
    assert f"trial of {surer.remedy} with more seeds" in again.settings["plan"]
    once = {effect.remedy: effect for effect in diagnosis.effects}
    assert once[surer.remedy].seeds == 3 and once[surer.remedy].after != surer.after
    options = [one.after for one in once.values() if one.seeds == 3 and one.steps and not one.forecast]
    assert once[surer.remedy].after == min(options)


@pytest.mark.parametrize(
    ("after", "helps", "interval", "unsure"),
    [
        (0.15, None, Interval(-0.1, 0.01), True),
        (0.19, None, Interval(-0.1, 0.01), False),  # too little to matter
        (0.15, True, Interval(-0.1, -0.01), False),
        (0.15, None, None, False),  # one seed, after which others were preferred
    ],
)
def test_what_more_seeds_are_for(after: float, helps: bool | None, interval: Interval | None, unsure: bool) -> None:
    effect = Effect("", "", 0.2, after, interval, "sufficient", 3, metric="dev error", helps=helps)
    assert dev_error.DevError.unsure(effect) is unsure


@pytest.mark.parametrize(
    ("helps", "chance", "may"),
    [(None, 0.6, True), (False, 0.9, True), (None, 0.4, False), (None, None, False), (True, 0.999, False)],
)
def test_what_gets_more_seeds_at_effort_deep(helps: bool | None, chance: float | None, may: bool) -> None:
    effect = Effect("", "", 0.2, 0.19, None, "sufficient", 3, metric="dev error", helps=helps, chance=chance)
    assert dev_error.DevError.may_help(effect) is may


@pytest.mark.slow
def test_a_repeated_plan_tries_the_same(diagnosis: diagnose.Diagnosis) -> None:
    again = overfitted(plan=diagnosis.settings["plan"])
    assert again.effects == diagnosis.effects


def test_quick_tries_nothing() -> None:
    diagnosis = overfitted(effort="quick")
    assert diagnosis.effects == ()
    verdict = next(verdict for verdict in diagnosis.verdicts[LISTS[0]] if verdict.item == "regularize")
    assert verdict.payoff is not None and verdict.payoff.reason == "effort quick does not train"


@pytest.mark.slow
def test_trainings_that_stay_behind_the_model_say_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dev_error, "usual_length", lambda bench: 4)
    diagnosis = overfitted()
    assert not {"regularize", "dropout", "more-data"} & {effect.remedy for effect in diagnosis.effects}
    gaps = {gap.what: gap.why for gap in diagnosis.coverage}
    assert "stay behind the model" in gaps["trial of regularize"]
    assert "stay behind the model" in gaps["learning curve over rows"]


@pytest.mark.parametrize(("error", "why"), [(60.0, ""), (20.0, "do not overfit"), (90.0, "stay behind")])
def test_trainings_are_compared_with_the_model_on_one_scale(error: float, why: str) -> None:
    """Targets of dev spread ten times as far as those of train: the constant prediction is far off there."""
    left = Remaining(regression(0.99), regression(0.64, deviation=100.0), None)  # RMSE 1 and 60
    train, dev = (Assessment(0, 0, one, 0, True, 0, constant) for one, constant in ((1.0, 10.0), (error, 100.0)))
    if not why:
        stands_for(left, 0, (train,), (dev,), 100)
        return
    with pytest.raises(NotMeasured, match=why):
        stands_for(left, 0, (train,), (dev,), 100)


def test_a_gain_is_clear_missing_or_open() -> None:
    assert helps(Interval(-0.02, -0.001), 0.1)
    assert helps(Interval(-0.005, 0.03), 0.1) is False  # at most 5 % of the error
    assert helps(Interval(-0.03, 0.01), 0.1) is None


def test_the_interval_over_seeds_and_rows_holds() -> None:
    """As often as it says, whether seeds or rows differ more."""
    draw = np.random.default_rng(0)
    for seeds, rows in ((1.0, 1.0), (0.0, 1.0), (0.1, 1.0)):
        held = []
        for _ in range(400):
            values = seeds * draw.normal(size=(3, 1)) + rows * draw.normal(size=(1, 200)) + draw.normal(size=(3, 200))
            span = trainings_interval(values)
            held.append(span.low <= 0 <= span.high)
        assert 0.9 < np.mean(held) <= 1.0


def test_the_interval_narrows_with_rows_if_seeds_agree() -> None:
    draw = np.random.default_rng(0)
    few, many = (trainings_interval(np.tile(draw.normal(size=(1, rows)), (3, 1))) for rows in (100, 10_000))
    assert many.high - many.low < 0.2 * (few.high - few.low)
    one = trainings_interval(np.ones((1, 5)))
    assert (one.low, one.high) == (-np.inf, np.inf)


def test_the_chance_of_a_gain_is_as_high_as_it_says() -> None:
    """Of gains with a chance of 85 to 95 %, nine of ten are there."""
    draw = np.random.default_rng(0)
    true, told = [], []
    for _ in range(4000):
        gain = draw.normal()
        values = gain + 2 * draw.normal(size=(3, 1)) + 4 * draw.normal(size=(1, 50)) + draw.normal(size=(3, 50))
        true.append(gain < 0)
        told.append(chance_below(values))
    likely = (np.array(told) > 0.85) & (np.array(told) < 0.95)
    assert likely.sum() > 100 and 0.7 < np.mean(np.array(true)[likely]) < 0.95
    assert chance_below(np.full((3, 5), -0.1)) == 1.0
    assert chance_below(np.zeros((3, 5))) == 0.5


def test_an_effect_on_dev_says_what_it_is(diagnosis: diagnose.Diagnosis) -> None:
    effect = next(effect for effect in diagnosis.effects if effect.remedy == "dropout")
    better = replace(effect, before=0.1, after=0.05, helps=True, seeds=3)
    assert better.message == "with dropout of 0.3 before the Dense layers the dev error falls from 10 % to 5 %"
    assert "does not fall by much (10 % without it, 5 % with it)" in replace(better, helps=False).message
    assert "does not fall (10 % without it, 12 % with it)" in replace(better, after=0.12, helps=False).message
    likely = replace(better, helps=None, chance=0.968)
    assert likely.likely and likely.message.endswith("the dev error probably falls from 10 % to 5 % (96 % sure)")
    assert replace(likely, chance=0.9999).message.endswith("(99 % sure)")
    for unlike in (replace(likely, chance=0.94), replace(likely, chance=None)):
        assert not unlike.likely and "probably" not in unlike.message
    little = replace(likely, after=0.098, helps=False)  # too little to matter, and yet a gain
    assert little.likely and "probably falls a little, from 10 % to 9.8 %" in little.message


@pytest.mark.slow
def test_what_the_best_weights_would_have_brought() -> None:
    epochs = {"loss": [0.5, 0.2, 0.1, 0.05, 0.02, 0.01], "val_loss": [0.6, 0.4, 0.3, 0.5, 0.8, 1.0]}
    right = {"accuracy": [0.8, 0.9, 0.95, 1.0, 1.0, 1.0], "val_accuracy": [0.7, 0.8, 0.9, 0.88, 0.86, 0.84]}
    diagnosis = overfitted(history=epochs | right)
    effect = next(effect for effect in diagnosis.effects if effect.remedy == "keep-best-weights")
    assert (effect.before, effect.after) == (pytest.approx(0.16), pytest.approx(0.1))
    assert effect.forecast and effect.helps is None


@pytest.mark.parametrize(("better", "counts"), [(True, True), (False, None), (None, None)])
def test_a_gain_must_be_larger_than_that_of_a_placebo(
    better: bool | None, counts: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def effect(helps: bool | None) -> Effect:
        return Effect("", "", 0.1, 0.05, None, "sufficient", 3, metric="dev error", helps=helps)

    def other(plan: TrainingPlan) -> TrainingPlan:
        return plan.changed("other rows")

    trained: list[str] = []
    with planner_for(Scene("", net(dense(8), SOFTMAX)).subject(), Settings(), silent) as planner:
        tried = Rounds(planner, {}, plan_of(planner.bench, {}), 1.0, dev_error.DevError(LEFT, 1), most=1)
        trial = Trial("fewer-rows", Intervention("", lambda plan: plan.changed("fewer rows"), placebo=other))
        pair = tried._pair(trial)
        assert not isinstance(pair, DoesNotApply)
        monkeypatch.setattr(tried._arms, "train", lambda arms: trained.extend(one.plan.what for one in arms))
        monkeypatch.setattr(tried, "_between", lambda *_: effect(better))
        assert tried._beyond_placebo(trial, pair[1], effect(True)).helps is counts
        assert trained == ["other rows"]
        assert planner.executed[-1].name == "trial of fewer-rows against other rows"
        assert tried._beyond_placebo(trial, pair[1], effect(None)).helps is None and len(trained) == 1
        likely = replace(effect(None), chance=0.99)
        assert tried._beyond_placebo(trial, pair[1], likely).likely is (better is True)
        monkeypatch.setattr(tried, "_between", lambda *_: replace(effect(None), chance=0.96))
        assert tried._beyond_placebo(trial, pair[1], effect(True)).chance == 0.96
        monkeypatch.setattr(planner, "run", lambda *_: None)  # no time left
        assert tried._beyond_placebo(trial, pair[1], effect(True)).helps is None
