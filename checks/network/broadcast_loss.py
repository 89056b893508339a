from collections.abc import Iterator
from math import prod

from diagnose.checks.further_reading import LOSS_TABLE, NOT_WORKING
from diagnose.checks.reading.objectives import DISTANCES, HINGES, train_score
from diagnose.checks.reading.wording import number
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import Evaluation, Head, Network, Score
from diagnose.registry import check

ELEMENTWISE = DISTANCES | HINGES | {"poisson", "cosine_similarity"}  # the others refuse shapes that differ
DIFFERS = 1e-3  # relative difference of two losses that should be the same number
LOW_SKILL = 0.25  # as for a model that learns next to nothing


@check("Targets broadcast against outputs", family="network", needs_task=True, reading=(LOSS_TABLE, NOT_WORKING))
def broadcast_loss(network: Network, evaluation: Evaluation | None) -> Iterator[Finding]:
    """Compares the shape of a target with the shape of the output that the loss compares it with.

    ## What it measures
    Both shapes, and, where they hold the same numbers in another shape, the loss as Keras computes it against the loss
    with the targets in the shape of the outputs.

    ## Why it matters
    A loss is arithmetic on arrays, and arrays of different shapes are stretched over each other without an error.
    Targets of shape (n, 1) against outputs of shape (n, 40, 1) ask each of 40 outputs for the same number. Targets of
    shape (n,) against (n, 1) may become a table of n times n differences: every row is then compared with the targets
    of all rows, and the best answer is their mean.

    ## How it is decided
    An error if the loss changes by more than 0.1 % with the targets in the shape of the outputs, or if the ranks
    differ so that rows are compared with other rows. Where one target is stretched over several outputs of its row: a
    warning, or an error if the model's skill on train is below 0.25.

    ## Known limits
    Outputs that are judged by a loss of their own, which may compare rows on purpose, are not judged. One target for
    all time steps may be meant; then repeat it in the data.

    ## References
    - Harris et al. 2020, "Array programming with NumPy" (broadcasting), doi:10.1038/s41586-020-2649-2
    - Humbatova et al. 2020, "Taxonomy of Real Faults in Deep Learning Systems", arXiv:1910.11015 (wrong output shape)
    """
    for place, head in enumerate(network.heads):
        score = train_score(evaluation, place)
        problem = _measured(head, score) or _by_shape(head, score)
        if problem is not None:
            severity, what = problem
            yield Finding(
                severity,
                f"{head.output.loss} compares targets of shape {_text(head.target_shape)} with outputs of shape"
                f" {_text(head.shape)}: {what}",
                where=Where(output=head.output.name, layer=head.layer),
                value=None if score is None else score.skill,
                threshold=LOW_SKILL,
                rows=None if score is None else score.rows,
            )


def _measured(head: Head, score: Score | None) -> tuple[Severity, str] | None:
    """The loss over the table of all rows against all rows differs from the loss row by row."""
    if score is None or score.broadcast is None:
        return None
    fed, aligned = score.broadcast
    if not abs(fed - aligned) > DIFFERS * max(abs(fed), abs(aligned)):
        return None
    return Severity.ERROR, f"the loss is {number(fed)}, and {number(aligned)} with the shape of the outputs"


def _by_shape(head: Head, score: Score | None) -> tuple[Severity, str] | None:
    target, output = head.target_shape, head.shape
    if head.output.custom_loss or head.output.loss not in ELEMENTWISE or None in output or len(output) < 2:
        return None  # a plain row of units is left to the check on output units
    values = prod(size for size in output if size is not None)
    if len(output) > len(target) + 1:
        return Severity.ERROR, "each row is compared with the targets of other rows"
    if values == prod(target):
        return None
    low = score is not None and not score.skill >= LOW_SKILL
    times = values // max(prod(target), 1)
    return Severity.ERROR if low else Severity.WARNING, f"each target is compared with {times} outputs of its row"


def _text(shape: tuple[int | None, ...]) -> str:
    """A shape with the row axis: "(n,)", "(n, 40, 1)"."""
    return f"(n, {', '.join(map(str, shape))})" if shape else "(n,)"
