"""Whether the first steps threw away the weights that the training began with."""

from collections.abc import Iterator

import numpy as np

from diagnose.checks.further_reading import DESCENT, RATE
from diagnose.checks.reading.updates import early_updates, finding, first_update, has_learned
from diagnose.checks.reading.wording import number
from diagnose.findings import Finding
from diagnose.measurements import Array, History
from diagnose.registry import check

FIRST = 12  # steps
WHOLE = 1.0  # of the weights, by the very first step, which is larger than later ones: with Adam at 0.01 it is 0.1
OVERWRITES = 0.1  # of the weights, by one step; healthy trainings stay below 0.032 (Adam at 0.01)


@check("Steps that overwrite the weights", family="optimisation", origins=("live",), reading=(RATE, DESCENT))
def overwritten_weights(history: History) -> Iterator[Finding]:
    """Compares the size of the first optimizer steps with the size of the weights.

    ## What it measures
    At a few of the first 12 steps, for each layer, the norm of what one step adds to its kernels over the norm of the
    kernels; of the layers that move most, half of all, the median. Two networks that are trained against each other, at
    rates of their own, are seen apart in this way.

    ## Why it matters
    After ten such steps nothing is left of the initial weights, whose scale keeps activations and gradients in range.

    ## How it is decided
    A warning if a step moves them by more than a tenth of their weights (the median of the first 12 steps), or the very
    first step by more than all of them, and the training loss ends above half of the constant prediction's; several
    losses without a total are not compared with anything.

    ## Known limits
    With several steps per execution it sees their mean, which momentum and noise make smaller than a single step.
    Biases, embeddings and normalisation layers do not count.

    ## References
    - Karpathy et al., "CS231n Convolutional Neural Networks for Visual Recognition", neural-networks-3, ratio of
      weights and updates
    """
    first = _upper_half(first_update(history))
    if first > WHOLE and not has_learned(history):
        message = f"the very first step moves the layers that move most by {number(first)} times their weights"
        yield finding(message, first, WHOLE, history)
        return
    moved = [_upper_half(ratios) for ratios in early_updates(history, FIRST, scaled=False)]
    if moved and (usual := float(np.median(moved))) > OVERWRITES:
        message = f"one of the first steps moves the layers that move most by {number(usual)} of their weights"
        yield finding(message, usual, OVERWRITES, history)


def _upper_half(ratios: Array) -> float:
    """The median of the layers that move most, half of all; 0 if there are none."""
    return float(np.median(np.sort(ratios)[len(ratios) // 2 :])) if ratios.size else 0.0
