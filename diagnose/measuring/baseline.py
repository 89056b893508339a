"""Scores of simple models, compared with the loaded net on the same rows."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
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
from diagnose.measuring.candidates import DEV_ROWS, ORDERED, Table, candidates, fitted, fitting_seconds, labels
from diagnose.measuring.copying import token_inputs
from diagnose.measuring.evaluation import constant_of_train
from diagnose.measuring.position_baseline import SECONDS as POSITION_SECONDS
from diagnose.measuring.position_baseline import has_positions, of_positions
from diagnose.measuring.scoring import Reference, constant_reference, row_errors, score
from diagnose.measuring.texts import is_text, terms
from diagnose.measuring.tokens import MOST_ORDERED, bags, order, reordered
from diagnose.measuring.work import Work
from diagnose.subject import Output, Rows, Seen, Split, Task

TRAIN_ROWS = 4_000  # rows that baselines are fitted on
HELD_OUT = 0.25  # share of train that is held out if the user gave no other split
VOCABULARY = 5_000  # words kept for bags of tokens
SHUFFLES = 5  # refits on shuffled labels
SHUFFLED_ROWS = 1_000  # rows of each refit
SECONDS = 6.0  # of the reference machine, for all candidates of one output
NULL_SECONDS = 2.0  # of the reference machine, for refits on shuffled labels
WITHIN_SECONDS = 1.5  # of the reference machine, for fits within one split
MOVES = 10  # rows by which targets are moved against their rows, either way
COPY_ROWS = 500  # on which targets are compared with inputs
COPIED = 1 - 1e-5  # correlation of a cell of the target with the same cell of the input, if one is the other rescaled
MOST_TARGETS = 50  # most columns of a target for baselines


@dataclass(frozen=True)
class _Fit:
    candidate: Candidate
    predict: Callable[[Array], Array]
    make: Callable[[], Any] | None


def baseline(bench: Bench, measured: Measurements) -> Baseline | Unavailable:
    """Fit a constant, a linear model, gradient boosting and nearest neighbours, and compare the loaded net with them.

    Images and sequences are flattened, token inputs become bags of tokens, texts TF-IDF of words and pairs of words. A
    linear model also gets the order of the tokens, and the net is asked whether it notices when that changes.
    The target of a series is also predicted as its last value, and as the one a season ago. Where inputs and targets
    have the same positions (pixels, steps), each position is classified by the inputs around it. The rows are those of
    dev, else test, else held out from train (the net may have been trained on these).
    """
    known = [place for place, output in enumerate(bench.subject.outputs) if output.task is not Task.OWN_LOSS]
    if not known:
        return Unavailable("baselines need a task, and the loss and the head name none", NAME_TASK)
    known = [place for place in known if not _is_input(bench, place)]
    if not known:
        return Unavailable("the targets are the inputs, which any linear model copies", DOES_NOT_APPLY)
    try:
        train, dev, held_out = splits_compared(bench)
        x, x_dev, ordered = _features(bench, train, dev)
        window = _window(bench, train)
        predicted = _predictions(bench, dev)
        otherwise = _predictions(bench, _reordered(bench, dev)) if ordered else None
        outputs = []
        for place in known:
            output = bench.subject.outputs[place]
            each = of_positions(bench, place, (train, dev), predicted[place])
            if each is not None:
                outputs.append(each)
                continue
            table = Table(x, np.asarray(train.targets[place]), x_dev, np.asarray(dev.targets[place]), window, ordered)
            found = _output(bench, output, table, predicted[place], constant_of_train(bench, place))
            if otherwise is not None:
                found = replace(found, order_change=_change(predicted[place], otherwise[place]))
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
        if output.task is Task.OWN_LOSS or _is_input(bench, place):
            continue
        if has_positions(bench, place):
            seconds += POSITION_SECONDS
            continue
        linear = "logistic regression" if output.task.classifies else "ridge"
        columns = int(np.prod(target.shape[1:]))
        names = (linear, "nearest neighbours", "gradient boosting")
        fits = sum(fitting_seconds(output, name, shape, columns) for name in names)
        if _is_ordered(bench):
            wide = shape[0], 2 * MOST_ORDERED
            fits += fitting_seconds(output, ORDERED[0 if output.task.classifies else 1], wide, columns)
        seconds += NULL_SECONDS + min(SECONDS, fits) + 2 * min(WITHIN_SECONDS, fits)
    return Work(seconds=seconds)


def _is_input(bench: Bench, place: int) -> bool:
    """Whether the target of an output is an input, cell by cell, maybe in another scale.

    A net that is to give back its inputs has a narrow layer, noise or a penalty in its way, and a baseline has not.
    """
    train = bench.subject.train
    rows = bench.sample(train, COPY_ROWS)
    target = np.asarray(train.targets[place][rows], np.float64).reshape(len(rows), -1) if _real(train, place) else None
    if target is None or target.shape[1] < 2:
        return False
    return any(_copies(np.asarray(part[rows]), target) for part in train.inputs)


def _real(train: Split, place: int) -> bool:
    return bool(np.issubdtype(train.targets[place].dtype, np.number))


def _copies(given: Rows, target: Array) -> bool:
    if given[0].size != target.shape[1] or not np.issubdtype(given.dtype, np.number):
        return False
    x, y = (cells - cells.mean(axis=0) for cells in (given.reshape(len(given), -1).astype(np.float64), target))
    sizes = np.linalg.norm(x, axis=0) * np.linalg.norm(y, axis=0)
    varies = sizes > 0
    return bool(varies.any()) and bool(((x * y).sum(axis=0)[varies] >= COPIED * sizes[varies]).all())


def _output(bench: Bench, output: Output, table: Table, net: Rows, mine: Reference) -> OutputBaseline:
    """`mine`: the constant prediction of the evaluation, which reads the numbers of the net."""
    usable = _usable(table)
    reference = _reading_probabilities(output, mine)
    fits = _fit_all(bench, output, usable, reference)
    best = min(fits, key=lambda fit: (fit.candidate.error, fit.candidate.loss))
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


def _slip(output: Output, table: Table, fits: list[_Fit], reference: Reference, split: str) -> Slip | None:
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


def constant_of(output: Output, y: Rows) -> Reference:
    """Return the best constant prediction of some rows, for baselines."""
    return _reading_probabilities(output, constant_reference(output, y))


def _reading_probabilities(output: Output, constant: Reference) -> Reference:
    """Baselines predict probabilities, unlike the head of some nets."""
    return replace(constant, activation="sigmoid" if output.task.classifies else None)


def _signal(best: _Fit, null: tuple[float, float] | None, gain: float) -> bool:
    """Whether the best baseline clearly beats the constant, and its own skill on shuffled labels."""
    return gain > 0 and (null is None or best.candidate.skill > null[1])


def _gain(output: Output, table: Table, best: _Fit, reference: Reference) -> float:
    """Lower bound of the paired 95 % interval of error(constant) - error(best baseline)."""
    return score(output, table.y_dev, best.predict(table.x_dev), reference).beats_constant_error.low


def _within(bench: Bench, output: Output, table: Table, found: OutputBaseline, split: str) -> tuple[Within, ...]:
    """The best baseline within train; without a signal, any baseline within train and within the other split."""
    sides = {"train": (table.x, table.y)} | ({} if found.signal else {split: (table.x_dev, table.y_dev)})
    only = found.best.name if found.signal else ""
    every = [_within_rows(bench, output, name, replace(table, x=x, y=y), only) for name, (x, y) in sides.items()]
    return tuple(one for one in every if one is not None)


def _within_rows(bench: Bench, output: Output, split: str, table: Table, only: str) -> Within | None:
    """The best candidate on held-out rows of one split; None if it has too few rows or classes."""
    x, y = table.x, table.y
    order = np.random.default_rng([bench.settings.seed, 5]).permutation(len(y))
    held, rest = order[: round(HELD_OUT * len(y))], order[round(HELD_OUT * len(y)) :]
    part = _usable(Table(x[rest], y[rest], x[held], y[held], table.window, table.ordered))
    classes = output.task in (Task.BINARY, Task.MULTICLASS)
    if not len(held) or not len(part.y) or (classes and len(np.unique(labels(output, part.y))) < 2):
        return None
    reference = constant_of(output, part.y)
    scores, left = [], WITHIN_SECONDS
    for name, make in candidates(output, part, bench.settings.seed):
        if only not in ("", name):
            continue
        seconds = fitting_seconds(output, name, _shape_for(name, part), int(np.prod(part.y.shape[1:])))
        if seconds <= left:
            left -= seconds
            predicted = fitted(output, make(), part.x, part.y)(part.x_dev)
            scores.append((name, score(output, part.y_dev, predicted, reference)))
    if not scores:
        return None
    name, best = min(scores, key=lambda pair: pair[1].error)
    return Within(split, name, best.error, best.error_interval, best.skill, best.beats_constant_error, best.rows)


# --- Rows and features -----------------------------------------------------------------------------


def splits_compared(bench: Bench) -> tuple[Split, Split, str]:
    """Return rows to fit baselines on, rows to evaluate them on, and the split that the latter come from."""
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


def _features(bench: Bench, train: Split, dev: Split) -> tuple[Array, Array, int]:
    """All inputs as finite numbers, [rows, features], of both splits; and how many columns tell the order of tokens."""
    tokens = token_inputs(bench.subject.model)
    columns: list[tuple[Array, Array]] = []
    ordered: list[tuple[Array, Array]] = []
    for place, (ours, theirs) in enumerate(zip(train.inputs, dev.inputs, strict=True)):
        if is_text(ours):
            (known, new), _ = terms([ours, theirs], ours, VOCABULARY)
            columns.append((known, new))
            continue
        if place not in tokens:
            columns.append((_flattened(ours), _flattened(theirs)))
            continue
        columns.append((bags(ours, ours, VOCABULARY), bags(theirs, ours, VOCABULARY)))
        if _is_row_of_tokens(ours):
            ordered.append((order(ours, ours), order(theirs, ours)))
    x, x_dev = (np.concatenate([pair[side] for pair in (*columns, *ordered)], axis=1) for side in (0, 1))
    return x, x_dev, sum(ours.shape[1] for ours, _ in ordered)


def _is_row_of_tokens(rows: Rows) -> bool:
    return rows.ndim == 2 and rows.shape[1] > 1


def _is_ordered(bench: Bench) -> bool:
    """Whether some input is rows of tokens."""
    return any(_is_row_of_tokens(bench.subject.train.inputs[place]) for place in token_inputs(bench.subject.model))


def _reordered(bench: Bench, split: Split) -> Split:
    """The rows with the tokens of each in another order."""
    tokens, seed = token_inputs(bench.subject.model), bench.settings.seed
    inputs = (
        reordered(rows, seed) if place in tokens and _is_row_of_tokens(rows) else rows
        for place, rows in enumerate(split.inputs)
    )
    return replace(split, inputs=tuple(inputs))


def _change(given: Rows, otherwise: Rows) -> float:
    """The mean change of outputs, in standard deviations over rows."""
    given, otherwise = (np.asarray(part, np.float64).reshape(len(part), -1) for part in (given, otherwise))
    return float(np.abs(otherwise - given).mean() / max(float(given.std(axis=0).mean()), 1e-12))


def _window(bench: Bench, train: Split) -> tuple[int, int] | None:
    """Steps and features of the only input, if its rows are sequences of numbers."""
    rows = train.inputs[0]
    if len(train.inputs) > 1 or rows.ndim != 3 or rows.dtype.kind not in "iuf" or token_inputs(bench.subject.model):
        return None
    return int(rows.shape[1]), int(rows.shape[2])


def _flattened(rows: Rows) -> Array:
    return np.nan_to_num(rows.reshape(len(rows), -1).astype(np.float64), posinf=0.0, neginf=0.0)


def _usable(table: Table) -> Table:
    finite = np.isfinite(table.y.reshape(len(table.y), -1).astype(np.float64)).all(axis=1)
    return replace(table, x=table.x[finite], y=table.y[finite])


# --- The net ---------------------------------------------------------------------------------------


def _predictions(bench: Bench, dev: Split) -> list[Rows]:
    from diagnose.measuring.tensorflow_training import compile_prediction
    from diagnose.measuring.training import predict_all

    inputs, _, _ = bench.batch(dev, np.arange(dev.rows))
    with bench.at(None) as model:
        return predict_all(compile_prediction(model, inputs), np.arange(dev.rows))


# --- Candidates ------------------------------------------------------------------------------------


def _fit_all(bench: Bench, output: Output, table: Table, reference: Reference) -> list[_Fit]:
    columns = int(np.prod(table.y.shape[1:]))
    if columns > MOST_TARGETS and (output.task in (Task.REGRESSION, Task.MULTILABEL) or table.y.ndim > 2):
        raise NotMeasured(f"output '{output.name}' has too many targets for a baseline ({columns})", DOES_NOT_APPLY)
    if output.task.classifies and output.task is not Task.MULTILABEL and len(np.unique(labels(output, table.y))) < 2:
        raise NotMeasured(f"output '{output.name}' has only one class", "Pass training rows of at least two classes.")
    if output.task in (Task.BINARY, Task.MULTICLASS) and columns not in (1, output.classes or 2):
        raise NotMeasured(f"output '{output.name}' has too many labels for a baseline ({columns})", DOES_NOT_APPLY)
    fits, left = [_constant(output, table, reference)], SECONDS
    for name, make in candidates(output, table, bench.settings.seed):
        seconds = fitting_seconds(output, name, _shape_for(name, table), columns)
        if seconds <= left:
            left -= seconds
            fits.append(_fit(output, table, reference, name, make))
    return fits


def _shape_for(name: str, table: Table) -> tuple[int, int]:
    """Rows and features that a candidate is fitted on."""
    return len(table.x), int(table.x.shape[1]) if name in ORDERED else table.width


def _constant(output: Output, table: Table, reference: Reference) -> _Fit:
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


def _fit(output: Output, table: Table, reference: Reference, name: str, make: Callable[[], Any]) -> _Fit:
    start = time.perf_counter()
    predict = fitted(output, make(), table.x, table.y)
    judged = score(output, table.y_dev, predict(table.x_dev), reference)
    return _Fit(_candidate(name, judged, time.perf_counter() - start), predict, make)


def _candidate(name: str, judged: Score, seconds: float) -> Candidate:
    ordered = name in ORDERED
    return Candidate(name, judged.error, judged.error_interval, judged.loss, judged.skill, seconds, ordered)


def _null(bench: Bench, output: Output, table: Table, best: _Fit) -> tuple[float, float] | None:
    """Skill of the best baseline refitted on shuffled labels: mean and 95th percentile; None for the constant."""
    if best.make is None:
        return None
    generator = np.random.default_rng([bench.settings.seed, 4])
    shape = min(len(table.x), SHUFFLED_ROWS), _shape_for(best.candidate.name, table)[1]
    once = fitting_seconds(output, best.candidate.name, shape, int(np.prod(table.y.shape[1:])))
    shuffles = int(np.clip(NULL_SECONDS / once, 1, SHUFFLES))
    skills = []
    for _ in range(shuffles):
        rows = generator.permutation(len(table.y))[:SHUFFLED_ROWS]
        y = table.y[generator.permutation(rows)]
        if output.task in (Task.BINARY, Task.MULTICLASS) and len(np.unique(labels(output, y))) < 2:
            continue
        predict = fitted(output, best.make(), table.x[rows], y)
        skills.append(score(output, table.y_dev, predict(table.x_dev), constant_of(output, y)).skill)
    return (float(np.mean(skills)), float(np.quantile(skills, 0.95))) if skills else None
