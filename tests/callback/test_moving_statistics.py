"""A watched training whose moving statistics lag behind is given that cause, and no other."""

from pathlib import Path
from typing import Any

import keras
import numpy as np

import diagnose


class Look(keras.callbacks.Callback):
    """Looks into the network after the sixth epoch, as a long training would pay for it."""

    def __init__(self, watching: diagnose.DiagnosisCallback) -> None:
        super().__init__()
        self.watching = watching

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch == 5:
            self.watching._session._look_inside(4)


class Paid(keras.callbacks.Callback):
    """Lets the comparison of the modes cost nothing, as in a training of long epochs."""

    def __init__(self, watching: diagnose.DiagnosisCallback) -> None:
        super().__init__()
        self.watching = watching

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.watching._session.budget.spent = self.watching._session.budget.costs["modes"] = 0.0


def lagging() -> tuple[Any, Any, Any]:
    """A model whose moving statistics need far more steps than it gets, and its rows."""
    keras.utils.set_random_seed(0)
    generator = np.random.default_rng(0)
    x = (3 + 2 * generator.normal(size=(512, 8))).astype("float32")
    y = (x[:, 0] + x[:, 1] > 6).astype("int64")
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8,)),
            layers.Dense(32),
            layers.BatchNormalization(momentum=0.999),
            layers.ReLU(),
            layers.Dense(1, "sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(1e-2), "binary_crossentropy", metrics=["accuracy"])
    return model, x, y


def test_moving_statistics_that_lag_are_the_root() -> None:
    model, x, y = lagging()
    callback = diagnose.DiagnosisCallback()
    log = model.fit(x, y, epochs=8, batch_size=32, verbose=0, callbacks=[callback, Look(callback)]).history
    assert log["accuracy"][-1] > 0.9
    assert 1 - callback.diagnosis.errors[0].error < 0.8
    (notice,) = callback.notices  # 128 steps at momentum 0.999: it will not settle, so it is said while it trains
    assert (notice.code, notice.taken_back) == ("moving-statistics-lag", None)
    assert notice.step < 128
    assert "re-estimated on train, the error on train falls from" in notice.message
    roots = [cause for cause in callback.diagnosis.causes if str(cause.severity) in ("warning", "error")]
    assert roots[0].code == "moving-statistics-lag"
    others = {cause.code for cause in roots[1:]}
    assert others <= set(roots[0].explains)


def test_both_modes_stand_side_by_side_at_the_ends_of_epochs(tmp_path: Path) -> None:
    plain, x, y = lagging()
    fitted: dict[str, Any] = {"epochs": 6, "batch_size": 32, "verbose": 0, "validation_data": (x[:96], y[:96])}
    plain.fit(x, y, **fitted)
    model, *_ = lagging()
    callback = diagnose.DiagnosisCallback()
    model.fit(x, y, callbacks=[Paid(callback), callback], **fitted)
    for ours, theirs in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    figures = {figure.evidence.title: figure.evidence for figure in callback.diagnosis.figures}
    for split in ("train", "dev"):
        drawn = figures[f"Error on {split}, by the mode of BatchNormalization"]
        batch, moving = drawn.series
        assert (batch.name, moving.name) == ("training mode", "inference mode")
        assert len(batch.x) >= 3 and batch.x[-1] == 6 and moving.x == batch.x
        assert batch.y[-1] < 0.15 < moving.y[-1]
    callback.diagnosis.save(tmp_path / "report.html")
    assert "Error on dev, by the mode of BatchNormalization" in (tmp_path / "report.html").read_text()


def test_the_modes_are_compared_only_as_the_budget_allows() -> None:
    model, x, y = lagging()
    callback = diagnose.DiagnosisCallback(overhead=1e-6)
    model.fit(x, y, epochs=2, batch_size=32, verbose=0, callbacks=[callback])
    assert "modes" not in callback._session.budget.done
    bars = [f.evidence for f in callback.diagnosis.figures if "by the mode of" in f.evidence.title]
    assert [(one.kind, one.labels) for one in bars] == [("bars", ("training mode", "inference mode"))]  # at the end
