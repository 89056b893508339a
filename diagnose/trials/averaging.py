"""The average of the weights over the end of a training: stochastic weight averaging."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from diagnose.measurements import Array
from diagnose.measuring import copying
from diagnose.measuring.bench import Bench
from diagnose.measuring.modes import BATCHES
from diagnose.measuring.probe import call, tensors
from diagnose.measuring.training import Course, Trainer
from diagnose.subject import Split
from diagnose.trials.interventions.generalising import MOMENTS


def run_averaging(bench: Bench, trainer: Trainer, train: Split, rates: Array, share: float) -> Course:
    """Train one step per rate, and end with the mean of the trainable weights over the last steps.

    The moving statistics of BatchNormalization layers belong to weights that are gone; they are then the mean over
    batches of training rows (Izmailov et al. 2018, arXiv:1803.05407). A training that does not stay finite is left as
    it is.

    Args:
        bench, trainer: the trainer has begun.
        train: the rows that it trains on.
        rates: of the steps.
        share: of the steps, at their end, whose weights are averaged (0 to 1).
    """
    losses, norms = [], []
    taken: list[copying.Weights] = []
    first, *between, _ = moments(len(rates), share)
    parts = [rates[:first]] if first else []
    for number, part in enumerate([*parts, *np.split(rates[first:], np.subtract(between, first))]):
        course = trainer.run(part)
        losses.append(course.losses)
        norms.append(course.norms)
        if course.non_finite_step is not None:
            return Course(np.concatenate(losses), np.concatenate(norms))
        if number >= len(parts):
            taken.append(copying.values(trainer.model.trainable_variables))
    mean = [np.mean(each, axis=0) for each in zip(*taken, strict=True)]
    copying.assign(trainer.model.trainable_variables, mean)
    _re_estimate(bench, trainer, train)
    return Course(np.concatenate(losses), np.concatenate(norms))


def moments(steps: int, share: float) -> NDArray[np.int64]:
    """The numbers of steps after which weights are taken, the start of the last steps first: [up to MOMENTS + 1]."""
    return np.unique(np.linspace(int((1 - share) * steps), steps, MOMENTS + 1).round().astype(int))


def _re_estimate(bench: Bench, trainer: Trainer, train: Split) -> None:
    """Let the moving statistics be their means over up to `BATCHES` batches of training rows."""
    import keras

    model, size = trainer.model, trainer.batch_size
    kind = keras.layers.BatchNormalization
    norms: list[Any] = [layer for layer in model._flatten_layers() if isinstance(layer, kind) and layer.trainable]
    momenta = [norm.momentum for norm in norms]
    order = np.random.default_rng([bench.settings.seed, 11]).permutation(trainer.trained)
    try:
        for done, start in enumerate(range(0, min(len(order), BATCHES * size), size) if norms else ()):
            for norm in norms:
                norm.momentum = done / (done + 1)  # so that the moving average is the mean over all batches
            inputs, _, _ = bench.batch(train, order[start : start + size])
            call(model, tensors(inputs), training=True)
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
