from collections.abc import Iterator

from diagnose.checks.further_reading import FUZZING, NOT_WORKING
from diagnose.checks.reading.wording import percent
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import Evaluation, Score, SplitScores, Unavailable, need
from diagnose.registry import check


@check("Non-finite predictions", family="numerics", reading=(FUZZING, NOT_WORKING))
def non_finite_outputs(evaluation: Evaluation) -> Iterator[Finding]:
    """Counts the rows for which the model predicts NaN or infinity.

    ## What it measures
    Per output and split, the number of evaluated rows whose prediction in inference mode contains NaN or an infinite
    value.

    ## Why it matters
    Such a row has no usable prediction. If all rows are affected, the weights or the data are broken; if a few are,
    some inputs drive an unguarded operation (log, division, square root, exponential) out of its range.

    ## How it is decided
    Any such row is an error.

    ## Known limits
    Only sampled rows are seen. NaN in the data itself has its own check.

    ## References
    - Odena, Olsson, Andersen, Goodfellow 2019, "TensorFuzz", arXiv:1807.10875
    """
    splits = (evaluation.train, evaluation.train_dev, evaluation.dev, evaluation.test)
    need(evaluation.train)
    measured = [split for split in splits if not isinstance(split, Unavailable)]
    yield from (_broken(split, score) for split in measured for score in split.scores if score.non_finite)


def _broken(split: SplitScores, score: Score) -> Finding:
    share = score.non_finite / max(score.rows, 1)
    return Finding(
        Severity.ERROR,
        f"{score.non_finite:,} of {score.rows:,} predictions ({percent(share)}) of {score.output} on {split.split} "
        "are NaN or infinite",
        where=Where(output=score.output, split=split.split),
        value=share,
        unit="share",
        threshold=0.0,
        rows=score.rows,
    )
