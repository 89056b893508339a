"""Figures that belong to no cause: errors by split, curves, and the look of the data."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from diagnose.diagnosis import Figure
from diagnose.findings import Bars, Curves, Evidence, Mark, Matrix, Series, Table
from diagnose.measurements import (
    Array,
    Baseline,
    Dataset,
    Evaluation,
    History,
    LearningRate,
    OutputBaseline,
    Score,
    SplitScores,
    Unavailable,
)
from diagnose.subject import Subject

MOST_POINTS = 120  # a drawn line needs no more
WIDE = 30.0  # times: losses that span more are drawn on a log axis
MOST_FEATURES = 30  # bars in the figure of feature scales


def figures(subject: Subject, measurements: Mapping[type, object], samples: bool) -> tuple[Figure, ...]:
    """Errors by split, curves, and the look of the data."""
    drawn: list[Figure] = []
    evaluation, baseline = measurements.get(Evaluation), measurements.get(Baseline)
    if isinstance(evaluation, Evaluation):
        own = baseline if isinstance(baseline, Baseline) else None
        drawn += [Figure("errors", bars) for bars in error_levels(subject, evaluation, own)]
    history, rate = measurements.get(History), measurements.get(LearningRate)
    if isinstance(history, History) and history.runs:
        drawn.append(Figure("curves", learning_curves(history)))
    if isinstance(rate, LearningRate):
        drawn += [Figure("curves", curves) for curves in rate_curves(rate)]
    return (*drawn, *(Figure("data", shown) for shown in _data(subject, measurements, samples)))


def _data(subject: Subject, measurements: Mapping[type, object], samples: bool) -> Iterator[Evidence]:
    """What is fed, then what comes of it: scales, classes, samples, confusion, the worst errors."""
    dataset, evaluation = measurements.get(Dataset), measurements.get(Evaluation)
    known = dataset if isinstance(dataset, Dataset) else None
    judged = evaluation if isinstance(evaluation, Evaluation) else None
    if known:
        yield _fed(known)
        yield from _class_shares(subject, known)
        yield from _feature_scales(known)
    if samples:
        from diagnose.describing.samples import first_rows

        yield first_rows(subject)
    if judged:
        yield from _confusions(subject, judged)
    if samples and judged:
        from diagnose.describing.samples import worst_rows

        pictures = worst_rows(subject, judged)
        if pictures:
            yield pictures


def _fed(dataset: Dataset) -> Table:
    """Every input of every split: its numbers over all features."""
    numbers = ("smallest", "mean", "largest", "constant features", "NaN or infinite")
    rows = [
        (
            data.name,
            split.name.replace("_", "-"),
            data.kind,
            " × ".join(map(str, data.shape)) or "one number",
            data.dtype,
            *((_least(data.low), _mean(data.mean), _largest(data.high)) if data.kind != "text" else (None,) * 3),
            data.constant,
            data.non_finite,
        )
        for number, _ in enumerate(dataset.train.inputs)
        for split in dataset.splits
        for data in split.inputs[number : number + 1]
    ]
    return Table("What the model is fed", ("input", "split", "kind", "one row", "type", *numbers), tuple(rows))


def _least(values: Array) -> float | None:
    return float(values.min()) if values.size else None


def _mean(values: Array) -> float | None:
    return float(values.mean()) if values.size else None


def _largest(values: Array) -> float | None:
    return float(values.max()) if values.size else None


def error_levels(subject: Subject, evaluation: Evaluation, baseline: Baseline | None) -> list[Bars]:
    """The ladder of errors with intervals: target, best baseline, train, train-dev, dev, test, constant."""
    levels = []
    for place, output in enumerate(subject.outputs):
        rungs: list[tuple[str, float, float, float]] = []
        if output.target_error is not None:
            rungs.append(("target", output.target_error, output.target_error, output.target_error))
        found = _baseline_of(baseline, output.name)
        if found is not None:
            best = found.best
            rungs.append((f"baseline: {best.name}", best.error, best.error_interval.low, best.error_interval.high))
        constant: Score | None = None
        for name in ("train", "train_dev", "dev", "test"):
            split = getattr(evaluation, name)
            if isinstance(split, SplitScores):
                score = split.scores[place]
                constant = score
                label = name.replace("_", "-")
                rungs.append((label, score.error, score.error_interval.low, score.error_interval.high))
        if constant is not None:
            rungs.append(("constant prediction", *(constant.constant_error,) * 3))
        of = f" of {output.name}" if len(subject.outputs) > 1 else ""
        unit = "error rate" if output.task.classifies else "RMSE"
        labels, values, lows, highs = (tuple(column) for column in zip(*rungs, strict=True)) if rungs else ((),) * 4
        levels.append(Bars(f"Error by split{of}", labels, values, unit, lows, highs))
    return levels


def _baseline_of(baseline: Baseline | None, output: str) -> OutputBaseline | None:
    return next((b for b in baseline.outputs if b.output == output), None) if baseline else None


def learning_curves(history: History) -> Curves:
    """Train and dev loss of the first run (median over seeds for a replay), with their range."""
    run = history.runs[0]
    series = []
    for name, pick in (("train", "train_loss"), ("dev", "dev_loss")):
        lines = [getattr(r, pick) for r in history.runs if getattr(r, pick).size == run.epochs.size]
        if not lines:
            continue
        middle, low, high = _middle(lines)
        keep = [i for i, value in enumerate(middle) if math.isfinite(value)]
        if keep:
            x, y, below, above = (tuple(float(line[i]) for i in keep) for line in (run.epochs, middle, low, high))
            series.append(Series(name, x, y, below, above, role=name))
    how = {"replay": "A short replay from fresh weights", "recorded": "Your training", "live": "This training"}
    marks = _best_epoch(series)
    if history.constant_loss is not None and math.isfinite(history.constant_loss):
        flat = (history.constant_loss,) * 2
        ends = (float(run.epochs[0]), float(run.epochs[-1])) if run.epochs.size else (0.0, 1.0)
        series.append(Series("constant prediction", ends, flat, role="reference"))
    return Curves(
        f"{how[history.origin]}: loss by epoch", "epoch", "loss", tuple(series), marks, log_y=_all_positive(series)
    )


def _best_epoch(series: Sequence[Series]) -> tuple[Mark, ...]:
    """Where the dev loss was lowest, unless that is the end."""
    dev = next((line for line in series if line.role == "dev"), None)
    if dev is None:
        return ()
    best = min(range(len(dev.y)), key=lambda i: dev.y[i])
    return (Mark(f"lowest dev: epoch {dev.x[best]:.3g}", dev.x[best]),) if best < len(dev.y) - 1 else ()


def _middle(lines: Sequence[Array]) -> tuple[Array, Array, Array]:
    import numpy as np

    stacked = np.stack(lines)
    with np.errstate(all="ignore"):
        return np.median(stacked, axis=0), stacked.min(axis=0), stacked.max(axis=0)


def _all_positive(series: Sequence[Series]) -> bool:
    return all(value > 0 for line in series for value in (*line.y, *line.low))


def rate_curves(rate: LearningRate) -> list[Curves]:
    """The range tests, and the sweep with the user's own rate and the usable range marked."""
    own = (Mark("yours", rate.own, role="yours"),) if rate.own is not None else ()
    usable = (
        (Mark("usable", rate.low, rate.high, role="healthy"),) if rate.low is not None and rate.high is not None else ()
    )
    drawn = []
    if rate.ranges:
        drawn.append(_range_tests(rate, (*own, *usable)))
    if rate.sweep:
        rates = tuple(point.rate for point in rate.sweep)
        floors = [[-0.1 if not math.isfinite(s) else max(s, -0.1) for s in point.skill] for point in rate.sweep]
        line = Series(
            "skill on train",
            rates,
            tuple(sum(f) / len(f) for f in floors),
            tuple(min(f) for f in floors),
            tuple(max(f) for f in floors),
            role="train",
        )
        title = f"What {rate.steps} steps from fresh weights reach at each learning rate"
        drawn.append(Curves(title, "learning rate", "train skill", (line,), (*own, *usable), log_x=True))
    return drawn


def _range_tests(rate: LearningRate, marks: tuple[Mark, ...]) -> Curves:
    name = f"loss, {len(rate.ranges)} seeds" if len(rate.ranges) > 1 else "loss"
    lines = tuple(Series(name, *_thinned(t.rates[: t.smoothed.size], t.smoothed), role="yours") for t in rate.ranges)
    values = [value for line in lines for value in line.y]
    wide = bool(values) and min(values) > 0 and max(values) > WIDE * min(values)
    title = "Learning rate range test: loss while the rate rises"
    return Curves(title, "learning rate", "loss, smoothed", lines, marks, log_x=True, log_y=wide)


def _thinned(x: Array, y: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    import numpy as np

    keep = np.flatnonzero(np.isfinite(y))
    if keep.size > MOST_POINTS:
        keep = keep[np.linspace(0, keep.size - 1, MOST_POINTS).astype(int)]
    return tuple(float(v) for v in x[keep]), tuple(float(v) for v in y[keep])


def _confusions(subject: Subject, evaluation: Evaluation) -> list[Matrix]:
    split = evaluation.dev if isinstance(evaluation.dev, SplitScores) else evaluation.train
    if isinstance(split, Unavailable):
        return []
    drawn = []
    for output, score in zip(subject.outputs, split.scores, strict=True):
        if not score.confusion:
            continue
        names = output.class_names or tuple(str(k) for k in range(len(score.confusion)))
        of = f" of {output.name}" if len(subject.outputs) > 1 else ""
        title = f"Confusion on {split.split.replace('_', '-')}{of}"
        drawn.append(Matrix(title, "actual", "predicted", names, names, score.confusion))
    return drawn


def _class_shares(subject: Subject, dataset: Dataset) -> list[Bars]:
    drawn = []
    for output, target in zip(subject.outputs, dataset.train.targets, strict=True):
        if 2 <= len(target.classes) <= MOST_FEATURES and any(target.counts):
            labels = tuple(output.class_name(value) for value in target.classes)
            shares = tuple(count / target.rows for count in target.counts)
            of = f" of {target.output}" if len(dataset.train.targets) > 1 else ""
            drawn.append(Bars(f"Classes in train{of}", labels, shares, "share of rows"))
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
        title = f"Scale of the inputs as fed: mean and one standard deviation ({data.name})"
        drawn.append(Bars(title, labels, values, "", lows, highs))
    return drawn
