"""How much of the error the model already makes on its training rows."""

from collections.abc import Iterator

from diagnose.checks.further_reading import COURSE, LAYERS_AND_NODES
from diagnose.checks.reading.error_levels import error_levels
from diagnose.checks.reading.gaps import (
    CO_DOMINANT,
    Gap,
    Optimum,
    beaten_clearly,
    closed_by,
    error_text,
    gap_text,
    level,
    of_output,
    optimum,
    scale_of,
    share,
)
from diagnose.checks.reading.wording import whole_or
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import Baseline, Continuation, Evaluation, Network, NotMeasured, Score, Unavailable, need
from diagnose.registry import check


@check("Avoidable bias", family="generalisation", needs_task=True, reading=(LAYERS_AND_NODES, COURSE))
def avoidable_bias(
    evaluation: Evaluation, network: Network | None, baseline: Baseline | None, continuation: Continuation | None
) -> Iterator[Finding]:
    """Measures the gap between the lowest possible error and the train error.

    ## What it measures
    The train error in inference mode minus the target error. Without a target, minus the error of the best baseline on
    rows it has not seen. What the baseline reaches is possible, and less may be: the bias is then at least the
    difference, and at most the whole train error. Regression: mean squared errors over the variance that predicting the
    mean leaves.

    ## Why it matters
    Bias and variance call for opposite steps. A model that misses its target on rows it has seen does not improve with
    more rows: it needs more capacity, more training or less regularisation.

    ## How it is decided
    Reported above one point and above 2 standard errors of the difference. Bias is a direction for the next step, so it
    is a hint. It is a warning if it exceeds a given target, or if a baseline is clearly better on the same rows
    (paired, 95 %, by 10 % of the error and 0.1 of skill) and stays so if the training goes on from the loaded weights,
    provided it makes up a quarter of the gap from there to the dev error. A negative bias means memorising and counts
    as variance.

    ## Known limits
    Without a target error, a train error below the best baseline's says nothing about bias. Dropout and augmentation
    raise the train error that Keras logs, but not this one, which is measured without them.

    ## References
    - Ng 2018, "Machine Learning Yearning", chapters 20 to 23 and 25
    """
    train = need(evaluation.train)
    known = [(score, optimum(network, baseline, score)) for score in train.scores]
    if all(best is None for _, best in known):
        raise NotMeasured(
            "neither a target error nor a baseline shows what is possible", "Pass the error to reach: --target-error X."
        )
    for number, (score, best) in enumerate(known):
        if best is None:
            continue
        bias = Gap(best.level, level(score, scale_of(score)))
        if not bias.counts:
            continue
        part = _part(evaluation, number, score, bias)
        yield Finding(
            _severity(best, baseline, score, part, continuation),
            _message(score, best, bias, part),
            Where(output=score.output, split="train"),
            value=bias.size,
            unit="share",
            threshold=bias.threshold,
            interval=bias.interval,
            rows=score.rows,
            evidence=(error_levels(evaluation, score.output, best),),
        )


def _part(evaluation: Evaluation, number: int, train: Score, bias: Gap) -> float | None:
    """The share of bias in the gap between the optimum and the dev error; None without a dev set."""
    if isinstance(evaluation.dev, Unavailable):
        return None
    dev = level(evaluation.dev.scores[number], scale_of(train))
    return share(bias.size, Gap(bias.upper, dev).size)


def _severity(
    best: Optimum, baseline: Baseline | None, score: Score, part: float | None, longer: Continuation | None
) -> Severity:
    if part is not None and part < CO_DOMINANT:
        return Severity.HINT
    better = of_output(baseline, score.output)
    beaten = better is not None and beaten_clearly(better, score.task) and not closed_by(longer, better)
    exceeded = best.given or beaten
    return Severity.WARNING if exceeded else Severity.HINT


def _message(score: Score, best: Optimum, bias: Gap, part: float | None) -> str:
    against = "the target" if best.given else f"the bound set by {best.name}"
    whole = f", {whole_or(part)} the gap between the best known error and the dev error" if part is not None else ""
    return (
        f"train error is {error_text(score.task, score.error)} against {against} of"
        f" {error_text(score.task, best.error)}: avoidable bias {'' if best.given else 'at least '}"
        f"{gap_text(score.task, bias)}{whole}"
    )
