"""A longer training is tried by going on from the loaded weights."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from sklearn.datasets import load_digits

import diagnose
from diagnose.measurements import Array
from diagnose.measuring import copying
from diagnose.measuring.bench import Bench
from diagnose.measuring.training import own_training
from diagnose.reasoning.remedies.optimisation import TRAIN_LONGER
from diagnose.settings import Settings
from diagnose.trials.continuing import stopped

ONLY = ["does-not-learn", "constant-predictions", "variance", "avoidable-bias", "still-improving", "behind-baseline"]


def digits_net(epochs: int, rate: Any = 1e-3, units: int = 24) -> tuple[Any, Any, Any]:
    keras.utils.set_random_seed(0)
    digits = load_digits()
    rows = np.random.default_rng(0).permutation(len(digits.target))
    x, y = digits.data[rows].astype("float32") / 16, digits.target[rows]
    model = keras.Sequential([keras.Input((64,)), layers.Dense(units, "relu"), layers.Dense(10, "softmax")])
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    model.fit(x[:1000], y[:1000], epochs=epochs, batch_size=32, verbose=0)
    return model, (x[:1000], y[:1000]), (x[1000:], y[1000:])


def examined(model: Any, train: Any, dev: Any, **options: Any) -> diagnose.Diagnosis:
    return diagnose.examine(model, train, dev, batch_size=32, only=ONLY, **options)


@pytest.fixture(scope="module")
def stopped_early() -> diagnose.Diagnosis:
    return examined(*digits_net(epochs=8), epochs=8)


def test_what_a_longer_training_brings_is_measured(stopped_early: diagnose.Diagnosis) -> None:
    (effect,) = (effect for effect in stopped_early.effects if effect.remedy == "train-longer")
    assert effect.metric == "dev error" and effect.helps and effect.after < effect.before
    assert effect.interval is not None and effect.interval.high < 0
    brings = {remedy.code: remedy.payoff for remedy in stopped_early.remedies}["train-longer"]
    assert (brings.how, brings.after) == ("measured", effect.after)
    verdicts = {verdict.item: verdict.verdict for verdict in stopped_early.verdicts["machine_learning_yearning"]}
    assert verdicts["train-longer"] == "do"


def test_it_confirms_that_training_stopped_too_early(stopped_early: diagnose.Diagnosis) -> None:
    cause = next(cause for cause in stopped_early.causes if cause.code == "undertrained")
    assert cause.state == "confirmed" and "more steps from the loaded weights lower the dev error" in cause.summary


@pytest.mark.slow
def test_a_training_that_has_come_to_its_end_gains_nothing() -> None:
    diagnosis = examined(*digits_net(epochs=60, rate=0.01, units=2), epochs=60)
    effects = [effect for effect in diagnosis.effects if effect.remedy == "train-longer"]
    assert effects and not effects[0].helps
    assert all(cause.code != "undertrained" for cause in diagnosis.causes)
    assert diagnosis.remedies[0].code != "train-longer"


@pytest.mark.slow
@pytest.mark.parametrize("effort", ["standard", "deep"])
def test_a_model_that_overfits_goes_on_at_effort_deep_alone(effort: str) -> None:
    model, (x, y), dev = digits_net(epochs=1)
    model.fit(x[:60], y[:60], epochs=100, batch_size=32, verbose=0)
    diagnosis = examined(model, (x[:60], y[:60]), dev, epochs=100, effort=effort)
    assert any(cause.code == "high-variance" for cause in diagnosis.causes)
    assert any(effect.remedy == "train-longer" for effect in diagnosis.effects) is (effort == "deep")


@pytest.mark.slow
def test_a_schedule_at_its_end_is_not_trained_on() -> None:
    schedule = keras.optimizers.schedules.CosineDecay(3e-3, 8 * 32)
    diagnosis = examined(*digits_net(epochs=8, rate=schedule), epochs=8)
    (missed,) = (missed for missed in diagnosis.coverage if missed.what == "training that goes on")
    assert missed.why == "the learning rate's schedule has come to its end"


def test_the_optimizer_goes_on_where_it_was() -> None:
    from diagnose.loading import LoadOptions, subject_from

    model, train, dev = digits_net(epochs=1)
    kept = copying.values(model.optimizer.variables)
    subject = subject_from(model, train, dev, options=LoadOptions(batch_size=32))
    with Bench(subject, Settings()) as bench, own_training(bench) as trainer:
        trainer.resume(bench.weights(None), model.optimizer, seed=1)
        state = copying.values(trainer._optimizer.variables)
        trainer.run(np.full(3, 1e-3))
        assert int(trainer._optimizer.iterations) == int(model.optimizer.iterations) + 3
    assert all(np.array_equal(mine, theirs) for mine, theirs in zip(state, kept, strict=True))
    assert all(
        np.array_equal(now, then) for now, then in zip(copying.values(model.optimizer.variables), kept, strict=True)
    )


def gain(errors: Array) -> float:
    return float(errors[0].mean() - stopped(errors).mean())


def test_the_choice_of_the_place_brings_no_luck() -> None:
    draw = np.random.default_rng(0)
    gains = []
    for _ in range(200):
        noise = (draw.random((5, 3, 60)) < 0.3).astype(float)  # the same model at all places
        gains.append(gain(noise))
    assert abs(np.mean(gains)) < 3 * np.std(gains) / np.sqrt(len(gains))
    least = [
        errors[0].mean() - errors.mean(axis=2).min(axis=0).mean()
        for errors in ((draw.random((5, 3, 60)) < 0.3).astype(float) for _ in range(200))
    ]
    assert np.mean(least) > 0.03  # what picking the best of the same rows would claim


def test_the_best_place_is_found() -> None:
    errors = np.ones((3, 2, 10))
    errors[1] = 0.2
    assert gain(errors) == pytest.approx(0.8)


def test_loaded_weights_that_no_training_betters_stay() -> None:
    errors = np.ones((3, 2, 10))
    errors[0] = 0.2
    assert gain(errors) == 0.0


def test_the_snippet_goes_on_as_the_trial_does() -> None:
    assert "model.fit(" in TRAIN_LONGER.snippet
    assert not any(word in TRAIN_LONGER.snippet for word in ("clone_model", "compile", "optimizer"))


@pytest.fixture(scope="module")
def ended_on_a_peak() -> diagnose.Diagnosis:
    """A training that went well, and whose last step threw the weights far away."""
    model, train, dev = digits_net(epochs=8, rate=0.01)
    draw = np.random.default_rng(0)
    for layer in model.layers:
        layer.kernel.assign_add((0.35 * draw.normal(size=layer.kernel.shape)).astype("float32"))
    return diagnose.examine(model, train, dev, batch_size=32, epochs=8)


@pytest.mark.slow
def test_more_steps_count_by_what_another_training_of_the_same_length_does_not_reach(
    ended_on_a_peak: diagnose.Diagnosis,
) -> None:
    codes = [cause.code for cause in ended_on_a_peak.causes]
    assert codes[0] == "best-weights-thrown-away" and "undertrained" not in codes
    longer = [effect for effect in ended_on_a_peak.effects if effect.remedy == "train-longer"]
    assert all(effect.control and not effect.helps for effect in longer)


@pytest.mark.slow
def test_another_training_is_what_a_bad_end_needs(ended_on_a_peak: diagnose.Diagnosis) -> None:
    first = ended_on_a_peak.remedies[0]
    dev = next(level for level in ended_on_a_peak.errors if level.split == "dev")
    assert (first.code, first.payoff.how, first.payoff.before) == ("keep-best-weights", "measured", dev.error)
    assert first.payoff.after is not None and first.payoff.after < 0.5 * dev.error
