"""The trainer does the same as `fit`, repeatedly and in one compiled loop."""

import keras
import numpy as np
import pytest

from diagnose.measuring import copying
from diagnose.measuring.bench import Bench
from diagnose.measuring.training import own_training
from diagnose.settings import Settings
from tests.measuring.subjects import digits, numbers


@pytest.mark.parametrize(
    "optimizer",
    [
        keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True),
        keras.optimizers.Adam(1e-2, clipnorm=0.5),
        keras.optimizers.AdamW(1e-2, weight_decay=0.1),
    ],
    ids=lambda optimizer: optimizer.name,
)
def test_a_run_does_the_same_as_train_on_batch(optimizer: keras.optimizers.Optimizer) -> None:
    layers = [
        keras.layers.Dense(8, activation="relu", kernel_regularizer="l2"),
        keras.layers.BatchNormalization(),
        keras.layers.Dense(10, activation="softmax"),
    ]
    case = digits(layers, optimizer)
    with Bench(case, Settings()) as bench, own_training(bench) as trainer:
        trainer.begin(bench.weights(0), 0)
        batches = trainer._batches()
        orders = [next(batches) for _ in range(5)]
        trainer.begin(bench.weights(0), 0)
        course = trainer.run(np.full(5, float(optimizer.learning_rate)))
        trained = trainer.model.get_weights()
        train, _ = bench.holdout()
        twin = copying.copy_model(case.model, 0)
        copying.compile_like(twin, case.model)
        twin.set_weights(bench.weights(0))
        losses = []
        for order in orders:
            twin.reset_metrics()
            losses.append(float(twin.train_on_batch(train.inputs[0][order], train.targets[0][order])))
    np.testing.assert_allclose(course.losses, losses, rtol=1e-4)
    for ours, theirs in zip(trained, twin.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)


def test_the_same_start_gives_the_same_course() -> None:
    layers = [keras.layers.Dense(16, activation="relu"), keras.layers.Dropout(0.5), keras.layers.Dense(10, "softmax")]
    with Bench(digits(layers), Settings()) as bench, own_training(bench) as trainer:
        courses = []
        for rate in (1e-3, 1e-1, 1e-3):
            trainer.begin(bench.weights(1), 1)
            courses.append(trainer.run(np.full(20, rate)))
    np.testing.assert_array_equal(courses[0].losses, courses[2].losses)
    np.testing.assert_array_equal(courses[0].norms, courses[2].norms)
    assert not np.array_equal(courses[0].losses, courses[1].losses)


def test_it_stops_at_the_first_non_finite_loss() -> None:
    x = np.random.default_rng(0).normal(size=(200, 4)).astype("float32")
    case = numbers(x[:, 0], x, keras.optimizers.SGD(1.0))
    with Bench(case, Settings()) as bench, own_training(bench) as trainer:
        trainer.begin(bench.weights(0), 0)
        course = trainer.run(np.full(200, 1e6))
    assert course.non_finite_step == len(course.losses) - 1 < 199
    assert np.isfinite(course.losses[:-1]).all()


def test_learning_rate_schedules_become_rates_per_step() -> None:
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([2, 4], [0.1, 0.01, 0.001])
    case = digits(optimizer=keras.optimizers.SGD(schedule, momentum=0.5))
    rates = copying.learning_rates(case.model.optimizer, 6)
    np.testing.assert_allclose(rates, [0.1, 0.1, 0.1, 0.01, 0.01, 0.001], rtol=1e-6)
    optimizer = copying.new_optimizer(case.model.optimizer)
    assert (optimizer.momentum, pytest.approx(float(optimizer.learning_rate))) == (0.5, 0.1)


def test_a_model_with_its_own_train_step_is_trained_by_it() -> None:
    seen = []

    class Odd(keras.Model):
        def train_step(self, data):
            seen.append(data)
            return super().train_step(data)

    inputs = keras.Input((64,))
    model = Odd(inputs, keras.layers.Dense(10, activation="softmax")(inputs))
    model.compile("sgd", "sparse_categorical_crossentropy")
    case = digits()
    object.__setattr__(case, "model", model)
    with Bench(case, Settings()) as bench, own_training(bench) as trainer:
        trainer.begin(bench.weights(0), 0)
        before = trainer.judge_train()
        course = trainer.run(np.full(60, 0.05))
        assert len(seen) == 1  # traced once
        assert np.isfinite(course.norms).all()
        assert trainer.judge_train().loss < 0.9 * before.loss


def test_assessments_equal_scores() -> None:
    with Bench(digits(epochs=3), Settings()) as bench, own_training(bench) as trainer:
        trainer.begin(bench.weights(None), 0)
        _, dev = bench.holdout()
        found = trainer.judge_dev()
        predicted = trainer.model.predict(dev.inputs[0], verbose=0)
    assert found.error == pytest.approx((predicted.argmax(1) != dev.targets[0]).mean())
    own = -np.log(predicted[np.arange(dev.rows), dev.targets[0]])
    assert found.loss == pytest.approx(own.mean(), rel=1e-4)
    assert found.loss_se == pytest.approx(own.std(ddof=1) / np.sqrt(dev.rows), rel=0.05)
