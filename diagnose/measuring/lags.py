"""Measures what earlier rows tell about a numeric target beyond the row's own inputs, if rows are in time order."""

import numpy as np

from diagnose.intervals import mean_interval
from diagnose.measurements import DOES_NOT_APPLY, Array, Flags, Lags, Measurements, NotMeasured, OutputLags
from diagnose.measuring.bench import Bench
from diagnose.measuring.copying import token_inputs
from diagnose.measuring.work import Work
from diagnose.subject import Output, Rows, Split

ROWS = 5_000  # consecutive training rows that are read
FEWEST = 100
LAGS = 5  # rows before
HELD_OUT = 0.3  # share of the rows, the last ones
BLOCKS = 10  # of consecutive rows, whose means are independent enough for an interval
WIDEST = 200  # most numbers of a row
PENALTY = 1.0  # of ridge, on standardised columns
SECONDS = 0.3  # of the reference machine


def lags(bench: Bench, measured: Measurements) -> Lags:
    """Compare, per numeric output with one value a row, linear regressions with and without the rows before."""
    train = bench.subject.train
    if train.sampled or train.rows < FEWEST:
        reason = f"at least {FEWEST} training rows in file order are needed"
        raise NotMeasured(reason, "Run diagnose on the saved model with all rows: --rows all.")
    if token_inputs(bench.subject.model) or any(rows.dtype.kind not in "biuf" for rows in train.inputs):
        raise NotMeasured("the inputs are not numbers", DOES_NOT_APPLY)
    if sum(int(np.prod(rows.shape[1:])) for rows in train.inputs) > WIDEST:
        raise NotMeasured(f"a row has more than {WIDEST} numbers", DOES_NOT_APPLY)
    outputs = zip(bench.subject.outputs, train.targets, strict=True)
    found = [_output(output, train, y) for output, y in outputs if not output.task.classifies and y[0].size == 1]
    if not found:
        raise NotMeasured("no output is a single number", DOES_NOT_APPLY)
    return Lags(tuple(found))


def lags_work(bench: Bench, measured: Measurements) -> Work:
    """Return the work of `lags`."""
    return Work(seconds=SECONDS)


def _output(output: Output, train: Split, targets: Rows) -> OutputLags:
    y = np.nan_to_num(np.asarray(targets[:ROWS], np.float64).reshape(-1))
    x = np.concatenate([np.asarray(rows[:ROWS], np.float64).reshape(len(y), -1) for rows in train.inputs], axis=1)
    x = np.nan_to_num(x, posinf=0.0, neginf=0.0)
    earlier = [_earlier(x), _earlier(y[:, None])]
    x, y = x[LAGS:], y[LAGS:]
    held = np.arange(len(y)) >= round((1 - HELD_OUT) * len(y))
    own, *more = (_errors(table, y, held) for table in (x, *(np.concatenate([x, one], axis=1) for one in earlier)))
    scale = max(float(np.square(y[held] - y[~held].mean()).mean()), 1e-12)
    skills = [1 - float(errors.mean()) / scale for errors in (own, *more)]
    gained = (own - min(more, key=lambda errors: float(errors.mean()))) / scale
    changes = np.sign(np.diff(y))
    changes = changes[changes != 0]
    return OutputLags(
        output=output.name,
        autocorrelation=_autocorrelation(y),
        turns=float(np.mean(changes[1:] != changes[:-1])) if len(changes) > 1 else 0.0,
        lags=LAGS,
        window=max((int(rows.shape[1]) for rows in train.inputs if rows.ndim == 3), default=0),
        own=skills[0],
        inputs=skills[1],
        targets=skills[2],
        gain=mean_interval(np.array([block.mean() for block in np.array_split(gained, BLOCKS)])),
        rows=int(held.sum()),
    )


def _earlier(values: Array) -> Array:
    """The values of the LAGS rows before, from row LAGS on."""
    return np.concatenate([values[LAGS - lag : len(values) - lag] for lag in range(1, LAGS + 1)], axis=1)


def _errors(table: Array, y: Array, held: Flags) -> Array:
    """Squared errors on the held-out rows of a ridge regression fitted on the others."""
    mean, std = table[~held].mean(axis=0), table[~held].std(axis=0)
    x = (table - mean) / np.where(std > 0, std, 1)
    centre = y[~held].mean()
    gram = x[~held].T @ x[~held] + PENALTY * np.eye(x.shape[1])
    weights = np.linalg.solve(gram, x[~held].T @ (y[~held] - centre))
    return np.asarray(np.square(y[held] - centre - x[held] @ weights))


def _autocorrelation(y: Array) -> float:
    return float(np.corrcoef(y[:-1], y[1:])[0, 1]) if y.std() > 0 else 0.0
