"""Single changes are tried on sick models only, and name what restores learning."""

import keras
import numpy as np

from diagnose.measurements import Changes, LearningRate, SweepPoint, Unavailable
from diagnose.measuring import measure
from diagnose.measuring.bench import Bench
from diagnose.measuring.changes import changes
from diagnose.measuring.state import fingerprint
from diagnose.settings import Settings
from tests.measuring.subjects import digits


def test_a_healthy_model_is_left_alone() -> None:
    case = digits(epochs=15)
    found = measure(case, frozenset({Changes}), Settings(), lambda title: None).measurements[Changes]
    assert isinstance(found, Unavailable)
    assert "not needed" in found.reason


def test_the_change_that_restores_learning_stands_out() -> None:
    case = digits(optimizer=keras.optimizers.SGD(0.05, momentum=0.9), scale=16.0, epochs=3)
    before = fingerprint(case.model)
    found = measure(case, frozenset({Changes}), Settings(), lambda title: None).measurements[Changes]
    assert isinstance(found, Changes)
    by_code = {change.code: change for change in found.changes}
    scaled = by_code["inputs-not-scaled"]
    assert np.mean(scaled.skill) > 0.8
    assert np.nanmean(np.nan_to_num(scaled.reference)) < 0.2
    assert "bad-initialization" not in by_code
    assert fingerprint(case.model) == before


def test_the_sweep_is_not_run_again() -> None:
    point = SweepPoint(1e-5, (0.0,), (1.0,), (False,)), SweepPoint(1e-2, (0.9,), (0.1,), (False,))
    sweep = LearningRate(1e-5, (), point, 1e-2, 1e-2, 1e-2, None, 100, 450, 32)
    case = digits(optimizer=keras.optimizers.Adam(1e-5))
    with Bench(case, Settings()) as bench:
        from diagnose.measuring.baseline import baseline

        measured = {LearningRate: sweep}
        measured |= {type(base): base for base in [baseline(bench, {})]}  # type: ignore[dict-item]
        found = changes(bench, measured)  # type: ignore[arg-type]
    assert isinstance(found, Changes)
    rates = [change for change in found.changes if change.code.startswith("learning-rate")]
    assert [(rate.code, rate.skill, rate.reference) for rate in rates] == [("learning-rate-too-low", (0.9,), (0.0,))]
