"""Whether the weights are still where the training began."""

from collections.abc import Iterator

import numpy as np

from diagnose.checks.further_reading import DESCENT, RATE
from diagnose.checks.reading.updates import early_updates, finding, steps_of
from diagnose.checks.reading.wording import number, percent
from diagnose.findings import Finding
from diagnose.measurements import History, NotMeasured, need
from diagnose.registry import check

UNMOVED = 0.01  # of the weights, over the whole training; fine-tuning that does something moves them by several percent


@check(
    "Weights that have not moved",
    family="optimisation",
    origins=("live",),
    speaks_live=None,
    reading=(RATE, DESCENT),
)
def unmoved_weights(history: History) -> Iterator[Finding]:
    """Compares all steps of the training together with the size of the weights.

    ## What it measures
    At steps that lie further and further apart, for each layer, the norm of what one step adds to its kernels over the
    norm of the kernels. The largest of these times the number of steps is the most that the training can have moved
    any layer, if all steps went the same way.

    ## Why it matters
    Such a model is the one that the training began with. Whether its loss is good says nothing about the training.

    ## How it is decided
    A warning if no layer can have moved by more than 1 % of its weights, and the training loss ends above half of the
    constant prediction's (of a loss of the model's own code: of the first loss; several losses without a total are not
    compared). Fine-tuning that starts well has less.

    ## Known limits
    A training that goes on from an earlier one is not judged: its last, small steps are small by design. Steps between
    the watched ones may have been larger. Biases, embeddings and normalisation layers do not count.

    ## References
    - Karpathy et al., "CS231n Convolutional Neural Networks for Visual Recognition", neural-networks-3, ratio of
      weights and updates
    """
    if not history.from_start:
        raise NotMeasured("the training had begun before it was watched", "Watch a training from fresh weights.")
    if not early_updates(history, scaled=False):
        return
    largest = max(float(np.max(list(update.ratios.values()))) for update in need(history.updates) if update.ratios)
    steps = steps_of(history)
    if (most := largest * steps) < UNMOVED:
        yield finding(
            f"all {steps:,} steps together have moved no layer by more than {percent(most)} of its weights, and none by"
            f" more than {number(largest)}",
            most,
            UNMOVED,
            history,
        )
