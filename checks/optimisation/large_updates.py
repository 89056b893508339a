"""Whether optimizer steps are so large that they undo earlier ones."""

from collections.abc import Iterator

import numpy as np

from diagnose.checks.further_reading import DESCENT, RATE
from diagnose.checks.reading.updates import early_updates, finding
from diagnose.checks.reading.wording import number
from diagnose.findings import Finding
from diagnose.measurements import History
from diagnose.registry import check

LARGE = 3e-2  # update-to-weight ratio of the median layer; healthy trainings start below 2e-2
FIRST = 12  # steps; after steps that were far too large the weights are large, too, and later steps look small
LARGE_FIRST = 5e-2  # the same ratio at these: healthy ones up to 0.032 (Adam at 0.01), 30 times the rate from 0.064


@check("Update steps that are too large", family="optimisation", origins=("live",), reading=(RATE, DESCENT))
def large_updates(history: History) -> Iterator[Finding]:
    """Compares the size of single optimizer steps with the size of the weights.

    ## What it measures
    At steps that lie further and further apart, for each layer, the norm of what one step adds to its kernels over the
    norm of the kernels: as the optimizer took it, with schedule, momentum and clipping.

    ## Why it matters
    The learning rate alone says little: its effect depends on the optimizer, the gradient and the scale of the weights.
    A step of about a thousandth of the weights is usual; steps of several hundredths overwrite what was learned.

    ## How it is decided
    A warning if, in the first tenth of the training (at least the first 100 steps), the median step moves the median
    layer by more than 3/100 of its weights, or if the median of the first 12 steps does so by more than 5/100, and the
    training loss ends above half of the constant prediction's. Fast and successful trainings come close to this limit.
    A training of fewer than 50 steps is judged only if its loss has blown up.

    ## Known limits
    With several steps per execution it sees their mean, which momentum and noise make smaller than a single step.
    Biases, embeddings and normalisation layers do not count.

    ## References
    - Karpathy et al., "CS231n Convolutional Neural Networks for Visual Recognition", neural-networks-3, ratio of
      weights and updates
    - Schneider, Dangel, Hennig 2021, "Cockpit: A Practical Debugging Tool for the Training of Deep Neural Networks",
      arXiv:2102.06604
    """
    for until, limit, when in ((FIRST, LARGE_FIRST, "one of the first steps"), (None, LARGE, "a step")):
        middle = [float(np.median(ratios)) for ratios in early_updates(history, until)]
        if middle and (value := float(np.median(middle))) > limit:
            yield finding(f"{when} moves the median layer by {number(value)} of its weights", value, limit, history)
            return
