"""Measurements built by hand: a small healthy subject, and keyword arguments for what a test makes sick."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from diagnose.findings import Examined, Finding, Interval, Severity
from diagnose.measurements import (
    Activations,
    Dataset,
    Evaluation,
    FirstInput,
    Forward,
    Gradients,
    Head,
    InputStatistics,
    Layer,
    LayerActivations,
    LayerGradients,
    Network,
    Score,
    SplitScores,
    SplitStatistics,
    TargetStatistics,
    Twins,
    Unavailable,
)
from diagnose.registry import Check
from diagnose.subject import Output, Task

MISSING = Unavailable("not measured in this test", "Measure it.")


def findings(check: Check, *measurements: object) -> tuple[Finding, ...]:
    """What a check finds in these measurements; it must not be skipped or crash."""
    outcome = check.run({type(measurement): measurement for measurement in measurements})
    assert isinstance(outcome, Examined), outcome
    return outcome.findings


def severities(check: Check, *measurements: object) -> list[Severity]:
    return [finding.severity for finding in findings(check, *measurements)]


# --- Network ---------------------------------------------------------------------------------------


def layer(path: str, **changes: Any) -> Layer:
    """A hidden Dense layer of 64 ReLU units, unless changed."""
    given = {"kind": "Dense", "activation": "relu", "units": 64, "fan_in": 64, "parameters": 4160, "weighted": True}
    return Layer(path=path, **{**given, "output_shape": (changes.get("units", 64),), **changes})


def passing(path: str, kind: str, **changes: Any) -> Layer:
    """A layer without weights: Flatten, Dropout, Add, ..."""
    return Layer(path=path, kind=kind, **changes)


def chain(layers: Iterable[Layer]) -> tuple[Layer, ...]:
    """Each layer fed by the one before it, unless it names its own sources."""
    linked: list[Layer] = []
    for one in layers:
        fed = (linked[-1].path,) if linked and not one.inbound else one.inbound
        linked.append(replace(one, inbound=fed))
    return tuple(linked)


def output(**changes: Any) -> Output:
    given = {"name": "y", "task": Task.MULTICLASS, "loss": "sparse_categorical_crossentropy", "classes": 10}
    return Output(**{**given, **changes})


def regression(**changes: Any) -> Output:
    return output(**{"task": Task.REGRESSION, "loss": "mean_squared_error", "classes": None, **changes})


def head(judged: Output | None = None, **changes: Any) -> Head:
    """Ten softmax units for integer labels, unless changed."""
    units = changes.get("units", 10)
    given = {"layer": "head", "activation": "softmax", "units": units, "shape": (units,), "target_shape": ()}
    return Head(output=judged or output(), **{**given, **changes})


def network(*hidden: Layer, heads: Sequence[Head] = (), **changes: Any) -> Network:
    """Hidden layers in a row, with one Dense layer per head after the last."""
    heads = tuple(heads) or (head(),)
    body = chain(hidden or (layer("dense"),))
    last = (body[-1].path,)
    ends = tuple(
        layer(h.layer, activation=h.activation, units=h.units, inbound=last)
        for h in heads
        if h.layer not in {one.path for one in body}
    )
    given: dict[str, Any] = {
        "layers": body + ends,
        "heads": heads,
        "parameters": 5000,
        "trainable_parameters": 5000,
        "graph_known": True,
        "skips": False,
        "non_finite": (),
        "penalty": 0.0,
        "optimizer": "adam",
        "learning_rate": 1e-3,
    }
    return Network(**{**given, **changes})


# --- Dataset ---------------------------------------------------------------------------------------


def inputs(mean: Any = 0.0, std: Any = 1.0, features: int = 8, **changes: Any) -> InputStatistics:
    """Standardised features, unless changed."""
    centre, spread = (
        np.broadcast_to(np.asarray(mean, float), features),
        np.broadcast_to(np.asarray(std, float), features),
    )
    given: dict[str, Any] = {
        "name": "x",
        "kind": "dense",
        "shape": (features,),
        "dtype": "float32",
        "mean": centre.copy(),
        "std": spread.copy(),
        "low": centre - 3 * spread,
        "high": centre + 3 * spread,
        "p99": float(np.max(np.abs(centre) + 2.6 * spread, initial=0.0)),
        "non_finite": 0,
        "constant": int(np.sum(spread == 0)),
    }
    return InputStatistics(**{**given, **changes})


def labels(counts: Mapping[float, int] | None = None, **changes: Any) -> TargetStatistics:
    """Integer labels 0 to 9 with 100 rows each, unless changed."""
    counts = counts if counts is not None else {float(k): 100 for k in range(10)}
    values = np.repeat(list(counts), list(counts.values())) if counts else np.zeros(1)
    given: dict[str, Any] = {
        "output": "y",
        "layout": "integers",
        "shape": (),
        "dtype": "int64",
        "rows": int(sum(counts.values())),
        "classes": tuple(map(float, counts)),
        "counts": tuple(counts.values()),
        **_moments(values),
        "non_finite": 0,
        "non_integer": 0,
    }
    return TargetStatistics(**{**given, **changes})


def one_hot(columns: int = 10, **changes: Any) -> TargetStatistics:
    """100 one-hot rows per column, unless changed."""
    counts = {float(k): 100 for k in range(columns)}
    moments = {"mean": np.array([1 / columns]), "std": np.array([0.3]), "low": np.zeros(1), "high": np.ones(1)}
    return labels(counts, **{"layout": "one-hot", "shape": (columns,), "dtype": "float32", **moments, **changes})


def numbers(mean: Any = 0.0, std: Any = 1.0, **changes: Any) -> TargetStatistics:
    """Real-valued targets, three standard deviations to each side, unless changed."""
    centre, spread = np.atleast_1d(np.asarray(mean, float)), np.atleast_1d(np.asarray(std, float))
    given: dict[str, Any] = {
        "layout": "numbers",
        "shape": () if centre.size == 1 else (centre.size,),
        "dtype": "float32",
        "rows": 1000,
        "mean": centre,
        "std": spread,
        "low": centre - 3 * spread,
        "high": centre + 3 * spread,
    }
    bounds = {name: np.asarray(changes[name], float) for name in ("low", "high") if name in changes}
    return labels({}, **{**given, **changes, **bounds})


def _moments(values: Any) -> dict[str, Any]:
    return {
        "mean": np.array([values.mean()]),
        "std": np.array([values.std()]),
        "low": np.array([float(values.min())]),
        "high": np.array([float(values.max())]),
    }


def split(name: str = "train", x: Any = None, y: Any = None, **changes: Any) -> SplitStatistics:
    """One split of one input and one output, unless lists are given."""
    x, y = x if x is not None else inputs(), y if y is not None else labels()
    rows = y.rows if isinstance(y, TargetStatistics) else 1000
    given: dict[str, Any] = {
        "rows": rows,
        "rows_used": rows,
        "seen": "yes" if name == "train" else "no",
        "inputs": tuple(x) if isinstance(x, list) else (x,),
        "targets": tuple(y) if isinstance(y, list) else (y,),
    }
    return SplitStatistics(name=name, **{**given, **changes})


def twins(share: float, rows: int = 1000, searched: float | None = 1.0, every: bool = True) -> Twins:
    """Rows with a twin, among the rows that were compared: all rows, unless changed."""
    return Twins(rows, round(share * rows), searched, every)


def dataset(train: SplitStatistics | None = None, **changes: Any) -> Dataset:
    given: dict[str, Any] = {"dev": MISSING, "test": MISSING, "train_dev": MISSING}
    return Dataset(train=train or split(), **{**given, **changes})


# --- Forward and Backward --------------------------------------------------------------------------


def activations(path: str, units: int = 64, dead: int = 0, std: Any = 1.0, **changes: Any) -> LayerActivations:
    """The output of one ReLU layer; the first `dead` units never fire."""
    never = np.arange(units) < dead
    given: dict[str, Any] = {
        "kind": "Dense",
        "activation": "relu",
        "mean": np.where(never, 0.0, 0.4),
        "std": np.broadcast_to(np.asarray(std, float), units).copy(),
        "low": np.zeros(units),
        "high": np.where(never, 0.0, 4.0),
        "positive": np.where(never, 0.0, 0.5),
        "never": never,
        "saturated": None,
    }
    return LayerActivations(path=path, **{**given, **changes})


def first_input(
    mean: Any = 0.0, std: Any = 1.0, features: int = 8, max_abs: float = 4.0, to: str = "dense"
) -> FirstInput:
    shape = (features,)
    return FirstInput(
        to, np.broadcast_to(mean, shape).astype(float), np.broadcast_to(std, shape).astype(float), max_abs
    )


def one_pass(*layers: LayerActivations, first: Sequence[FirstInput] = (), rows: int = 2000) -> Activations:
    return Activations(layers, tuple(first), rows)


def forward(current: Activations | Unavailable = MISSING, fresh: Activations | Unavailable = MISSING) -> Forward:
    return Forward(current, fresh)


def gradient(path: str, relative: float = 1e-2, cut: bool = False, kind: str = "Dense") -> LayerGradients:
    size = 0.0 if cut else relative
    return LayerGradients(path, kind, size, size / 10, size / 10, cut)


def gradients(*layers: LayerGradients, loss: float = 1.0) -> Gradients:
    return Gradients(layers, (1.0,) * 8, loss, 8, 32)


# --- Evaluation ------------------------------------------------------------------------------------


def score(error: float = 0.1, loss: float = 0.3, rows: int = 1000, **changes: Any) -> Score:
    """Ten classes at 10 % error against a constant prediction at 90 %, unless changed."""
    constant = changes.get("constant_error", 0.9)
    given: dict[str, Any] = {
        "output": "y",
        "task": Task.MULTICLASS,
        "error_interval": Interval(error - 0.02, error + 0.02),
        "loss_interval": Interval(loss * 0.9, loss * 1.1),
        "constant_error": constant,
        "constant_loss": 2.3,
        "beats_constant_error": Interval(constant - error - 0.03, constant - error + 0.03),
        "beats_constant_loss": Interval(2.3 - loss - 0.1, 2.3 - loss + 0.1),
        "skill": 1 - error / constant,
        "non_finite": 0,
    }
    return Score(rows=rows, error=error, loss=loss, **{**given, **changes})


def scores(name: str = "train", *outputs: Score, **changes: Any) -> SplitScores:
    given: dict[str, Any] = {"seen": "yes" if name == "train" else "no", "rows": 1000, "scores": outputs or (score(),)}
    return SplitScores(split=name, **{**given, **changes})


def evaluation(*splits: SplitScores) -> Evaluation:
    """The given splits; the others were not measured."""
    given = {one.split: one for one in splits or (scores(),)}
    return Evaluation(*(given.get(name, MISSING) for name in ("train", "dev", "test", "train_dev")))


def chance(**changes: Any) -> Score:
    """A model that is no better than the constant prediction."""
    given = {"beats_constant_error": Interval(-0.03, 0.03), "beats_constant_loss": Interval(-0.1, 0.1)}
    return score(error=0.9, loss=2.3, **{**given, **changes})


def dying(dead: int, rows: int = 2000, activation: str = "relu") -> Forward:
    """A first layer of 100 units of which so many are dead, and a second one."""
    return forward(one_pass(activations("a", 100, dead, activation=activation), activations("b"), rows=rows))
