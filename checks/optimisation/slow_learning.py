"""Whether the first epoch of training leaves the loss unchanged."""

from collections.abc import Iterator

import numpy as np

from diagnose.checks.further_reading import BOOK, RATE
from diagnose.checks.reading.curves import Points, diverged, learning_curves, points
from diagnose.checks.reading.wording import number
from diagnose.findings import Finding, Severity
from diagnose.measurements import History, NotMeasured
from diagnose.registry import check

STILL = 0.98  # share of the loss at the start, or of the constant prediction's, that is left after an epoch
STEPS = 50  # optimizer steps: an "epoch" of a handful of steps may well change nothing
CAUGHT_UP = 0.9  # share of the chance level; a run that ends below was only slow to start
BLOWN = 2.0  # times the chance level; above, it is divergence
MAJORITY = 0.5  # share of the runs


@check("Learning does not start", family="optimisation", origins=("replay",), reading=(RATE, BOOK))
def slow_learning(history: History) -> Iterator[Finding]:
    """Compares the training loss after the first epoch with the chance level.

    ## What it measures
    The training loss, in inference mode, after one epoch of a replay from fresh weights (and at least 50 steps), over
    the chance level: the smaller of the initial loss and the loss of the best constant prediction.

    ## Why it matters
    The first epoch is the easiest: even the mean and the class frequencies lower the loss. If it does not fall, the
    steps are too small, or the gradient does not arrive.

    ## How it is decided
    Reported if the loss is above 98 % of the chance level in at least half of the runs that stay finite: a warning if
    it also ends above 90 %, a hint if it catches up later.

    ## Known limits
    Deep nets and recurrent nets may stall for an epoch and then learn well; hence the hint.

    ## References
    - Karpathy 2019, "A Recipe for Training Neural Networks", karpathy.github.io
    - Mishkin, Matas 2016, "All you need is a good init", arXiv:1511.06422
    """
    curves = [points(run, "train_loss") for run in history.runs if not diverged(run)]
    known = [curve for curve in curves if _after_an_epoch(curve, history.steps_per_epoch) is not None]
    if not known:
        raise NotMeasured(
            f"no replay is as long as one epoch and {STEPS} steps", "Allow a longer replay: --budget SECONDS."
        )
    left = [_left(curve, history) for curve in known]
    slow = [curve for curve, share in zip(known, left, strict=True) if STILL < share < BLOWN]
    if not slow or len(slow) < MAJORITY * len(known):
        return
    share = float(np.median([_left(curve, history) for curve in slow]))
    ends = float(np.median([curve.end / _level(curve, history) for curve in slow]))
    yield Finding(
        Severity.WARNING if ends > CAUGHT_UP else Severity.HINT,
        f"{_in_replays(len(slow), len(history.runs))} the loss is still at chance level after one epoch"
        f" ({number(share)} times chance){_end(ends)}",
        value=share,
        threshold=STILL,
        rows=history.rows,
        evidence=(learning_curves(history),),
    )


def _end(times_chance: float) -> str:
    if times_chance > CAUGHT_UP:
        return f", and still at the end ({number(times_chance)} times chance)"
    return f", but falls to {number(times_chance)} times chance by the end"


def _in_replays(count: int, of: int) -> str:
    return f"in {count} of {of} replays" if of > 1 else "in the replay"


def _after_an_epoch(curve: Points, steps_per_epoch: int | None) -> float | None:
    least = max(1.0, STEPS / steps_per_epoch) if steps_per_epoch else 1.0
    later = curve.values[curve.epochs >= least * (1 - 1e-9)]
    return float(later[0]) if len(later) else None


def _level(curve: Points, history: History) -> float:
    """The chance-level loss: the initial loss or, if lower, that of the constant prediction."""
    known = [history.constant_loss] if history.constant_loss else []
    known += [float(curve.values[0])] if curve.epochs[0] == 0 else []
    return max(min(known), 1e-12) if known else float("inf")


def _left(curve: Points, history: History) -> float:
    after = _after_an_epoch(curve, history.steps_per_epoch)
    return after / _level(curve, history) if after is not None else 0.0
