"""Scores the loaded weights on each split in inference mode, and on converted inputs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diagnose.intervals import mean_interval
from diagnose.measurements import (
    DOES_NOT_APPLY,
    HISTORY,
    Array,
    Conversions,
    Evaluation,
    Measurements,
    NotMeasured,
    Score,
    SplitScores,
    Unavailable,
)
from diagnose.measuring import backend
from diagnose.measuring.bench import Batch, Bench, Structure
from diagnose.measuring.confidence import described
from diagnose.measuring.counting import counted
from diagnose.measuring.dataset import input_kinds, no_split, rows_in_train
from diagnose.measuring.network import penalty
from diagnose.measuring.own_loss import broadcast_losses, reference_of
from diagnose.measuring.own_metrics import own_metrics
from diagnose.measuring.own_step import StepScores, judged_by_step
from diagnose.measuring.probe import build_loss, call, tensors
from diagnose.measuring.scoring import Counted, Reference, row_losses, score
from diagnose.subject import Output, Rows, Split, Task

BATCH = 512
BATCH_CELLS = 4_000_000  # numbers of inputs and outputs in one batch
OUTPUT_CELLS = 25_000_000  # most predicted numbers in memory; large outputs get fewer rows
FIRST_ROWS = 10_000  # from their scores follows how many rows the wanted interval needs
RATE_HALF_WIDTH = 0.005  # wanted half width of the 95 % interval of an error rate
VALUE_HALF_WIDTH = 0.02  # the same for a squared error, relative: 1 % of the RMSE
REFERENCE_ROWS = 50_000  # training targets to fit the constant prediction
WORST = 24  # rows with the largest losses that are listed
OUTPUTS = 1_000  # stored values of the output of such a row
CONVERSION_ROWS = 2_000

Predict = Callable[[Split, NDArray[np.int64]], "Predictions"]


@dataclass(frozen=True)
class Predictions:
    """Predictions for some rows: one array per output, and the compiled data loss of each (None: unknown)."""

    outputs: tuple[Rows, ...]
    losses: tuple[float | None, ...]


def evaluation(bench: Bench, measured: Measurements) -> Evaluation:
    """Score every split in inference mode.

    The rows are a seeded, stratified sample, as large as an interval of +-0.5 points (1 % of an RMSE) needs, at most
    `settings.rows`; all rows if that is None. Very large outputs get fewer rows (OUTPUT_CELLS).
    """
    subject = bench.subject
    return Evaluation(
        train=_scored(bench, subject.train, "train"),
        dev=_scored(bench, subject.dev, "dev"),
        test=_scored(bench, subject.test, "test"),
        train_dev=_scored(bench, subject.train_dev, "train-dev"),
    )


def conversions(bench: Bench, measured: Measurements) -> Conversions | Unavailable:
    """Score at most CONVERSION_ROWS training rows as fed, and with converted inputs.

    All inputs except tokens and text are converted, with statistics by column (channel, for images) of these rows.
    """
    train, outputs = bench.subject.train, bench.subject.outputs
    if any(output.task is Task.OWN_LOSS for output in outputs):
        return Unavailable("what a conversion of inputs does to a loss of your own says nothing", DOES_NOT_APPLY)
    index = bench.sample(train, min(CONVERSION_ROWS, _most_rows(bench, train)))
    convertible = [kind not in ("tokens", "text") for kind in input_kinds(bench)]
    if not any(convertible):
        return Unavailable("no input of the model is numeric", DOES_NOT_APPLY)
    try:
        references = _references(bench)
        rows = [np.asarray(part[index]) for part in train.inputs]
        truth = [np.asarray(part[index]) for part in train.targets]
        as_fed = _predict(bench, train, index).outputs
        before = _all_losses(outputs, truth, as_fed, references)
        hidden = counted(bench, train, index)
        as_fed_scores = _scores(outputs, truth, as_fed, references, hidden)
        tried = []
        for name, converted in _converted(rows, convertible):
            predicted = _predict(bench, _with_inputs(train, truth, converted, index), np.arange(len(index))).outputs
            gain = before - _all_losses(outputs, truth, predicted, references)
            scores = _scores(outputs, truth, predicted, references, hidden)
            tried.append((name, scores, mean_interval(gain[np.isfinite(gain)])))
    except NotMeasured as missing:
        return Unavailable.of(missing)
    return Conversions(len(index), as_fed_scores, tuple(tried))


# --- One split ----------------------------------------------------------------------------------------


def _scored(bench: Bench, split: Split | None, name: str) -> SplitScores | Unavailable:
    if split is None:
        return no_split(name)
    if judged_by_step(bench):
        return _stepped(bench, split)
    if bench.subject.opaque:
        return Unavailable(bench.subject.opaque, HISTORY)
    most, outputs = _most_rows(bench, split), bench.subject.outputs
    index = bench.sample(split, most if bench.settings.rows is None else min(most, FIRST_ROWS))
    try:
        references = _references(bench)
        predicted, truth, scores = _judged(bench, split, index, references)
        needed = min(most, max(_rows_needed(found) for found in scores))
        if needed > len(index):
            index = bench.sample(split, needed)
            predicted, truth, scores = _judged(bench, split, index, references)
        losses = row_losses(outputs[0], truth[0], predicted.outputs[0], references[0])
        hidden = counted(bench, split, index)
        pairs = zip(truth, predicted.outputs, strict=True)
        scores = tuple(described(*each) for each in zip(scores, outputs, pairs, references, hidden, strict=True))
    except NotMeasured as missing:
        return Unavailable.of(missing)
    new = _on_new_rows(bench, split, index, (predicted.outputs, truth, references))
    order = np.argsort(-np.where(np.isnan(losses), -np.inf, losses), kind="stable")[:WORST]
    order = order[~np.isnan(losses[order])]
    _, targets, weights = bench.batch(split, index)
    metrics = own_metrics(bench.subject.model, targets, predicted.outputs, weights)
    compared = enumerate(zip(truth, predicted.outputs, strict=True))
    shapes = [broadcast_losses(bench, place, *pair) for place, pair in compared]
    own = [
        replace(given, own_loss=loss if given.batches is None else given.error, metrics=named, broadcast=pair)
        for given, loss, named, pair in zip(scores, predicted.losses, metrics, shapes, strict=True)
    ]
    return SplitScores(
        split=split.name,
        seen=split.seen.value,
        rows=len(index),
        scores=tuple(own),
        loss=_total(bench, predicted.losses),
        worst=tuple(int(row) for row in index[order]),
        worst_outputs=tuple(tuple(map(float, row.reshape(-1)[:OUTPUTS])) for row in predicted.outputs[0][order]),
        population=split.population if split.sampled else split.rows,
        sampled=split.sampled or len(index) < split.rows,
        new_rows=None if new is None else new[0],
        new=() if new is None else new[1],
    )


def _stepped(bench: Bench, split: Split) -> SplitScores | Unavailable:
    """The score by the loss that the model's own code computes; what it makes of single rows is unknown."""
    index = bench.sample(split, FIRST_ROWS if bench.settings.rows is None else bench.settings.rows)
    try:
        with bench.at(None) as model:
            found = StepScores(bench, model, split, index).score()
    except NotMeasured as missing:
        return Unavailable.of(missing)
    return SplitScores(
        split=split.name,
        seen=split.seen.value,
        rows=found.rows,
        scores=(found,),
        loss=found.error,
        population=split.population if split.sampled else split.rows,
        sampled=split.sampled or found.rows < split.rows,
    )


def _on_new_rows(
    bench: Bench, split: Split, index: NDArray[np.int64], judged: tuple[tuple[Rows, ...], list[Rows], Any]
) -> tuple[int, tuple[Score, ...]] | None:
    """The number of rows that are not in train, and the scores on them; None if train has none of these rows."""
    if split is bench.subject.train:
        return None
    shared = rows_in_train(bench, split, index)
    if not shared.any():
        return None
    new, (predicted, truth, references) = ~shared, judged
    if not new.any():
        return 0, ()
    hidden = tuple(None if part is None else part[new] for part in counted(bench, split, index))
    given = tuple(part[new] for part in predicted)
    try:
        scores = _scores(bench.subject.outputs, [part[new] for part in truth], given, references, hidden)
    except NotMeasured:
        scores = ()
    return int(new.sum()), scores


def _judged(
    bench: Bench, split: Split, index: NDArray[np.int64], references: tuple[Reference, ...]
) -> tuple[Predictions, list[Rows], tuple[Score, ...]]:
    predicted = _predict(bench, split, index)
    truth = [np.asarray(rows[index]) for rows in split.targets]
    hidden = counted(bench, split, index)
    return predicted, truth, _scores(bench.subject.outputs, truth, predicted.outputs, references, hidden)


def _rows_needed(found: Score) -> int:
    """How many rows the wanted width of the error's interval needs."""
    if found.task.classifies:
        half, wanted = (found.error_interval.high - found.error_interval.low) / 2, RATE_HALF_WIDTH
    else:
        half, wanted = (found.loss_interval.high - found.loss_interval.low) / 2, VALUE_HALF_WIDTH * found.loss
    if not np.isfinite(half) or wanted <= 0:
        return found.rows
    return int(np.ceil(found.rows * (half / wanted) ** 2))


def _scores(
    outputs: tuple[Output, ...],
    truth: list[Rows],
    predicted: tuple[Rows, ...],
    references: tuple[Reference, ...],
    hidden: tuple[Counted, ...],
) -> tuple[Score, ...]:
    return tuple(score(*each) for each in zip(outputs, truth, predicted, references, hidden, strict=True))


def _all_losses(
    outputs: tuple[Output, ...], truth: list[Rows], predicted: tuple[Rows, ...], references: tuple[Reference, ...]
) -> Array:
    losses = [row_losses(*each) for each in zip(outputs, truth, predicted, references, strict=True)]
    return np.asarray(np.sum(losses, axis=0))


def _total(bench: Bench, losses: tuple[float | None, ...]) -> float | None:
    """The total loss as Keras's `evaluate` computes it."""
    if any(loss is None for loss in losses):
        return None
    weighted = zip(bench.subject.outputs, losses, strict=True)
    return sum(output.weight * (loss or 0.0) for output, loss in weighted) + penalty(bench.subject.model)


def constant_of_train(bench: Bench, place: int) -> Reference:
    """Return the best constant prediction of an output, fitted on training targets.

    All that is said of an output is measured against this one.
    """
    key = f"reference {place}"
    if key not in bench.cache:
        train = bench.subject.train
        index = bench.sample(train, min(train.rows, REFERENCE_ROWS))
        if "reference positions" not in bench.cache:
            bench.cache["reference positions"] = counted(bench, train, index)
        hidden = bench.cache["reference positions"][place]
        bench.cache[key] = reference_of(bench, place, train.targets[place][index], bench.subject.outputs[place], hidden)
    found: Reference = bench.cache[key]
    return found


def _references(bench: Bench) -> tuple[Reference, ...]:
    return tuple(constant_of_train(bench, place) for place, _ in enumerate(bench.subject.outputs))


def _most_rows(bench: Bench, split: Split) -> int:
    most = bench.settings.rows or split.rows
    cells = max(_cells(split.targets), *(output.classes or 1 for output in bench.subject.outputs))
    return max(1, min(split.rows, most, OUTPUT_CELLS // max(cells, 1)))


def _cells(arrays: tuple[Rows, ...]) -> int:
    return sum(int(np.prod(rows.shape[1:])) for rows in arrays)


# --- Predicting ---------------------------------------------------------------------------------------


def _predict(bench: Bench, split: Split, index: NDArray[np.int64]) -> Predictions:
    """Predict these rows with the loaded weights, a batch at a time."""
    with bench.at(None) as model:
        if "predict" not in bench.cache:
            bench.cache["predict"] = compile_predictions(model)
        size = max(1, min(BATCH, BATCH_CELLS // max(1, _cells(split.inputs) + _cells(split.targets))))
        batches = [index[start : start + size] for start in range(0, len(index), size)]
        given = [bench.cache["predict"](bench.batch(split, rows)) for rows in batches]
    sizes = np.array([len(rows) for rows in batches], np.float64)
    return Predictions(
        tuple(np.concatenate(parts) for parts in zip(*(one.outputs for one in given), strict=True)),
        tuple(_averaged(losses, sizes) for losses in zip(*(one.losses for one in given), strict=True)),
    )


def _averaged(losses: tuple[float | None, ...], sizes: Array) -> float | None:
    known = [loss for loss in losses if loss is not None]
    return float(np.average(known, weights=sizes)) if len(known) == len(sizes) else None


def compile_predictions(model: Any) -> Callable[[Batch], Predictions]:
    """Compile an inference-mode pass that returns the outputs and the compiled data loss of each output.

    Losses are computed inside the pass, as in `evaluate`, where Keras has the logits before a softmax. If that fails
    (the loss rejects the labels), only the outputs are returned.
    """
    import keras

    def outputs_of(inputs: Any) -> Any:
        with keras.StatelessScope():
            return keras.tree.flatten(call(model, inputs, training=False))

    def outputs_and_losses(inputs: Any, targets: Any, weights: Any) -> Any:
        with keras.StatelessScope():
            predicted = call(model, inputs, training=False)
            return keras.tree.flatten(predicted), output_losses(model, targets, predicted, weights)

    alone, together = backend.compiled(outputs_of), backend.compiled(outputs_and_losses)
    plain = type(model).compute_loss is keras.Model.compute_loss and model._compile_loss is not None

    def predict(batch: Batch) -> Predictions:
        nonlocal plain
        inputs, targets, weights = batch
        if plain:
            try:
                build_loss(model, inputs, targets)
                outputs, losses = together(tensors(inputs), tensors(targets), tensors(weights))
                return Predictions(_arrays(outputs), tuple(None if loss is None else float(loss) for loss in losses))
            except Exception:  # noqa: BLE001 - a loss may raise anything for labels it rejects
                plain = False
        outputs = alone(tensors(inputs))
        return Predictions(_arrays(outputs), (None,) * len(outputs))

    return predict


def output_losses(model: Any, targets: Any, predicted: Any, weights: Any) -> list[Any]:
    """The compiled loss of each flat output, without its weight; None if it has none."""
    import keras

    compiled = model._compile_loss
    flat = keras.tree.flatten(predicted)
    given = keras.tree.pack_sequence_as(compiled._y_pred_build_structure, flat)
    wanted = keras.tree.pack_sequence_as(compiled._y_true_build_structure, keras.tree.flatten(targets))
    losses: list[Any] = [None] * len(flat)
    for path, function, _, _ in compiled._flat_losses:
        truth, output, weight = _at(wanted, path), _at(given, path), weights
        if weights is not None and keras.tree.is_nested(weights):
            weight = _at(weights, path)
        place = next(number for number, tensor in enumerate(flat) if tensor is output)
        loss = function(truth, output, weight)
        losses[place] = loss if losses[place] is None else losses[place] + loss
    return losses


def _at(structure: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        structure = structure[key]
    return structure


def _arrays(outputs: list[Any]) -> tuple[Rows, ...]:
    import keras

    return tuple(np.asarray(keras.ops.convert_to_numpy(output)) for output in outputs)


# --- Converting ---------------------------------------------------------------------------------------


def _converted(rows: list[Rows], convertible: list[bool]) -> Iterator[tuple[str, list[Rows]]]:
    """Yield the conversions that change these inputs."""
    numbers = [np.asarray(part, np.float32) for part, chosen in zip(rows, convertible, strict=True) if chosen]
    largest = max(float(np.nanmax(np.abs(part), initial=0.0)) for part in numbers)
    candidates: list[tuple[str, bool, Callable[[Rows], Rows]]] = [
        ("x / 255", largest > 1, lambda part: part / 255),
        ("x / 127.5 - 1", largest > 1, lambda part: part / 127.5 - 1),
        ("x * 255", largest <= 1, lambda part: part * 255),
        ("standardised by column", True, _standardised),
        ("scaled to 0-1 by column", True, _to_unit),
    ]
    for name, applies, convert in candidates:
        changed = [convert(part) for part in numbers]
        differs = any(
            not np.allclose(a, b, rtol=0.02, atol=0.02, equal_nan=True) for a, b in zip(changed, numbers, strict=True)
        )
        if applies and differs:
            new = iter(changed)
            yield name, [next(new) if chosen else part for part, chosen in zip(rows, convertible, strict=True)]


def _standardised(part: Rows) -> Rows:
    axes = _all_but_columns(part)
    mean, std = np.nanmean(part, axis=axes), np.nanstd(part, axis=axes)
    return np.asarray((part - mean) / np.where(std > 0, std, 1.0), np.float32)


def _to_unit(part: Rows) -> Rows:
    axes = _all_but_columns(part)
    low, high = np.nanmin(part, axis=axes), np.nanmax(part, axis=axes)
    return np.asarray((part - low) / np.where(high > low, high - low, 1.0), np.float32)


def _all_but_columns(part: Rows) -> tuple[int, ...]:
    return tuple(range(part.ndim - 1)) if part.ndim > 1 else (0,)


def _with_inputs(train: Split, truth: list[Rows], inputs: list[Structure], index: NDArray[np.int64]) -> Split:
    weight = None if train.sample_weight is None else np.asarray(train.sample_weight[index])
    return replace(train, inputs=tuple(inputs), targets=tuple(truth), sample_weight=weight)
