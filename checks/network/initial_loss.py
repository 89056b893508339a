from collections.abc import Iterator

import numpy as np

from diagnose.checks.further_reading import CONVOLUTIONS, RECIPE
from diagnose.checks.reading.objectives import train_target
from diagnose.checks.reading.wording import number
from diagnose.findings import Bars, Finding, Severity, Where
from diagnose.measurements import Dataset, Head, Initial, Network
from diagnose.registry import check
from diagnose.subject import Task

CLASSES = (3.0, 10.0)  # times ln K, warning and error; healthy heads start at 0.8 to 1.5
NUMBERS = (10.0, 100.0)  # times the loss of predicting 0, warning and error


@check("Initial loss", family="network", needs_task=True, speaks_live=None, reading=(RECIPE, CONVOLUTIONS))
def initial_loss(initial: Initial, network: Network, dataset: Dataset | None) -> Iterator[Finding]:
    """Compares the loss before any training with the chance level.

    ## What it measures
    The data loss of freshly initialised weights, for several seeds, over the chance level: ln K for K classes; for
    regression, the loss of predicting 0 (about what a fresh head does), or of the constant prediction if that is
    larger.

    ## Why it matters
    A fresh network should be uncertain, not confidently wrong. A much larger loss means that its first outputs are far
    too large (initial weights, unscaled inputs, a missing softmax), and that the first part of training is spent on
    shrinking them.

    ## How it is decided
    Classification: a warning above 3 times ln K, an error above 10 times. Regression: above 10 and 100 times. All seeds
    must exceed the limit.

    ## Known limits
    The chance level is unknown for custom losses. Pretrained parts have no fresh weights.

    ## References
    - Karpathy 2019, "A Recipe for Training Neural Networks" (verify loss at init)
    - Stanford CS231n, "Neural Networks Part 3" (look for correct loss at chance performance)
    """
    heads = {head.output.name: (place, head) for place, head in enumerate(network.heads)}
    for name, losses, expected in zip(initial.outputs, initial.losses, initial.expected, strict=True):
        place, head = heads.get(name, (0, None))
        if head is None or head.output.custom_loss or not losses:
            continue
        chance = max(expected, _predicting_zero(head, dataset, place))
        if chance > 0 and all(np.isfinite(losses)):
            yield from _judge(head, [loss / chance for loss in losses], initial.rows)


def _predicting_zero(head: Head, dataset: Dataset | None, place: int) -> float:
    """The loss of predicting 0: the mean squared target; 0 if it does not apply."""
    target = train_target(dataset, place)
    if head.output.task is not Task.REGRESSION or head.output.loss != "mean_squared_error" or target is None:
        return 0.0
    return float(np.mean(target.std**2 + target.mean**2)) if target.std.size else 0.0


def _judge(head: Head, ratios: list[float], rows: int) -> Iterator[Finding]:
    warning, error = CLASSES if head.output.task.classifies else NUMBERS
    if min(ratios) <= warning:
        return
    grave = min(ratios) > error
    yield Finding(
        Severity.ERROR if grave else Severity.WARNING,
        f"the initial loss of {head.output.name} is {number(float(np.median(ratios)))} times the chance level",
        where=Where(output=head.output.name),
        value=float(np.median(ratios)),
        threshold=error if grave else warning,
        rows=rows,
        evidence=(
            Bars(
                f"Initial loss of {head.output.name} relative to chance (1 = chance)",
                tuple(f"seed {i + 1}" for i in range(len(ratios))),
                tuple(map(float, ratios)),
                unit="times chance",
                threshold=warning,
                healthy=(0.8, 1.5),
                log=True,
            ),
        ),
    )
