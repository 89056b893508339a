"""The shares of the classes in train: of the rows, or of the positions where each row has many labels."""

import keras
import numpy as np

import diagnose
from diagnose.findings import Bars


def test_classes_of_positions_are_shares_of_the_positions() -> None:
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(64, 8, 8, 1)).astype("float32")
    y = np.zeros((64, 8, 8, 1), "float32")
    y[:, :2, :2] = 1
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(1, 3, padding="same", activation="sigmoid")])
    model.compile("adam", "binary_crossentropy")
    found = diagnose.examine(model, (x, y), effort="quick", only=["label-format"])
    (shown,) = (figure.evidence for figure in found.figures if figure.evidence.title == "Classes in train")
    assert isinstance(shown, Bars)
    assert shown.values == (60 / 64, 4 / 64) and shown.unit == "share of positions"
