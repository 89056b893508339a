"""Measurements by hand for the checks on optimisation, generalisation and process: healthy unless changed."""

from collections.abc import Sequence
from dataclasses import replace
from math import sqrt
from typing import Any

import numpy as np

from diagnose.findings import Examined, Finding, Interval, Severity, Skipped
from diagnose.intervals import wilson
from diagnose.measurements import (
    Activations,
    Backward,
    Baseline,
    Candidate,
    Continuation,
    Dataset,
    Evaluation,
    Forward,
    Gradients,
    Head,
    History,
    Initial,
    InputStatistics,
    Layer,
    LayerActivations,
    LayerGradients,
    LearningRate,
    Network,
    OutputBaseline,
    RangeTest,
    Run,
    Score,
    SplitScores,
    SplitStatistics,
    SweepPoint,
    TargetStatistics,
    Unavailable,
)
from diagnose.registry import Check
from diagnose.subject import Output, Task

MISSING = Unavailable("not given", "Give it.")


def findings(check: Check, *measured: object) -> tuple[Finding, ...]:
    """What the check finds; the test fails if it was skipped or crashed."""
    outcome = check.run({type(measurement): measurement for measurement in measured})
    assert isinstance(outcome, Examined), outcome
    return outcome.findings


def severities(check: Check, *measured: object) -> list[Severity]:
    return [finding.severity for finding in findings(check, *measured)]


def skipped(check: Check, *measured: object) -> str:
    """Why the check was skipped; the test fails if it was not."""
    outcome = check.run({type(measurement): measurement for measurement in measured})
    assert isinstance(outcome, Skipped), outcome
    return outcome.reason


# --- Evaluation -------------------------------------------------------------------------------------


def score(error: float, rows: int = 1000, constant: float = 0.9, classes: int = 10, **changed: Any) -> Score:
    """A classifier's score; the losses follow the errors unless `changed` says otherwise."""
    task = Task.BINARY if classes == 2 else Task.MULTICLASS
    se = sqrt(max(error * (1 - error), constant * (1 - constant), 1 / rows) / rows)
    loss, constant_loss = 2.3 * error / constant, 2.3
    ahead = constant - error
    base = Score(
        output="out",
        task=task,
        rows=rows,
        error=error,
        error_interval=wilson(error * rows, rows),
        loss=loss,
        loss_interval=Interval(loss * 0.95, loss * 1.05),
        constant_error=constant,
        constant_loss=constant_loss,
        beats_constant_error=Interval(ahead - 2 * se, ahead + 2 * se),
        beats_constant_loss=Interval(constant_loss - loss - 5 * se, constant_loss - loss + 5 * se),
        skill=1 - error / constant,
        non_finite=0,
        predicted=(1 / classes,) * classes,
        actual=(1 / classes,) * classes,
        confusion=confusion(error, rows, classes),
    )
    return replace(base, **changed)


def confusion(error: float, rows: int, classes: int) -> tuple[tuple[float, ...], ...]:
    """Equal classes, each recognised with the same recall."""
    each = rows / classes
    matrix = np.full((classes, classes), error * each / (classes - 1))
    np.fill_diagonal(matrix, (1 - error) * each)
    return tuple(map(tuple, matrix.tolist()))


def regression(skill: float, rows: int = 1000, deviation: float = 10.0, **changed: Any) -> Score:
    """A regression's score: targets of this standard deviation, 1 - skill of their variance left."""
    mse, constant = (1 - skill) * deviation**2, deviation**2
    half = 1.96 * mse * sqrt(2 / rows)
    ahead = Interval(constant - mse - half, constant - mse + half)
    base = Score(
        output="out",
        task=Task.REGRESSION,
        rows=rows,
        error=sqrt(mse),
        error_interval=Interval(sqrt(max(mse - half, 0.0)), sqrt(mse + half)),
        loss=mse,
        loss_interval=Interval(mse - half, mse + half),
        constant_error=deviation,
        constant_loss=constant,
        beats_constant_error=ahead,
        beats_constant_loss=ahead,
        skill=skill,
        non_finite=0,
        spread=sqrt(max(skill, 0.0)),
    )
    return replace(base, **changed)


def split(name: str, *scores: Score, seen: str = "no") -> SplitScores:
    return SplitScores(name, seen, scores[0].rows, scores)


def evaluation(
    train: Score, dev: Score | None = None, test: Score | None = None, train_dev: Score | None = None
) -> Evaluation:
    def of(name: str, given: Score | None) -> SplitScores | Unavailable:
        return MISSING if given is None else split(name, given)

    return Evaluation(split("train", train, seen="yes"), of("dev", dev), of("test", test), of("train_dev", train_dev))


# --- Network, dataset and baselines -------------------------------------------------------------------


def network(
    task: Task = Task.MULTICLASS, target: float | None = None, layers: Sequence[Layer] = (), **changed: Any
) -> Network:
    output = Output("out", task, "sparse_categorical_crossentropy", target_error=target, classes=10)
    base = Network(
        layers=tuple(layers) or (dense("dense"), dense("dense_1"), dense("out")),
        heads=(Head(output, "out", "softmax", 10, (None, 10), ()),),
        parameters=10_000,
        trainable_parameters=10_000,
        graph_known=True,
        skips=False,
        non_finite=(),
        penalty=0.0,
        optimizer="adam",
        learning_rate=1e-3,
    )
    return replace(base, **changed)


def dense(path: str, **changed: Any) -> Layer:
    return replace(Layer(path, "Dense", "relu", 64, (None, 64), 4_160, weighted=True, fan_in=64), **changed)


def dataset(rows: int) -> Dataset:
    flat = np.zeros(1)
    inputs = InputStatistics("in", "dense", (1,), "float32", flat, flat + 1, flat - 1, flat + 1, 2.0, 0, 0)
    targets = TargetStatistics("out", "integers", (), "int64", rows, (0, 1), (1, 1), flat, flat, flat, flat, 0, 0)
    return Dataset(SplitStatistics("train", rows, rows, "yes", (inputs,), (targets,)), MISSING, MISSING, MISSING)


def baseline(
    best: float,
    net: float,
    *,
    rows: int = 1000,
    constant: float = 0.9,
    held_out: str = "dev",
    se: float | None = None,
    signal: bool = True,
) -> Baseline:
    """Error rates of the best baseline and of the net on the same rows; `se` of their paired difference."""
    se = sqrt((best + net) / rows) if se is None else se
    difference = net - best
    candidate = Candidate("gradient boosting", best, wilson(best * rows, rows), 0.5, 1 - best / constant, 1.0)
    output = OutputBaseline(
        output="out",
        candidates=(candidate,),
        best=candidate,
        net_error=net,
        net_skill=1 - net / constant,
        difference=difference,
        difference_interval=Interval(difference - 1.96 * se, difference + 1.96 * se),
        relative=difference / net,
        signal=signal,
        null_skill=(0.0, 0.02),
        train_error=best / 2,
        rows_train=5 * rows,
        rows_dev=rows,
    )
    return Baseline((output,), held_out, "no" if held_out != "train" else "yes")


# --- Signal and gradient -------------------------------------------------------------------------------


def gradients(
    relative: Sequence[float],
    *,
    rms: Sequence[float] | None = None,
    activation: Sequence[float] | None = None,
    loss: float = 2.3,
    norms: Sequence[float] = (1.0,) * 8,
    cut: Sequence[int] = (),
) -> Gradients:
    layers = tuple(
        LayerGradients(
            path=f"layer_{number}",
            kind="Dense",
            relative=value,
            rms=rms[number] if rms is not None else value * 1e-2,
            activation_rms=activation[number] if activation is not None else value,
            cut=number in cut,
        )
        for number, value in enumerate(relative)
    )
    return Gradients(layers, tuple(norms), loss, len(norms), 32)


def backward(fresh: Gradients | Unavailable, current: Gradients | Unavailable | None = None) -> Backward:
    """Without `current` the loaded weights equal the fresh ones: nothing was learned."""
    return Backward(current=fresh if current is None else current, fresh=fresh)


def forward(spreads: Sequence[float]) -> Forward:
    """One standard deviation per weight layer, the output layer last; the same at fresh and loaded weights."""
    layers = []
    for number, value in enumerate(spreads):
        unit, flags = np.full(4, value), np.zeros(4, bool)
        layers.append(
            LayerActivations(
                f"layer_{number}", "Dense", "relu", unit, unit, 0 * unit, 3 * unit, unit, flags, None, 0, 0.1
            )
        )
    activations = Activations(tuple(layers), (), 2000)
    return Forward(activations, activations)


def initial(times: float = 1.0) -> Initial:
    """Fresh weights whose loss is this many times the chance level."""
    return Initial(("out",), ((2.3 * times,) * 3,), (2.3,), 1000)


# --- Training -------------------------------------------------------------------------------------------


def run(
    train: Sequence[float],
    dev: Sequence[float] = (),
    dev_error: Sequence[float] = (),
    seed: int = 0,
    first_epoch: int = 0,
    **changed: Any,
) -> Run:
    """Losses at whole epochs from `first_epoch` on (0: the start)."""
    count = len(train)
    unknown = np.full(count, np.nan)
    base = Run(
        seed=seed,
        epochs=np.arange(first_epoch, first_epoch + count, dtype=float),
        train_loss=np.asarray(train, dtype=float),
        dev_loss=np.asarray(dev, dtype=float) if len(dev) else unknown,
        train_error=unknown,
        dev_error=np.asarray(dev_error, dtype=float) if len(dev_error) else unknown,
        final_train_skill=0.9,
        final_dev_skill=0.85,
    )
    return replace(base, **changed)


def history(*runs: Run, **changed: Any) -> History:
    base = History(
        origin="replay",
        runs=runs,
        steps_per_epoch=100,
        rows=3200,
        dev_rows=1000,
        constant_loss=2.3,
        constant_error=0.9,
        whole=False,
        dev_se=0.02,
    )
    return replace(base, **changed)


def decay(start: float, end: float, rate: float, count: int = 13) -> list[float]:
    """A loss that falls from start to end, by this share of the rest at every evaluation."""
    return [end + (start - end) * (1 - rate) ** number for number in range(count)]


def sweep(own: float | None, skills: dict[float, Sequence[float]], **changed: Any) -> LearningRate:
    """Skill per seed by rate; the usable range is that of the rates within 0.1 of the best."""
    points = tuple(
        SweepPoint(rate, tuple(values), tuple(1 - value for value in values), (False,) * len(values))
        for rate, values in sorted(skills.items())
    )
    means = {point.rate: float(np.mean(point.skill)) for point in points}
    usable = [rate for rate, mean in means.items() if mean >= max(means.values()) - 0.1]
    rates = np.geomspace(1e-7, 1.0, 100)
    falling = np.linspace(2.3, 0.3, 100)
    base = LearningRate(
        own=own,
        ranges=(RangeTest(0, rates, falling, falling, 1e-3, 1e-2, 1e-1),),
        sweep=points,
        low=min(usable),
        high=max(usable),
        best=sqrt(min(usable) * max(usable)),
        abstains=None,
        steps=200,
        rows=2000,
        batch_size=32,
    )
    return replace(base, **changed)


def continuation(skill: float, *, helps: bool | None = True, output: str = "") -> Continuation:
    """Trainings that went on from the loaded weights, with this gain in skill."""
    return Continuation(output, "dev error", "500 more steps", 0.2, 0.2 - skill, skill, helps)
