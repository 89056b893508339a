"""How much the error grows when the distribution changes."""

from collections.abc import Iterator

from diagnose.checks.further_reading import COURSE, LEAKAGE
from diagnose.checks.reading.error_levels import error_levels
from diagnose.checks.reading.gaps import CO_DOMINANT, Gap, error_text, gap_text, level, optimum, scale_of, share
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import Baseline, Evaluation, Network, NotMeasured, need
from diagnose.registry import check
from diagnose.subject import Seen

UNSEEN = "Keep rows out of every training, and pass them as dev and as train_dev."


@check("Data mismatch", family="generalisation", reading=(COURSE, LEAKAGE))
def data_mismatch(evaluation: Evaluation, network: Network | None, baseline: Baseline | None) -> Iterator[Finding]:
    """Measures the gap between the train-dev error and the dev error.

    ## What it measures
    Two errors of the loaded weights: on train-dev rows, which come from the source of train but were not trained on,
    and on dev rows. Regression: mean squared errors over the variance that predicting the mean leaves.

    ## Why it matters
    Both sets are new to the model, so the gap comes from the source of the rows. More rows like those in train do not
    help here; rows like those in dev do.

    ## How it is decided
    Reported above one point and above 2 standard errors of the difference: a warning if it makes up a quarter or more
    of the gap between the lowest known error (a target, a baseline, the train error) and the dev error, else a hint.

    ## Known limits
    Without a train-dev set it cannot be separated from variance. A dev set that is harder rather than different looks
    the same; only a look at the errors tells the two apart.

    ## References
    - Ng 2018, "Machine Learning Yearning", chapters 40 to 43
    - Quinonero-Candela et al. 2009, "Dataset Shift in Machine Learning", MIT Press
    """
    train_dev, train, dev = need(evaluation.train_dev), need(evaluation.train), need(evaluation.dev)
    if Seen.YES in (train_dev.seen, dev.seen):
        raise NotMeasured("the weights were trained on the train-dev or the dev set", UNSEEN)
    for score, same_source, other in zip(train.scores, train_dev.scores, dev.scores, strict=True):
        scale = scale_of(score)
        gap = Gap(level(same_source, scale), level(other, scale))
        if not gap.counts:
            continue
        best = optimum(network, baseline, score)
        bias = Gap(best.level, level(score, scale)).size if best is not None else 0.0
        part = share(gap.size, bias, Gap(level(score, scale), gap.lower).size)
        yield Finding(
            Severity.WARNING if part >= CO_DOMINANT else Severity.HINT,
            f"dev error is {error_text(score.task, other.error)} against {error_text(score.task, same_source.error)}"
            f" on train-dev: data mismatch {gap_text(score.task, gap)}",
            Where(output=score.output, split="dev"),
            value=gap.size,
            unit="share",
            threshold=gap.threshold,
            interval=gap.interval,
            rows=other.rows,
            evidence=(error_levels(evaluation, score.output, best),),
        )
