"""Whether the log of the training and an evaluation of the loaded weights agree."""

import math
from collections.abc import Iterator

import numpy as np

from diagnose.checks.further_reading import NOT_WORKING, RECIPE
from diagnose.checks.reading.gaps import error_text
from diagnose.checks.reading.lag import lag_of
from diagnose.findings import Bars, Finding, Interval, Severity, Where
from diagnose.measurements import (
    HISTORY,
    Baseline,
    Conversions,
    Evaluation,
    History,
    LearningRate,
    Modes,
    NotMeasured,
    Score,
    need,
)
from diagnose.registry import check
from diagnose.subject import Task

LATE = 0.5  # share of the epochs, the last ones; weights of an earlier one may have been restored
APART = 0.25  # skill; dropout and moving weights make a log worse than the evaluation, not better


@check(
    "Evaluation far below the training log",
    family="process",
    origins=("recorded", "live"),
    speaks_live=None,
    reading=(RECIPE, NOT_WORKING),
)
def log_unlike_evaluation(
    history: History,
    evaluation: Evaluation,
    *,
    modes: Modes | None,
    baseline: Baseline | None,
    conversions: Conversions | None,
    learning_rate: LearningRate | None,
) -> Iterator[Finding]:
    """Compares the error in the training's own log with that of the loaded weights on the same rows.

    ## What it measures
    The train error in the log, of the worst epoch in the second half of the training, and the error of the loaded
    weights on train in inference mode.

    ## Why it matters
    A log is measured in train mode, with dropout and weights that still change, so it is usually worse than an
    evaluation afterwards. Where it is far better, something differs between the training and the evaluation: the
    statistics of BatchNormalization, the preprocessing, the rows, or the weights in the file.

    ## How it is decided
    A warning if the evaluation's skill is lower by 0.25 and even the lower end of its 95 % interval lies above the
    error in the log. Only a note if moving statistics explain the difference (see moving-statistics).

    ## Known limits
    It needs the accuracy in the log (a squared error for regression), and a training whose log ends with the weights in
    the file. Sample weights and class weights change the logged values.

    ## References
    - keras.io, "Keras FAQ": "Why is my training loss much higher than my testing loss?"
    """
    score = need(evaluation.train).scores[0]
    logged = _logged(history, score.task)
    if logged is None or score.constant_error <= 0:
        raise NotMeasured("the log holds no train error", HISTORY)
    scale = score.constant_error if score.task.classifies else score.constant_error**2
    power = 1 if score.task.classifies else 2
    gap = (score.error**power - logged**power) / scale
    if not math.isfinite(gap) or gap < APART or score.error_interval.low <= logged:
        return
    lag = lag_of(modes, baseline, conversions, learning_rate) if modes is not None else None
    low, high = (
        ((end**power) - logged**power) / scale for end in (score.error_interval.low, score.error_interval.high)
    )
    yield Finding(
        Severity.INFO if lag is not None and lag.cured else Severity.WARNING,
        f"the log of the training ends with an error of {error_text(score.task, logged)} or less on train, and the"
        f" loaded weights have {error_text(score.task, score.error)} there",
        Where(output=score.output, split="train"),
        value=gap,
        threshold=APART,
        interval=Interval(low, high, score.error_interval.level),
        rows=score.rows,
        evidence=(_bars(score, logged),),
    )


def _logged(history: History, task: Task) -> float | None:
    """The largest train error in the last epochs of the log, an own loss by that loss; None if it is unknown."""
    if len(history.runs) != 1:
        return None
    errors = history.runs[0].train_loss if task is Task.OWN_LOSS else history.runs[0].train_error
    late = errors[int(len(errors) * (1 - LATE)) :]
    known = late[np.isfinite(late)]
    return float(known.max()) if known.size else None


def _bars(score: Score, logged: float) -> Bars:
    return Bars(
        "Error on train",
        ("in the log", "loaded weights"),
        (logged, score.error),
        unit="error rate" if score.task.classifies else "RMSE",
    )
