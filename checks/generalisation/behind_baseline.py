"""The second gate: whether a baseline that trains in seconds does better."""

import math
from collections.abc import Iterator

from diagnose.checks.further_reading import NOT_DEEP, RECIPE
from diagnose.checks.reading.gaps import (
    FAR_BEHIND,
    beaten,
    beaten_clearly,
    closed_by,
    enough_rows,
    error_text,
    lacking_threshold,
)
from diagnose.checks.reading.wording import number, percent, skill_text
from diagnose.findings import Bars, Finding, Interval, Severity, Where
from diagnose.measurements import Baseline, Continuation, Network, OutputBaseline
from diagnose.registry import check
from diagnose.subject import Task


@check("Worse than a simple baseline", family="generalisation", needs_task=True, reading=(NOT_DEEP, RECIPE))
def behind_baseline(
    baseline: Baseline, network: Network | None, continuation: Continuation | None
) -> Iterator[Finding]:
    """Compares the loaded weights with scikit-learn models on the same rows.

    ## What it measures
    Skill and error of the net and of the best of several baselines (linear, gradient boosting, nearest
    neighbours) on rows that the baselines have not seen, with the paired difference row by row.

    ## Why it matters
    What a baseline reaches, the data allows. A net far behind is broken rather than limited; a net slightly behind may
    be replaced by something cheaper.

    ## How it is decided
    An error if the baseline's skill is above the net's by more than 0.25 and the paired difference is above 0 at 95 %.
    A warning if the difference is above 0 at 95 %, at least 10 % of the net's own error and at least 0.1 of skill; a
    hint if only the last does not hold, or no longer holds once the training goes on from the loaded weights. Silent if
    no baseline beats the constant prediction, and below 30 rows (10 for regression).

    ## Known limits
    Gradient boosting often wins on small tables: that is a property of the data, not a fault of the net. On images and
    text the baselines are weak, so being ahead of them says little. If the rows were held out from train, the net may
    have seen them, and is then further behind than it appears.

    ## References
    - Grinsztajn, Oyallon, Varoquaux 2022, "Why do tree-based models still outperform deep learning on typical
      tabular data?", arXiv:2207.08815
    - Zinkevich, "Rules of Machine Learning", rules 1 to 4, developers.google.com/machine-learning
    """
    tasks = {head.output.name: head.output.task for head in network.heads} if network is not None else {}
    for output in baseline.outputs:
        task = tasks.get(output.output)
        severity = _severity(output, task, continuation)
        if severity is not None:
            yield Finding(
                severity,
                _message(output, task, baseline),
                Where(output=output.output, split=baseline.held_out),
                value=output.best.skill - output.net_skill,
                unit="skill",
                threshold=lacking_threshold(severity),
                interval=_skill_interval(output),
                rows=output.rows_dev,
                evidence=(_levels(output, task),),
            )


def _severity(output: OutputBaseline, task: Task | None, longer: Continuation | None) -> Severity | None:
    if not output.signal or not enough_rows(output, task) or not output.difference_interval.low > 0:
        return None
    if output.best.skill - output.net_skill > FAR_BEHIND:
        return Severity.ERROR
    if beaten_clearly(output, task) and not closed_by(longer, output):
        return Severity.WARNING
    return Severity.HINT if beaten(output, task) else None


def _skill_interval(output: OutputBaseline) -> Interval | None:
    """The interval of the paired difference, as a difference of skills."""
    behind, skill = output.difference, output.best.skill - output.net_skill
    if not (math.isfinite(behind) and math.isfinite(skill) and behind > 0 and skill > 0):
        return None
    low, high = (skill / behind * end for end in (output.difference_interval.low, output.difference_interval.high))
    return Interval(low, high, output.difference_interval.level)


def _message(output: OutputBaseline, task: Task | None, baseline: Baseline) -> str:
    held_out = f"{output.rows_dev:,} {baseline.held_out} rows"  # not all of them, so that the error may be another
    if baseline.held_out == "train":
        held_out += " held out from the baselines"
    seen = "" if baseline.net_seen == "no" else ", which the net may have seen,"
    net, best = output.net_error, output.best.error
    errors = (error_text(task, net), error_text(task, best)) if task else (number(net), number(best))
    less = f", {percent(1 - best / net)} lower" if 0 <= best < net else ""
    return (
        f"on {held_out}{seen} the net's error is {errors[0]} (skill {skill_text(output.net_skill)}) and that of"
        f" {output.best.name} {errors[1]} (skill {skill_text(output.best.skill)}){less}"
    )


def _levels(output: OutputBaseline, task: Task | None) -> Bars:
    known = output.candidates
    return Bars(
        "Error of the net and of the baselines",
        (*(candidate.name for candidate in known), "your model"),
        (*(candidate.error for candidate in known), output.net_error),
        "error" if task is None else task.unit,
        (*(candidate.error_interval.low for candidate in known), output.net_error),
        (*(candidate.error_interval.high for candidate in known), output.net_error),
    )
