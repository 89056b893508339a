"""A watched training whose moving statistics lag behind is given that cause, and no other."""

import keras
import numpy as np

import diagnose


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
    log = model.fit(x, y, epochs=8, batch_size=32, verbose=0, callbacks=[callback]).history
    assert log["accuracy"][-1] > 0.9
    assert 1 - callback.diagnosis.errors[0].error < 0.8
    assert [notice.code for notice in callback.notices] == []
    roots = [cause for cause in callback.diagnosis.causes if str(cause.severity) in ("warning", "error")]
    assert roots[0].code == "moving-statistics-lag"
    others = {cause.code for cause in roots[1:]}
    assert others <= set(roots[0].explains)
