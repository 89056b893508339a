"""Models that are judged and trained by their own steps."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from diagnose.loading import LoadOptions, subject_from
from diagnose.measurements import Backward, Evaluation, Gradients, LearningRate, SplitScores, Unavailable
from diagnose.measuring.bench import Bench
from diagnose.measuring.evaluation import evaluation
from diagnose.measuring.gradients import backward
from diagnose.measuring.initial import initial
from diagnose.measuring.learning_rate import learning_rate, reachable_merit, sweep_point
from diagnose.measuring.own_step import StepScores, judged_by_step
from diagnose.measuring.training import Assessment, own_training
from diagnose.settings import Settings
from diagnose.subject import Subject

ROWS = 256
CODES = np.random.default_rng(0).normal(size=(ROWS, 2)).astype("float32")
X = CODES @ np.random.default_rng(1).normal(size=(2, 8)).astype("float32")  # two numbers tell each row


class Reconstructs(keras.Model):  # type: ignore[misc]
    """An autoencoder that logs its parts as well as their sum; `log` chooses what its steps return."""

    def __init__(
        self, log: Callable[[Any], dict[str, Any]] = lambda loss: {"loss": loss, "half_loss": loss / 2}
    ) -> None:
        super().__init__(name="autoencoder")
        self.encoder, self.decoder, self.log = layers.Dense(2), layers.Dense(8), log
        self.tracker = keras.metrics.Mean(name="loss")

    def call(self, x: Any) -> Any:
        return self.decoder(self.encoder(x))

    def train_step(self, data: Any) -> dict[str, Any]:
        with tf.GradientTape() as tape:
            loss = ops.mean(ops.square(data - self(data)))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        self.tracker.update_state(loss)
        return self.log(self.tracker.result())


class Adversaries(Reconstructs):
    """Two optimizers."""

    def train_step(self, data: Any) -> dict[str, Any]:
        super().train_step(data)
        return super().train_step(data)


def subject(model: Any = None, epochs: int = 0, rate: float = 1e-2) -> Subject:
    keras.utils.set_random_seed(0)
    model = model or Reconstructs()
    model.compile(keras.optimizers.Adam(rate))
    model(X[:2])
    if epochs:
        model.fit(X, epochs=epochs, batch_size=32, verbose=0)
    return subject_from(model, X, options=LoadOptions(batch_size=32))


def test_the_loss_is_that_of_single_batches_and_the_constant_that_of_rows_that_look_alike() -> None:
    of = subject(epochs=30)
    with Bench(of, Settings()) as bench:
        assert judged_by_step(bench)
        found = evaluation(bench, {})
    assert isinstance(found, Evaluation) and isinstance(found.train, SplitScores)
    (score,) = found.train.scores
    expected = float(np.mean(np.square(X - of.model.predict(X, verbose=0))))
    assert score.error == pytest.approx(expected, rel=0.05)  # a few rows are in no batch
    assert score.batches == ROWS // 25  # of the 51 rows that are held out, two batches must come
    assert score.constant == "the same for every row"
    assert score.constant_error == pytest.approx(float(X.var(axis=0).mean()), rel=0.1)
    assert score.skill > 0.9
    assert score.outputs is not None and score.outputs.relative > 0.1


def test_the_best_of_all_weights_that_do_without_the_rows_is_the_constant() -> None:
    """Else weights that give all rows the right constant would come out worse than random ones."""
    of = subject(epochs=5)
    with Bench(of, Settings()) as bench, bench.at(None) as model:
        scores = StepScores(bench, model, of.train, np.arange(ROWS))
        before = scores.score()
        decoder = model.decoder.get_weights()
        model.decoder.set_weights([np.zeros_like(decoder[0]), X.mean(axis=0)])
        constant = scores.score()
        model.decoder.set_weights(decoder)
        after = scores.score()
    assert constant.told == pytest.approx(0.0, abs=1e-6)
    assert constant.skill == pytest.approx(0.0, abs=0.05)  # the mean of a batch fits it a little better
    assert after.error == before.error
    assert after.constant_error == constant.constant_error <= min(before.constant_error, constant.error)
    assert before.told is not None and before.told > 0.1


def test_the_users_model_does_not_change() -> None:
    of = subject(epochs=1)
    model = of.model
    every = [*model.variables, *model.metrics_variables, *model.optimizer.variables]
    before = [np.array(variable) for variable in every]
    with Bench(of, Settings()) as bench:
        evaluation(bench, {})
        initial(bench, {})
        backward(bench, {})
        with own_training(bench) as trainer:
            trainer.begin(bench.weights(0), 0)
            trainer.run(np.full(5, 1e-2))
    assert model.optimizer.variables[0] is every[-len(model.optimizer.variables)]
    assert all(np.array_equal(old, np.array(new)) for old, new in zip(before, every, strict=True))


def test_its_own_step_trains_it_with_the_given_rates() -> None:
    with Bench(subject(), Settings()) as bench, own_training(bench) as trainer:
        ends = []
        for rate in (0.0, 1e-2):
            trainer.begin(bench.weights(0), 0)
            before = trainer.judge_train()
            course = trainer.run(np.full(150, rate))
            ends.append((before, trainer.judge_train(), course))
    (start, still, _), (_, trained, course) = ends
    assert still.loss == pytest.approx(start.loss, rel=1e-6)
    assert trained.skill > 0.8 > start.skill
    assert course.losses[-1] < 0.2 * course.losses[0]
    assert np.isfinite(course.norms).all() and (course.norms > 0).all()


def test_gradients_are_those_that_the_step_applies() -> None:
    of = subject()
    with Bench(of, Settings()) as bench:
        found = backward(bench, {})
    assert isinstance(found, Backward) and isinstance(found.current, Gradients)
    assert [layer.path for layer in found.current.layers] == [layer.name for layer in of.model.layers]
    assert all(layer.rms > 0 and not layer.cut for layer in found.current.layers)


@pytest.mark.parametrize(
    ("log", "why"),
    [
        (lambda loss: {"d_loss": loss, "g_loss": loss}, "logs d_loss and g_loss, and no total that should fall"),
        (lambda loss: {"score": loss}, "logs no loss"),
    ],
)
def test_without_a_total_loss_nothing_is_judged(log: Any, why: str) -> None:
    with Bench(subject(Reconstructs(log)), Settings()) as bench:
        found = evaluation(bench, {})
        assert isinstance(found, Evaluation) and isinstance(found.train, Unavailable)
        assert found.train.reason == f"Reconstructs.train_step {why}"


def test_two_steps_at_once_are_not_trained() -> None:
    with Bench(subject(Adversaries()), Settings(budget=30.0)) as bench:
        found = learning_rate(bench, {})
    assert isinstance(found, Unavailable)
    assert found.reason == "Adversaries.train_step does not make one step of the model's optimizer"


def test_a_functional_model_keeps_its_own_step() -> None:
    calls = []

    class Odd(keras.Model):  # type: ignore[misc]
        def compute_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None, training: bool = True) -> Any:
            calls.append(training)
            return 5 * ops.mean(ops.square(y - y_pred))

    inputs = keras.Input((8,))
    model = Odd(inputs, layers.Dense(1)(inputs))
    model.compile("adam")
    of = subject_from(model, (X, CODES[:, :1]), options=LoadOptions(batch_size=32))
    with Bench(of, Settings()) as bench, own_training(bench) as trainer:
        calls.clear()
        trainer.begin(bench.weights(None), 0)
        predicted = model.predict(X[:32], verbose=0)
        course = trainer.run(np.full(1, 0.0))
    assert calls
    assert course.losses[0] == pytest.approx(5 * np.mean(np.square(CODES[:, :1] - predicted.mean())), rel=1.0)


def _ended(skill: float) -> Assessment:
    return Assessment(1.0 - skill, 0.0, 1.0 - skill, skill, True, 1.0, 1.0)


@pytest.mark.parametrize(("best", "expected"), [(0.2, 0.2), (0.01, 1.0), (0.0, 1.0)])
def test_the_best_rate_shows_what_can_be_reached(best: float, expected: float) -> None:
    sweep = tuple(sweep_point(rate, [(_ended(skill), False)] * 2) for rate, skill in ((1e-3, best), (1.0, 0.0)))
    assert reachable_merit(sweep) == pytest.approx(expected)


def test_a_rate_that_is_far_too_low_is_seen_although_the_floor_is_out_of_reach() -> None:
    class Noisy(Reconstructs):
        """The best that a code of two can do is far above 0."""

        def train_step(self, data: Any) -> dict[str, Any]:
            return {"loss": super().train_step(data)["loss"] + 4 * float(X.var())}

    with Bench(subject(Noisy(), rate=1e-7), Settings(budget=120.0)) as bench:
        found = learning_rate(bench, {})
    assert isinstance(found, LearningRate)
    assert found.reachable < 0.25
    own, best = (found.merit(min(found.sweep, key=lambda p: abs(p.rate - rate))) for rate in (1e-7, found.best or 1.0))
    assert own.mean() < 0.1
    assert best.mean() > 0.8


def test_each_copy_is_scored_by_itself_and_each_data_has_a_constant_of_its_own() -> None:
    """A trial may change the model, or the scale of the rows of a split with the same name."""
    of = subject(epochs=5)
    other = Reconstructs()
    other(X[:2])
    other.compile(keras.optimizers.Adam(1e-2))
    small = replace(of.train, inputs=tuple(rows / 100 for rows in of.train.inputs))
    with Bench(of, Settings()) as bench, bench.at(None) as model:
        scores = [
            StepScores(bench, one, split, np.arange(ROWS)).score()
            for one, split in ((model, small), (model, of.train), (other, of.train), (model, of.train))
        ]
    assert scores[0].constant_error < 0.01 * scores[1].constant_error
    assert scores[2].error != scores[1].error == scores[3].error
    expected = float(np.mean(np.square(X - other.predict(X, verbose=0))))
    assert scores[2].error == pytest.approx(expected, rel=0.05)


def test_the_rows_are_those_that_were_scored() -> None:
    many = np.tile(X, (20, 1))
    model = Reconstructs()
    model.compile(keras.optimizers.Adam(1e-2))
    model.fit(many, epochs=1, batch_size=512, verbose=0)
    with Bench(subject_from(model, many, options=LoadOptions(batch_size=32)), Settings()) as bench:
        found = evaluation(bench, {})
    assert isinstance(found, Evaluation) and isinstance(found.train, SplitScores)
    assert (found.train.rows, found.train.population, found.train.sampled) == (64 * 32, len(many), True)


def test_a_step_that_only_runs_eagerly_is_judged_and_not_trained() -> None:
    class Eager(Reconstructs):
        def train_step(self, data: Any) -> dict[str, Any]:
            assert float(data[0, 0]) < np.inf
            return super().train_step(data)

    model = Eager()
    model.compile(keras.optimizers.Adam(1e-2), run_eagerly=True)
    model.fit(X, epochs=1, batch_size=32, verbose=0)
    with Bench(subject_from(model, X, options=LoadOptions(batch_size=32)), Settings(budget=30.0)) as bench:
        scored, swept, gradients = evaluation(bench, {}), learning_rate(bench, {}), backward(bench, {})
    assert isinstance(scored, Evaluation) and isinstance(scored.train, SplitScores)
    assert isinstance(gradients, Backward)
    for missing in (swept, gradients.current):
        assert isinstance(missing, Unavailable)
        assert missing.reason.startswith("Eager.train_step fails on these rows when it is compiled")
