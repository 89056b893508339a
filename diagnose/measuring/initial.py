"""The loss at initialisation."""

from math import log
from typing import Any

import numpy as np

from diagnose.measurements import DOES_NOT_APPLY, Initial, Measurements, NotMeasured, Unavailable
from diagnose.measuring.bench import Bench
from diagnose.measuring.own_step import StepScores, judged_by_step
from diagnose.measuring.scoring import Reference, row_losses, score
from diagnose.measuring.training import references
from diagnose.subject import Output, Rows, Task

SEEDS = 3
ROWS = 512  # gives a standard error of about 4 % of the loss's standard deviation over rows
LOG_LOSSES = {
    "binary_crossentropy": "BinaryCrossentropy",
    "categorical_crossentropy": "CategoricalCrossentropy",
    "sparse_categorical_crossentropy": "SparseCategoricalCrossentropy",
}


def initial(bench: Bench, measured: Measurements) -> Initial | Unavailable:
    """Compute the data loss of fresh weights, per output and seed, on a sample of training rows.

    Cross-entropies are computed on the output as the compiled loss reads it; all other losses depend on the task only.
    """
    if bench.pretrained:
        return Unavailable("pretrained layers have no fresh weights", DOES_NOT_APPLY)
    if judged_by_step(bench):
        return _stepped(bench)
    if bench.subject.opaque:
        return Unavailable(bench.subject.opaque, DOES_NOT_APPLY)
    from diagnose.measuring.tensorflow_training import compile_prediction

    train, outputs = bench.subject.train, bench.subject.outputs
    rows = bench.sample(train, ROWS)
    targets = [np.asarray(target[rows]) for target in train.targets]
    inputs, _, _ = bench.batch(train, rows)
    constants = references(bench, outputs, train)
    losses: list[list[float]] = [[] for _ in outputs]
    try:
        with bench.at(bench.settings.seed) as model:
            predict = compile_prediction(model, inputs)
        for seed in _seeds(bench):
            with bench.at(seed):
                predicted = predict(np.arange(len(rows)))
            for place, output in enumerate(outputs):
                losses[place].append(_loss(output, targets[place], predicted[place], constants[place]))
    except NotMeasured as missing:
        return Unavailable.of(missing)
    expected = [_expected(*case) for case in zip(outputs, targets, predicted, constants, strict=True)]
    return Initial(
        outputs=tuple(output.name for output in outputs),
        losses=tuple(tuple(found) for found in losses),
        expected=tuple(expected),
        rows=len(rows),
    )


def _seeds(bench: Bench) -> range:
    return range(bench.settings.seed, bench.settings.seed + SEEDS)


def _stepped(bench: Bench) -> Initial | Unavailable:
    """The loss that the model's own code computes."""
    train, found = bench.subject.train, []
    try:
        with bench.at(bench.settings.seed) as model:
            stepped = StepScores(bench, model, train, bench.sample(train, ROWS))
        for seed in _seeds(bench):
            with bench.at(seed):
                found.append(stepped.score())
    except NotMeasured as missing:
        return Unavailable.of(missing)
    return Initial(
        outputs=(found[0].output,),
        losses=(tuple(score.loss for score in found),),
        expected=(found[-1].constant_loss,),
        rows=stepped.rows,
    )


def _loss(output: Output, target: Rows, predicted: Rows, reference: Reference) -> float:
    loss = _cross_entropy(output)
    if loss is not None:
        return float(loss(target, predicted))
    if output.task is Task.OWN_LOSS:
        return score(output, target, predicted, reference).loss
    return float(np.nanmean(row_losses(output, target, predicted, reference)))


def _cross_entropy(output: Output) -> Any:
    """Keras's cross-entropy with `from_logits` of the compiled one; None for all other losses."""
    import keras

    if output.custom_loss or output.loss not in LOG_LOSSES:
        return None
    return getattr(keras.losses, LOG_LOSSES[output.loss])(from_logits=output.from_logits)


def _expected(output: Output, target: Rows, predicted: Rows, reference: Reference) -> float:
    if not output.task.classifies:
        return score(output, target, predicted, reference).constant_loss
    return log(2 if output.task is Task.MULTILABEL else output.classes or 2)
