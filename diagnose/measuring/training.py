"""Short trainings: one compiled loop for all of them, and what is known of them at every halt."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diagnose.measurements import HISTORY, Array, NotMeasured, Score
from diagnose.measuring import copying
from diagnose.measuring.bench import DEV_ROWS, Bench
from diagnose.measuring.network import activation_of_head
from diagnose.measuring.scoring import Reference, constant_reference, score
from diagnose.subject import Output, Rows, Split

FORWARD = 0.3  # cost of a forward pass in training steps on the same rows
PREDICTED_AT_ONCE = 256  # rows per call in inference mode
DIVERGED = 2.0  # a data loss so many times the constant prediction's, and as many times the one at the start


@dataclass(frozen=True)
class Standing:
    """How good the weights are on one split, in inference mode, by the measures of `Score`.

    `loss`, its standard error and the best constant prediction's are summed over outputs by their weights; errors and
    `skill` are of the first output. Without `finite` predictions the skill is nan.
    """

    loss: float
    loss_se: float
    error: float
    skill: float
    finite: bool
    constant_loss: float
    constant_error: float

    @property
    def relative(self) -> float:
        """Loss in units of the constant prediction's: 1 is no better than a constant."""
        return self.loss / self.constant_loss if self.constant_loss > 0 else float("nan")


@dataclass(frozen=True)
class Course:
    """Steps of one training: loss (with penalties) and global gradient norm of each, [steps run]."""

    losses: Array
    norms: Array

    @property
    def non_finite_step(self) -> int | None:
        """Number (from 0) of the first step whose loss is not finite."""
        broken = np.flatnonzero(~np.isfinite(self.losses))
        return int(broken[0]) if broken.size else None


class _Judged:
    """The rows of one split that are evaluated at every halt."""

    def __init__(
        self, model: Any, bench: Bench, split: Split, outputs: tuple[Output, ...], constants: tuple[Reference, ...]
    ) -> None:
        from diagnose.measuring.tensorflow_training import compile_prediction

        rows = bench.sample(split, DEV_ROWS)
        self.outputs = outputs
        self.references = constants
        self.targets = [target[rows] for target in split.targets]
        self.rows = len(rows)
        inputs, _, _ = bench.batch(split, rows)
        self._predict = compile_prediction(model, inputs)

    def standing(self) -> Standing:
        predicted = predict_all(self._predict, self.rows)
        finite = all(bool(np.isfinite(part).all()) for part in predicted)
        scores = [
            score(output, target, prediction, reference)
            for output, target, prediction, reference in zip(
                self.outputs, self.targets, predicted, self.references, strict=True
            )
        ]
        return _standing(scores, [output.weight for output in self.outputs], finite)


def _standing(scores: list[Score], weights: list[float], finite: bool) -> Standing:
    widths = [score.loss_interval.high - score.loss_interval.low for score in scores]
    return Standing(
        loss=float(np.dot(weights, [score.loss for score in scores])),
        loss_se=float(np.linalg.norm(np.multiply(weights, widths))) / (2 * 1.96),
        error=scores[0].error,
        skill=scores[0].skill if finite else float("nan"),
        finite=finite,
        constant_loss=float(np.dot(weights, [score.constant_loss for score in scores])),
        constant_error=scores[0].constant_error,
    )


class Trainer:
    """Trains one model again and again: seeds and learning rates share one compiled loop.

    `begin` sets weights, optimizer and seed generators to a start, `run` trains on from where it is, `judge`
    evaluates. The loss, its weights, the regularisers and the optimizer are the ones `model` was compiled with;
    learning rates are given step by step.

    Raises:
        NotMeasured: the model trains by its own `train_step`, or has nothing to train.
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
    ) -> None:
        from diagnose.measuring.tensorflow_training import compile_steps

        if reason := copying.own_loop(bench.subject.model):
            raise NotMeasured(f"{reason}, so our training would differ from yours", HISTORY)
        train, dev = data
        self.model = model
        self.rows = train.rows
        self.batch_size = batch_size or bench.batch_size
        self.steps_per_epoch = max(1, train.rows // self.batch_size)
        self._optimizer = optimizer
        optimizer.build(model.trainable_variables)
        self._optimizer_start = copying.values(optimizer.variables)
        constants = references(bench, outputs, train)
        self._train = _Judged(model, bench, train, outputs, constants)
        self._dev = _Judged(model, bench, dev, outputs, constants)
        self._steps = compile_steps(model, optimizer, bench.batch(train, np.arange(train.rows)), self.batch_size)
        self._order: Iterator[NDArray[np.int64]] = iter(())
        self._generator = np.random.default_rng(0)

    def begin(self, weights: copying.Weights, seed: int) -> None:
        """Set weights, optimizer state, seed generators and the order of rows to the start that `seed` gives."""
        self.model.set_weights(weights)
        copying.assign(self._optimizer.variables, self._optimizer_start)
        copying.seed_generators(self.model, seed)
        self._generator = np.random.default_rng([seed, 2])
        self._order = self._batches()

    def run(self, rates: Array) -> Course:
        """Train one step per rate, and stop at the first loss that is not finite."""
        order: NDArray[np.int64] = np.stack([next(self._order) for _ in rates])
        losses, norms = self._steps(order, rates)
        ran = int(np.count_nonzero(np.isfinite(losses)))
        return Course(losses[: ran + 1], norms[: ran + 1])

    def judge(self) -> tuple[Standing, Standing]:
        """Evaluate a sample of the training rows and the dev rows (at most 1,000 each)."""
        return self._train.standing(), self._dev.standing()

    def judge_dev(self) -> Standing:
        """Evaluate the dev rows only."""
        return self._dev.standing()

    def judge_train(self) -> Standing:
        """Evaluate a sample of the training rows only."""
        return self._train.standing()

    @property
    def dev_rows(self) -> int:
        return self._dev.rows

    def _batches(self) -> Iterator[NDArray[np.int64]]:
        """Shuffled batches without end, every row at most once an epoch."""
        while True:
            shuffled = self._generator.permutation(self.rows)
            whole = self.steps_per_epoch * self.batch_size
            yield from shuffled[:whole].reshape(self.steps_per_epoch, self.batch_size)


@contextmanager
def own_training(bench: Bench) -> Iterator[Trainer]:
    """Yield the trainer of the subject's own model and settings; it is built once per bench.

    Raises:
        NotMeasured: see `Trainer`; or there are no fresh weights to start from.
    """
    with bench.at(None) as model:
        if "own training" not in bench.kept:
            optimizer = copying.new_optimizer(bench.subject.model.optimizer)
            bench.kept["own training"] = Trainer(bench, model, optimizer, bench.holdout(), bench.subject.outputs)
        yield bench.kept["own training"]


def own_loops(bench: Bench) -> int:
    """Return how many loops have to be compiled before `own_training` trains: one, the first time."""
    return 0 if "own training" in bench.kept else 1


def judging_steps(bench: Bench) -> int:
    """Return what it costs to evaluate one split at a halt, in training steps."""
    return round(FORWARD * min(DEV_ROWS, bench.holdout()[0].rows) / bench.batch_size)


def own_steps(bench: Bench) -> int | None:
    """Return the number of optimizer steps of the user's own training, None if unknown."""
    training = bench.subject.training
    if training.iterations:
        return training.iterations
    if training.epochs:
        train = bench.subject.train
        return training.epochs * -(-(train.population or train.rows) // (training.batch_size or bench.batch_size))
    return None


def predict_all(predict: Callable[[NDArray[np.int64]], list[Rows]], rows: int) -> list[Rows]:
    """Call a compiled prediction on the first `rows` rows, a few hundred at a time: one array per output."""
    chunks = np.split(np.arange(rows), range(PREDICTED_AT_ONCE, rows, PREDICTED_AT_ONCE))
    return [np.concatenate(part) for part in zip(*(predict(chunk) for chunk in chunks), strict=True)]


def references(bench: Bench, outputs: tuple[Output, ...], train: Split) -> tuple[Reference, ...]:
    """Return the best constant prediction of each output on the training rows, and how its numbers are to be read."""
    found = []
    for number, (output, target) in enumerate(zip(outputs, train.targets, strict=True)):
        own = output is bench.subject.outputs[number]  # else another head was put there, with probabilities
        found.append(constant_reference(output, target, activation_of_head(bench, number) if own else None))
    return tuple(found)


def diverged(course: Course, before: Standing, after: Standing) -> bool:
    """Whether a training ended in non-finite numbers, or far above both its start and the constant prediction."""
    if course.non_finite_step is not None or not after.finite or not np.isfinite(after.loss):
        return True
    return after.relative > DIVERGED * max(1.0, before.relative)
