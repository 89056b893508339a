"""Every training holds out other rows of train and dev together."""

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from sklearn.datasets import load_digits

import diagnose
from diagnose.checks.reading.remaining import remaining
from diagnose.intervals import chance_below, crossed_error, trainings_error, trainings_interval
from diagnose.loading import LoadOptions, subject_from
from diagnose.measurements import Dataset, Shift
from diagnose.measuring.bench import DEV_ROWS, Bench
from diagnose.measuring.dataset import dataset
from diagnose.measuring.shift import shift
from diagnose.settings import Settings
from diagnose.subject import Subject
from diagnose.trials.dev_error import DevError
from diagnose.trials.folds import in_folds, looked_again, may_pool
from diagnose.trials.interventions.rows import EACH_ROW_ONCE
from diagnose.trials.paired import plan_of, trainer_for
from diagnose.trials.plan import TrainingPlan
from tests.checks.builders_training import evaluation, score
from tests.wards.ward import bugs

DIGITS, CLASSES = load_digits(return_X_y=True)
DIGITS = (DIGITS / 16).astype("float32")
ORDER = np.random.default_rng(0).permutation(len(CLASSES))


def digits(train: int = 600, dev: int = 200, rows: np.ndarray = ORDER, **changes: Any) -> Subject:
    """A net on rows of the digits; `changes` are of the dev split."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((64,)), layers.Dense(16, "relu"), layers.Dense(10, "softmax")])
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    x, y = DIGITS[rows], CLASSES[rows]
    given = ((x[:train], y[:train]), (x[train : train + dev], y[train : train + dev]))
    subject = subject_from(model, *given, options=LoadOptions())
    assert subject.dev is not None
    return replace(subject, dev=replace(subject.dev, **changes))


def pooled(subject: Subject) -> bool:
    with Bench(subject, Settings()) as bench:
        return may_pool(bench, {Shift: shift(bench, {}), Dataset: dataset(bench, {})})


def test_rows_are_held_out_in_turn_where_train_and_dev_are_alike() -> None:
    assert pooled(digits())
    assert not pooled(digits(train=200, dev=300)), "too few rows are left to train on"
    assert not pooled(digits(train=DEV_ROWS // 2, dev=DEV_ROWS)), "dev is large enough"


@pytest.mark.parametrize(
    "subject",
    [
        digits(inputs=(DIGITS[ORDER[600:800]] + 0.5,)),
        digits(targets=(np.zeros((200, 1), "int64"),)),
        digits(sample_weight=np.ones(200, "float32")),
        digits(rows=np.r_[ORDER[:600], ORDER[:200]]),
        replace(digits(), train=replace(digits().train, groups=np.arange(600))),
        replace(digits(), train=replace(digits().train, times=np.arange(600))),
    ],
    ids=["other inputs", "other targets", "weights", "copies", "owners", "times"],
)
def test_rows_are_not_held_out_in_turn_where_they_differ_or_tell_of_each_other(subject: Subject) -> None:
    assert not pooled(subject)


@pytest.mark.parametrize(("train", "folds"), [(600, 4), (250, 2)])
def test_no_row_is_held_out_twice_before_each_was(train: int, folds: int) -> None:
    with Bench(digits(train, 200), Settings()) as bench:
        plan = in_folds(replace(plan_of(bench, {}, 10), seeds=(0, 1, 2, 3)))
    assert plan.train.rows == plan.dev.rows == train + 200
    for start in range(0, 4, folds):
        together = np.concatenate(plan.held_out[start : start + folds])
        assert len(np.unique(together)) == len(together) == 200 * min(folds, 4 - start)
    for place in range(4):
        among, unseen = plan.split_of(place)
        assert among is not None and unseen is not None
        assert not np.intersect1d(among, unseen).size and len(among) == train


def test_a_training_is_judged_on_rows_that_it_has_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[np.ndarray] = []
    with Bench(digits(), Settings()) as bench:
        plan = in_folds(plan_of(bench, {}, 400))
        with trainer_for(bench, plan) as (trainer, starts):
            steps = trainer._steps

            def recorded(order: np.ndarray, rates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
                seen.append(order)
                return steps(order, rates)

            monkeypatch.setattr(trainer, "_steps", recorded)
            for place, (seed, start) in enumerate(starts.items()):
                among, unseen = plan.split_of(place)
                assert unseen is not None
                trainer.begin(start, seed, among, unseen)
                trainer.run(plan.rates[0])
                assert not np.isin(seen[-1], unseen).any()
                told = trainer.dev_row_errors()[0]
                x, y = plan.dev.inputs[0][unseen], plan.dev.targets[0][unseen].reshape(-1)
                wrong = trainer.model.predict(x, verbose=0).argmax(axis=1) != y
                assert np.array_equal(told, wrong) and 0 < told.mean() < 0.3
                assert trainer.judge_dev().error == pytest.approx(wrong.mean())
                assert trainer.judge_train().error < trainer.judge_dev().error


def test_rows_that_a_change_leaves_out_are_not_trained_on_with_any_seed() -> None:
    copies = np.r_[ORDER[:600], ORDER[:100], ORDER[800:1000]]
    with Bench(digits(train=700, dev=200, rows=copies), Settings()) as bench:
        plan = in_folds(plan_of(bench, {}, 10))
        once = EACH_ROW_ONCE.change(plan)
    assert isinstance(once, TrainingPlan) and once.train.rows == plan.train.rows - 100
    for place in range(3):
        among, unseen = once.split_of(place)
        assert among is not None and unseen is not None
        of_dev = {row.tobytes() for row in plan.dev.inputs[0][unseen]}
        kept = once.numbers[among] if once.numbers is not None else among
        assert not np.intersect1d(kept, unseen).size and len(of_dev) > 100


def in_turn(bench: Bench) -> DevError:
    left = remaining(evaluation(score(0.0), score(0.1)), None, None)
    assert left is not None
    train = replace(left.train, output=bench.subject.outputs[0].name)
    return DevError(replace(left, train=train), 1, folds=True)


def test_arms_of_the_same_seed_are_judged_on_the_same_rows() -> None:
    with Bench(digits(), Settings()) as bench:
        criterion = in_turn(bench)
        own = criterion.begun(plan_of(bench, {}, 30))
        one, other = (
            criterion.train(bench, plan) for plan in (own, own.changed("twice the rate", rates=(2 * own.rates[0],)))
        )
    assert np.array_equal(one.rows, other.rows) and len(np.unique(one.rows)) == one.rows.size == 600


def test_a_second_look_holds_out_the_next_rows() -> None:
    with Bench(digits(), Settings()) as bench:
        plan = in_folds(plan_of(bench, {}, 10))
    again = looked_again(plan)
    assert again.train is again.dev is plan.train and not {*again.seeds} & {*plan.seeds}
    four = np.concatenate([*plan.held_out, again.held_out[0]])
    assert len(np.unique(four)) == len(four) == 800  # the last fold of the first partition
    rest = np.concatenate(again.held_out[1:])
    assert len(np.unique(rest)) == len(rest) == 400  # of the next one
    assert all(np.array_equal(one, two) for one, two in zip(looked_again(plan).held_out, again.held_out, strict=True))


def test_each_look_is_judged_on_its_own_rows() -> None:
    with Bench(digits(), Settings()) as bench:
        criterion = in_turn(bench)
        own = criterion.begun(plan_of(bench, {}, 30))
        looks = [criterion.train(bench, plan) for plan in (own, looked_again(own))]
    for look, plan in zip(looks, (own, looked_again(own)), strict=True):
        assert np.array_equal(look.rows, plan.held_out) and look.errors.shape == (3, 200)


def test_a_second_look_without_folds_has_other_seeds() -> None:
    with Bench(digits(), Settings()) as bench:
        plan = plan_of(bench, {}, 10)
    again = looked_again(plan)
    assert len(again.seeds) == len(plan.seeds) and not {*again.seeds} & {*plan.seeds} and not again.held_out


def test_the_interval_over_held_out_rows_holds() -> None:
    """As often as it says, whether seeds or rows differ more, and whether rows come once or several times."""
    draw = np.random.default_rng(0)
    for count in (600, 1200):
        for seeds, rows in ((1.0, 1.0), (0.0, 1.0), (0.1, 1.0)):
            held = []
            for _ in range(300):
                numbers = np.concatenate([draw.permutation(count).reshape(-1, 200) for _ in range(2)])[:6]
                by_row = draw.normal(size=count)
                noise = draw.normal(size=(6, 200))
                values = seeds * draw.normal(size=(6, 1)) + rows * by_row[numbers] + noise
                span = trainings_interval(values, rows=numbers)
                held.append(span.low <= 0 <= span.high)
            assert 0.9 < np.mean(held) <= 1.0, (count, seeds, rows)


def test_more_rows_make_a_gain_surer_and_the_same_rows_change_nothing() -> None:
    draw = np.random.default_rng(0)
    same = np.tile(np.arange(300), (3, 1))
    values = draw.normal(size=300)[same] + 0.1 * draw.normal(size=(3, 300)) - 0.1
    assert trainings_error(values, same) == crossed_error(values)
    apart = draw.normal(size=(3, 300)) + 0.1 * draw.normal(size=(3, 300)) - 0.1
    numbers = np.arange(900).reshape(3, 300)
    assert trainings_error(apart, numbers)[0] < 0.8 * trainings_error(values, same)[0]
    assert chance_below(np.full((3, 5), -0.1), np.arange(15).reshape(3, 5)) == 1.0


@pytest.mark.slow
def test_a_deep_examination_looks_twice_on_rows_held_out_in_turn() -> None:
    x, y = DIGITS[ORDER], CLASSES[ORDER]
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((64,)), layers.Dense(16, "relu"), layers.Dense(10, "softmax")])
    model.compile(keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy")
    model.fit(x[:600], y[:600], epochs=10, verbose=0)
    found = diagnose.examine(model, (x[:600], y[:600]), (x[600:800], y[600:800]), epochs=10, effort="deep")
    twice = [effect for effect in found.effects if effect.seeds == 6]
    assert twice and all(effect.folds for effect in twice)
    assert bugs(found) == ()
