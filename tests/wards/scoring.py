"""Scores predictions on one scale for all tasks, and computes scikit-learn baselines on the same rows."""

from typing import Any

import numpy as np

from tests.wards.data import Array, Data

RESAMPLES = 200  # bootstrap samples for a standard error


def parts(arrays: Any) -> tuple[Any, ...]:
    """One array per input or output, as a tuple."""
    return tuple(arrays) if isinstance(arrays, tuple | list) else (arrays,)


def score(data: Data, targets: Any, predictions: Any, logits: bool = False) -> tuple[float, float]:
    """The mean score over the outputs and its standard error, by a bootstrap over rows.

    Balanced accuracy for classes (for multi-label the mean over the columns), R2 clipped at 0 for numbers.
    `logits`: predictions are logits, so binary ones are cut at 0 instead of 0.5.
    """
    columns = list(zip(data.tasks, parts(targets), parts(predictions), strict=True))
    rows = len(columns[0][1])

    def mean(pick: Any) -> float:
        return float(np.mean([_one(task, y[pick], p[pick], logits) for task, y, p in columns]))

    rng = np.random.default_rng(0)
    draws = [mean(rng.integers(0, rows, rows)) for _ in range(RESAMPLES)]
    return mean(slice(None)), float(np.std(draws))


def _one(task: str, y: Array, predictions: Array, logits: bool) -> float:
    if not np.isfinite(predictions).all():
        return 0.0
    if task == "regression":
        predictions = predictions.reshape(y.shape)
        spread = ((y - y.mean(axis=0)) ** 2).sum()
        return max(0.0, 1 - float(((y - predictions) ** 2).sum() / max(spread, 1e-12)))
    cut = 0.0 if logits else 0.5
    if task == "multilabel":
        return float(np.mean([_balanced(y[:, k], predictions[:, k] > cut) for k in range(y.shape[1])]))
    labels = _labels(y)
    if predictions.shape[-1] == 1:
        one = predictions.ravel()
        return _balanced(labels, one > cut if task == "binary" else np.rint(one))
    return _balanced(labels, predictions.argmax(axis=1))


def _balanced(labels: Array, predicted: Array) -> float:
    """Mean recall over the classes."""
    return float(np.mean([np.mean(predicted[labels == one] == one) for one in np.unique(labels)]))


def constant_score(data: Data) -> float:
    """Score of the best constant prediction on the dev set, or on train if there is none."""
    y = data.judged[1]
    floors = {"binary": 0.5, "multilabel": 0.5, "regression": 0.0}
    alone = [
        floors[task] if task in floors else 1 / len(np.unique(_labels(one)))
        for task, one in zip(data.tasks, parts(y), strict=True)
    ]
    return float(np.mean(alone))


def _labels(y: Array) -> Array:
    """Class numbers, from labels or one-hot columns."""
    return y.argmax(axis=1) if y.ndim == 2 and y.shape[1] > 1 else y.ravel()


def baseline_score(data: Data) -> float | None:
    """The best dev score of common scikit-learn models, as mean over the outputs; None without a dev set."""
    if data.dev is None:
        return None
    x_train, x_dev = _features(data, data.train[0]), _features(data, data.dev[0])
    best = []
    for output, task in enumerate(data.tasks):
        y_train, y_dev = parts(data.train[1])[output], parts(data.dev[1])[output]
        predictions = [_predicted(model, task, x_train, y_train, x_dev) for model in _baselines(data, task)]
        best.append(max(_one(task, y_dev, prediction, logits=False) for prediction in predictions))
    return float(np.mean(best))


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
