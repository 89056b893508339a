"""Which differences between models the dev set can show."""

import math
from collections.abc import Iterator

from diagnose.checks.further_reading import COURSE, PROJECT
from diagnose.checks.reading.gaps import POINT, level
from diagnose.checks.reading.wording import counted, number, percent
from diagnose.findings import Finding, Severity, Table, Where
from diagnose.measurements import ALL_ROWS, Evaluation, NotMeasured, Score, need
from diagnose.registry import check

FEW_ROWS = 100  # on fewer, even a difference of ten points is within the noise
FEW_ERRORS = 20  # enough for a rough error analysis; 100 give a good one
POWER = 2.8  # standard errors of a difference that a test at 5 % finds with 80 %: 1.96 + 0.84


@check("Small dev set", family="generalisation", needs_task=True, reading=(COURSE, PROJECT))
def dev_set_size(evaluation: Evaluation) -> Iterator[Finding]:
    """Computes the smallest difference between two models that the dev set can show.

    ## What it measures
    The rows of the dev set (all rows, even if only a sample was scored), the errors on it, the standard error of its
    error, and the difference between two models that a test at 5 % finds with a power of 80 % if the models are
    evaluated on different rows.

    ## Why it matters
    A choice between two models by a smaller difference is a coin toss, and every such choice overfits the dev set a
    little more.

    ## How it is decided
    A hint below 100 rows; a warning if these rows cannot even show that the model is better than the best constant
    prediction, in error or loss, at 95 %, although it clearly is on train. A note (info) if 2 standard errors are more
    than one point, or 10 % of the mean squared error for regression, or if fewer than 20 rows are wrong, too few for
    error analysis.

    ## Known limits
    Two models evaluated on the same rows can be told apart at smaller differences (McNemar's test, a paired bootstrap).
    Rows that belong together (one patient, one hour) count for less than their number. Not judged if the number of dev
    rows is unknown.

    ## References
    - Ng 2018, "Machine Learning Yearning", chapters 7 and 17 to 18
    - Wilson 1927, "Probable inference, the law of succession, and statistical inference", doi:10.2307/2276774
    """
    dev = need(evaluation.dev)
    if dev.all_rows is None:
        raise NotMeasured(f"{dev.rows:,} dev rows are held, and the total is unknown", ALL_ROWS)
    for score in dev.scores:
        if math.isfinite(score.error) and score.rows:  # others are reported by the check on finite predictions
            yield from _judge(score, round(dev.all_rows * score.rows / dev.rows), evaluation)


def _judge(score: Score, rows: int, evaluation: Evaluation) -> Iterator[Finding]:
    se = level(score, _scale(score)).se * math.sqrt(score.rows / rows)
    wrong = round(score.error * rows) if score.task.classifies else None
    few = rows < FEW_ROWS
    blunt = 2 * se > (POINT if score.task.classifies else 10 * POINT)
    if not (few or blunt or (wrong is not None and wrong < FEW_ERRORS)):
        return
    lost = few and _tells_nothing(score, evaluation)
    constant = ", so that it cannot tell the model from a constant prediction" if lost else ""
    yield Finding(
        Severity.WARNING if lost else Severity.HINT if few else Severity.INFO,
        f"the dev set has {counted(rows, 'row')}{_errors(wrong)} and only shows differences between"
        f" two models of at least {_resolution(score, se)}{constant}",
        Where(output=score.output, split="dev"),
        value=rows,
        threshold=FEW_ROWS,
        rows=score.rows,
        evidence=() if not score.task.classifies else (_table(score, rows),),
    )


def _tells_nothing(dev: Score, evaluation: Evaluation) -> bool:
    """Whether only chance may separate the model from the constant prediction on dev, while it does better on train."""
    train = next((s for s in need(evaluation.train).scores if s.output == dev.output), None)
    return train is not None and _better(train) and not _better(dev) and not _worse(dev)


def _better(score: Score) -> bool:
    return score.beats_constant_error.low > 0 or score.beats_constant_loss.low > 0


def _worse(score: Score) -> bool:
    return score.beats_constant_error.high < 0 or score.beats_constant_loss.high < 0


def _scale(score: Score) -> float:
    """For regression the error itself, so that the standard error is a share of the mean squared error."""
    return 1.0 if score.task.classifies or not score.error > 0 else score.error


def _errors(wrong: int | None) -> str:
    return "" if wrong is None else f" with {counted(wrong, 'error')}"


def _resolution(score: Score, se: float) -> str:
    difference = POWER * math.sqrt(2) * se
    if not math.isfinite(difference):
        return "the whole error"
    return f"{100 * difference:.1f} points" if score.task.classifies else f"{percent(difference)} of the squared error"


def _table(score: Score, rows: int) -> Table:
    rate = (score.error * score.rows + 1) / (score.rows + 2)
    sizes = sorted({rows, 100, 1_000, 10_000})
    return Table(
        "Smallest difference that a dev set can show at this error",
        ("rows", "smallest difference, points"),
        tuple((number(n), f"{100 * POWER * math.sqrt(2 * rate * (1 - rate) / n):.1f}") for n in sizes),
    )
