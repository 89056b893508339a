"""Trainings on fewer rows: which rows are left out, and what else has to do worse."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_digits

import diagnose
from diagnose.measuring.bench import Bench
from diagnose.settings import Settings
from diagnose.subject import Split
from diagnose.trials.interventions.rows import EACH_ROW_ONCE, FEW, WITHOUT_SUSPECTS
from diagnose.trials.paired import plan_of
from diagnose.trials.plan import DoesNotApply, Intervention, TrainingPlan
from tests.trials.models import READING, SOFTMAX, Scene, dense, net

DIGITS, CLASSES = load_digits(return_X_y=True)
DIGITS = (DIGITS / 16).astype("float32")


def plan_on(x: np.ndarray, y: np.ndarray) -> TrainingPlan:
    with Bench(Scene("plain", net(dense(), SOFTMAX)).subject(), Settings()) as bench:
        plan = plan_of(bench, {})
    output = replace(plan.outputs[0], classes=int(y.max()) + 1)
    train: Split = replace(plan.train, inputs=(x,), targets=(y,), sample_weight=np.arange(len(x)))
    return replace(plan, train=train, outputs=(output,))


def left_out(plan: TrainingPlan, changed: TrainingPlan | DoesNotApply) -> np.ndarray:
    """The numbers of the rows that a change leaves out; their weights are their numbers."""
    assert isinstance(changed, TrainingPlan), changed
    assert len(changed.train.inputs[0]) == len(changed.train.targets[0]) == changed.train.rows
    return np.setdiff1d(np.arange(plan.train.rows), changed.train.sample_weight)


def test_wrong_labels_are_found_and_few_others() -> None:
    generator = np.random.default_rng(0)
    wrong = generator.random(len(CLASSES)) < 0.15
    labels = np.where(wrong, (CLASSES + generator.integers(1, 10, len(CLASSES))) % 10, CLASSES)
    for y in (labels, np.eye(10, dtype="float32")[labels]):
        plan = plan_on(DIGITS, y)
        found = left_out(plan, WITHOUT_SUSPECTS.change(plan))
        assert wrong[found].mean() > 0.95 and wrong[found].sum() > 0.6 * wrong.sum()


@pytest.mark.parametrize("option", [WITHOUT_SUSPECTS, EACH_ROW_ONCE])
def test_nothing_is_left_out_of_clean_rows(option: Intervention) -> None:
    refused = option.change(plan_on(DIGITS, CLASSES))
    assert isinstance(refused, DoesNotApply) and refused.needless and "hardly a training row" in refused.reason


def test_of_copies_the_one_with_the_most_frequent_label_stays() -> None:
    x = np.array([[1.0, 2], [3, 4], [1, 2], [1, 2], [5, 6], [3, 4]], "float32")
    plan = plan_on(x, np.array([2, 0, 1, 1, 0, 0]))
    assert left_out(plan, EACH_ROW_ONCE.change(plan)).tolist() == [0, 3, 5]


def test_the_placebo_leaves_out_as_many_other_rows() -> None:
    x, y = np.concatenate([DIGITS, DIGITS[:200]]), np.concatenate([CLASSES, CLASSES[:200]])
    plan = plan_on(x, y)
    assert EACH_ROW_ONCE.placebo is not None
    changed, placebo = EACH_ROW_ONCE.change(plan), EACH_ROW_ONCE.placebo(plan)
    dropped, others = left_out(plan, changed), left_out(plan, placebo)
    assert len(dropped) == len(others) == 200 and len(np.intersect1d(dropped, others)) < 60
    assert isinstance(placebo, TrainingPlan) and placebo.what == "200 random rows left out"
    assert isinstance(changed, TrainingPlan) and changed.what == "200 copies of other rows left out"


@pytest.mark.parametrize(
    ("scene", "why"),
    [
        (Scene("words", net(*READING, shape=(4,)), words=4, shape=(4,)), "no nearest ones"),
        (Scene("numbers", net(dense(), dense(1, None)), "mse", "numbers"), "one label"),
    ],
    ids=lambda value: value.code if isinstance(value, Scene) else None,
)
def test_suspects_are_looked_for_among_rows_with_one_label_each(scene: Scene, why: str) -> None:
    with Bench(scene.subject(), Settings()) as bench:
        refused = WITHOUT_SUSPECTS.change(plan_of(bench, {}))
    assert isinstance(refused, DoesNotApply) and why in refused.reason


def test_too_many_rows_are_not_compared() -> None:
    rows = np.lib.stride_tricks.as_strided(np.zeros(1, "float32"), (400_000, 8), (0, 0))
    refused = WITHOUT_SUSPECTS.change(plan_on(rows, np.zeros(400_000, int)))
    assert isinstance(refused, DoesNotApply) and "too many" in refused.reason and not refused.needless


def test_shared_rows_tell_what_the_dev_error_is_without_them() -> None:
    import keras

    generator = np.random.default_rng(0)
    x = generator.normal(size=(500, 8)).astype("float32")
    y = (x[:, 0] + 1.5 * generator.normal(size=500) > 0).astype(int)
    dev = np.concatenate([np.arange(150, 300), np.arange(300, 500)])  # 150 of 350 rows are in train
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((8,)), dense(128), dense(128), dense(1, "sigmoid")])
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy")
    model.fit(x[:300], y[:300], epochs=60, verbose=0)
    found = diagnose.examine(model, (x[:300], y[:300]), (x[dev], y[dev]), epochs=60, effort="quick")
    payoff = {remedy.code: remedy.payoff for remedy in found.remedies}["drop-shared-rows"]
    seen, new = (float(((model.predict(x[at], verbose=0)[:, 0] > 0.5) != y[at]).mean()) for at in (dev, dev[150:]))
    assert (payoff.before, payoff.after) == (pytest.approx(seen), pytest.approx(new)) and new > seen + FEW
    assert payoff.how == "estimated" and payoff.interval is not None
    assert payoff.interval.low < new < payoff.interval.high
    alone = diagnose.examine(model, (x[:300], y[:300]), (x[300:], y[300:]), epochs=60, effort="quick")
    assert "drop-shared-rows" not in {remedy.code for remedy in alone.remedies}
