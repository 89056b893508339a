"""The scikit-learn models that a net is compared with: how they are built, fitted, and what they cost."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from diagnose.measurements import Array, NotMeasured
from diagnose.measuring.persistence import CopiedValue
from diagnose.subject import Output, Rows, Task

DEV_ROWS = 2_000  # rows they are evaluated on: +- 1 point at 5 % error
WIDE = 300  # features above which all models except the linear one get random projections
PROJECTED = 100  # features after the projection
TREES = 200  # of gradient boosting, over all classes: about a second
MOST_BOOSTED = 20  # classes; above, there are too few trees for each
COPIES = ("last value", "value a season ago")
ORDERED = ("logistic regression on the order of tokens", "ridge on the order of tokens")
FIT = 0.03  # fixed seconds of the reference machine per fit
LOGISTIC = 2e-8  # seconds per row, feature and class
RIDGE = 7e-11  # seconds per row, feature and the smaller of both
NEIGHBOURS = 3e-10  # seconds per pair of rows and feature
TREE = 2e-3  # fixed seconds per tree
SPLITS = 2e-8  # seconds per tree, row and feature


@dataclass(frozen=True)
class Table:
    """Rows as plain numbers: features [rows, features] and one output's targets, to fit and to evaluate.

    `window` is the shape (steps, features) of a row, if it is a window of a series of numbers. The last `ordered`
    features tell the order of tokens; most candidates do not get them, as they are many.
    """

    x: Array
    y: Rows
    x_dev: Array
    y_dev: Rows
    window: tuple[int, int] | None = None
    ordered: int = 0

    @property
    def width(self) -> int:
        """The number of features without those that tell an order."""
        return int(self.x.shape[1]) - self.ordered


def candidates(output: Output, table: Table, seed: int) -> list[tuple[str, Callable[[], Any]]]:
    """Return names and builders of the candidate models, the cheapest first; a builder returns an unfitted model."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    classifies, several = output.task.classifies, labels(output, table.y).ndim > 1
    wide = table.width > WIDE
    width = min(table.width, PROJECTED)
    most = table.width if table.ordered else 0
    classes = output.classes or 2 if output.task is Task.MULTICLASS else 1
    neighbours = KNeighborsClassifier if classifies else KNeighborsRegressor
    boosting = HistGradientBoostingClassifier if classifies else HistGradientBoostingRegressor

    def linear() -> Any:
        return LogisticRegression(max_iter=100, random_state=seed) if classifies else Ridge(1.0)

    found: list[tuple[str, Callable[[], Any]]] = [
        ("logistic regression" if classifies else "ridge", _scaled(linear, 0, several and classifies, seed, most)),
        (
            "nearest neighbours",
            _scaled(lambda: neighbours(min(5, len(table.x))), width if wide else 0, False, seed, most),
        ),
    ]
    if table.ordered:
        found.append((ORDERED[0 if classifies else 1], _scaled(linear, 0, several and classifies, seed)))
    if table.window is not None and output.task is Task.REGRESSION:
        copies = [
            (name, partial(CopiedValue, *table.window, lags))
            for name, lags in zip(COPIES, (range(1), range(1, table.window[0])), strict=True)
            if lags
        ]
        found = [*copies, *found]
    if classes <= MOST_BOOSTED:
        rounds = _rounds(classes)
        rate = 0.1 if rounds == 100 else 0.3

        def boosted() -> Any:
            return boosting(
                max_iter=rounds, learning_rate=rate, max_leaf_nodes=15, early_stopping=False, random_state=seed
            )

        found.append(("gradient boosting", _scaled(boosted, width if wide else 0, several, seed, most)))
    return found


def _scaled(make: Callable[[], Any], project: int, several: bool, seed: int, first: int = 0) -> Callable[[], Any]:
    """Return a builder of pipelines: standardise, optionally project, then the model (`several`: one per column).

    If `first` is not 0, the model gets only so many features, the first ones.
    """

    def build() -> Any:
        from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import FunctionTransformer, StandardScaler
        from sklearn.random_projection import GaussianRandomProjection

        model = make()
        if several:
            model = MultiOutputClassifier(model) if hasattr(model, "predict_proba") else MultiOutputRegressor(model)
        steps = [StandardScaler()]
        if first:
            steps.insert(0, FunctionTransformer(partial(_leading, count=first)))
        if project:
            steps.append(GaussianRandomProjection(project, random_state=seed))
        return make_pipeline(*steps, model)

    return build


def _leading(x: Array, count: int) -> Array:
    return x[:, :count]


def fitted(output: Output, model: Any, x: Array, y: Rows) -> Callable[[Array], Array]:
    """Fit a scikit-learn model; return a function that predicts in the form of a net's output.

    That is, for rows [rows, features]: class probabilities [rows, classes], a probability for each label
    [rows, labels], or numbers [rows, columns].

    Raises:
        NotMeasured: a class number is negative.
    """
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    targets = labels(output, y)
    with warnings.catch_warnings(), threadpool_limits(1):  # more threads are not faster on so few rows
        warnings.simplefilter("ignore", ConvergenceWarning)  # a baseline does not need to converge
        model.fit(x, targets)
    if output.task is Task.REGRESSION:
        return lambda rows: np.asarray(model.predict(rows), np.float64).reshape(len(rows), -1)
    if output.task is Task.MULTILABEL:
        return lambda rows: _label_probabilities(model, rows)
    known = model.classes_.astype(np.int64)
    if known.min() < 0:
        raise NotMeasured(f"output '{output.name}' has negative class numbers", "Number the classes from 0.")

    def predict(rows: Array) -> Array:
        probability = np.zeros((len(rows), max(output.classes or 2, int(known.max()) + 1)))
        probability[:, known] = model.predict_proba(rows)
        return probability

    return predict


def _label_probabilities(model: Any, rows: Array) -> Array:
    """Probability of each label, from one classifier per column."""
    columns = []
    for classes, probability in zip(model.classes_, model.predict_proba(rows), strict=True):
        positive = np.flatnonzero(np.asarray(classes) == 1)
        columns.append(probability[:, positive[0]] if positive.size else np.zeros(len(rows)))
    return np.stack(columns, axis=1)


def labels(output: Output, y: Rows) -> Rows:
    """Return targets as scikit-learn takes them: class numbers [rows], labels [rows, labels] or numbers."""
    flat = y.reshape(len(y), -1)
    if output.task is Task.REGRESSION:
        numbers = flat.astype(np.float64)
        return numbers[:, 0] if numbers.shape[1] == 1 else numbers
    if output.task is Task.MULTILABEL:
        return np.asarray(flat > (0.5 if flat.min(initial=0) >= 0 else 0.0), np.int64)
    if flat.shape[1] > 1:
        return np.asarray(flat.argmax(axis=1))
    if output.task is Task.BINARY:
        return np.asarray(flat[:, 0] > flat.min(), np.int64)
    return np.asarray(np.rint(flat[:, 0]), np.int64)


def fitting_seconds(output: Output, name: str, shape: tuple[int, ...], columns: int) -> float:
    """Return the seconds of the reference machine to fit and evaluate a candidate.

    Args:
        output: the output to predict.
        name: name of the candidate.
        shape: (rows, features) of the table to fit on, before a projection.
        columns: number of target columns.
    """
    rows, features = shape
    classes = output.classes or 2 if output.task is Task.MULTICLASS else 1
    models = columns if output.task in (Task.MULTILABEL, Task.REGRESSION) else 1
    projected = min(features, PROJECTED) if features > WIDE else features
    if name in COPIES:
        return FIT
    if name in ("logistic regression", ORDERED[0]):
        return models * (FIT + LOGISTIC * rows * features * classes)
    if name in ("ridge", ORDERED[1]):
        return FIT + RIDGE * rows * features * min(rows, features)
    if name == "nearest neighbours":
        return FIT + NEIGHBOURS * rows * min(rows, DEV_ROWS) * projected
    return models * _rounds(classes) * classes * (TREE + SPLITS * rows * projected)


def _rounds(classes: int) -> int:
    """Boosting rounds. A round grows a tree per class; a single tree for two classes and for regression."""
    return int(np.clip(TREES // classes, 20, 100))
