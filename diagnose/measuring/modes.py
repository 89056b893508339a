"""Scores the loaded weights with moving statistics, with those of each batch, and with re-estimated ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diagnose.findings import Interval
from diagnose.intervals import paired_interval
from diagnose.measurements import (
    DOES_NOT_APPLY,
    Array,
    Measurements,
    ModeErrors,
    Modes,
    ModeScores,
    MovingLayer,
    NotMeasured,
    Score,
    Unavailable,
)
from diagnose.measuring import backend
from diagnose.measuring.activations import affordable_rows
from diagnose.measuring.bench import Bench, Structure
from diagnose.measuring.dataset import no_split
from diagnose.measuring.network import walk_like
from diagnose.measuring.probe import call, tensors
from diagnose.measuring.scoring import Reference, row_errors, score
from diagnose.measuring.training import FORWARD, references
from diagnose.measuring.walking import walk
from diagnose.measuring.work import Work
from diagnose.subject import Rows, Split

BATCHES = 100  # to re-estimate the statistics, as many steps as momentum 0.99 averages over
ROWS = 2_000  # of each split that are scored: an error rate to +-2 points
OUTPUT_CELLS = 25_000_000  # most predicted numbers in memory
FEW_ROWS = 512  # of each split at the end of an epoch: an error rate to +-4 points
LARGEST_BATCH = 1_024  # rows; a statistic of more is as good
TRACE_LAYER = 0.05  # seconds to trace the three passes, per layer

Values = list[Array]
Predict = Callable[[Structure], list[Rows]]


def modes(bench: Bench, measured: Measurements) -> Modes:
    """Score train and dev in the three modes; see `Modes`.

    The statistics are re-estimated as their mean over seeded batches of training rows, each passed through the model as
    in training, dropout and augmentation included: the values that a training at these weights would settle at. A layer
    takes part if it has a `momentum` and a training pass updates its non-trainable variables, so BatchNormalization,
    its subclasses and synchronised relatives do, and frozen ones do not. Nothing in the model is changed: the
    statistics are passed to it from outside.

    Raises:
        NotMeasured: the passes cannot be run for this model.
    """
    size = min(bench.batch_size, LARGEST_BATCH)
    with bench.at(None) as model:
        updated = moving(model)
        steps = bench.subject.steps
        passes = _passes_of(bench, model, updated)
        if passes is None:
            nothing = Unavailable("no layer updates moving statistics in training", DOES_NOT_APPLY)
            return Modes((), nothing, nothing, size, 0, steps, None)
        old = passes.present
        try:
            new, batches = _re_estimated(bench, passes, size)
        except Exception as error:  # statistics that are updated inside a loop do not leave it
            reason = f"the moving statistics cannot be re-estimated ({type(error).__name__})"
            raise NotMeasured(reason, DOES_NOT_APPLY) from error
        train, dev = bench.subject.train, bench.subject.dev
        constants = references(bench, bench.subject.outputs, train)
        given: dict[str, Any] = {"values": (old, new), "constants": constants, "size": size}
        layers = _layers(bench, passes, old, new)
        return Modes(
            layers=layers,
            train=_scores(bench, passes, train, **given),
            dev=no_split("dev") if dev is None else _scores(bench, passes, dev, **given),
            batch_size=size,
            batches=batches,
            steps=steps,
            left=None if steps is None else max(layer.momentum**steps for layer in layers),
        )


def mode_errors(bench: Bench, epoch: float) -> tuple[ModeErrors, ...]:
    """Score train and dev with the moving statistics and with those of each batch; () if there are none.

    This is the part of `modes` that is cheap enough for the ends of epochs: at most `FEW_ROWS` rows of each split.

    Raises:
        NotMeasured: the targets cannot be scored.
    """
    with bench.at(None) as model:
        passes = _passes_of(bench, model, moving(model))
        if passes is None:
            return ()
        present, constants = passes.present, references(bench, bench.subject.outputs, bench.subject.train)
        found = []
        for split in (bench.subject.train, bench.subject.dev):
            if split is None:
                continue
            size = min(bench.batch_size, LARGEST_BATCH)
            index, batches = _batches(bench, split, size, min(FEW_ROWS, _row_count(bench, split)))
            pairs = [(passes.with_moving(x, present), passes.with_batch(x)) for x in batches]
            truth = [np.asarray(targets[index]) for targets in split.targets]
            by_mode = [
                [np.concatenate(parts) for parts in zip(*mode, strict=True)] for mode in zip(*pairs, strict=True)
            ]
            both = [_scored(bench, truth, predicted, constants) for predicted in by_mode]
            found += [ModeErrors(epoch, split.name, m.output, b.error, m.error) for m, b in zip(*both, strict=True)]
        return tuple(found)


def modes_work(bench: Bench, measured: Measurements) -> Work:
    """The cost of `modes`: passes over batches of the training's size, and tracing; none without such layers."""
    if not moving(bench.subject.model):
        return Work()
    rows = [_row_count(bench, split) for split in (bench.subject.train, bench.subject.dev) if split is not None]
    steps = FORWARD * (BATCHES + 3 * sum(rows) / bench.batch_size)
    return Work(steps=steps, seconds=TRACE_LAYER * len(walk(bench.subject.model).parts))


# --- Layers -------------------------------------------------------------------------------------------


def moving(model: Any) -> list[Any]:
    """The layers that may update moving statistics: they have a momentum and non-trainable variables."""
    layers = model._flatten_layers(include_self=False)
    return [layer for layer in layers if layer.trainable and _momentum(layer) is not None and _statistics(layer)]


def _momentum(layer: Any) -> float | None:
    momentum = getattr(layer, "momentum", None)
    if isinstance(momentum, bool) or not isinstance(momentum, float | int):
        return None
    return float(momentum) if 0 <= momentum <= 1 else None


def _statistics(layer: Any) -> list[Any]:
    import keras

    own = layer._non_trainable_variables
    return [v for v in own if keras.backend.is_float_dtype(keras.backend.standardize_dtype(v.dtype))]


def _layers(bench: Bench, passes: _Passes, old: Values, new: Values) -> tuple[MovingLayer, ...]:
    found, paths = [], {id(part.layer): part.path for part in walk_like(bench, passes.model).parts}
    for layer in passes.layers:
        own = {id(variable) for variable in _statistics(layer)}
        before, after = (
            [value for variable, value in zip(passes.variables, values, strict=True) if id(variable) in own]
            for values in (old, new)
        )
        variance = after[-1] if after[-1].shape == after[0].shape else np.ones(1)
        spread = np.sqrt(np.maximum(variance, 0.0) + float(getattr(layer, "epsilon", 1e-3)))
        shift = float(np.sqrt(np.mean(((before[0] - after[0]) / spread) ** 2)))
        found.append(MovingLayer(paths.get(id(layer), layer.name), _momentum(layer) or 0.0, shift))
    return tuple(found)


@contextmanager
def _without_momentum(layers: list[Any]) -> Iterator[None]:
    """Let an update replace the old value: the new value is then the statistic of the batch itself."""
    kept = [(layer, layer.momentum) for layer in layers]
    try:
        for layer in layers:
            layer.momentum = 0.0
        yield
    finally:
        for layer, momentum in kept:
            layer.momentum = momentum


@contextmanager
def _in_train_mode(layers: list[Any]) -> Iterator[None]:
    """Call these layers in train mode, whatever the mode of the model."""
    import keras
    from keras.src.backend.common import global_state

    layer_class, chosen = keras.layers.Layer, {id(layer) for layer in layers}
    original = layer_class.__call__

    def switched(layer: Any, *args: Any, **kwargs: Any) -> Any:
        if id(layer) not in chosen:
            return original(layer, *args, **kwargs)
        context = global_state.get_global_attribute("current_call_ctx")
        outer = getattr(context, "training", None)
        try:
            return original(layer, *args, **{**kwargs, "training": True})
        finally:
            if context is not None:
                context.training = outer  # Keras passes it on to the layers that are called next

    layer_class.__call__ = switched
    try:
        yield
    finally:
        layer_class.__call__ = original


# --- Passes -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Passes:
    """The compiled passes over one batch of inputs, and the layers and variables that a training pass updates.

    `statistics` returns those of the batch, `with_moving(inputs, values)` and `with_batch` return flat outputs.
    """

    model: Any
    layers: list[Any]
    variables: list[Any]
    statistics: Callable[[Structure], Values]
    with_moving: Callable[[Structure, Values], list[Rows]]
    with_batch: Predict

    @property
    def present(self) -> Values:
        """The moving statistics that the model has now."""
        return [backend.array(variable).astype(np.float64) for variable in self.variables]


def _passes_of(bench: Bench, model: Any, updated: list[Any]) -> _Passes | None:
    """The passes of this model; those of the last one are kept.

    Raises:
        NotMeasured: the model cannot be called on its rows.
    """
    if bench.subject.opaque:
        raise NotMeasured(bench.subject.opaque, DOES_NOT_APPLY)
    kept = bench.cache.get("modes")
    if kept is None or kept[0] is not model:
        kept = bench.cache["modes"] = (model, _passes(bench, model, updated) if updated else None)
    found: _Passes | None = kept[1]
    return found


def _passes(bench: Bench, model: Any, moving: list[Any]) -> _Passes | None:
    """Compile the passes; None if no layer updates its statistics in training."""
    import keras

    inputs, _, _ = bench.batch(bench.subject.train, np.arange(min(2, bench.subject.train.rows)))
    candidates = [variable for layer in moving for variable in _statistics(layer)]
    with _without_momentum(moving), keras.StatelessScope() as scope:
        call(model, tensors(inputs), training=True)
        updated = {id(v) for v in candidates if scope.get_current_value(v) is not None}
    layers = [layer for layer in moving if all(id(v) in updated for v in _statistics(layer))]
    variables = [variable for layer in layers for variable in _statistics(layer)]
    if not variables:
        return None

    def statistics(given: Any) -> Any:
        with _without_momentum(layers), keras.StatelessScope() as scope:
            call(model, given, training=True)
            return [scope.get_current_value(variable) for variable in variables]

    def with_moving(given: Any, values: Any) -> Any:
        with keras.StatelessScope(list(zip(variables, values, strict=True))):
            return keras.tree.flatten(call(model, given, training=False))

    def with_batch(given: Any) -> Any:
        with keras.StatelessScope(), _in_train_mode(layers):
            return keras.tree.flatten(call(model, given, training=False))

    compiled = [backend.compiled(function) for function in (statistics, with_moving, with_batch)]

    def as_arrays(found: Any) -> list[Rows]:
        return [np.asarray(keras.ops.convert_to_numpy(tensor)) for tensor in found]

    def as_tensors(values: Values) -> Any:
        pairs = zip(variables, values, strict=True)
        return [keras.ops.convert_to_tensor(value, dtype=variable.dtype) for variable, value in pairs]

    return _Passes(
        model,
        layers,
        variables,
        lambda rows: [value.astype(np.float64) for value in as_arrays(compiled[0](tensors(rows)))],
        lambda rows, values: as_arrays(compiled[1](tensors(rows), as_tensors(values))),
        lambda rows: as_arrays(compiled[2](tensors(rows))),
    )


def _re_estimated(bench: Bench, passes: _Passes, size: int) -> tuple[Values, int]:
    """The mean of each statistic over seeded batches of training rows, and the number of batches."""
    train = bench.subject.train
    generator = np.random.default_rng([bench.settings.seed, 9])
    order = np.concatenate([generator.permutation(train.rows) for _ in range(-(-BATCHES * size // train.rows))])
    batches = [order[start : start + size] for start in range(0, BATCHES * size, size)]
    total: Values = []
    for rows in batches:
        inputs, _, _ = bench.batch(train, rows)
        found = passes.statistics(inputs)
        total = [a + b for a, b in zip(total, found, strict=True)] if total else found
    return [value / len(batches) for value in total], len(batches)


# --- Scores -------------------------------------------------------------------------------------------


def _scores(
    bench: Bench,
    passes: _Passes,
    split: Split,
    *,
    values: tuple[Values, Values],
    constants: tuple[Reference, ...],
    size: int,
) -> ModeScores | Unavailable:
    index, batches = _batches(bench, split, size, _row_count(bench, split))
    parts: tuple[list[list[Rows]], ...] = ([], [], [])
    for inputs in batches:
        parts[0].append(passes.with_moving(inputs, values[0]))
        parts[1].append(passes.with_batch(inputs))
        parts[2].append(passes.with_moving(inputs, values[1]))
    predicted = [[np.concatenate(outputs) for outputs in zip(*mode, strict=True)] for mode in parts]
    truth = [np.asarray(targets[index]) for targets in split.targets]
    try:
        moving, batch, refreshed = (_scored(bench, truth, given, constants) for given in predicted)
    except NotMeasured as missing:
        return Unavailable.of(missing)
    errors = [_errors(bench, truth, given, constants) for given in predicted]
    return ModeScores(
        split=split.name,
        rows=len(index),
        moving=moving,
        batch=batch,
        refreshed=refreshed,
        refreshed_gain=_gains(errors[0], errors[2]),
        batch_gain=_gains(errors[0], errors[1]),
    )


def _batches(bench: Bench, split: Split, size: int, rows: int) -> tuple[NDArray[np.int64], Iterator[Structure]]:
    """The numbers of at most so many rows, in random order, and their inputs in whole batches of `size`."""
    size = min(size, split.rows)
    index = np.random.default_rng([bench.settings.seed, 10]).permutation(bench.sample(split, rows))
    index = index[: max(1, len(index) // size) * size]
    return index, (bench.batch(split, index[i : i + size])[0] for i in range(0, len(index), size))


def _row_count(bench: Bench, split: Split) -> int:
    cells = max(*(int(np.prod(t.shape[1:])) for t in split.targets), *(o.classes or 1 for o in bench.subject.outputs))
    affordable = min(ROWS, affordable_rows(bench), OUTPUT_CELLS // max(cells, 1))
    return max(1, min(split.rows, affordable))


def _scored(
    bench: Bench, truth: list[Rows], predicted: list[Rows], constants: tuple[Reference, ...]
) -> tuple[Score, ...]:
    given = zip(bench.subject.outputs, truth, predicted, constants, strict=True)
    return tuple(score(*each) for each in given)


def _errors(bench: Bench, truth: list[Rows], predicted: list[Rows], constants: tuple[Reference, ...]) -> list[Array]:
    given = zip(bench.subject.outputs, truth, predicted, constants, strict=True)
    return [row_errors(*each) for each in given]


def _gains(before: list[Array], after: list[Array]) -> tuple[Interval, ...]:
    return tuple(_gain(old - new) for old, new in zip(before, after, strict=True))


def _gain(differences: Array) -> Interval:
    known: NDArray[np.float64] = differences[np.isfinite(differences)]
    return paired_interval(known) if len(known) else Interval(float("nan"), float("nan"))
