"""Whether the training loss stays flat at a level that is too high."""

from collections.abc import Iterator
from typing import Literal

import numpy as np

from diagnose.checks.further_reading import DESCENT, RESTARTS
from diagnose.checks.reading.curves import (
    NO_SCALE,
    SCALE_HOW,
    Points,
    learning_curves,
    points,
    runs_that,
    scale_of,
)
from diagnose.checks.reading.gaps import of_output
from diagnose.checks.reading.profiles import gradient_left
from diagnose.checks.reading.wording import number, skill_text
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import LONGER, Backward, Baseline, History, NotMeasured, OutputBaseline, Run
from diagnose.registry import check

TAIL = 0.25  # share of the evaluations, the last ones
LONG_TAIL = 0.5  # the same where the loss is too noisy
FLAT = 0.01  # share of its level by which the loss still falls there
EVALUATIONS = 3  # in the tail, at least
NOTHING = 0.9  # times the constant prediction's loss; above, next to nothing was learned
BEHIND = 0.25  # skill of the best baseline minus the run's: the gap that separates sick models from healthy ones
MAJORITY = 0.5  # share of the runs
STEPS = 100  # of a training that has ended; fewer do not show a plateau
HALF = 0.5  # share of its planned steps after which a running training is judged: nets may need long to get started
MANY = 2_000  # steps after which it is judged however many are planned, or if that is unknown
PROGRESS = 0.03  # relative fall over the tail that the interval of the fall must exclude
SURE = 2.5  # standard errors: a running training is judged again and again (see tests/wards/simulated.py)

Course = Literal["flat", "moving", "unclear"]


@check("Training plateau", family="optimisation", reading=(RESTARTS, DESCENT))
def plateau(history: History, baseline: Baseline | None, backward: Backward | None) -> Iterator[Finding]:
    """Looks for a training loss that is flat at the end, well above what the data allows.

    ## What it measures
    How much the training loss fell over the last quarter of the evaluations, its level there against the loss of the
    best constant prediction, and the skill against that of the best baseline.

    ## Why it matters
    A flat loss means that learning is complete or that it has stopped: because the gradient vanishes, because the steps
    are too large or too small, or because the net cannot do better.

    ## How it is decided
    A warning if, in at least half of the runs, the loss falls by less than 1 % over the last quarter, and is still
    above 90 % of the constant prediction's loss (of that of the first steps, if the model's own code computes it) or
    the run's skill is more than 0.25 below that of the best baseline. The message says how much of the gradient is
    left: almost none points to a lost signal, much of it to the step size. Where the loss is noisy, the interval of the
    fall (2.5 standard errors) must exclude 3 %; where it excludes neither 1 % nor 3 %, the last half decides. Not
    reported if the loss reached a new minimum there, clearly below the earlier one, or if the learning rate is still
    warming up. A training of fewer than 100 steps is not judged; one that still runs is not judged before half of its
    planned steps or 2,000 steps.

    ## Known limits
    It never says "local minimum": in nets of usual width, saddle points and lost signals are more likely. A replay
    shorter than your training may show a plateau that your training left.

    ## References
    - Goodfellow, Bengio, Courville 2016, "Deep Learning", section 8.2
    - Dauphin et al. 2014, "Identifying and attacking the saddle point problem", arXiv:1406.2572
    """
    known = _long_enough(history)
    least = _least_steps(history)
    if any(0 < len(run.step_losses) < least for run in known):
        raise NotMeasured(
            f"a training of fewer than {least:,} steps is too short to show a plateau",
            f"Train for at least {least:,} steps, or allow a longer replay: --budget SECONDS.",
        )
    if not known:
        raise NotMeasured("the training loss of too few epochs is known", LONGER)
    if baseline is None and all(scale_of(view) is None for view in history.views.values()):
        raise NotMeasured(NO_SCALE, SCALE_HOW)
    unclear, found = False, False
    for output, view in history.views.items():
        known, possible = _long_enough(view), of_output(baseline, output)
        high = [run for run in known if _too_high(run, view, possible)]
        courses = [_course(run) for run in high]
        stuck = [run for run, (shown, _) in zip(high, courses, strict=True) if shown == "flat"]
        unclear = unclear or (not stuck and any(shown == "unclear" for shown, _ in courses))
        if not stuck or len(stuck) < MAJORITY * len(known):
            continue
        found = True
        share = max(share for shown, share in courses if shown == "flat")
        falls = float(np.median([_fall(points(run, "train_loss"), share)[0] for run in stuck]))
        last = "half" if share == LONG_TAIL else "quarter"
        yield Finding(
            Severity.WARNING,
            f"the training loss{f' of {output}' if output else ''} falls by only {100 * max(falls, 0.0):.1f} % over the"
            f" last {last}{runs_that(len(stuck), len(known))}{_level(stuck, view, possible)}{_gradient(backward)}",
            Where(output=output or None),
            value=falls,
            threshold=FLAT,
            rows=view.rows,
            evidence=(learning_curves(view),),
        )
    if unclear and not found:
        raise NotMeasured("the loss is too noisy to tell a slow fall from none", LONGER)


def _long_enough(history: History) -> list[Run]:
    """The runs with enough evaluations at the end."""
    return [run for run in history.runs if len(points(run, "train_loss").tail(TAIL, EVALUATIONS)) >= EVALUATIONS]


def _least_steps(history: History) -> int:
    """How many steps are enough to judge this training."""
    if not history.running:
        return STEPS
    return MANY if history.planned is None else max(STEPS, min(MANY, round(HALF * history.planned)))


def _fall(curve: Points, share: float = TAIL) -> tuple[float, float]:
    """Relative fall over the tail, from its first half to its second (below 0: it rises), and its standard error."""
    tail = curve.tail(share, EVALUATIONS + 1)
    half = len(tail) // 2
    before, after = float(tail.values[:half].mean()), float(tail.values[half:].mean())
    level = abs(before) or 1.0
    return (before - after) / level, curve.scatter * float(np.sqrt(1 / half + 1 / (len(tail) - half))) / level


def _course(run: Run) -> tuple[Course, float]:
    """What the tail shows, and the share of the evaluations that shows it: a longer one where that is unclear."""
    curve = points(run, "train_loss")
    for share in (TAIL, LONG_TAIL):
        fall, se = _fall(curve, share)
        tail = curve.tail(share, EVALUATIONS + 1)
        if abs(fall) > FLAT + SURE * se or _new_minimum(curve, tail) or _rate_rises(tail):
            return "moving", share
        if fall + SURE * se < PROGRESS:
            return "flat", share
    return "unclear", LONG_TAIL


def _new_minimum(curve: Points, tail: Points) -> bool:
    """Whether the lowest loss of the tail is clearly below every earlier one."""
    earlier = curve.values[: -len(tail)]
    if not len(earlier):
        return False
    lowest = float(earlier.min())
    return lowest - float(tail.values.min()) > max(FLAT * abs(lowest), SURE * curve.scatter)


def _rate_rises(tail: Points) -> bool:
    """Whether the learning rate ends higher than it was: in warm-up, or just after a restart."""
    known = tail.rates[np.isfinite(tail.rates)]
    return len(known) > 1 and bool(known[-1] > known[0])


def _too_high(run: Run, history: History, possible: OutputBaseline | None) -> bool:
    end = points(run, "train_loss").end
    scale = scale_of(history)
    nothing = scale is not None and end > NOTHING * scale.value
    return nothing or (possible is not None and possible.best.skill - run.final_train_skill > BEHIND)


def _level(stuck: list[Run], history: History, possible: OutputBaseline | None) -> str:
    scale = scale_of(history)
    if scale is not None:
        end = float(np.median([points(run, "train_loss").end for run in stuck])) / scale.value
        if end > NOTHING:
            level = "the loss" if round(end, 1) == 1 else f"{number(end)} times the loss"
            return f" and stays at {level} {scale.of}"
    skill = float(np.median([run.final_train_skill for run in stuck]))
    return (
        f" and stays at skill {skill_text(skill)} against {possible.best.skill if possible else 0.0:.2f} of a baseline"
    )


def _gradient(backward: Backward | None) -> str:
    left = gradient_left(backward) if backward is not None else None
    return "" if left is None else f", with the gradient at {number(left)} times its size at fresh weights"
