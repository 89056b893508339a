"""Short trainings with one compiled loop, and evaluations between their steps."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diagnose.measurements import Array, NotMeasured, Score
from diagnose.measuring import copying
from diagnose.measuring.bench import DEV_ROWS, Bench
from diagnose.measuring.counting import counted
from diagnose.measuring.own_loss import reference_of
from diagnose.measuring.own_step import StepScores, judged_by_step
from diagnose.measuring.scoring import Reference, row_errors, score
from diagnose.subject import Output, Rows, Split

FORWARD = 0.3  # cost of a forward pass in training steps on the same rows
PREDICTED_AT_ONCE = 256  # rows per call in inference mode
DIVERGED = 2.0  # a data loss this many times that of the constant prediction and that at the start


Numbers = NDArray[np.int64]  # of rows
Scale = tuple[Array, Array]  # mean and standard deviation per feature, channel or column
Batching = Callable[[Any, Any, Any], tuple[Any, Any]]
"""(inputs, targets, seed generator) of a batch -> inputs and targets to train on, by operations of Keras."""


@dataclass(frozen=True)
class Assessment:
    """Evaluation of the weights on one split, in inference mode, with the metrics of `Score`.

    `by_output` judges each output, if there are several. Then `loss`, its standard error and `constant_loss` are
    weighted sums, `skill` is the mean, and errors are nan. The skill is nan if predictions are not `finite`.
    """

    loss: float
    loss_se: float
    error: float
    skill: float
    finite: bool
    constant_loss: float
    constant_error: float
    by_output: tuple["Assessment", ...] = ()

    def against(self, constant: float) -> "Assessment":
        """The same evaluation with another loss of the constant prediction, for an own loss of one output."""
        skill = 1 - self.loss / constant if constant > 0 and self.finite else self.skill
        apart = constant - self.constant_loss
        return replace(self, constant_loss=constant, constant_error=self.constant_error + apart, skill=skill)

    @property
    def relative(self) -> float:
        """Loss relative to that of the constant prediction (1 = constant), the mean of several outputs."""
        if self.by_output:
            return float(np.mean([one.relative for one in self.by_output]))
        return self.loss / self.constant_loss if self.constant_loss > 0 else float("nan")


@dataclass(frozen=True)
class Course:
    """Loss (with penalties) and global gradient norm of each step of a training, [steps run]."""

    losses: Array
    norms: Array

    @property
    def non_finite_step(self) -> int | None:
        """Number (from 0) of the first step with a non-finite loss."""
        broken = np.flatnonzero(~np.isfinite(self.losses))
        return int(broken[0]) if broken.size else None


class _SteppedRows:
    """The rows of one split that the model's own step evaluates."""

    def __init__(self, model: Any, bench: Bench, split: Split) -> None:
        self._scores = StepScores(bench, model, split, bench.sample(split, DEV_ROWS))
        self.rows = self._scores.rows
        self._weight = bench.subject.outputs[0].weight
        with bench.at(None):
            self._scores.score()  # the loaded weights may be better than trained ones at doing without the rows

    def row_errors(self, among: Numbers | None = None) -> tuple[Array, ...]:
        raise NotMeasured("the model's own step tells no errors of single rows", "Give the model outputs to compare.")

    def assess(self, among: Numbers | None = None) -> Assessment:
        if among is not None:
            raise NotMeasured("the model's own step judges no part of the rows", "Give the model outputs to compare.")
        score = self._scores.score()
        return _assessment(score, bool(np.isfinite(score.loss)) and not score.non_finite, self._weight)


class _EvaluationRows:
    """Rows of one split, by their numbers, that are evaluated by their outputs; `among` them are those to judge."""

    def __init__(
        self,
        model: Any,
        bench: Bench,
        data: tuple[Split, Numbers],
        outputs: tuple[Output, ...],
        constants: tuple[Reference, ...],
        *,
        scales: tuple[Scale | None, ...],
    ) -> None:
        from diagnose.measuring.tensorflow_training import compile_prediction

        self._scales = scales
        split, rows = data
        self._numbers = rows
        self.outputs = outputs
        self.references = constants
        self.targets = [target[rows] for target in split.targets]
        self.rows = len(rows)
        self.counted = counted(bench, split, rows)
        inputs, _, _ = bench.batch(split, rows)
        self._predict = compile_prediction(model, inputs)

    def row_errors(self, among: Numbers | None = None) -> tuple[Array, ...]:
        """The errors of each row, by output, as in `scoring.row_errors`."""
        return tuple(row_errors(*one) for one in self._each(among))

    def assess(self, among: Numbers | None = None) -> Assessment:
        each = self._each(among)
        finite = all(bool(np.isfinite(predicted).all()) for _, _, predicted, _, _ in each)
        scores = [score(*one) for one in each]
        weights = [output.weight for output in self.outputs]
        if len(scores) == 1:
            return _assessment(scores[0], finite, weights[0])
        return _whole(tuple(_assessment(score, finite) for score in scores), weights)

    def _each(self, among: Numbers | None) -> list[tuple[Output, Rows, Rows, Reference, Any]]:
        """By output: itself, targets, predictions, constant prediction, and what counts of them."""
        places = np.arange(self.rows) if among is None else np.flatnonzero(np.isin(self._numbers, among))
        targets = [target[places] for target in self.targets]
        hidden = [None if counts is None else counts[places] for counts in self.counted]
        predicted = [
            scaled_back(rows, scale)
            for rows, scale in zip(predict_all(self._predict, places), self._scales, strict=True)
        ]
        return list(zip(self.outputs, targets, predicted, self.references, hidden, strict=True))


def _assessment(score: Score, finite: bool, weight: float = 1.0) -> Assessment:
    return Assessment(
        loss=weight * score.loss,
        loss_se=weight * (score.loss_interval.high - score.loss_interval.low) / (2 * 1.96),
        error=score.error,
        skill=score.skill if finite else float("nan"),
        finite=finite,
        constant_loss=weight * score.constant_loss,
        constant_error=score.constant_error,
    )


def _whole(each: tuple[Assessment, ...], weights: list[float]) -> Assessment:
    return Assessment(
        loss=float(np.dot(weights, [one.loss for one in each])),
        loss_se=float(np.linalg.norm(np.multiply(weights, [one.loss_se for one in each]))),
        error=float("nan"),
        skill=float(np.mean([one.skill for one in each])),
        finite=each[0].finite,
        constant_loss=float(np.dot(weights, [one.constant_loss for one in each])),
        constant_error=float("nan"),
        by_output=each,
    )


def _evaluated(
    bench: Bench,
    model: Any,
    data: tuple[Split, Split],
    outputs: tuple[Output, ...],
    *,
    judged: Numbers | None,
    scales: tuple[Scale | None, ...],
) -> tuple[_SteppedRows | _EvaluationRows, ...]:
    if judged_by_step(bench):
        return tuple(_SteppedRows(model, bench, split) for split in data)
    if scales:
        data = (_as_given(data[0], scales), _as_given(data[1], scales))
    constants = references(bench, outputs, data[0])
    train, dev = (bench.sample(split, DEV_ROWS) for split in data)
    rows = (train, dev if judged is None else judged)
    return tuple(
        _EvaluationRows(model, bench, each, outputs, constants, scales=scales or (None,) * len(outputs))
        for each in zip(data, rows, strict=True)
    )


def _as_given(split: Split, scales: tuple[Scale | None, ...]) -> Split:
    targets = tuple(scaled_back(rows, scale) for rows, scale in zip(split.targets, scales, strict=True))
    return replace(split, targets=targets)


def scaled_back(rows: Rows, scale: Scale | None) -> Rows:
    """Standardised targets, or predictions of them, in the unit of before, [rows, ...]; None: they are not scaled."""
    return rows if scale is None else rows * scale[1] + scale[0]


class Trainer:
    """Trains one model repeatedly; all seeds and learning rates share one compiled loop.

    `begin` sets weights, optimizer and seed generators to their initial state, `run` continues the training, `end` does
    what `fit` does last, `judge` evaluates. Loss, loss weights and regularizers are those of the compiled `model`;
    learning rates are given per step. `batches` change the inputs and targets of every batch. `judged` are the numbers
    of the dev rows that may be judged, by default a sample of at most DEV_ROWS. `scales` are those of the targets, by
    output, before they were standardised: errors are told in them.

    Raises:
        NotMeasured: the model has no trainable weights.
    """

    def __init__(
        self,
        bench: Bench,
        model: Any,
        optimizer: Any,
        data: tuple[Split, Split],
        outputs: tuple[Output, ...],
        *,
        batch_size: int | None = None,
        batches: Sequence[Batching] = (),
        judged: Numbers | None = None,
        scales: tuple[Scale | None, ...] = (),
    ) -> None:
        import keras

        from diagnose.measuring.tensorflow_training import compile_steps

        train = data[0]
        self.model = model
        self.rows = train.rows
        self.batch_size = batch_size or bench.batch_size
        self.steps_per_epoch = max(1, train.rows // self.batch_size)
        self._optimizer = optimizer
        optimizer.build(model.trainable_variables)
        self._optimizer_start = copying.values(optimizer.variables)
        self._train, self._dev = _evaluated(bench, model, data, outputs, judged=judged, scales=scales)
        self.trained: Numbers = np.arange(self.rows)
        self._seen: Numbers | None = None
        self._unseen: Numbers | None = None
        batch = bench.batch(train, np.arange(train.rows))
        self._draw = keras.random.SeedGenerator(0)
        self._steps = compile_steps(
            model,
            optimizer,
            batch,
            self.batch_size,
            labelled=bench.subject.labelled,
            change=partial(_changed, batches, self._draw),
        )
        self._order: Iterator[Numbers] = iter(())
        self._generator = np.random.default_rng(0)

    def begin(
        self,
        weights: copying.Weights,
        seed: int,
        among: Numbers | None = None,
        unseen: Numbers | None = None,
    ) -> None:
        """Start a training: reset weights and optimizer state, and seed the generators and the order of rows.

        `among` are the numbers of the rows to train on, by default all. `unseen` are those of the dev rows to judge it
        on, by default all that may be judged; with them, train is judged by rows that were trained on.
        """
        self.trained = np.arange(self.rows) if among is None else among
        self._seen, self._unseen = (None if unseen is None else self.trained), unseen
        self.model.set_weights(weights)
        copying.assign(self._optimizer.variables, self._optimizer_start)
        copying.seed_generators(self.model, seed)
        self._draw.state.assign(np.array([seed & 0x7FFFFFFF, 0], dtype=str(self._draw.state.dtype)))
        self._generator = np.random.default_rng([seed, 2])
        self._order = self._batches()

    def resume(self, weights: copying.Weights, optimizer: Any, seed: int) -> None:
        """Go on with a training: as `begin`, but with the state of the optimizer that trained these weights.

        `optimizer` is the user's own. Where its state was not kept, the training goes on with a fresh one.
        """
        self.begin(weights, seed)
        mine, kept = (
            [variable for variable in one.variables if variable.name != "learning_rate"]  # it is given by step
            for one in (self._optimizer, optimizer)
        )
        if [variable.shape for variable in mine] == [variable.shape for variable in kept]:
            copying.assign(mine, copying.values(kept))

    def run(self, rates: Array) -> Course:
        """Train one step per rate, up to the first non-finite loss."""
        order: Numbers = np.stack([next(self._order) for _ in rates])
        losses, norms = self._steps(order, rates)
        ran = int(np.count_nonzero(np.isfinite(losses)))
        return Course(losses[: ran + 1], norms[: ran + 1])

    def end(self) -> None:
        """Do what `fit` does last: the averaged weights, if the optimizer keeps any, take the place of the others."""
        self._optimizer.finalize_variable_values(self.model.trainable_variables)

    def judge(self) -> tuple[Assessment, Assessment]:
        """Evaluate a sample of the training rows and the dev rows (at most DEV_ROWS each)."""
        return self.judge_train(), self.judge_dev()

    def judge_dev(self) -> Assessment:
        """Evaluate the dev rows only."""
        return self._dev.assess(self._unseen)

    def judge_train(self) -> Assessment:
        """Evaluate a sample of the training rows only."""
        return self._train.assess(self._seen)

    def dev_row_errors(self) -> tuple[Array, ...]:
        """The errors of each dev row, by output: shares of wrong labels, squared errors, or losses.

        Raises:
            NotMeasured: they are unknown.
        """
        return self._dev.row_errors(self._unseen)

    @property
    def dev_rows(self) -> int:
        return self._dev.rows

    def _batches(self) -> Iterator[Numbers]:
        """Yield shuffled batches endlessly, each row at most once per epoch, unless a batch is larger than that."""
        rows = self.trained
        rows = np.tile(rows, -(-self.batch_size // len(rows)))
        whole = len(rows) // self.batch_size * self.batch_size
        while True:
            shuffled = self._generator.permutation(rows)
            yield from shuffled[:whole].reshape(-1, self.batch_size)


def _changed(batches: Sequence[Batching], seeds: Any, x: Any, y: Any) -> tuple[Any, Any]:
    for change in batches:
        x, y = change(x, y, seeds)
    return x, y


@contextmanager
def own_training(bench: Bench) -> Iterator[Trainer]:
    """Yield the trainer of the subject's own model and settings; it is built once per bench.

    Raises:
        NotMeasured: see `Trainer`.
    """
    with bench.at(None) as model:
        if "own training" not in bench.cache:
            optimizer = copying.new_optimizer(bench.subject.model.optimizer)
            bench.cache["own training"] = Trainer(bench, model, optimizer, bench.holdout(), bench.subject.outputs)
        yield bench.cache["own training"]


def own_loops(bench: Bench) -> int:
    """Return how many loops `own_training` has to compile: one on the first use, else none."""
    return 0 if "own training" in bench.cache else 1


def judging_steps(bench: Bench) -> int:
    """Return the cost of evaluating one split, in training steps."""
    return round(FORWARD * min(DEV_ROWS, bench.holdout()[0].rows) / bench.batch_size)


def predict_all(predict: Callable[[Numbers], list[Rows]], rows: Numbers) -> list[Rows]:
    """Call a compiled prediction on these rows in chunks; return one array per output."""
    chunks = np.split(rows, range(PREDICTED_AT_ONCE, len(rows), PREDICTED_AT_ONCE))
    return [np.concatenate(part) for part in zip(*(predict(chunk) for chunk in chunks), strict=True)]


def references(bench: Bench, outputs: tuple[Output, ...], train: Split) -> tuple[Reference, ...]:
    """Return the best constant prediction of each output, fitted on the training rows."""
    each = zip(outputs, train.targets, counted(bench, train, np.arange(train.rows)), strict=True)
    return tuple(
        reference_of(bench, number, target, output, hidden) for number, (output, target, hidden) in enumerate(each)
    )


def diverged(course: Course, before: Assessment, after: Assessment) -> bool:
    """Whether a training ended with non-finite numbers, or with a loss far above the start and the constant's."""
    if course.non_finite_step is not None or not after.finite or not np.isfinite(after.loss):
        return True
    return after.relative > DIVERGED * max(1.0, before.relative)
