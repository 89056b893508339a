"""Whether training went on past its best epoch and kept the last weights."""

from collections.abc import Iterator
from dataclasses import replace

from diagnose.checks.further_reading import FASTER, RECIPE
from diagnose.checks.reading.curves import (
    Rise,
    dev_error_rise,
    learning_curves,
    rise,
    rise_that_counts,
    whole_training,
)
from diagnose.checks.reading.wording import number
from diagnose.findings import Curves, Finding, Mark, Severity, Where
from diagnose.measurements import Evaluation, History, NotMeasured, Score, Unavailable
from diagnose.registry import check
from diagnose.subject import Task

EPOCHS = 3.0  # since the minimum, at least; fewer are noise
SHARE = 0.1  # of all epochs since the minimum, at least
AS_GOOD = 1.0  # standard errors above the minimum: the loaded weights are as good as the best epoch
CERTAIN = 2.0  # standard errors below the constant prediction: the model had learned something


@check("Training past the best epoch", family="generalisation", speaks_live=Severity.HINT, reading=(RECIPE, FASTER))
def best_epoch(history: History, evaluation: Evaluation | None) -> Iterator[Finding]:
    """Looks for a minimum of the dev error well before the end of training.

    ## What it measures
    The dev error at each evaluation (the dev loss if errors were not recorded): its minimum, the epoch of the minimum,
    and the median of the last three values, in standard errors of the dev set.

    ## Why it matters
    The weights of the best epoch existed and were overwritten. Keeping them costs one line.

    ## How it is decided
    Reported if the minimum lies at least 3 epochs, 3 evaluations and a tenth of the training before the end, and
    the end is more than 2 standard errors worse (3 while it runs, as it is then judged after every epoch): a
    warning if it is the error that rose, except in a replay, which does not show which weights you kept. A loss
    that rises while the error stays the same is over-confidence and a hint. Silent if the best epoch is not better
    than a constant, if the end is not (then training fell apart), and if the loaded weights are as good as the best
    epoch (then they were kept, for example by `EarlyStopping`). Also silent in a replay, and while a training runs,
    if the learning rate was raised after the minimum: warm-up, a cyclical schedule and a warm restart raise the
    error for a while. Only trainings followed from start to end count.

    ## Known limits
    A replay is not your own run: its best epoch may lie elsewhere. The best of many noisy epochs looks better than it
    is; hence the standard errors.

    ## References
    - Prechelt 1998, "Early Stopping - But When?", doi:10.1007/3-540-49430-8_3
    - Ng 2018, "Machine Learning Yearning", chapter 27
    """
    whole_training(history)
    scores = {output: _dev_score(evaluation, output) for output in history.views}
    rises = {
        output: (_by_error(view, scores[output]), _by_loss(view, scores[output]))
        for output, view in history.views.items()
    }
    if not any(found for pair in rises.values() for found in pair):
        raise NotMeasured(
            "the dev error of each epoch, or its standard error, is unknown",
            "Pass --dev PATH, and a --history FILE that has the dev loss of each epoch.",
        )
    for output, view in history.views.items():
        yield from _passed_by(output, view, scores[output], *rises[output])


def _passed_by(
    output: str, history: History, score: Score | None, by_error: Rise | None, by_loss: Rise | None
) -> Iterator[Finding]:
    """The best epoch of one output, by its error or else by its loss, if training went on after it."""
    if by_error is not None and not _learned(by_error, by_error.last, history.constant_error, score):
        return
    of = f" of {output}" if output else ""
    for found, unit in ((by_error, "error"), (by_loss, "loss")):
        if found is None or not _passed(found, rise_that_counts(history)) or _kept(found, unit, history, score):
            continue
        if found.raised and (history.running or history.origin == "replay"):
            continue
        if unit == "loss" and not _learned(found, found.best, history.constant_loss, None):
            continue
        certain = unit == "error" and history.origin != "replay"
        curves = learning_curves(history, "error" if unit == "error" else "loss")
        yield Finding(
            Severity.WARNING if certain else Severity.HINT,
            f"the dev {unit}{of} was lowest at epoch {number(found.best_epoch)} of {number(found.last_epoch)} and ended"
            f" {found.deviations:.1f} standard errors higher ({number(found.best)} to {number(found.last)})",
            Where(output=output or None, split="dev", epoch=round(found.best_epoch)),
            value=found.deviations,
            threshold=rise_that_counts(history),
            rows=history.dev_rows,
            evidence=(_marked(curves, found),),
        )
        return


def _dev_score(evaluation: Evaluation | None, output: str) -> Score | None:
    if evaluation is None or isinstance(evaluation.dev, Unavailable):
        return None
    only = evaluation.dev.scores[0] if len(evaluation.dev.scores) == 1 else None
    return evaluation.score("dev", output) or only


def _by_error(history: History, score: Score | None) -> Rise | None:
    """None if it is unknown whether the errors are error rates, or if the loss is the only error."""
    rates = history.rates if score is None else score.task.classifies
    if rates is None or (score is not None and score.task is Task.OWN_LOSS):
        return None
    return dev_error_rise(history, rates, history.dev_rows or (score.rows if score is not None else None))


def _by_loss(history: History, score: Score | None) -> Rise | None:
    se = history.dev_se
    if se is None and score is not None:
        se = (score.loss_interval.high - score.loss_interval.low) / (2 * 1.96)
    if se is None or not se > 0:
        return None
    rises = sorted(
        (found for run in history.runs if (found := rise(run, "dev_loss", se)) is not None), key=lambda r: r.deviations
    )
    return rises[(len(rises) - 1) // 2] if rises else None


def _passed(found: Rise, least: float) -> bool:
    since = found.last_epoch - found.best_epoch
    return since >= max(EPOCHS, SHARE * found.last_epoch) and found.after >= EPOCHS and found.deviations > least


def _learned(found: Rise, level: float, constant: float | None, score: Score | None) -> bool:
    """Whether a level of the curve is clearly below the constant prediction's, and the best epoch is not the start.

    If the error at the end is not below it, training fell apart rather than went on too long.
    """
    if constant is not None and score is not None and not score.task.classifies:
        constant **= 2
    return found.best_epoch > 0 and (constant is None or level < constant - CERTAIN * found.se)


def _kept(found: Rise, unit: str, history: History, score: Score | None) -> bool:
    """Whether the loaded weights are as good as the best epoch, on the user's own dev set."""
    if score is None or history.dev_origin != "dev":
        return False
    now = score.loss if unit == "loss" else score.error if score.task.classifies else score.error**2
    return now <= found.best + AS_GOOD * found.se


def _marked(curves: Curves, found: Rise) -> Curves:
    return replace(curves, marks=(Mark("best", found.best_epoch),))
