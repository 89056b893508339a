"""Forecasts that copy a value of the window: the baselines that any model of a series must beat."""

from collections.abc import Iterable
from typing import Self

import numpy as np

from diagnose.measurements import Array


class CopiedValue:
    """Predicts each target column as one value of the window, the one with the least squared error on train.

    Hyndman, Athanasopoulos 2021, "Forecasting: Principles and Practice", section 5.2: the naive and the seasonal naive
    method. It has scikit-learn's `fit` and `predict`, for rows of shape [rows, steps * features].

    Args:
        steps, features: shape of a window.
        lags: how many steps before the last one the value may lie (0: the last value).
    """

    def __init__(self, steps: int, features: int, lags: Iterable[int]) -> None:
        self.steps, self.features = steps, features
        self.columns = [(steps - 1 - lag) * features + feature for lag in lags for feature in range(features)]
        self.chosen: list[int] = []

    def fit(self, x: Array, y: Array) -> Self:
        values = x[:, self.columns]
        targets = y.reshape(len(y), -1)
        errors = [np.square(values - targets[:, [column]]).mean(axis=0) for column in range(targets.shape[1])]
        self.chosen = [self.columns[int(np.argmin(error))] for error in errors]
        return self

    def predict(self, x: Array) -> Array:
        return x[:, self.chosen]
