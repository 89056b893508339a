"""The repaired copy: what is left to do once the first cause is repaired."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers
from sklearn.datasets import load_diabetes, load_digits

import diagnose
from diagnose.checks.reading.remaining import remaining
from diagnose.diagnosis import Effect
from diagnose.findings import Interval
from diagnose.loading import LoadOptions, subject_from
from diagnose.measurements import Positions, Repaired
from diagnose.measuring import planning
from diagnose.measuring.bench import Bench
from diagnose.settings import Effort, Settings
from diagnose.subject import Task
from diagnose.trials.dev_error import in_units
from diagnose.trials.interventions import data
from diagnose.trials.paired import plan_of, trainer_for
from diagnose.trials.plan import Intervention, TrainingPlan
from diagnose.trials.repaired import in_users_unit, on_new_rows, repaired_rows, same_targets
from tests.checks.builders_training import evaluation, score, split
from tests.checks.test_positions import estimate


def examined(**options: str) -> diagnose.Diagnosis:
    """A net for digits at a rate of 0.1 for Adam."""
    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype("float32")
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((64,)), layers.Dense(64, "relu"), layers.Dense(64, "relu")])
    model.add(layers.Dense(10, "softmax"))
    model.compile(keras.optimizers.Adam(1.0), "sparse_categorical_crossentropy")
    model.fit(x[:300], y[:300], epochs=30, verbose=0)
    before = [weight.numpy() for weight in model.weights]
    found = diagnose.examine(model, (x[:300], y[:300]), (x[300:800], y[300:800]), epochs=30, **options)  # type: ignore[arg-type]
    assert all(np.array_equal(a, b.numpy()) for a, b in zip(before, model.weights, strict=True))
    return found


@pytest.fixture(scope="module")
def diagnosis() -> diagnose.Diagnosis:
    return examined()


def test_the_lists_tell_what_is_left_after_the_repair(diagnosis: diagnose.Diagnosis) -> None:
    assert (diagnosis.state, diagnosis.causes[0].code) == ("sick", "learning-rate-too-high")
    now = {verdict.item: (verdict.verdict, verdict.after_repair) for verdict in diagnosis.verdicts["fast_ai"]}
    assert now["more-data"] == ("dont-yet", "do")  # 300 rows are few: the repaired copy overfits
    assert now["reduce-complexity"] == ("dont-yet", "dont-yet")
    assert "repaired copy" in diagnosis.settings["plan"]


def test_the_first_step_tells_what_the_cure_brings_on_dev(diagnosis: diagnose.Diagnosis) -> None:
    trial, cure = (one for one in diagnosis.effects if one.remedy == "lower-learning-rate")
    dev = next(level for level in diagnosis.errors if level.split == "dev")
    assert (trial.restores, trial.on_dev, cure.on_dev, cure.helps, cure.seeds) == (True, False, True, True, 3)
    assert cure.before == pytest.approx(dev.error, abs=0.05) and cure.values == trial.values
    assert cure.interval is not None and cure.interval.low < cure.after - cure.before < cure.interval.high < 0
    payoff = diagnosis.remedies[0].payoff
    assert (payoff.how, payoff.before, payoff.after) == ("measured", cure.before, cure.after)
    assert payoff.metric == f"dev error after {cure.steps} steps"
    assert "trial of lower-learning-rate on dev rows" in diagnosis.settings["plan"]


def test_the_change_of_an_rmse_has_the_unit_of_the_target() -> None:
    made = in_units(Task.REGRESSION, 0.25, Interval(-0.21, 0.0), 10.0)  # of the target's variance; deviation 10
    assert (made.low, made.high) == (pytest.approx(-3.0), pytest.approx(0.0))
    assert in_units(Task.BINARY, 0.25, Interval(-0.2, -0.1)) == Interval(-0.2, -0.1)


def test_without_a_repaired_copy_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "BUDGETS", dict.fromkeys(Effort, 12.0))
    short = examined()
    assert all(verdict.after_repair is None for verdicts in short.verdicts.values() for verdict in verdicts)


@pytest.mark.parametrize("kind", [data.STANDARDISE_INPUTS, data.STANDARDISE_TARGETS])
def test_a_copy_on_scaled_rows_is_judged_in_the_unit_of_the_users_targets(kind: Intervention) -> None:
    x, y = load_diabetes(return_X_y=True)
    model = keras.Sequential([keras.Input((10,)), layers.Dense(8, "relu"), layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.01), "mse")
    scaled = kind is data.STANDARDISE_INPUTS
    x = x * (1000 if scaled else 20)
    with Bench(subject_from(model, (x[:300], y[:300]), (x[300:], y[300:]), options=LoadOptions()), Settings()) as bench:
        own = plan_of(bench, {}, 600)
        plan = kind.change(own)
        assert isinstance(plan, TrainingPlan) and same_targets(own, plan)
        found = repaired_rows(bench.subject, own, plan)
        assert found.dev is not None and bench.subject.dev is not None
        assert 0.8 < found.dev.inputs[0].std() < 1.2 and (bench.subject.dev.inputs[0].std() > 20) == scaled
        assert np.array_equal(np.sort(found.dev.targets[0], axis=0), np.sort(bench.subject.dev.targets[0], axis=0))
        with trainer_for(bench, plan) as (trainer, starts):
            trainer.begin(starts[0], 0)
            trainer.run(plan.rates[0])
            error = trainer.judge_dev().error
            copy = in_users_unit(trainer.model, plan) if plan.target_scales else trainer.model
            told = copy.predict(found.dev.inputs[0], verbose=0)[:, 0]
        assert 50 < error < 150  # the targets have a deviation of 77 around 152
        assert np.sqrt(np.mean((told - found.dev.targets[0].reshape(-1)) ** 2)) == pytest.approx(error, rel=1e-3)


def test_only_the_output_on_scaled_targets_is_put_back_into_its_unit() -> None:
    x = np.random.default_rng(0).normal(size=(300, 4)).astype("float32")
    y = {"age": 50 + 20 * x[:, 0], "kind": (x[:, 1] > 0).astype("int64")}
    inputs = keras.Input((4,))
    hidden = layers.Dense(8, "relu")(inputs)
    heads = {"age": layers.Dense(1, name="age")(hidden), "kind": layers.Dense(1, "sigmoid", name="kind")(hidden)}
    model = keras.Model(inputs, heads)
    model.compile("adam", {"age": "mse", "kind": "binary_crossentropy"})
    rows = (
        (x[:200], {name: each[:200] for name, each in y.items()}),
        (x[200:], {n: each[200:] for n, each in y.items()}),
    )
    with Bench(subject_from(model, *rows, options=LoadOptions()), Settings()) as bench:
        plan = data.STANDARDISE_TARGETS.change(plan_of(bench, {}, 10))
        assert isinstance(plan, TrainingPlan) and [unit is None for unit in plan.target_scales] == [False, True]
        copy = in_users_unit(plan.model, plan)
    before, after = model.predict(x, verbose=0), copy.predict(x, verbose=0)
    mean, deviation = plan.target_scales[0]  # type: ignore[misc]
    assert mean == pytest.approx(50, abs=5) and deviation == pytest.approx(20, abs=3)
    np.testing.assert_allclose(after["age"], before["age"] * deviation + mean, rtol=1e-4)
    np.testing.assert_allclose(after["kind"], before["kind"], rtol=1e-5)
    assert np.isfinite(copy.evaluate(x, y, verbose=0)).all()


def test_errors_of_many_positions_and_of_other_tasks_are_not_compared() -> None:
    cure = Effect("", "a rate", 0.0, 0.9, None, "sufficient", 3, remedy="lower-learning-rate", restores=True)
    before, after = evaluation(score(0.5), score(0.5)), evaluation(score(0.1), score(0.2))
    left = remaining(before, None, None)
    assert left is not None
    told = on_new_rows(left, Repaired("a rate", 300, after), cure)
    assert told is not None and (told.before, told.after, told.helps, told.steps) == (0.5, 0.2, True, 300)
    whole = estimate(0.5)
    pixels = Positions(1024, 240, (), whole, whole, whole, 0.5)
    for other in ({"positions": pixels}, {"task": Task.OWN_LOSS}, {"output": "another"}):
        unlike = replace(after, dev=split("dev", score(0.2, **other)))
        assert on_new_rows(left, Repaired("a rate", 300, unlike), cure) is None
