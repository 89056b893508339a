"""Whether optimizer steps are too small for the weights to move far enough."""

from collections.abc import Iterator

from diagnose.checks.further_reading import DESCENT, RATE
from diagnose.checks.reading.updates import early_updates, finding
from diagnose.checks.reading.wording import number
from diagnose.findings import Finding
from diagnose.measurements import History
from diagnose.registry import check

SMALL = 1e-4  # update-to-weight ratio, the largest; healthy trainings start at 1e-3 to 2e-2, slow ones at 5e-5


@check("Update steps that are too small", family="optimisation", origins=("live",), reading=(RATE, DESCENT))
def small_updates(history: History) -> Iterator[Finding]:
    """Compares the size of single optimizer steps with the size of the weights.

    ## What it measures
    At steps that lie further and further apart, for each layer, the norm of what one step adds to its kernels over the
    norm of the kernels: as the optimizer took it, with schedule, momentum and clipping.

    ## Why it matters
    The learning rate alone says little: its effect depends on the optimizer, the gradient and the scale of the weights.
    A step of about a thousandth of the weights is usual; with a hundred-thousandth, the weights hardly move during the
    training.

    ## How it is decided
    A warning if, in the first tenth of the training (at least the first 100 steps), no step moves any layer by more
    than 1/10,000 of its weights, and the training loss ends above half of the constant prediction's: fine-tuning takes
    small steps by design.

    ## Known limits
    With several steps per execution it sees their mean, which momentum and noise make smaller than a single step. A
    long warm-up makes the first steps small by design. Biases, embeddings and normalisation layers do not count.

    ## References
    - Karpathy et al., "CS231n Convolutional Neural Networks for Visual Recognition", neural-networks-3, ratio of
      weights and updates
    - Schneider, Dangel, Hennig 2021, "Cockpit: A Practical Debugging Tool for the Training of Deep Neural Networks",
      arXiv:2102.06604
    """
    fastest = [float(ratios.max()) for ratios in early_updates(history)]
    if fastest and (value := max(fastest)) < SMALL:
        yield finding(f"no step moves any layer by more than {number(value)} of its weights", value, SMALL, history)
