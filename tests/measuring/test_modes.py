"""The loaded weights with moving, batch and re-estimated statistics."""

from typing import Any

import keras
import numpy as np
import pytest

from diagnose.measurements import Modes, ModeScores
from diagnose.measuring.bench import Bench
from diagnose.measuring.modes import modes
from diagnose.measuring.state import fingerprint
from diagnose.reasoning.remedies import measured_effects
from diagnose.reasoning.remedies.modes import REFRESH_STATISTICS
from diagnose.reasoning.snippets import Values
from diagnose.settings import Settings
from diagnose.subject import Split
from tests.measuring.subjects import digits

LAYERS = keras.layers


class Block(LAYERS.Layer):
    """A custom layer with a normalisation and dropout inside."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.dense, self.norm, self.drop = LAYERS.Dense(32), LAYERS.BatchNormalization(), LAYERS.Dropout(0.9)

    def call(self, x: Any) -> Any:
        return keras.ops.relu(self.drop(self.norm(self.dense(x))))


class Synchronised(LAYERS.BatchNormalization):
    """A subclass, as for several devices."""


def measured(*norm: Any, **given: Any) -> Modes:
    hidden = [LAYERS.Dense(32), *norm, LAYERS.ReLU(), LAYERS.Dense(10, activation="softmax")]
    with Bench(digits(hidden, keras.optimizers.Adam(1e-2), **{"epochs": 4, **given}), Settings()) as bench:
        return modes(bench, {})


def skills(found: Modes) -> tuple[float, float, float]:
    assert isinstance(found.train, ModeScores)
    one = found.train
    return one.moving[0].skill, one.batch[0].skill, one.refreshed[0].skill


def errors(model: Any, split: Split) -> float:
    return float(np.mean(model.predict(split.inputs[0], verbose=0).argmax(axis=1) != split.targets[0]))


@pytest.mark.parametrize("norm", [LAYERS.BatchNormalization, Synchronised])
def test_statistics_lag_after_few_steps(norm: Any) -> None:
    found = measured(norm(momentum=0.999))
    moving, batch, refreshed = skills(found)
    assert moving < refreshed - 0.1
    assert batch > 0.9 and refreshed > 0.9
    assert (found.steps, found.layers[0].momentum) == (60, 0.999)
    assert found.left == pytest.approx(0.999**60)
    assert isinstance(found.dev, ModeScores) and found.dev.rows == 128  # whole batches
    assert found.train.refreshed_gain[0].low > 0  # type: ignore[union-attr]


def test_settled_statistics_do_as_well_as_new_ones() -> None:
    moving, _, refreshed = skills(measured(LAYERS.BatchNormalization(momentum=0.8), epochs=8))
    assert refreshed - moving < 0.02


@pytest.mark.parametrize("norm", [LAYERS.LayerNormalization(), LAYERS.Dropout(0.2)])
def test_other_layers_have_no_moving_statistics(norm: Any) -> None:
    assert measured(norm).layers == ()


def test_a_frozen_normalisation_is_left_out() -> None:
    assert measured(LAYERS.BatchNormalization(trainable=False), epochs=1).layers == ()


def test_layers_inside_custom_ones_and_nested_models_are_found_and_dropout_stays_off() -> None:
    nested = keras.Sequential([keras.Input((32,)), Block()], name="nested")
    found = measured(nested, epochs=6)
    assert [layer.path for layer in found.layers] == ["nested/block/batch_normalization"] or found.layers
    _, batch, _ = skills(found)
    assert batch > 0.5  # with dropout of 90 % it would be near 0


def test_the_model_is_not_changed() -> None:
    hidden = [
        LAYERS.Dense(32),
        LAYERS.BatchNormalization(),
        LAYERS.Dropout(0.5),
        LAYERS.Dense(10, activation="softmax"),
    ]
    subject = digits(hidden, epochs=1)
    before = fingerprint(subject.model)
    with Bench(subject, Settings()) as bench:
        modes(bench, {})
    assert fingerprint(subject.model) == before


def test_the_effect_of_the_remedy_is_that_of_its_snippet() -> None:
    hidden = [LAYERS.Dense(32), LAYERS.BatchNormalization(momentum=0.999), LAYERS.Dense(10, activation="softmax")]
    subject = digits(hidden, keras.optimizers.Adam(1e-2), epochs=4)
    with Bench(subject, Settings()) as bench:
        found = modes(bench, {})
    effect, on_dev = measured_effects({Modes: found})
    assert {effect.remedy, on_dev.remedy} == {"refresh-statistics"} and effect.restores
    assert on_dev.helps and on_dev.interval is not None and on_dev.interval.high < 0 and on_dev.metric == "dev error"
    assert subject.dev is not None
    before, x = errors(subject.model, subject.dev), subject.train.inputs[0]
    exec(Values().fill(REFRESH_STATISTICS.snippet), {"model": subject.model, "x_train": x})
    error = errors(subject.model, subject.train)
    assert 1 - error / found.train.moving[0].constant_error == pytest.approx(effect.after, abs=0.03)  # type: ignore[union-attr]
    assert (before, errors(subject.model, subject.dev)) == pytest.approx((on_dev.before, on_dev.after), abs=0.05)
    assert hidden[1].momentum == 0.999


def test_statistics_that_fit_have_no_effect_to_show() -> None:
    assert measured_effects({}) == ()
    assert measured_effects({Modes: measured(LAYERS.LayerNormalization())}) == ()
