"""Figures that do not belong to a cause: curves and data."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from diagnose.checks.reading import rates
from diagnose.checks.reading.curves import learning_curves
from diagnose.checks.reading.loss_parts import part_curves
from diagnose.describing.predictions import predictions
from diagnose.diagnosis import Figure
from diagnose.findings import Bars, Curves, Evidence, Mark, Series, Table
from diagnose.measurements import (
    Array,
    Dataset,
    Evaluation,
    History,
    LearningRate,
    RowsCurve,
    SplitScores,
    Unavailable,
    Update,
    Words,
)
from diagnose.subject import Subject, Task

MOST_FEATURES = 30  # bars in the figure of feature scales
MOST_STEPS = 100  # points of a line over steps; each stands for a stretch of them


def figures(subject: Subject, measurements: Mapping[type, object], samples: bool) -> tuple[Figure, ...]:
    """The predictions, the curves, the data. `samples`: whether to include rows of the data."""
    evaluation = measurements.get(Evaluation)
    judged = predictions(subject, evaluation) if isinstance(evaluation, Evaluation) else ()
    drawn = [Figure("errors", shown) for shown in judged]
    history, rate = measurements.get(History), measurements.get(LearningRate)
    if isinstance(history, History) and history.runs:
        known = evaluation if isinstance(evaluation, Evaluation) else None
        drawn += [Figure("curves", shown) for shown in (*_curves(history, known), *_modes(history))]
        drawn += [Figure("layers", shown) for shown in while_training(history)]
    if isinstance(rate, LearningRate):
        drawn += [Figure("curves", curves) for curves in rates.pictures(rate)]
    by_rows = measurements.get(RowsCurve)
    if isinstance(by_rows, RowsCurve):
        drawn.append(Figure("curves", rows_curve(by_rows)))
    return (*drawn, *(Figure("data", shown) for shown in _data(subject, measurements, samples)))


def _curves(history: History, evaluation: Evaluation | None) -> Iterator[Curves]:
    """The training as a whole, then as each output fared; where outputs are not told apart, the logged losses."""
    yield training_curves(history, evaluation)
    for output, view in history.by_output.items():
        for curves in (training_curves(view), learning_curves(view, "error")):
            if curves.series:
                yield replace(curves, title=f"{curves.title}, of {output}")
    parts = None if history.by_output else part_curves(history)
    if parts is not None:
        yield parts


def while_training(history: History) -> Iterator[Curves]:
    """What was seen at single steps: how far they moved the layers (callback only), and the norm of the gradient."""
    known = [] if isinstance(history.updates, Unavailable) else [update for update in history.updates if update.ratios]
    if len(known) > 1:
        ratios = [np.array(list(update.ratios.values())) for update in known]
        steps = tuple(float(update.step) for update in known)
        low, middle, high = (tuple(float(of(one)) for one in ratios) for of in (np.min, np.median, np.max))
        lines = [Series("median layer" if ratios[0].size > 1 else "layer", steps, middle, low, high)]
        ends = zip(("first", "last"), _ends(known[0]), strict=False)
        lines += [Series(f"{name}: {path}", *_followed(known, path)) for name, path in ends]
        yield Curves(
            "How far a step moves the weights, by layer", "step", "share of the weights", tuple(lines), log_y=True
        )
    norms = history.runs[0].gradient_norms
    if np.isfinite(norms).sum() > 1:
        parts = np.array_split(norms, min(MOST_STEPS, norms.size))
        steps = tuple(float(part) for part in np.cumsum([part.size for part in parts]))
        with warnings.catch_warnings():  # about parts without a finite norm
            warnings.simplefilter("ignore", RuntimeWarning)
            low, middle, high = (
                tuple(float(of(part)) for part in parts) for of in (np.nanmin, np.nanmedian, np.nanmax)
            )
        whose = "one replay" if history.origin == "replay" else "the training"
        line = Series("all weights", steps, middle, low, high)
        yield Curves(f"Norm of the gradient by step of {whose}", "step", "norm", (line,), log_y=bool((norms > 0).any()))


def _ends(update: Update) -> tuple[str, ...]:
    """The first and the last layer, if there are more than two."""
    paths = tuple(update.ratios)
    return (paths[0], paths[-1]) if len(paths) > 2 else ()


def _followed(known: Sequence[Update], path: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Steps and ratios of one layer."""
    seen = [(float(update.step), update.ratios[path]) for update in known if path in update.ratios]
    return tuple(step for step, _ in seen), tuple(ratio for _, ratio in seen)


def _modes(history: History) -> Iterator[Curves | Bars]:
    """The errors in training mode and in inference mode side by side, by split and output."""
    several = len({errors.output for errors in history.modes}) > 1
    for split, output in dict.fromkeys((errors.split, errors.output) for errors in history.modes):
        found = [errors for errors in history.modes if (errors.split, errors.output) == (split, output)]
        title = f"Error on {split}{f' of {output}' if several else ''}, by the mode of BatchNormalization"
        modes = {
            "training mode": [errors.batch for errors in found],
            "inference mode": [errors.moving for errors in found],
        }
        if len(found) == 1:
            yield Bars(title, tuple(modes), tuple(values[0] for values in modes.values()))
            continue
        epochs = tuple(errors.epoch for errors in found)
        yield Curves(
            title, "epoch", "error", tuple(Series(name, epochs, tuple(values)) for name, values in modes.items())
        )


def _data(subject: Subject, measurements: Mapping[type, object], samples: bool) -> Iterator[Evidence]:
    """The inputs and targets: scales, classes, samples, rows with the largest losses."""
    dataset, evaluation = measurements.get(Dataset), measurements.get(Evaluation)
    known = dataset if isinstance(dataset, Dataset) else None
    judged = evaluation if isinstance(evaluation, Evaluation) else None
    if known:
        yield _fed(known)
        yield from _class_shares(subject, known)
        yield from _feature_scales(known)
    if samples:
        from diagnose.describing.samples import first_rows, worst_rows

        kind = known.train.inputs[0].kind if known else ""
        words = measurements.get(Words)
        read = words if isinstance(words, Words) else None
        yield first_rows(subject, kind, read)
        worst = worst_rows(subject, judged, kind, read) if judged else None
        if worst:
            yield worst


def _fed(dataset: Dataset) -> Table:
    """Every input of every split, with statistics over all its features."""
    numbers = ("smallest", "mean", "largest", "constant features", "NaN or infinite")
    rows = [
        (
            data.name,
            split.name.replace("_", "-"),
            data.kind,
            " × ".join(map(str, data.shape)) or ("one text" if data.kind == "text" else "one number"),
            "text" if data.kind == "text" else data.dtype,
            *((_least(data.low), _mean(data.mean), _largest(data.high)) if data.kind != "text" else (None,) * 3),
            data.constant,
            data.non_finite,
        )
        for number, _ in enumerate(dataset.train.inputs)
        for split in dataset.splits
        for data in split.inputs[number : number + 1]
    ]
    return Table("Model inputs", ("input", "split", "kind", "one row", "type", *numbers), tuple(rows))


def _least(values: Array) -> float | None:
    return float(values.min()) if values.size else None


def _mean(values: Array) -> float | None:
    return float(values.mean()) if values.size else None


def _largest(values: Array) -> float | None:
    return float(values.max()) if values.size else None


def training_curves(history: History, evaluation: Evaluation | None = None) -> Curves:
    """Train and dev loss by epoch with the best epoch marked, and the loss of the best constant prediction.

    Beside a replay, which is not the training of the model, stands the loss of the loaded weights.
    """
    curves = learning_curves(history)
    series = list(curves.series)
    every = [x for line in series for x in line.x] or [0.0, 1.0]
    ends = (min(every), max(every))
    if history.constant_loss is not None and math.isfinite(history.constant_loss):
        series.append(Series("constant prediction", ends, (history.constant_loss,) * 2, role="reference"))
    if history.origin == "replay" and evaluation is not None:
        loaded = _loaded_losses(evaluation)
        series += [Series(f"your model, {name}", ends, (loss,) * 2, role=name) for name, loss in loaded]
    how = {"replay": "A short replay from fresh weights", "recorded": "Your training", "live": "This training"}
    return replace(
        curves,
        title=f"{how[history.origin]}: loss by {curves.x_label}",
        series=tuple(series),
        marks=_best_epoch(curves),
        log_y=all(value > 0 for line in series for value in (*line.y, *line.low)),
    )


def rows_curve(curve: RowsCurve) -> Curves:
    """The dev error by the number of training rows: the trainings with their range, then the forecast."""
    parts = (curve.rows, curve.errors.mean(axis=1), curve.errors.min(axis=1), curve.errors.max(axis=1))
    now = (float(curve.rows[-1]), float(curve.fitted[-1]))
    ahead = curve.forecasts
    forecast = Series(
        "forecast, 80 % interval",
        (now[0], *(float(one.rows) for one in ahead)),
        (now[1], *(one.error for one in ahead)),
        (now[1], *(one.interval.low for one in ahead)),
        (now[1], *(one.interval.high for one in ahead)),
        role="reference",
    )
    rows, level, low, high = (tuple(map(float, part)) for part in parts)
    trained = Series(f"trained, {curve.errors.shape[1]} seeds", rows, level, low, high, role="dev")
    of = f" of {curve.output}" if curve.output else ""
    return Curves(
        f"{curve.metric.capitalize().replace('rmse', 'RMSE')}{of} by training rows, after {curve.steps:,} steps",
        "training rows",
        curve.metric,
        (trained, forecast),
        log_x=True,
    )


def _loaded_losses(evaluation: Evaluation) -> Iterator[tuple[str, float]]:
    """The loss of the loaded weights on train and dev; none for several outputs, whose losses the curves add up."""
    for split in (evaluation.train, evaluation.dev):
        if isinstance(split, SplitScores) and len(split.scores) == 1 and math.isfinite(split.scores[0].loss):
            yield split.split, split.scores[0].loss


def _best_epoch(curves: Curves) -> tuple[Mark, ...]:
    """The epoch (or step) with the lowest dev loss, unless it is the last one."""
    dev = next((line for line in curves.series if line.role == "dev"), None)
    if dev is None:
        return ()
    best = min(range(len(dev.y)), key=lambda i: dev.y[i])
    if best == len(dev.y) - 1:
        return ()
    return (Mark(f"lowest dev: {curves.x_label} {round(float(dev.x[best]), 1):.6g}", dev.x[best]),)


def _class_shares(subject: Subject, dataset: Dataset) -> list[Bars]:
    drawn = []
    for output, target in zip(subject.outputs, dataset.train.targets, strict=True):
        if 2 <= len(target.classes) <= MOST_FEATURES and any(target.counts):
            labels = tuple(output.class_name(value) for value in target.classes)
            each = output.task is not Task.MULTILABEL and sum(target.counts) > target.rows  # a class at each position
            whole = sum(target.counts) if each else target.rows
            shares = tuple(count / whole for count in target.counts)
            of = f" of {target.output}" if len(dataset.train.targets) > 1 else ""
            drawn.append(Bars(f"Classes in train{of}", labels, shares, f"share of {'positions' if each else 'rows'}"))
    return drawn


def _feature_scales(dataset: Dataset) -> list[Bars]:
    drawn = []
    for data in dataset.train.inputs:
        if data.kind not in {"dense", "image", "sequence"} or data.mean.size < 2:
            continue
        unit = "channel" if data.kind == "image" else "feature"
        order = sorted(range(data.mean.size), key=lambda i: -float(data.std[i]))[:MOST_FEATURES]
        names = data.feature_names or tuple(f"{unit} {i}" for i in range(data.mean.size))
        keep = sorted(order)
        values = tuple(float(data.mean[i]) for i in keep)
        lows = tuple(float(data.mean[i] - data.std[i]) for i in keep)
        highs = tuple(float(data.mean[i] + data.std[i]) for i in keep)
        labels = tuple(names[i] for i in keep)
        title = f"Input scale as fed: mean and one standard deviation ({data.name})"
        drawn.append(Bars(title, labels, values, "", lows, highs))
    return drawn
