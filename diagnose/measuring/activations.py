"""The outputs of each layer, with the loaded weights and with fresh ones."""

from functools import reduce
from operator import add
from typing import Any

import numpy as np

from diagnose.measurements import (
    DOES_NOT_APPLY,
    Activations,
    Array,
    FirstInput,
    Forward,
    LayerActivations,
    Magnitudes,
    Measurements,
    NotMeasured,
    Unavailable,
)
from diagnose.measuring import backend
from diagnose.measuring.bench import Bench
from diagnose.measuring.naming import activation_name
from diagnose.measuring.network import describe, need_layers, walk_like
from diagnose.measuring.own_step import as_fit_gives
from diagnose.measuring.probe import Tally, compile_statistics
from diagnose.measuring.walking import Part, Walk, is_container, kernels, part_weights
from diagnose.measuring.work import operations_per_row

ROWS = 2_048  # a unit that never fires on n rows fires on less than 3/n of all: 0.15 %
FEWEST_ROWS = 256
OPERATIONS = 1e12  # most multiplications of a pass; large models get fewer rows
BATCH = 256
DROPPED = 1e-3  # times the usual scale of a normalised channel; below, it is as good as switched off
PASS_THROUGH = frozenset(  # their outputs are (some of) their inputs, so statistics add nothing
    {"InputLayer", "Flatten", "Reshape", "Permute", "RepeatVector", "Identity", "Masking", "Dropout"}
    | {f"{name}{n}D" for n in (1, 2, 3) for name in ("ZeroPadding", "Cropping", "UpSampling", "SpatialDropout")}
    | {f"{name}Pooling{n}D" for n in (1, 2, 3) for name in ("Max", "Average", "GlobalMax", "GlobalAverage")}
)


def forward(bench: Bench, measured: Measurements) -> Forward | Unavailable:
    """Tally activations over one seeded, stratified sample of training rows.

    At most ROWS rows (fewer for large models, but at least FEWEST_ROWS if there are so many), in equal batches. Means,
    spreads and shares use at most POSITIONS (16) positions of each row (drawn once); `low`, `high` and `never` use all.
    The spread across rows is that of a row's mean over these positions. Masked steps count like others. `fresh` runs in
    train mode if the model has BatchNormalization, as its moving statistics are not valid at fresh weights; dropout
    is active then, too.
    """
    need_layers(bench.subject.model)
    return Forward(current=_activations(bench, None), fresh=_activations(bench, bench.settings.seed))


def _activations(bench: Bench, seed: int | None) -> Activations | Unavailable:
    try:
        with bench.at(seed) as model:
            return _tally(bench, model, fresh=seed is not None)
    except NotMeasured as missing:
        return Unavailable.of(missing)


def _tally(bench: Bench, model: Any, fresh: bool) -> Activations:
    walked = walk_like(bench, model)
    order = {part.path: place for place, part in enumerate(describe(bench)[0].parts)}
    tallied = tuple(part for part in walked.parts if part.kind not in PASS_THROUGH)
    firsts = first_weighted(walked, order)
    training = fresh and any(part.kind == "BatchNormalization" for part in walked.parts)
    key = f"statistics, training {training}"
    if key not in bench.cache:
        bench.cache[key] = compile_statistics(model, tallied, firsts, training, stepped=_stepped(bench))
    rows = min(bench.subject.train.rows, affordable_rows(bench))
    readings = [bench.cache[key](inputs) for inputs in _batches(bench, rows)]
    outputs, entered = _summed([r.outputs for r in readings]), _summed([r.inputs for r in readings])
    by_path = {part.path: part for part in walked.parts}
    return Activations(
        layers=tuple(_layer(by_path[path], tally) for path, tally in outputs.items()),
        first_inputs=tuple(_first(path, tally) for path, tally in entered.items()),
        rows=sum(reading.rows for reading in readings),
    )


def first_weighted(walked: Walk, order: dict[str, int]) -> tuple[Part, ...]:
    """Return the first trainable layer with a kernel of each input path; the first called if the graph is unknown.

    A path ends at a trainable embedding, whose output is learned.
    """
    learned = {part.path: _learns(part) for part in walked.parts}
    if not walked.graph_known:
        called = sorted(walked.parts, key=lambda part: order.get(part.path, len(order)))
        first = next((part for part in called if learned[part.path]), None)
        return (first,) if first is not None and kernels(first) else ()
    reached: dict[str, bool] = {}
    for part in walked.parts:
        reached[part.path] = any(reached.get(source, False) or learned.get(source, False) for source in part.inbound)
    return tuple(p for p in walked.parts if learned[p.path] and kernels(p) and not reached[p.path])


def _learns(part: Part) -> bool:
    """Whether a part has a trainable kernel or embedding."""
    trainable = any(weight.trainable for weight in part_weights(part)) and part.layer.trainable
    return trainable and (bool(kernels(part)) or part.kind == "Embedding")


def affordable_rows(bench: Bench) -> int:
    """Return how many rows a pass can have: ROWS, fewer for large models, but at least FEWEST_ROWS."""
    walked, shapes, _ = describe(bench)
    cost = sum(operations_per_row(part, shapes.get(part.path)) for part in walked.parts)
    return max(FEWEST_ROWS, min(ROWS, int(OPERATIONS / max(cost, 1))))


def _batches(bench: Bench, rows: int) -> Any:
    """Yield batches of equal size, so that one trace is enough; the remaining rows are left out."""
    chosen = bench.sample(bench.subject.train, rows)
    size = len(chosen) // -(-len(chosen) // BATCH)
    mixed = np.random.default_rng(bench.settings.seed).permutation(chosen)
    for start in range(0, len(mixed) - size + 1, size):
        batch = bench.batch(bench.subject.train, np.sort(mixed[start : start + size]))
        yield as_fit_gives(bench, *batch) if _stepped(bench) else batch[0]


def _stepped(bench: Bench) -> bool:
    """Whether only the model's own `train_step` can run its layers.

    Raises:
        NotMeasured: the rows are of another form than the model's inputs, so it is unknown how to run it.
    """
    import keras

    subject = bench.subject
    if not subject.opaque:
        return False
    if type(subject.model).call is not keras.Model.call:
        raise NotMeasured(subject.opaque, DOES_NOT_APPLY)
    return True


def _summed(tallies: list[dict[str, Tally]]) -> dict[str, Tally]:
    return {path: reduce(add, (one[path] for one in tallies)) for path in tallies[0]}


def _layer(part: Part, tally: Tally) -> LayerActivations:
    mixing = kernels(part)
    activation = None if is_container(part.layer) else activation_name(part.inner)
    saturates = activation in ("tanh", "sigmoid", "hard_sigmoid")
    return LayerActivations(
        path=part.path,
        kind=part.kind,
        activation=activation,
        mean=tally.mean,
        std=np.sqrt(tally.squares / tally.count),
        low=tally.low,
        high=tally.high,
        positive=tally.positive / tally.count,
        never=tally.high <= 0,
        varies=float(np.sqrt(tally.row_squares / tally.rows).mean()),
        saturated=tally.saturated / tally.count if saturates else None,
        non_finite=int(tally.non_finite.sum()),
        entering=_entering(part, np.sqrt(tally.squares / tally.count)),
        kernel_std=float(backend.array(mixing[0]).std(dtype=np.float64)) if mixing else None,
        magnitudes=Magnitudes.counted(tally.sizes),
    )


def _entering(part: Part, std: Array) -> Array | None:
    """The spread of what enters a BatchNormalization over its moving one, from the spread of its output: [channels]."""
    if part.kind != "BatchNormalization" or bool((backend.array(part.inner.moving_variance) == 1).all()):
        return None  # or it was never trained
    scale = np.abs(backend.array(part.inner.gamma).astype(np.float64)) if part.inner.scale else np.ones(1)
    return std / np.where(scale > DROPPED * np.median(scale), scale, np.nan)


def _first(path: str, tally: Tally) -> FirstInput:
    largest = float(np.maximum(np.abs(tally.low), np.abs(tally.high)).max())
    return FirstInput(path, tally.mean, np.sqrt(tally.squares / tally.count), largest)
