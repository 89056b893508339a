"""Finds padded positions of token inputs, and what the targets hold there."""

import numpy as np
from numpy.typing import NDArray

from diagnose.measurements import InputStatistics, Padding
from diagnose.measuring.bench import Bench
from diagnose.measuring.counting import counted, may_mask
from diagnose.subject import Output, Rows, Task

ROWS = 2_000
SAME = 0.99  # share of the padded positions with one class, or that are hidden
RECURRENT = frozenset({"LSTM", "GRU", "SimpleRNN"})


def padding(bench: Bench, inputs: tuple[InputStatistics, ...]) -> tuple[Padding, ...]:
    """Return the padding of every token input with one token a position, for every output."""
    train = bench.subject.train
    index = bench.sample(train, ROWS)
    found = []
    for place, one in enumerate(inputs):
        if one.kind != "tokens" or train.inputs[place].ndim != 2:
            continue
        padded = trailing_zeros(np.asarray(train.inputs[place][index]))
        if padded.any():
            found += [_padding(bench, index, one.name, padded, number) for number in range(len(train.targets))]
    return tuple(found)


def trailing_zeros(tokens: Rows) -> NDArray[np.bool_]:
    """Return which positions [rows, positions] come after the last token other than 0."""
    later = np.cumsum((tokens != 0)[:, ::-1], axis=1)[:, ::-1]
    return np.asarray(later == 0)


def _padding(bench: Bench, index: NDArray[np.int64], name: str, padded: NDArray[np.bool_], number: int) -> Padding:
    train, layers = bench.subject.train, bench.subject.model._flatten_layers(include_self=False)
    output, targets = bench.subject.outputs[number], np.asarray(train.targets[number][index])
    classes = _classes(output, targets, padded.shape)
    label, elsewhere = _class_of(classes, padded)
    hidden = counted(bench, train, index)[number]
    if classes is None:
        masked = may_mask(bench.subject.model)
    else:
        masked = hidden is not None and hidden.shape == padded.shape and bool((~hidden[padded]).mean() >= SAME)
    return Padding(
        input=name,
        output=output.name,
        rows=len(index),
        share=float(padded.mean()),
        masked=masked,
        recurrent=any(type(layer).__name__ in RECURRENT for layer in layers),
        positions=classes is not None,
        label=label,
        elsewhere=elsewhere,
    )


def _classes(output: Output, targets: Rows, shape: tuple[int, ...]) -> Rows | None:
    """The class of each position; None if the output has other positions than the input."""
    if output.task not in (Task.BINARY, Task.MULTICLASS) or targets.shape[:2] != shape:
        return None
    if targets.ndim == 3 and targets.shape[2] > 1:
        return np.asarray(targets.argmax(axis=-1))
    return np.asarray(np.rint(np.nan_to_num(targets.reshape(shape))), np.int64)


def _class_of(classes: Rows | None, padded: NDArray[np.bool_]) -> tuple[int | None, float | None]:
    """The class that stands at the padded positions, and its share of the others; None if they vary."""
    if classes is None:
        return None, None
    numbers, counts = np.unique(classes[padded], return_counts=True)
    if counts.max() < SAME * counts.sum():
        return None, None
    label, others = int(numbers[counts.argmax()]), classes[~padded]
    return label, float((others == label).mean()) if others.size else 0.0
