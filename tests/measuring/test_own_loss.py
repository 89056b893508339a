"""Outputs scored by the user's own loss: constants, floor, batches, spread."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from diagnose.loading import LoadOptions, subject_from
from diagnose.measurements import Evaluation, NotMeasured, SplitScores, Unavailable
from diagnose.measuring.bench import Bench
from diagnose.measuring.evaluation import evaluation
from diagnose.measuring.neighbours import neighbours
from diagnose.measuring.own_loss import OwnMeasure, reference_of, spread_of
from diagnose.settings import Settings
from diagnose.subject import Output, Subject, Task

ROWS = 320
X = np.random.default_rng(0).normal(size=(ROWS, 4)).astype("float32")
LABELS = (X[:, 0] > 0).astype("int64")
OUTPUT = Output("out", Task.OWN_LOSS, "own", custom_loss=True)


def pairs(y: Any, p: Any) -> Any:
    """Rows of one label near each other, of two labels at least 1 apart: a scalar for a batch."""
    y = ops.reshape(y, (-1,))
    apart = ops.sqrt(ops.sum(ops.square(p[:, None] - p[None]), axis=-1) + 1e-9)
    same = ops.cast(y[:, None] == y[None], p.dtype)
    return ops.mean(same * ops.square(apart) + (1 - same) * ops.square(ops.maximum(1.0 - apart, 0.0)))


def size(y: Any, p: Any) -> Any:
    """One number for each row, whatever its company: 1 at 0, and below 0 for large outputs."""
    return 1.0 - ops.mean(ops.abs(p), axis=-1)


def subject(loss: Any, units: int = 3) -> Subject:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units)])
    model.compile("adam", loss)
    return subject_from(model, (X, LABELS), options=LoadOptions(batch_size=32, task="own-loss"))


def train_score(of: Subject) -> Any:
    with Bench(of, Settings()) as bench:
        found = evaluation(bench, {})
    assert isinstance(found, Evaluation) and isinstance(found.train, SplitScores)
    return found.train.scores[0]


def test_a_loss_that_compares_rows_is_computed_on_batches() -> None:
    score = train_score(subject(pairs))
    assert score.task is Task.OWN_LOSS and score.batches == ROWS // 32
    assert score.error == score.loss > 0
    assert score.constant in {"zeros", "ones", "its own mean output"}


def test_a_loss_by_row_needs_no_batches() -> None:
    score = train_score(subject(size))
    assert score.batches is None and score.rows == ROWS


def test_the_loss_is_the_one_that_keras_computes() -> None:
    of = subject(size)
    score = train_score(of)
    assert score.error == pytest.approx(score.own_loss, rel=1e-5)
    assert score.error == pytest.approx(of.model.evaluate(X, LABELS, verbose=0), rel=1e-5)


def test_a_negative_loss_has_the_lowest_one_seen_as_floor() -> None:
    measure = OwnMeasure(lambda y, p: -np.abs(p[:, 0]), None, np.zeros(1), "zeros", -2.0)
    score = measure.score(OUTPUT, np.zeros((4, 1)), np.full((4, 1), 1.0))
    assert (score.error, score.loss, score.constant_loss, score.skill) == (-1.0, 1.0, 2.0, 0.5)


def test_outputs_that_are_not_finite_have_no_skill() -> None:
    measure = OwnMeasure(lambda y, p: np.abs(p[:, 0] - 1), None, np.zeros(1), "zeros", 0.0)
    score = measure.score(OUTPUT, np.zeros((4, 1)), np.array([[1.0], [np.nan], [1.0], [1.0]]))
    assert score.skill == -np.inf and score.non_finite == 1 and not score.beats_constant_loss.low > 0


def test_a_loss_that_is_the_output_itself_cannot_be_judged() -> None:
    of = subject(lambda y, p: p)
    with Bench(of, Settings()) as bench:
        found = evaluation(bench, {})
    assert isinstance(found.train, Unavailable)
    assert found.train.reason == "the loss is the output itself, so no constant output can be compared with it"


def test_no_finite_output_at_all() -> None:
    measure = OwnMeasure(lambda y, p: np.abs(p[:, 0]), None, np.ones(1), "ones", 0.0)
    score = measure.score(OUTPUT, np.zeros((4, 1)), np.full((4, 1), np.nan))
    assert score.non_finite == 4 and score.outputs is None and score.skill == -np.inf


def test_one_batch_is_too_few() -> None:
    measure = OwnMeasure(lambda y, p: np.mean(p), 32, np.zeros(1), "zeros", 0.0)
    with pytest.raises(NotMeasured, match="the loss compares the 32 rows of a batch, and there are only 40"):
        measure.score(OUTPUT, np.zeros((40, 1)), np.zeros((40, 1)))


def test_the_reference_is_the_same_for_every_caller() -> None:
    with Bench(subject(pairs), Settings()) as bench:
        assert reference_of(bench, 0, LABELS) is reference_of(bench, 0, LABELS[:10])


@pytest.mark.parametrize(
    ("outputs", "rank", "relative"),
    [(np.ones((50, 4)), 1.0, 0.0), (np.zeros((50, 4)), 1.0, 0.0), (np.eye(4)[np.arange(400) % 4] * 2 - 0.5, 3.0, 1.0)],
)
def test_spread(outputs: np.ndarray, rank: float, relative: float) -> None:
    found = spread_of(outputs)
    assert found is not None
    assert found.rank == pytest.approx(rank, abs=0.01)
    assert found.relative == pytest.approx(relative, abs=0.15)


class Squares(keras.losses.Loss):  # type: ignore[misc]
    def call(self, y: Any, p: Any) -> Any:
        return ops.mean(ops.square(y - p), axis=-1)


@pytest.mark.parametrize(("loss", "mixed"), [(Squares(), True), (lambda y, p: ops.mean(ops.square(y - p), -1), False)])
def test_a_loss_class_mixes_flat_targets_with_the_outputs_of_all_rows(loss: Any, mixed: bool) -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("adam", loss)
    score = train_score(subject_from(model, (X, X[:, 1] * 3), options=LoadOptions(batch_size=32)))
    assert score.task is Task.REGRESSION
    fed, aligned = score.broadcast
    assert (abs(fed - aligned) > 0.01 * aligned) is mixed


@pytest.mark.parametrize(("loss", "by_row"), [(pairs, False), (size, True)])
def test_copies_of_training_rows_are_compared_by_the_own_loss_of_each_row(loss: Any, by_row: bool) -> None:
    """A loss that compares rows has none for a single row."""
    generator = np.random.default_rng(1)
    dev = np.concatenate([X[:60] + 1e-3 * generator.normal(size=(60, 4)), generator.normal(size=(100, 4))])
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    model.compile("adam", loss)
    rows = (dev.astype("float32"), (dev[:, 0] > 0).astype("int64"))
    with Bench(
        subject_from(model, (X, LABELS), rows, options=LoadOptions(batch_size=32, task="own-loss")), Settings()
    ) as bench:
        found = neighbours(bench, {})
    assert found.splits["dev"].share * len(dev) > 20  # enough to compare
    assert (found.splits["dev"].network is not None) is by_row


@pytest.mark.parametrize(("sign", "lower"), [(1.0, "together"), (-1.0, "mixed")])
def test_a_loss_that_compares_rows_is_asked_which_labels_it_wants_together(sign: float, lower: str) -> None:
    score = train_score(subject(lambda y, p: 1.0 + sign * pairs(y, p)))
    assert score.by_label is not None
    together, mixed = score.by_label
    assert (together < mixed) is (lower == "together")


@pytest.mark.parametrize("labels", [np.arange(ROWS), X[:, 0], np.zeros(ROWS, "int64")])
def test_labels_that_do_not_repeat_are_not_asked_for(labels: Any) -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    model.compile("adam", lambda y, p: ops.mean(ops.square(p - ops.mean(p, axis=0))))
    of = subject_from(model, (X, labels), options=LoadOptions(batch_size=32, task="own-loss"))
    assert train_score(of).by_label is None
