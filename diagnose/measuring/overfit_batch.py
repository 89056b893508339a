"""Whether a fresh copy can overfit a handful of rows."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diagnose.measurements import DOES_NOT_APPLY, Attempt, Measurements, NotMeasured, OverfitBatch, Unavailable
from diagnose.measuring import copying
from diagnose.measuring.bench import Batch, Bench
from diagnose.measuring.counting import counted
from diagnose.measuring.network import activation_of_head
from diagnose.measuring.scoring import Counted, Reference, constant_reference, score
from diagnose.measuring.work import Work
from diagnose.subject import Output, Rows, Task

ROWS = 16
POOL = 2_000  # rows from which the batch is chosen
RATES = (1e-3, 1e-2, 1e-4)  # of Adam, in this order
STEPS = 500  # per rate; healthy nets take 20 to 60
STEPS_AT_ONCE = 25  # between two evaluations
SOLVED_LOSS = 0.05  # of the constant prediction's loss
SOLVED_ERROR = 0.05  # share of wrong labels
SOLVED_VARIANCE = 0.01  # regression: MSE as a share of the targets' variance
FEWEST = 4  # different rows needed


def overfit_batch(bench: Bench, measured: Measurements) -> OverfitBatch | Unavailable:
    """Train a fresh copy with Adam on at most 16 different, balanced rows until it fits them.

    Dropout, noise, augmentation, penalties, label smoothing and sample weights are off. BatchNormalization uses the
    statistics of the batch, for training and evaluation.
    """
    if any(output.task is Task.OWN_LOSS for output in bench.subject.outputs):
        return Unavailable("the lowest possible value of a loss of your own is unknown", DOES_NOT_APPLY)
    if copying.own_method(bench.subject.model, "train_step"):
        return Unavailable(
            "the model has its own train_step, whose loss on the same rows again and again may not fall to 0",
            DOES_NOT_APPLY,
        )
    try:
        rows = _rows(bench)
        with _unregularized_model(bench) as model:
            attempts = _attempts(bench, _case(bench, model, rows))
    except NotMeasured as missing:
        return Unavailable.of(missing)
    return OverfitBatch(
        rows=len(rows),
        distinct=len(rows),
        attempts=tuple(attempts),
        solved=_solved(attempts[-1], bench.subject.outputs),
    )


def overfit_batch_work(bench: Bench, measured: Measurements) -> Work:
    """Return the largest work of `overfit_batch`, in steps of the subject's batch size."""
    return Work(steps=len(RATES) * STEPS * ROWS / max(bench.batch_size, ROWS), loops=1)


@dataclass(frozen=True)
class _Case:
    """A copy without regularization, and its compiled functions."""

    model: Any
    optimizer: Any
    start: copying.Weights
    optimizer_start: list[NDArray[Any]]
    steps: Any
    predict: Any
    constants: tuple[Reference, ...]
    targets: tuple[Rows, ...]
    counted: tuple[Counted, ...]


@contextmanager
def _unregularized_model(bench: Bench) -> Iterator[Any]:
    """Yield a copy without regularization; the user's model, restored afterwards, if it cannot be rebuilt."""
    user = bench.subject.model
    if bench.rebuilt:
        edit = copying.without_augmentation if bench.factory is None else None
        model = copying.copy_model(user, bench.settings.seed, edit, bench.factory)
        copying.compile_like(model, user, exact_targets=True)
        copying.disable_regularization(model)
        yield model
        return
    with bench.at(bench.settings.seed) as model:
        regularizers = [(variable, variable.regularizer) for variable in model.trainable_variables]
        try:
            copying.disable_regularization(model)
            yield model
        finally:
            for variable, regularizer in regularizers:
                variable.regularizer = regularizer


def _case(bench: Bench, model: Any, rows: NDArray[np.int64]) -> _Case:
    import keras

    from diagnose.measuring.tensorflow_training import compile_prediction, compile_steps

    optimizer = keras.optimizers.Adam(RATES[0])
    optimizer.build(model.trainable_variables)
    inputs, targets, _ = bench.batch(bench.subject.train, rows)
    truth = tuple(np.asarray(target[rows]) for target in bench.subject.train.targets)
    heads = [activation_of_head(bench, number) for number in range(len(truth))]
    places = counted(bench, bench.subject.train, rows)
    batch: Batch = (inputs, targets, None)
    return _Case(
        model=model,
        optimizer=optimizer,
        start=bench.weights(bench.settings.seed),
        optimizer_start=copying.values(optimizer.variables),
        steps=compile_steps(model, optimizer, batch, len(rows)),
        predict=compile_prediction(model, inputs, training=True),
        constants=tuple(map(constant_reference, bench.subject.outputs, truth, heads, places)),
        targets=truth,
        counted=places,
    )


def _attempts(bench: Bench, case: _Case) -> list[Attempt]:
    attempts: list[Attempt] = []
    for rate in RATES:
        attempts.append(_attempt(bench, case, rate))
        if _solved(attempts[-1], bench.subject.outputs):
            break
    return attempts


def _attempt(bench: Bench, case: _Case, rate: float) -> Attempt:
    case.model.set_weights(case.start)
    copying.assign(case.optimizer.variables, case.optimizer_start)
    count = len(case.targets[0])
    order = np.tile(np.arange(count), (STEPS_AT_ONCE, 1))
    attempt = Attempt(rate, 0, float("nan"), float("nan"))
    for steps in range(STEPS_AT_ONCE, STEPS + 1, STEPS_AT_ONCE):
        losses, _ = case.steps(order, np.full(STEPS_AT_ONCE, rate))
        attempt = Attempt(rate, steps, *_judge(bench.subject.outputs, case))
        if _solved(attempt, bench.subject.outputs) or not np.isfinite(losses).all():
            break
    return attempt


def _judge(outputs: tuple[Output, ...], case: _Case) -> tuple[float, float]:
    """Return the largest loss relative to the constant prediction, and the largest error, over the outputs."""
    predicted = case.predict(np.arange(len(case.targets[0])))
    losses, errors = [], []
    for output, *given in zip(outputs, case.targets, predicted, case.constants, case.counted, strict=True):
        found = score(output, *given)
        losses.append(found.loss / found.constant_loss if found.constant_loss > 0 else 0.0)
        errors.append(found.error if output.task.classifies else losses[-1])
    return max(losses), max(errors)


def _solved(attempt: Attempt, outputs: tuple[Output, ...]) -> bool:
    if all(output.task.classifies for output in outputs):
        return attempt.loss <= SOLVED_LOSS and attempt.error <= SOLVED_ERROR
    return attempt.loss <= SOLVED_VARIANCE


def _rows(bench: Bench) -> NDArray[np.int64]:
    """Choose at most 16 rows with different inputs, balanced over the classes of the outputs."""
    train = bench.subject.train
    pool = bench.sample(train, POOL)
    inputs = [np.asarray(rows[pool]) for rows in train.inputs]
    _, first = np.unique(np.array([_key(inputs, i) for i in range(len(pool))]), return_index=True)
    generator = np.random.default_rng([bench.settings.seed, 3])
    distinct = generator.permutation(np.sort(first))
    classes = bench.strata(train)[pool][distinct]
    turn = np.empty(len(distinct), dtype=np.int64)
    for label in np.unique(classes):
        turn[classes == label] = np.arange(np.count_nonzero(classes == label))
    chosen = distinct[np.argsort(turn, kind="stable")][:ROWS]
    if len(chosen) < FEWEST:
        raise NotMeasured(f"train has only {len(chosen)} different rows", f"Pass at least {FEWEST} of them.")
    if all(_constant(np.asarray(target[pool[chosen]])) for target in train.targets):
        raise NotMeasured("all targets are the same", "Pass training rows with different targets.")
    return np.sort(pool[chosen])


def _key(inputs: list[Rows], row: int) -> bytes:
    import hashlib

    return hashlib.blake2b(b"".join(rows[row].tobytes() for rows in inputs), digest_size=16).hexdigest().encode()


def _constant(target: Rows) -> bool:
    return bool((target == target[:1]).all())
