"""What differences the dev set can show."""

import math
from collections.abc import Iterator

from diagnose.checks.reading.gaps import POINT, level
from diagnose.checks.reading.wording import counted, number, percent
from diagnose.findings import Finding, Severity, Table, Where
from diagnose.measurements import Evaluation, Score, need
from diagnose.registry import check

FEW_ROWS = 100  # a tenth of a point of error cannot be seen on 100 rows, nor one point, nor ten
FEW_ERRORS = 20  # a rough picture of the kinds of error; 100 give a good one
POWER = 2.8  # standard errors of a difference that a test at 5 % finds with 80 %: 1.96 + 0.84


@check("Small dev set", family="generalisation")
def dev_set_size(evaluation: Evaluation) -> Iterator[Finding]:
    """Works out the smallest difference between two models that the dev set can show.

    ## What it measures
    The rows of the dev set, the errors on it, the standard error of its error, and the difference between
    two models that a test at 5 % finds with a power of 80 %, if the models are judged on different rows.

    ## Why it matters
    A choice between two models by less than that difference is a coin toss, and every such choice fits the
    dev set a little more.

    ## How it is decided
    A hint with fewer than 100 rows. A note (info) where 2 standard errors are more than one point, or 10 %
    of the mean squared error for regression, or where fewer than 20 rows are wrong, so that there is little
    to read the kinds of error from.

    ## Known limits
    Two models judged on the same rows can be told apart at smaller differences (McNemar's test, a paired
    bootstrap). Rows that belong together (one patient, one hour) count for less than they seem to.

    ## References
    - Ng 2018, "Machine Learning Yearning", chapters 7 and 17 to 18
    - Wilson 1927, "Probable inference, the law of succession, and statistical inference", doi:10.2307/2276774
    """
    dev = need(evaluation.dev)
    for score in dev.scores:
        if not math.isfinite(score.error):
            continue  # said by the checks on finite predictions
        se = level(score, _scale(score)).se
        wrong = round(score.error * score.rows) if score.task.classifies else None
        few = score.rows < FEW_ROWS
        blunt = 2 * se > (POINT if score.task.classifies else 10 * POINT)
        if not (few or blunt or (wrong is not None and wrong < FEW_ERRORS)):
            continue
        yield Finding(
            Severity.HINT if few else Severity.INFO,
            f"the dev set has {counted(score.rows, 'row')}{_errors(wrong)} and shows differences between"
            f" two models from {_resolution(score, se)} on",
            Where(output=score.output, split="dev"),
            value=score.rows,
            threshold=FEW_ROWS,
            rows=score.rows,
            evidence=() if not score.task.classifies else (_table(score),),
        )


def _scale(score: Score) -> float:
    """Regression: the error itself, so that the standard error is a share of the mean squared error."""
    return 1.0 if score.task.classifies or not score.error > 0 else score.error


def _errors(wrong: int | None) -> str:
    return "" if wrong is None else f" with {counted(wrong, 'error')}"


def _resolution(score: Score, se: float) -> str:
    difference = POWER * math.sqrt(2) * se
    if not math.isfinite(difference):
        return "nothing less than the whole error"
    return f"{100 * difference:.1f} points" if score.task.classifies else f"{percent(difference)} of the squared error"


def _table(score: Score) -> Table:
    rate = (score.error * score.rows + 1) / (score.rows + 2)
    sizes = sorted({score.rows, 100, 1_000, 10_000})
    return Table(
        "What a dev set of this error can show",
        ("rows", "smallest difference, points"),
        tuple((number(n), f"{100 * POWER * math.sqrt(2 * rate * (1 - rate) / n):.1f}") for n in sizes),
    )
