"""The gradient of the loss at each layer, with the loaded weights and with fresh ones."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diagnose.measurements import (
    Backward,
    Gradients,
    LayerGradients,
    Magnitudes,
    Measurements,
    NotMeasured,
    Unavailable,
)
from diagnose.measuring import backend
from diagnose.measuring.bench import Batch, Bench
from diagnose.measuring.copying import own_method
from diagnose.measuring.network import need_layers, walk_like
from diagnose.measuring.own_step import as_fit_gives, logged_loss
from diagnose.measuring.probe import Reading, compile_gradients, compile_output_gradients, compile_step_gradients
from diagnose.measuring.walking import Part, kernels
from diagnose.subject import BATCH_SIZE

BATCHES = 8  # a single batch is noisy
LARGEST_BATCH = 128
COMPARED = 4  # batches on which outputs are compared
OUTPUTS = 10  # most outputs that are compared; each takes a pass of its own


def backward(bench: Bench, measured: Measurements) -> Backward | Unavailable:
    """Compute train-mode gradients of the data loss on BATCHES seeded batches of training rows.

    The batch size is the user's (at most LARGEST_BATCH). A layer with several kernels (recurrent, attention) counts
    as one, with norms over all of them. The model does not change, nor do its
    BatchNormalization statistics and seeds.
    """
    need_layers(bench.subject.model)
    return Backward(current=_gradients(bench, None), fresh=_gradients(bench, bench.settings.seed))


def _gradients(bench: Bench, seed: int | None) -> Gradients | Unavailable:
    try:
        with bench.at(seed) as model:
            return _measure(bench, model)
    except NotMeasured as missing:
        return Unavailable.of(missing)


def _measure(bench: Bench, model: Any) -> Gradients:
    parts = tuple(part for part in walk_like(bench, model).parts if any(weight.trainable for weight in kernels(part)))
    own = own_method(model, "train_step")
    if "gradients" not in bench.cache:
        stepped = partial(compile_step_gradients, loss_of=partial(logged_loss, model))
        bench.cache["gradients"] = (stepped if own else compile_gradients)(model, parts)
    rows = [bench.batch(bench.subject.train, index) for index in _indices(bench)]
    batches = [as_fit_gives(bench, *batch) for batch in rows] if own else rows
    readings = [bench.cache["gradients"](batch) for batch in batches]
    by_path = {part.path: part for part in parts}
    return Gradients(
        layers=tuple(_layer(by_path[path], readings) for path in readings[0].weight_gradients),
        global_norm=tuple(reading.norm for reading in readings),
        loss=float(np.mean([reading.loss for reading in readings])),
        batches=len(readings),
        batch_size=readings[0].rows,
        by_output=_by_output(bench, model, rows[:COMPARED]),
    )


def _by_output(bench: Bench, model: Any, batches: list[Batch]) -> dict[str, float]:
    outputs = bench.subject.outputs
    if not 1 < len(outputs) <= OUTPUTS:
        return {}
    if "gradients by output" not in bench.cache:
        bench.cache["gradients by output"] = compile_output_gradients(model, len(outputs))
    norms = np.median([bench.cache["gradients by output"](batch) for batch in batches], axis=0)
    return {output.name: float(norm) for output, norm in zip(outputs, norms, strict=True)} if norms.size else {}


def _indices(bench: Bench) -> Iterator[NDArray[np.int64]]:
    train = bench.subject.train
    size = min(bench.subject.training.batch_size or BATCH_SIZE, LARGEST_BATCH, train.rows)
    generator = np.random.default_rng([bench.settings.seed, 8])
    for _ in range(BATCHES):
        yield np.sort(generator.choice(train.rows, size, replace=False))


def _layer(part: Part, readings: list[Reading]) -> LayerGradients:
    variables = [kernel for kernel in kernels(part) if kernel.trainable]
    weight = float(np.sqrt(sum(float(np.square(backend.array(v).astype(np.float64)).sum()) for v in variables)))
    values = sum(int(np.prod(variable.shape)) for variable in variables)
    squares = [reading.weight_gradients[part.path] for reading in readings]
    norms = np.sqrt([0.0 if square is None else square for square in squares])
    norm = float(np.median(norms))
    counts = [reading.weight_sizes[part.path] for reading in readings if part.path in reading.weight_sizes]
    arriving = [_per_row(reading, part.path) for reading in readings]
    return LayerGradients(
        path=part.path,
        kind=part.kind,
        relative=norm / weight if weight > 0 else float("nan"),
        rms=norm / float(np.sqrt(values)),
        activation_rms=float(np.median(arriving)),
        cut=bool((norms == 0).all()),
        magnitudes=Magnitudes.counted(np.sum(counts, axis=0)) if counts else None,
    )


def _per_row(reading: Reading, path: str) -> float:
    squares, values = reading.activation_gradients.get(path, (float("nan"), 1.0))
    return float(np.sqrt(squares / values)) * reading.rows
