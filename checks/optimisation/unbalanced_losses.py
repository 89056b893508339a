"""Whether one output's loss drowns another's."""

from collections.abc import Iterator

from diagnose.checks.further_reading import NOT_WORKING, OBJECTIVES
from diagnose.checks.reading.gaps import of_output
from diagnose.checks.reading.wording import number, skill_text
from diagnose.findings import Bars, Finding, Severity, Where
from diagnose.measurements import Backward, Baseline, Evaluation, NotMeasured, OutputBaseline, Score, Unavailable
from diagnose.registry import check

TIMES = 10.0  # between the gradients of two outputs; a log loss beside a squared error of standardised targets: 1 to 5
BEHIND = 0.1  # skill on train below that of the best baseline on rows that it did not see
LEARNED = 0.1  # skill on train below which an output has learned next to nothing
PASSED = 0.5  # skill above which a classifier or a fit is not called drowned without a baseline


@check("Balance of the outputs' losses", family="optimisation", reading=(OBJECTIVES, NOT_WORKING))
def unbalanced_losses(backward: Backward, evaluation: Evaluation, baseline: Baseline | None) -> Iterator[Finding]:
    """Compares the gradients that the outputs of a model send into the layers that they share.

    ## What it measures
    For each output, the norm of the gradient of its part of the loss, with its loss weight, at the weights on which all
    outputs depend, at fresh weights (at the loaded ones if fresh weights are unknown); and the train skill of the
    output against that of the best baseline.

    ## Why it matters
    The shared layers follow the sum of the gradients. An output whose part is a hundredth of another's hardly shapes
    them, and a learning rate that suits the large part does not move the small one. The usual reason is a target in
    large units under a squared error beside a log loss.

    ## How it is decided
    Reported for an output whose gradient is less than a tenth of the largest one, if its train skill is more than 0.1
    below that of the best baseline on unseen rows (without a baseline: below 0.5). An error if it is below 0.1 and the
    output with the largest gradient has learned, else a warning. Unequal gradients alone do no harm that can be
    measured, and are not reported.

    ## Known limits
    Adaptive optimizers scale the steps of an output's own layers, so that only the shared layers suffer. The balance
    changes while a model trains: an output that is learned sends a smaller gradient.

    ## References
    - Chen, Badrinarayanan, Lee, Rabinovich 2018, "GradNorm: Gradient Normalization for Adaptive Loss Balancing in Deep
      Multitask Networks", arXiv:1711.02257
    - Kendall, Gal, Cipolla 2018, "Multi-Task Learning Using Uncertainty to Weigh Losses", arXiv:1705.07115
    """
    gradients = backward.current if isinstance(backward.fresh, Unavailable) else backward.fresh
    norms = {} if isinstance(gradients, Unavailable) else gradients.by_output
    if not norms:
        raise NotMeasured("the model does not have several outputs that share weights", "Nothing has to be done.")
    loudest = max(norms, key=lambda output: (norms[output], output))
    for output, norm in norms.items():
        score = evaluation.score("train", output)
        if score is None or not norm * TIMES < norms[loudest] or not _behind(score, of_output(baseline, output)):
            continue
        other = evaluation.score("train", loudest)
        drowned = not score.skill >= LEARNED and other is not None and other.skill >= PASSED
        times = norms[loudest] / norm if norm > 0 else float("inf")
        yield Finding(
            Severity.ERROR if drowned else Severity.WARNING,
            f"the loss of {output} moves the shared layers {number(times)} times less than that of {loudest}, and its"
            f" train skill is {skill_text(score.skill)}",
            Where(output=output, split="train"),
            value=times,
            threshold=TIMES,
            rows=score.rows,
            evidence=(Bars("Gradient of each output at the shared layers", (*norms,), (*norms.values(),), log=True),),
        )


def _behind(score: Score, baseline: OutputBaseline | None) -> bool:
    possible = PASSED if baseline is None else baseline.best.skill - BEHIND
    return not score.skill >= possible
