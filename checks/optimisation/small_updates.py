"""Whether the steps of the optimizer are too short for the weights to get anywhere."""

from collections.abc import Iterator

from diagnose.checks.further_reading import DESCENT, RATE
from diagnose.checks.reading.updates import early_updates, finding
from diagnose.checks.reading.wording import number
from diagnose.findings import Finding
from diagnose.measurements import History
from diagnose.registry import check

SMALL = 1e-4  # step over weight, at its largest; healthy trainings begin at 1e-3 to 2e-2, too slow ones at 5e-5


@check("Steps that are too short", family="optimisation", origins=("live",), reading=(RATE, DESCENT))
def small_updates(history: History) -> Iterator[Finding]:
    """Compares how far single optimizer steps move the weights with the size of the weights.

    ## What it measures
    On steps ever further apart, for each layer, the norm of what one step adds to its kernels over the norm of
    the kernels: with schedule, momentum and clipping, as the optimizer took it.

    ## Why it matters
    The learning rate alone says little: what it does depends on optimizer, gradient and scale of the weights. A
    step of about a thousandth of the weights is usual; at a hundred-thousandth nothing happens within the training.

    ## How it is decided
    In the first tenth of the training (at least the first 100 steps) no step moves any layer by more than 1/10,000
    of its weights, and the training loss ends above half of the constant prediction's: fine tuning takes
    small steps by design.

    ## Known limits
    Of several steps per execution it sees the mean, which momentum and noise make smaller than a single step. A long
    warm-up makes the first steps short by design. Biases, embeddings and normalisation do not count.

    ## References
    - Karpathy et al., "CS231n Convolutional Neural Networks for Visual Recognition", neural-networks-3, ratio of
      weights and updates
    - Schneider, Dangel, Hennig 2021, "Cockpit: A Practical Debugging Tool for the Training of Deep Neural Networks",
      arXiv:2102.06604
    """
    fastest = [float(ratios.max()) for ratios in early_updates(history)]
    if fastest and (value := max(fastest)) < SMALL:
        yield finding(f"a step moves no layer by more than {number(value)} of its weights", value, SMALL, history)
