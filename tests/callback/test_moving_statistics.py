"""A watched training whose moving statistics lag behind is given that cause, and no other."""

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


def test_moving_statistics_that_lag_are_the_root() -> None:
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
