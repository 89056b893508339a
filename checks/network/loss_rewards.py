from collections.abc import Iterator

from diagnose.checks.further_reading import OBJECTIVES
from diagnose.checks.reading.wording import number
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import DOES_NOT_APPLY, Evaluation, NotMeasured, Score, need
from diagnose.registry import check
from diagnose.subject import Task

CLEAR = 0.1  # share of the larger loss by which the two must differ


@check("Own loss that rewards the wrong outputs", family="network", reading=(OBJECTIVES,))
def loss_rewards(evaluation: Evaluation) -> Iterator[Finding]:
    """Asks a loss of the user's own that compares rows which outputs it prefers.

    ## What it measures
    The loss of made-up outputs: each label at a point of its own, the same points dealt to rows of any label, and one
    point for all rows.

    ## Why it matters
    A metric loss with the wrong sign, with swapped labels or without a margin trains well by its own measure, and its
    embedding is useless: the optimizer does what the loss asks for.

    ## How it is decided
    An error if mixed labels have a loss that is at least 10 % lower than that of separate ones, in each of 5 draws of
    points. An error if one point for all rows has a loss of 0, the lowest that occurs: nothing keeps outputs apart.

    ## Known limits
    Only compiled losses that compare the rows of a batch are asked, and labels only if they are whole numbers of
    which each has 8 rows on average. A loss in a `train_step` may keep outputs apart by other means.

    ## References
    - Schroff, Kalenichenko, Philbin 2015, "FaceNet: A Unified Embedding for Face Recognition and Clustering",
      arXiv:1503.03832
    - Hadsell, Chopra, LeCun 2006, "Dimensionality Reduction by Learning an Invariant Mapping", CVPR
    """
    compared = [s for s in need(evaluation.train).scores if s.task is Task.OWN_LOSS and s.batches is not None]
    if not compared:
        raise NotMeasured("no output has a loss of its own that compares rows", DOES_NOT_APPLY)
    for score in compared:
        together, mixed = score.by_label or (0.0, 0.0)
        if together - mixed > CLEAR * max(abs(together), abs(mixed)):
            yield _finding(
                score,
                f"prefers outputs that mix the labels: it is {number(mixed)} for those, and {number(together)} if the"
                " rows of each label lie together: its sign, or the meaning of the labels, is the wrong way round",
            )
        elif score.constant_error == 0 and score.error >= 0 and score.constant in ("zeros", "ones"):
            yield _finding(
                score, "is 0, the lowest that it can be, if all rows have the same output: nothing keeps them apart"
            )


def _finding(score: Score, what: str) -> Finding:
    return Finding(
        Severity.ERROR, f"the own loss of {score.output} {what}", where=Where(output=score.output), rows=score.rows
    )
