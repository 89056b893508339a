from collections.abc import Iterator
from math import sqrt

from diagnose.checks.further_reading import NOT_WORKING, RECIPE
from diagnose.checks.reading.gaps import of_output
from diagnose.checks.reading.wording import counted, number
from diagnose.findings import Bars, Finding, Severity, Where
from diagnose.measurements import Baseline, Evaluation, Lags, OutputLags
from diagnose.registry import check

RELATED = 0.3  # autocorrelation of the target from which rows are taken to be in time order
DEVIATIONS = 3.0  # standard errors of an autocorrelation of 0
TURNS = 0.1  # share of the rows at which the target turns; in sorted rows it never does
NOTABLE = 0.1  # share of the target's variance that the rows before must explain beyond the model and its inputs


@check("Windows that are too short", family="data", reading=(RECIPE, NOT_WORKING))
def window_too_short(lags: Lags, evaluation: Evaluation | None, baseline: Baseline | None) -> Iterator[Finding]:
    """Checks whether the rows before tell more about a numeric target than the row's own inputs.

    ## What it measures
    With the training rows in file order: the autocorrelation of the target, and R2 on the last rows of linear
    regressions fitted on the rows before them: from the inputs of the row, from these and the inputs of the five rows
    before, and from these and the targets of the five rows before.

    ## Why it matters
    A recurrent network sees one row at a time: what happened before the first step of its window does not exist for it.
    With a window of a single step an LSTM is a dense layer, and no number of units makes up for what the input lacks.

    ## How it is decided
    Only if rows are in time order: the autocorrelation is at least 0.3 (and 3 standard errors), and the target goes up
    and down. Reported if the rows before explain at least a tenth of the variance more than the row's own inputs (95 %,
    over blocks of consecutive rows), and than the network and every baseline. A warning if the inputs are series, else
    a hint. Targets of the rows before count only for inputs that are series.

    ## Known limits
    Rows of one patient or machine that follow each other look like a series. If the targets of earlier rows are not
    known when the model is used, they cannot become inputs.

    ## References
    - Box, Jenkins, Reinsel 1994, *Time Series Analysis*, chapter 3
    - Hyndman, Athanasopoulos 2021, *Forecasting: Principles and Practice*, chapter 7, otexts.com/fpp3
    """
    for found in lags.outputs:
        if not _in_time_order(found):
            continue
        skill, what = _best(found)
        reached = max(found.own, _net(evaluation, found.output), _baseline(baseline, found.output))
        if found.gain.low < NOTABLE or skill - reached < NOTABLE:
            continue
        own = counted(found.window, "time step") if found.window else "the row's own inputs"
        yield Finding(
            Severity.WARNING if found.window else Severity.HINT,
            f"{own} explain{'s' if found.window == 1 else ''} at most {number(max(reached, 0.0))} of the variance of "
            f"{found.output}, but with {what} of the {found.lags} rows before it is {number(skill)} (R2 of a linear "
            f"regression on the last {found.rows:,} rows of train)",
            where=Where(output=found.output, split="train"),
            value=skill,
            unit="skill",
            threshold=reached + NOTABLE,
            interval=found.gain,
            rows=found.rows,
            evidence=(_bars(found, reached),),
        )


def _in_time_order(found: OutputLags) -> bool:
    related = abs(found.autocorrelation) > max(RELATED, DEVIATIONS / sqrt(found.rows))
    return related and found.turns >= TURNS


def _best(found: OutputLags) -> tuple[float, str]:
    """The skill with earlier rows, and what is used of them."""
    if found.window and found.targets > found.inputs:
        return found.targets, "the targets"
    return found.inputs, "the inputs"


def _net(evaluation: Evaluation | None, output: str) -> float:
    """The network's skill, the better one on train and dev."""
    scores = [evaluation.score(split, output) for split in ("train", "dev")] if evaluation is not None else []
    return max((score.skill for score in scores if score is not None), default=0.0)


def _baseline(baseline: Baseline | None, output: str) -> float:
    found = of_output(baseline, output)
    return found.best.skill if found is not None else 0.0


def _bars(found: OutputLags, reached: float) -> Bars:
    return Bars(
        f"Share of the variance of {found.output} that is explained",
        ("network or baseline", "own inputs", "and earlier inputs", "and earlier targets"),
        (reached, found.own, found.inputs, found.targets),
        unit="R2",
    )
