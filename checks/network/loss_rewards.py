from collections.abc import Iterator

from diagnose.checks.further_reading import OBJECTIVES
from diagnose.checks.reading.wording import number
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import DOES_NOT_APPLY, Evaluation, Head, Network, NotMeasured, Score, need
from diagnose.registry import check
from diagnose.subject import Task

CLEAR = 0.1  # share of the larger loss by which the two must differ


@check("Own loss that rewards the wrong outputs", family="network", reading=(OBJECTIVES,))
def loss_rewards(network: Network, evaluation: Evaluation) -> Iterator[Finding]:
    """Asks a loss of the user's own which outputs it prefers.

    ## What it measures
    The loss of made-up outputs. Where labels and head tell which outputs are right: right ones, and wrong ones (other
    classes, opposite labels, numbers off to either side). Where the loss compares rows: each label at a point of its
    own, the same points dealt to rows of any label, and one point for all rows.

    ## Why it matters
    A loss with the wrong sign (a dice or R2 that should be maximised, a log likelihood without the minus), with swapped
    labels or without a margin trains well by its own measure, and the outputs are useless: the optimizer does what the
    loss asks for.

    ## How it is decided
    An error if every kind of wrong outputs has a loss that is at least 10 % lower than that of right ones. An error if
    mixed labels have a loss that is at least 10 % lower than that of separate ones, in each of 5 draws of points. An
    error if one point for all rows has a loss of 0, the lowest that occurs: nothing keeps outputs apart.

    ## Known limits
    Only compiled losses are asked. A single unit without a sigmoid, or with several inputs, may be a distance, whose
    labels may mean either; there, only losses that compare rows are asked, and labels only if they are whole numbers
    of which each has 8 rows on average. A loss in a `train_step` may keep outputs apart by other means.

    ## References
    - Schroff, Kalenichenko, Philbin 2015, "FaceNet: A Unified Embedding for Face Recognition and Clustering",
      arXiv:1503.03832
    - Hadsell, Chopra, LeCun 2006, "Dimensionality Reduction by Learning an Invariant Mapping", CVPR
    """
    compared = [s for s in need(evaluation.train).scores if s.task is Task.OWN_LOSS and s.batches is not None]
    heads = [head for head in network.heads if head.output.custom_loss and head.output.task is not Task.OWN_LOSS]
    if not compared and not heads:
        raise NotMeasured("no output has a loss of its own that can be asked", DOES_NOT_APPLY)
    for head in heads:
        if head.output.opposed is not None:
            yield _opposed(head, *head.output.opposed)
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


def _opposed(head: Head, right: float, wrong: float) -> Finding:
    return Finding(
        Severity.ERROR,
        f"the own loss of {head.output.name}, {head.output.loss}, prefers wrong outputs: it is {number(wrong)} for"
        f" those, and {number(right)} for right ones: its sign is the wrong way round",
        where=Where(output=head.output.name, layer=head.layer),
        value=right,
        threshold=wrong,
    )


def _finding(score: Score, what: str) -> Finding:
    return Finding(
        Severity.ERROR, f"the own loss of {score.output} {what}", where=Where(output=score.output), rows=score.rows
    )
