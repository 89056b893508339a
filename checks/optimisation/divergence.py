"""Whether the training loss, while finite, rises or oscillates instead of falling."""

from collections.abc import Iterator

import numpy as np

from diagnose.checks.data.label_order import in_order
from diagnose.checks.further_reading import DESCENT, RATE
from diagnose.checks.reading.curves import (
    END,
    NO_SCALE,
    SCALE_HOW,
    Points,
    Scale,
    count_runs,
    learning_curves,
    points,
    runs_that,
    scale_of,
)
from diagnose.checks.reading.wording import number, percent
from diagnose.findings import Finding, Severity
from diagnose.measurements import LONGER, History, NotMeasured, Run
from diagnose.registry import check

CLIMB = 2.0  # times its minimum; a loss that ends above has risen again
MATTERS = 0.1  # share of the constant prediction's loss; a smaller rise does not matter
LOST = 1.0  # times the constant prediction's loss; above, nothing that was learned is left
SWINGING = 0.5  # share of evaluations at which the loss rises; healthy: 0 to 0.37, at ten times the rate 0.58
SWING = 0.05  # median rise in units of the loss; smaller ones are noise
SWUNG_OUT = 0.5  # times the constant prediction's loss; below, the oscillation did no harm
EVALUATIONS = 8  # after the start; fewer do not show an oscillation
NOISE = 4.0  # standard errors of a point; the lowest of many points lies about two below the curve by chance
SPIKE = 0.15  # share of a running training; a rise that is younger may be a spike that recovers
MAJORITY = 0.5  # share of the runs


@check("Rising or oscillating loss", family="optimisation", reading=(RATE, DESCENT))
def divergence(history: History) -> Iterator[Finding]:
    """Compares the end of the training loss with its minimum, and counts how often the loss rises.

    ## What it measures
    The training loss of every run at its evaluations: its minimum, its end (the median of the last three), and the
    share of evaluations at which it rose.

    ## Why it matters
    If a loss rises after it had fallen, or oscillates, the steps are too large, and the model loses what it had
    learned. A loss that becomes infinite has its own check.

    ## How it is decided
    In at least half of the runs, the loss ends above twice its minimum, at least three evaluations after it, and the
    rise is more than a tenth of the constant prediction's loss: an error if the end is not better than the constant
    prediction, else a warning. Or the loss rises at more than half of at least 8 evaluations, typically by more than
    5 %, and ends above half of the constant prediction's loss: a warning. Where a loss is a mean over single steps,
    both must exceed 4 of its standard errors. While a training runs, the loss must have been above twice its minimum
    for 15 % of the steps so far: spikes recover. A loss that the model's own code computes has no constant prediction;
    it is compared with its first steps, and reported only where it ends above them. A rise after the learning rate was
    raised again, by a cyclical schedule or a warm restart, is expected and not reported.

    ## Known limits
    A recorded loss is an average over each epoch and hides oscillation within it. A schedule is only known if it is in
    the file or was watched. Rows fed in the order of their targets make the loss oscillate whatever the steps are, so
    they are not judged.

    ## References
    - Goodfellow, Bengio, Courville 2016, "Deep Learning", section 8.2
    - Zhang et al. 2021, "AUTOTRAINER: An Automatic DNN Training Problem Detection and Repair System", ICSE
    """
    if in_order(history.feeding):
        raise NotMeasured(
            "the rows were fed in the order of their targets, so the loss oscillates", "Shuffle the training rows."
        )
    scale = scale_of(history)
    if scale is None:
        raise NotMeasured(NO_SCALE, SCALE_HOW)
    known = [(run, curve) for run in history.runs if len(curve := points(run, "train_loss")) > 3]
    if not known:
        raise NotMeasured("the training loss of too few epochs is known", LONGER)
    climbed = [curve for _, curve in known if _climbs(curve, scale, history.running)]
    if len(climbed) >= MAJORITY * len(history.runs):
        yield _climb(climbed, history, scale)
        return
    swings = count_runs(history, lambda run: _swings(run, scale))
    if swings >= MAJORITY * len(history.runs) and swings:
        shares = [_rises(curve) for _, curve in known]
        yield Finding(
            Severity.WARNING,
            f"the training loss rises at {percent(float(np.median(shares)))} of its evaluations"
            f"{runs_that(swings, len(history.runs))} and does not settle",
            value=float(np.median(shares)),
            threshold=SWINGING,
            rows=history.rows,
            evidence=(learning_curves(history),),
        )


def _climbs(curve: Points, scale: Scale, running: bool) -> bool:
    lowest = float(curve.values.min())
    rise = curve.end - lowest
    passed = len(curve) - 1 - curve.lowest >= END and not curve.restarted
    far = curve.end > CLIMB * lowest and rise > max(MATTERS * scale.value, NOISE * curve.scatter)
    lost = scale.source == "constant" or curve.end >= LOST * scale.value
    return passed and far and lost and not (running and _may_recover(curve))


def _may_recover(curve: Points) -> bool:
    """Whether the loss has not been up for long: spikes are common, and most of them recover."""
    below = np.flatnonzero(curve.values <= CLIMB * float(curve.values.min()))[-1]
    return float(curve.epochs[-1] - curve.epochs[below]) < SPIKE * float(curve.epochs[-1])


def _climb(climbed: list[Points], history: History, scale: Scale) -> Finding:
    ratios = [curve.end / max(float(curve.values.min()), 1e-12) for curve in climbed]
    middle = climbed[int(np.argsort(ratios)[len(ratios) // 2])]
    ratio = middle.end / max(float(middle.values.min()), 1e-12)
    return Finding(
        Severity.ERROR if scale.source == "constant" and middle.end >= LOST * scale.value else Severity.WARNING,
        f"the training loss rises from {number(float(middle.values.min()))} to {number(middle.end)}"
        f"{runs_that(len(climbed), len(history.runs))}; that {scale.of} is {number(scale.value)}",
        value=ratio,
        threshold=CLIMB,
        rows=history.rows,
        evidence=(learning_curves(history),),
    )


def _rises(curve: Points) -> float:
    steps = np.diff(curve.values)
    return float(np.mean(steps > 0)) if len(steps) else 0.0


def _swings(run: Run, scale: Scale) -> bool:
    curve = points(run, "train_loss")
    steps = np.diff(curve.values)
    if len(steps) < EVALUATIONS or curve.end <= SWUNG_OUT * scale.value or curve.cycles:
        return False
    up = steps[steps > 0]
    return _rises(curve) > SWINGING and float(np.median(up)) > max(SWING * curve.end, NOISE * curve.noise)
