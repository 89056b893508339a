"""Whether the steps of the optimizer throw away what the earlier ones found."""

from collections.abc import Iterator

import numpy as np

from diagnose.checks.further_reading import DESCENT, RATE
from diagnose.checks.reading.updates import early_updates, finding
from diagnose.checks.reading.wording import number
from diagnose.findings import Finding
from diagnose.measurements import History
from diagnose.registry import check

LARGE = 3e-2  # step over weight, the median layer; healthy trainings begin below 2e-2


@check("Steps that are too long", family="optimisation", origins=("live",), reading=(RATE, DESCENT))
def large_updates(history: History) -> Iterator[Finding]:
    """Compares how far single optimizer steps move the weights with the size of the weights.

    ## What it measures
    On steps ever further apart, for each layer, the norm of what one step adds to its kernels over the norm of
    the kernels: with schedule, momentum and clipping, as the optimizer took it.

    ## Why it matters
    The learning rate alone says little: what it does depends on optimizer, gradient and scale of the weights. A
    step of about a thousandth of the weights is usual; steps of several hundredths leave nothing in its place.

    ## How it is decided
    In the first tenth of the training (at least the first 100 steps) the median step moves the median layer by more
    than 3/100 of its weights, and the training loss ends above half of the constant prediction's: trainings that
    are fast and well come close to it.

    ## Known limits
    Of several steps per execution it sees the mean, which momentum and noise make smaller than a single step. Biases,
    embeddings and normalisation do not count.

    ## References
    - Karpathy et al., "CS231n Convolutional Neural Networks for Visual Recognition", neural-networks-3, ratio of
      weights and updates
    - Schneider, Dangel, Hennig 2021, "Cockpit: A Practical Debugging Tool for the Training of Deep Neural Networks",
      arXiv:2102.06604
    """
    middle = [float(np.median(ratios)) for ratios in early_updates(history)]
    if middle and (value := float(np.median(middle))) > LARGE:
        yield finding(f"a step moves the median layer by {number(value)} of its weights", value, LARGE, history)
