"""Watched trainings of models that generate, of which some have collapsed."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import diagnose
from diagnose.live.examining import STAGES
from diagnose.measurements import Backward
from tests.wards.examples.generative import Adversarial, Variational
from tests.wards.examples.rows import digits, points


def roots(found: diagnose.Diagnosis) -> list[str]:
    return [cause.code for cause in found.causes if str(cause.severity) in ("warning", "error")]


@pytest.mark.parametrize("collapsed", [False, True])
def test_a_generator_that_gives_one_row_is_named(collapsed: bool, tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    callback, model = diagnose.DiagnosisCallback(), Adversarial()
    rates = (keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3))
    model.compile(*rates, keras.losses.BinaryCrossentropy(from_logits=True))
    model.fit(points(), epochs=3, batch_size=64, verbose=0, callbacks=[callback])
    if collapsed:
        first = model.generator.layers[0].kernel
        first.assign(np.zeros(first.shape))  # nothing of the noise comes through
    found = callback.diagnosis
    assert roots(found) == (["generator-collapse"] if collapsed else [])
    assert found.state == ("sick" if collapsed else "unknown")
    assert {check.code: check.outcome for check in found.checks}["collapsed-generator"] != "skipped"
    (curves,) = [figure.evidence for figure in found.figures if figure.evidence.title == "Logged losses by epoch"]
    assert [line.name for line in curves.series] == ["d_loss", "g_loss"]
    found.save(tmp_path / "report.html")
    assert "Logged losses by epoch" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(("weight", "named"), [(1.0, []), (100.0, ["posterior-collapse"])])
def test_codes_that_tell_nothing_are_named_while_the_model_trains(weight: float, named: list[str]) -> None:
    keras.utils.set_random_seed(0)
    callback, model = diagnose.DiagnosisCallback(), Variational(weight)
    model.compile(keras.optimizers.Adam(3e-3))
    x: Any = digits()[0]
    model.fit(x, epochs=14, batch_size=64, verbose=0, callbacks=[callback])
    assert [notice.code for notice in callback.notices if notice.taken_back is None] == named
    assert roots(callback.diagnosis)[:1] == named


def test_a_generator_with_batch_normalisation_is_watched_to_its_end() -> None:
    keras.utils.set_random_seed(0)
    callback, model = diagnose.DiagnosisCallback(), Adversarial()
    layers = [keras.Input((4,)), keras.layers.Dense(8), keras.layers.BatchNormalization(), keras.layers.Dense(2)]
    model.generator = keras.Sequential(layers)
    model.compile(keras.optimizers.Adam(), keras.optimizers.Adam(), keras.losses.BinaryCrossentropy(from_logits=True))
    model.fit(points(), epochs=2, batch_size=64, verbose=0, callbacks=[callback, Look(callback)])
    found = callback.diagnosis
    assert [gap for gap in found.coverage if gap.what == "the rest of the training"] == []
    assert {check.code: check.outcome for check in found.checks}["collapsed-generator"] == "clean"


class Look(keras.callbacks.Callback):
    """Looks into the network after the first epoch, as a long training would pay for it."""

    def __init__(self, watching: diagnose.DiagnosisCallback) -> None:
        super().__init__()
        self.watching = watching
        self.seen: dict[type, Any] = {}

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch == 0:
            self.watching._session._look_inside(len(STAGES) + 1)
            self.seen = dict(self.watching._session._measured)


def test_a_look_sees_the_gradients_that_a_step_of_its_own_applies() -> None:
    keras.utils.set_random_seed(0)
    callback, model = diagnose.DiagnosisCallback(), Variational()
    model.compile(keras.optimizers.Adam(3e-3))
    look = Look(callback)
    model.fit(digits()[0], epochs=2, batch_size=64, verbose=0, callbacks=[callback, look])
    assert not any(layer.cut for layer in look.seen[Backward].current.layers)
