"""Whether choices made on the dev set have overfitted it."""

from collections.abc import Iterator

from diagnose.checks.further_reading import LEAKAGE
from diagnose.checks.reading.error_levels import error_levels
from diagnose.checks.reading.gaps import Gap, error_text, gap_text, level, scale_of
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import Evaluation, NotMeasured, need
from diagnose.registry import check
from diagnose.subject import Seen

UNSEEN = "Keep rows out of every training, and pass them: --dev PATH, --test PATH."
CERTAIN = 3.0  # standard errors; at 2, one in 40 healthy pairs of sets would raise a warning


@check("Overfitted dev set", family="generalisation", reading=(LEAKAGE,))
def dev_overfitting(evaluation: Evaluation) -> Iterator[Finding]:
    """Measures the gap between the dev error and the test error.

    ## What it measures
    The error on test minus the error on dev, for the loaded weights; neither set was trained on. Regression: mean
    squared errors over the variance that predicting the mean leaves.

    ## Why it matters
    A model chosen by its dev error is chosen partly for its luck on the dev set. Once dev is much better than test, it
    no longer shows progress.

    ## How it is decided
    A hint above one point and above 2 standard errors of the difference; a warning above 3.

    ## Known limits
    It holds only if both sets come from one source; a harder test set looks the same. The number of choices made on dev
    is unknown.

    ## References
    - Ng 2018, "Machine Learning Yearning", chapters 11 and 12
    - Dwork et al. 2015, "The reusable holdout: Preserving validity in adaptive data analysis",
      doi:10.1126/science.aaa9375
    - Recht et al. 2019, "Do ImageNet Classifiers Generalize to ImageNet?", arXiv:1902.10811
    """
    dev, test = need(evaluation.dev), need(evaluation.test)
    if Seen.YES in (dev.seen, test.seen):
        raise NotMeasured("the weights were trained on the dev or the test set", UNSEEN)
    for score, other in zip(dev.scores, test.scores, strict=True):
        gap = Gap(level(score, scale_of(score)), level(other, scale_of(score)))
        if not gap.counts:
            continue
        yield Finding(
            Severity.WARNING if gap.size > CERTAIN * gap.se else Severity.HINT,
            f"test error is {error_text(score.task, other.error)} against {error_text(score.task, score.error)} on dev:"
            f" {gap_text(score.task, gap)} more",
            Where(output=score.output, split="test"),
            value=gap.size,
            unit="share",
            threshold=gap.threshold,
            interval=gap.interval,
            rows=other.rows,
            evidence=(error_levels(evaluation, score.output),),
        )
