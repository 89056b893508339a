"""Scores predictions on one scale for all tasks, and computes scikit-learn baselines on the same rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.wards.data import Array, Data, Rows
from tests.wards.measures import Measure, balanced, explained, parts
from tests.wards.recipe import Make

RESAMPLES = 200  # bootstrap samples for a standard error
FLOORS = {"binary": 0.5, "multilabel": 0.5, "regression": 0.0}  # of a constant prediction


@dataclass(frozen=True)
class Scores:
    """The score of each measure and their mean, each with its standard error."""

    each: tuple[float, ...]
    errors: tuple[float, ...]
    mean: float
    error: float


def scores(measures: Sequence[Measure], rows: Rows, predictions: Any) -> Scores:
    """Scores with standard errors, by a bootstrap over rows."""
    count = len(parts(rows[0])[0])

    def once(pick: Any) -> list[float]:
        x, y, p = (picked(part, pick) for part in (*rows[:2], predictions))
        return [measure.score(x, y, p) for measure in measures]

    rng = np.random.default_rng(0)
    draws = np.array([once(rng.integers(0, count, count)) for _ in range(RESAMPLES)])
    each = once(slice(None))
    return Scores(tuple(each), tuple(draws.std(axis=0).tolist()), float(np.mean(each)), float(draws.mean(axis=1).std()))


def picked(arrays: Any, rows: Any) -> Any:
    """Some rows of an array, of each of several, or of None."""
    if arrays is None:
        return None
    return tuple(part[rows] for part in arrays) if isinstance(arrays, tuple | list) else arrays[rows]


def usual(data: Data, logits: bool = False) -> tuple[Measure, ...]:
    """A measure for each output by its task.

    Balanced accuracy for classes (for multi-label the mean over the columns), R2 clipped at 0 for numbers.
    `logits`: predictions are logits, so binary ones are cut at 0 instead of 0.5.
    """
    return tuple(_usual(task, output, logits) for output, task in enumerate(data.tasks))


def _usual(task: str, output: int, logits: bool) -> Measure:
    def constant(_: Any, y: Any) -> float:
        return FLOORS[task] if task in FLOORS else 1 / len(np.unique(_labels(parts(y)[output])))

    return Measure(lambda x, y, p: _one(task, parts(y)[output], parts(p)[output], logits), constant)


def _one(task: str, y: Array, predictions: Array, logits: bool) -> float:
    if not np.isfinite(predictions).all():
        return 0.0
    if task == "regression":
        return explained(y, predictions)
    cut = 0.0 if logits else 0.5
    if task == "multilabel":
        return float(np.mean([balanced(y[:, k], predictions[:, k] > cut) for k in range(y.shape[1])]))
    labels = _labels(y)
    if predictions.shape[-1] == 1:
        one = predictions.ravel()
        return balanced(labels, one > cut if task == "binary" else np.rint(one))
    return balanced(labels, predictions.argmax(axis=1))


def _labels(y: Array) -> Array:
    """Class numbers, from labels or one-hot columns."""
    return y.argmax(axis=1) if y.ndim == 2 and y.shape[1] > 1 else y.ravel()


def baseline_scores(data: Data, measures: Sequence[Measure], baseline: Make | None) -> tuple[float, ...] | None:
    """The dev score of the case's own baseline, or the best of common scikit-learn models; None without a dev set."""
    if data.dev is None:
        return None
    if baseline is not None:
        predictions = baseline(data)
        return tuple(measure.score(*data.dev[:2], predictions) for measure in measures)
    x_train, x_dev = _features(data, data.train[0]), _features(data, data.dev[0])
    best = []
    for output, task in enumerate(data.tasks):
        y_train, y_dev = parts(data.train[1])[output], parts(data.dev[1])[output]
        predictions = [_predicted(model, task, x_train, y_train, x_dev) for model in _baselines(data, task)]
        best.append(max(_one(task, y_dev, prediction, logits=False) for prediction in predictions))
    return tuple(best)


def _baselines(data: Data, task: str) -> tuple[Any, ...]:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.multioutput import MultiOutputClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if data.code:
        return (_Components(data.code),)
    if task == "regression":
        return make_pipeline(StandardScaler(), Ridge()), RandomForestRegressor(50, random_state=0)
    linear, forest = LogisticRegression(max_iter=300), RandomForestClassifier(100, random_state=0)
    if task == "multilabel":
        return MultiOutputClassifier(make_pipeline(StandardScaler(), linear)), forest
    return make_pipeline(StandardScaler(), linear), forest


class _Components:
    """Principal components as an autoencoder."""

    def __init__(self, count: int) -> None:
        from sklearn.decomposition import PCA

        self.components = PCA(count, random_state=0)

    def fit(self, x: Array, _: Array) -> None:
        self.components.fit(x)

    def predict(self, x: Array) -> Array:
        return np.asarray(self.components.inverse_transform(self.components.transform(x)))


def _predicted(model: Any, task: str, x_train: Array, y_train: Array, x_dev: Array) -> Array:
    """Predictions in the shape that a network would return."""
    flat = task in ("binary", "multiclass") or y_train.shape[1:] == (1,)
    model.fit(x_train, _labels(y_train) if flat else y_train)
    predictions = np.asarray(model.predict(x_dev), "float64")
    return predictions if predictions.ndim == 2 else predictions[:, None]


def _features(data: Data, x: Any) -> Array:
    """Inputs as a table: token counts, or one column per number; NaN becomes 0."""
    joined = np.concatenate([np.asarray(part).reshape(len(part), -1) for part in parts(x)], axis=1)
    if data.vocabulary:
        return np.stack([np.bincount(row, minlength=data.vocabulary) for row in joined])
    return np.asarray(np.nan_to_num(joined))
