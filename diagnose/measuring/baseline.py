"""Scores of simple models, compared with the loaded net on the same rows."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diagnose.intervals import mean_interval, paired_interval
from diagnose.measurements import (
    DOES_NOT_APPLY,
    Array,
    Baseline,
    Candidate,
    Measurements,
    NotMeasured,
    OutputBaseline,
    Score,
    Slip,
    Unavailable,
    Within,
)
from diagnose.measurements.tasks import NAME_TASK
from diagnose.measuring.bench import Bench
from diagnose.measuring.copying import token_inputs
from diagnose.measuring.network import activation_of_head
from diagnose.measuring.persistence import CopiedValue
from diagnose.measuring.position_baseline import SECONDS as POSITION_SECONDS
from diagnose.measuring.position_baseline import has_positions, of_positions
from diagnose.measuring.scoring import Reference, constant_reference, row_errors, score
from diagnose.measuring.texts import is_text, terms
from diagnose.measuring.work import Work
from diagnose.subject import Output, Rows, Seen, Split, Task

TRAIN_ROWS = 4_000  # rows that baselines are fitted on
DEV_ROWS = 2_000  # rows they are evaluated on: +- 1 point at 5 % error
HELD_OUT = 0.25  # share of train that is held out if the user gave no other split
WIDE = 300  # features above which all models except the linear one get random projections
PROJECTED = 100  # features after the projection
TREES = 200  # of gradient boosting, over all classes: about a second
MOST_BOOSTED = 20  # classes; above, there are too few trees for each
VOCABULARY = 5_000  # words kept for bags of tokens
SHUFFLES = 5  # refits on shuffled labels
SHUFFLED_ROWS = 1_000  # rows of each refit
SECONDS = 6.0  # of the reference machine, for all candidates of one output
NULL_SECONDS = 2.0  # of the reference machine, for refits on shuffled labels
WITHIN_SECONDS = 1.5  # of the reference machine, for fits within one split
MOVES = 10  # rows by which targets are moved against their rows, either way
COPIES = ("last value", "value a season ago")
MOST_TARGETS = 50  # most columns of a target for baselines
FIT = 0.03  # fixed seconds of the reference machine per fit
LOGISTIC = 2e-8  # seconds per row, feature and class
RIDGE = 7e-11  # seconds per row, feature and the smaller of both
NEIGHBOURS = 3e-10  # seconds per pair of rows and feature
TREE = 2e-3  # fixed seconds per tree
SPLITS = 2e-8  # seconds per tree, row and feature


@dataclass(frozen=True)
class _Table:
    """Rows as plain numbers: features [rows, features] and one output's targets, to fit and to evaluate.

    `window` is the shape (steps, features) of a row, if it is a window of a series of numbers.
    """

    x: Array
    y: Rows
    x_dev: Array
    y_dev: Rows
    window: tuple[int, int] | None = None


@dataclass(frozen=True)
class _Fit:
    candidate: Candidate
    predict: Callable[[Array], Array]
    make: Callable[[], Any] | None


def baseline(bench: Bench, measured: Measurements) -> Baseline | Unavailable:
    """Fit a constant, a linear model, gradient boosting and nearest neighbours, and compare the loaded net with them.

    Images and sequences are flattened, token inputs become bags of tokens, texts TF-IDF of words and pairs of words.
    The target of a series is also predicted as its last value, and as the one a season ago. Where inputs and targets
    have the same positions (pixels, steps), each position is classified by the inputs around it. The rows are those of
    dev, else test, else held out from train (the net may have been trained on these).
    """
    known = [place for place, output in enumerate(bench.subject.outputs) if output.task is not Task.OWN_LOSS]
    if not known:
        return Unavailable("baselines need a task, and the loss and the head name none", NAME_TASK)
    try:
        train, dev, held_out = _splits(bench)
        x, x_dev = _features(bench, train, dev)
        window = _window(bench, train)
        predicted = _predictions(bench, dev)
        outputs = []
        for place in known:
            output = bench.subject.outputs[place]
            each = of_positions(bench, place, (train, dev), predicted[place], activation_of_head(bench, place))
            if each is not None:
                outputs.append(each)
                continue
            table = _Table(x, np.asarray(train.targets[place]), x_dev, np.asarray(dev.targets[place]), window)
            found = _output(bench, output, table, predicted[place], activation_of_head(bench, place))
            if held_out != "train":
                found = replace(found, within=_within(bench, output, table, found, held_out))
            outputs.append(found)
    except NotMeasured as missing:
        return Unavailable.of(missing)
    return Baseline(outputs=tuple(outputs), held_out=held_out, net_seen=str(dev.seen))


def baseline_work(bench: Bench, measured: Measurements) -> Work:
    """Return the largest work of `baseline`."""
    train = bench.subject.train
    shape = min(train.rows, TRAIN_ROWS), sum(int(np.prod(inputs.shape[1:])) for inputs in train.inputs)
    seconds = 0.0
    for place, (output, target) in enumerate(zip(bench.subject.outputs, train.targets, strict=True)):
        if output.task is Task.OWN_LOSS:
            continue
        if has_positions(bench, place):
            seconds += POSITION_SECONDS
            continue
        linear = "logistic regression" if output.task.classifies else "ridge"
        columns = int(np.prod(target.shape[1:]))
        names = (linear, "nearest neighbours", "gradient boosting")
        fits = sum(fitting_seconds(output, name, shape, columns) for name in names)
        seconds += NULL_SECONDS + min(SECONDS, fits) + 2 * min(WITHIN_SECONDS, fits)
    return Work(seconds=seconds)


def _output(bench: Bench, output: Output, table: _Table, net: Rows, activation: str | None) -> OutputBaseline:
    usable = _usable(table)
    reference = _reference(output, table.y)
    fits = _fit_all(bench, output, usable, reference)
    best = min(fits, key=lambda fit: (fit.candidate.error, fit.candidate.loss))
    mine = replace(reference, activation=activation)
    net_score = score(output, table.y_dev, net, mine)
    errors = row_errors(output, table.y_dev, best.predict(table.x_dev), reference)
    difference = row_errors(output, table.y_dev, net, mine) - errors
    difference = difference[~np.isnan(difference)]
    mean = float(difference.mean())
    own = net_score.error if output.task.classifies else net_score.error**2
    null = _null(bench, output, usable, best)
    whole = bench.subject.dev or bench.subject.test
    in_order = whole is not None and len(table.y_dev) == whole.rows
    return OutputBaseline(
        output=output.name,
        candidates=tuple(fit.candidate for fit in fits),
        best=best.candidate,
        net_error=net_score.error,
        net_skill=net_score.skill,
        difference=mean,
        difference_interval=paired_interval(difference),
        relative=mean / own if own > 0 else 0.0,
        signal=_signal(best, null, _gain(output, table, best, reference)),
        null_skill=null,
        train_error=score(output, usable.y, best.predict(usable.x), reference).error,
        rows_train=len(usable.y),
        rows_dev=len(table.y_dev),
        slip=_slip(output, table, fits, reference, whole.name) if whole is not None and in_order else None,
    )


def _slip(output: Output, table: _Table, fits: list[_Fit], reference: Reference, split: str) -> Slip | None:
    """The move of the held-out targets against their rows with which some baseline has the lowest error."""
    if len(table.y_dev) < 4 * MOVES:
        return None
    moves = [rows for rows in range(-MOVES, MOVES + 1) if rows]
    moved = {rows: np.roll(table.y_dev, -rows, axis=0) for rows in moves}
    best: tuple[float, int, Array] | None = None
    for fit in fits:
        if fit.make is None:
            continue
        predicted = fit.predict(table.x_dev)
        for rows in moves:
            error = float(np.nanmean(row_errors(output, moved[rows], predicted, reference)))
            if best is None or error < best[0]:
                best = error, rows, predicted
    if best is None:
        return None
    _, rows, predicted = best
    given, after = (row_errors(output, y, predicted, reference) for y in (table.y_dev, moved[rows]))
    difference = (given - after)[np.isfinite(given - after)]
    better = mean_interval(difference, level=1 - 0.05 / (len(moves) * len(fits)))
    return Slip(split, rows, score(output, moved[rows], predicted, reference).skill, better)


def _reference(output: Output, y: Rows) -> Reference:
    """The best constant prediction. Baselines predict probabilities, unlike the head of some nets."""
    return constant_reference(output, y, "sigmoid" if output.task.classifies else None)


def _signal(best: _Fit, null: tuple[float, float] | None, gain: float) -> bool:
    """Whether the best baseline clearly beats the constant, and its own skill on shuffled labels."""
    return gain > 0 and (null is None or best.candidate.skill > null[1])


def _gain(output: Output, table: _Table, best: _Fit, reference: Reference) -> float:
    """Lower bound of the paired 95 % interval of error(constant) - error(best baseline)."""
    return score(output, table.y_dev, best.predict(table.x_dev), reference).beats_constant_error.low


def _within(bench: Bench, output: Output, table: _Table, found: OutputBaseline, split: str) -> tuple[Within, ...]:
    """The best baseline within train; without a signal, any baseline within train and within the other split."""
    sides = {"train": (table.x, table.y)} | ({} if found.signal else {split: (table.x_dev, table.y_dev)})
    only = found.best.name if found.signal else ""
    every = [_within_rows(bench, output, name, replace(table, x=x, y=y), only) for name, (x, y) in sides.items()]
    return tuple(one for one in every if one is not None)


def _within_rows(bench: Bench, output: Output, split: str, table: _Table, only: str) -> Within | None:
    """The best candidate on held-out rows of one split; None if it has too few rows or classes."""
    x, y = table.x, table.y
    order = np.random.default_rng([bench.settings.seed, 5]).permutation(len(y))
    held, rest = order[: round(HELD_OUT * len(y))], order[round(HELD_OUT * len(y)) :]
    part = _usable(_Table(x[rest], y[rest], x[held], y[held], table.window))
    classes = output.task in (Task.BINARY, Task.MULTICLASS)
    if not len(held) or not len(part.y) or (classes and len(np.unique(_labels(output, part.y))) < 2):
        return None
    reference = _reference(output, part.y)
    scores, left = [], WITHIN_SECONDS
    for name, make in _candidates(bench, output, part):
        if only not in ("", name):
            continue
        left -= fitting_seconds(output, name, part.x.shape, int(np.prod(part.y.shape[1:])))
        if left >= 0:
            predicted = _fitted(output, make(), part.x, part.y)(part.x_dev)
            scores.append((name, score(output, part.y_dev, predicted, reference)))
    if not scores:
        return None
    name, best = min(scores, key=lambda pair: pair[1].error)
    return Within(split, name, best.error, best.error_interval, best.skill, best.beats_constant_error, best.rows)


# --- Rows and features -----------------------------------------------------------------------------


def _splits(bench: Bench) -> tuple[Split, Split, str]:
    """Rows to fit on, rows to evaluate on, and the split that the latter come from."""
    train, judge = bench.subject.train, bench.subject.dev or bench.subject.test
    if judge is not None:
        return (
            _take(train, bench.sample(train, TRAIN_ROWS)),
            _take(judge, bench.sample(judge, DEV_ROWS)),
            judge.name,
        )
    part = _take(train, bench.sample(train, TRAIN_ROWS))
    held = bench.sample(part, max(2, round(HELD_OUT * part.rows)))
    seen = Seen.UNKNOWN if train.seen is Seen.UNKNOWN else train.seen
    rest = np.setdiff1d(np.arange(part.rows), held)
    return _take(part, rest), replace(_take(part, held), seen=seen), "train"


def _take(split: Split, index: NDArray[np.int64]) -> Split:
    return replace(
        split,
        inputs=tuple(np.asarray(rows[index]) for rows in split.inputs),
        targets=tuple(np.asarray(rows[index]) for rows in split.targets),
        sample_weight=None,
    )


def _features(bench: Bench, train: Split, dev: Split) -> tuple[Array, Array]:
    """All inputs as finite numbers, [rows, features], for both splits."""
    tokens = token_inputs(bench.subject.model)
    columns: list[tuple[Array, Array]] = []
    for place, (ours, theirs) in enumerate(zip(train.inputs, dev.inputs, strict=True)):
        if is_text(ours):
            (known, new), _ = terms([ours, theirs], ours, VOCABULARY)
            columns.append((known, new))
            continue
        make = _bags if place in tokens else _flattened
        columns.append((make(ours, ours), make(theirs, ours)))
    x, x_dev = (np.concatenate([pair[side] for pair in columns], axis=1) for side in (0, 1))
    return x, x_dev


def _window(bench: Bench, train: Split) -> tuple[int, int] | None:
    """Steps and features of the only input, if its rows are sequences of numbers."""
    rows = train.inputs[0]
    if len(train.inputs) > 1 or rows.ndim != 3 or rows.dtype.kind not in "iuf" or token_inputs(bench.subject.model):
        return None
    return int(rows.shape[1]), int(rows.shape[2])


def _flattened(rows: Rows, like: Rows) -> Array:
    return np.nan_to_num(rows.reshape(len(rows), -1).astype(np.float64), posinf=0.0, neginf=0.0)


def _bags(rows: Rows, like: Rows) -> Array:
    """log(1 + count) of each of the most frequent tokens of `like`."""
    tokens, counts = np.unique(like, return_counts=True)
    kept = np.sort(tokens[np.argsort(-counts, kind="stable")[:VOCABULARY]])
    flat = rows.reshape(len(rows), -1)
    place = np.clip(np.searchsorted(kept, flat), 0, len(kept) - 1)
    row = np.broadcast_to(np.arange(len(rows))[:, None], flat.shape)
    bags = np.zeros((len(rows), len(kept)))
    known = kept[place] == flat
    np.add.at(bags, (row[known], place[known]), 1.0)
    return np.log1p(bags)


def _usable(table: _Table) -> _Table:
    finite = np.isfinite(table.y.reshape(len(table.y), -1).astype(np.float64)).all(axis=1)
    return replace(table, x=table.x[finite], y=table.y[finite])


# --- The net ---------------------------------------------------------------------------------------


def _predictions(bench: Bench, dev: Split) -> list[Rows]:
    from diagnose.measuring.tensorflow_training import compile_prediction
    from diagnose.measuring.training import predict_all

    inputs, _, _ = bench.batch(dev, np.arange(dev.rows))
    with bench.at(None) as model:
        return predict_all(compile_prediction(model, inputs), dev.rows)


# --- Candidates ------------------------------------------------------------------------------------


def _fit_all(bench: Bench, output: Output, table: _Table, reference: Reference) -> list[_Fit]:
    columns = int(np.prod(table.y.shape[1:]))
    if columns > MOST_TARGETS and (output.task in (Task.REGRESSION, Task.MULTILABEL) or table.y.ndim > 2):
        raise NotMeasured(f"output '{output.name}' has too many targets for a baseline ({columns})", DOES_NOT_APPLY)
    if output.task.classifies and output.task is not Task.MULTILABEL and len(np.unique(_labels(output, table.y))) < 2:
        raise NotMeasured(f"output '{output.name}' has only one class", "Pass training rows of at least two classes.")
    if output.task in (Task.BINARY, Task.MULTICLASS) and columns not in (1, output.classes or 2):
        raise NotMeasured(f"output '{output.name}' has too many labels for a baseline ({columns})", DOES_NOT_APPLY)
    fits, left = [_constant(output, table, reference)], SECONDS
    for name, make in _candidates(bench, output, table):
        left -= fitting_seconds(output, name, table.x.shape, columns)
        if left < 0:
            break
        fits.append(_fit(output, table, reference, name, make))
    return fits


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
    if name == "logistic regression":
        return models * (FIT + LOGISTIC * rows * features * classes)
    if name == "ridge":
        return FIT + RIDGE * rows * features * min(rows, features)
    if name == "nearest neighbours":
        return FIT + NEIGHBOURS * rows * min(rows, DEV_ROWS) * projected
    return models * _rounds(classes) * classes * (TREE + SPLITS * rows * projected)


def _rounds(classes: int) -> int:
    """Boosting rounds. A round grows a tree per class; a single tree for two classes and for regression."""
    return int(np.clip(TREES // classes, 20, 100))


def _constant(output: Output, table: _Table, reference: Reference) -> _Fit:
    def predict(x: Array) -> Array:
        return np.broadcast_to(_constant_prediction(output, table.y, reference), (len(x), *_shape(output, table.y)))

    judged = score(output, table.y_dev, predict(table.x_dev), reference)
    return _Fit(_candidate("constant", judged, 0.0), predict, None)


def _constant_prediction(output: Output, y: Rows, reference: Reference) -> Array:
    prediction = reference.prediction
    if output.task.classifies:
        prediction = prediction[:, 1] if output.task is Task.MULTILABEL else prediction[0]
    return np.asarray(prediction)


def _shape(output: Output, y: Rows) -> tuple[int, ...]:
    """Shape of one prediction: class probabilities, or the flat targets."""
    if output.task in (Task.BINARY, Task.MULTICLASS):
        return (output.classes or 2,)
    return (int(np.prod(y.shape[1:])),)


def _fit(output: Output, table: _Table, reference: Reference, name: str, make: Callable[[], Any]) -> _Fit:
    start = time.perf_counter()
    predict = _fitted(output, make(), table.x, table.y)
    judged = score(output, table.y_dev, predict(table.x_dev), reference)
    return _Fit(_candidate(name, judged, time.perf_counter() - start), predict, make)


def _candidate(name: str, judged: Score, seconds: float) -> Candidate:
    return Candidate(name, judged.error, judged.error_interval, judged.loss, judged.skill, seconds)


def _fitted(output: Output, model: Any, x: Array, y: Rows) -> Callable[[Array], Array]:
    """Fit a scikit-learn model; return a function that predicts in the form of a net's output."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    targets = _labels(output, y)
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


def _labels(output: Output, y: Rows) -> Rows:
    """Targets in the form of scikit-learn: class numbers, label columns, or numbers."""
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


def _candidates(bench: Bench, output: Output, table: _Table) -> list[tuple[str, Callable[[], Any]]]:
    """Names and builders of the candidate models, the cheapest first."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    classifies, several = output.task.classifies, _labels(output, table.y).ndim > 1
    wide = table.x.shape[1] > WIDE
    seed = bench.settings.seed
    width = min(table.x.shape[1], PROJECTED)
    classes = output.classes or 2 if output.task is Task.MULTICLASS else 1
    neighbours = KNeighborsClassifier if classifies else KNeighborsRegressor
    boosting = HistGradientBoostingClassifier if classifies else HistGradientBoostingRegressor

    def linear() -> Any:
        return LogisticRegression(max_iter=100, random_state=seed) if classifies else Ridge(1.0)

    found: list[tuple[str, Callable[[], Any]]] = [
        ("logistic regression" if classifies else "ridge", _scaled(linear, 0, several and classifies, seed)),
        ("nearest neighbours", _scaled(lambda: neighbours(min(5, len(table.x))), width if wide else 0, False, seed)),
    ]
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

        found.append(("gradient boosting", _scaled(boosted, width if wide else 0, several, seed)))
    return found


def _scaled(make: Callable[[], Any], project: int, several: bool, seed: int) -> Callable[[], Any]:
    """Return a builder of pipelines: standardise, optionally project, then the model (`several`: one per column)."""

    def build() -> Any:
        from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        from sklearn.random_projection import GaussianRandomProjection

        model = make()
        if several:
            model = MultiOutputClassifier(model) if hasattr(model, "predict_proba") else MultiOutputRegressor(model)
        steps = [StandardScaler()]
        if project:
            steps.append(GaussianRandomProjection(project, random_state=seed))
        return make_pipeline(*steps, model)

    return build


def _null(bench: Bench, output: Output, table: _Table, best: _Fit) -> tuple[float, float] | None:
    """Skill of the best baseline refitted on shuffled labels: mean and 95th percentile; None for the constant."""
    if best.make is None:
        return None
    generator = np.random.default_rng([bench.settings.seed, 4])
    shape = min(len(table.x), SHUFFLED_ROWS), table.x.shape[1]
    once = fitting_seconds(output, best.candidate.name, shape, int(np.prod(table.y.shape[1:])))
    shuffles = int(np.clip(NULL_SECONDS / once, 1, SHUFFLES))
    skills = []
    for _ in range(shuffles):
        rows = generator.permutation(len(table.y))[:SHUFFLED_ROWS]
        y = table.y[generator.permutation(rows)]
        if output.task in (Task.BINARY, Task.MULTICLASS) and len(np.unique(_labels(output, y))) < 2:
            continue
        predict = _fitted(output, best.make(), table.x[rows], y)
        skills.append(score(output, table.y_dev, predict(table.x_dev), _reference(output, y)).skill)
    return (float(np.mean(skills)), float(np.quantile(skills, 0.95))) if skills else None
