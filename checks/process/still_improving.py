"""Whether training stopped while it was still improving."""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from diagnose.checks.further_reading import EPOCHS, FASTER
from diagnose.checks.reading.curves import Curve, Points, learning_curves, points, represents_training, runs_that
from diagnose.checks.reading.replays import CLEAR, loaded_skill, reached, steps_of
from diagnose.checks.reading.wording import number, percent, skill_text
from diagnose.findings import Finding, Interval, Severity, Where
from diagnose.measurements import (
    HISTORY,
    Array,
    Continuation,
    Evaluation,
    History,
    LearningRate,
    Network,
    NotMeasured,
    Run,
)
from diagnose.registry import check

TAIL = 0.2  # share of the evaluations, the last ones
EVALUATIONS = 4  # in the tail, at least: a slope and its error need as many
FALL = 0.01  # relative fall of the loss per epoch; slower counts as flat
LITTLE = 0.5  # times the constant prediction's loss: above, most is still to be learned
AT_CONSTANT = 0.1  # share of the constant prediction's loss; a loss this close to it settles there without learning
MAJORITY = 0.5  # share of the runs
LONGER = 1.5  # times the user's steps: a sweep training is a longer one from here on
SAME_RATE = 1.1  # times: rates closer than this are the same rate


@check("Training stopped too early", family="process", speaks_live=None, reading=(EPOCHS, FASTER))
def still_improving(
    history: History,
    evaluation: Evaluation | None,
    network: Network | None,
    learning_rate: LearningRate | None,
    continuation: Continuation | None,
) -> Iterator[Finding]:
    """Checks the slope at the end of training, and what a longer training reaches.

    ## What it measures
    The relative change of train and dev loss per epoch over the last fifth of the evaluations (at least four), from a
    line fitted to their logarithms; and the skill of replays from fresh weights with your settings, compared with that
    of the loaded weights. Where one of these, or an error that may be bias, asks for it: the dev error of trainings
    that go on from the loaded weights with your own optimizer state.

    ## Why it matters
    If the loss is still falling, longer training is the cheapest improvement.

    ## How it is decided
    For a training followed from start to end: train and dev loss both fall by more than 1 % per epoch with 2 standard
    errors of the slope to spare, train ended at its lowest and not within a tenth of the constant prediction's loss,
    and dev fell by more than its standard error. It is a warning if the train loss is still above half of the constant
    prediction's, and so is the error if it is known, else a hint. For a replay: its skill on held-out rows is above
    that of the loaded weights on train by more than 0.1 and by 2 standard deviations between seeds. It is a warning if
    the replay took more steps than your training, a hint if that is unknown. Trainings that went on decide where there
    are any: a lower dev error (95 %) is reported, as a warning from 0.1 of skill; one that does not fall by a tenth
    makes anything else a hint.

    ## Known limits
    A schedule that ends with a rate near zero flattens a falling curve on purpose. The slope does not show how long the
    fall would last. Weights that were trained in another way than the file says look undertrained.

    ## References
    - Ng 2018, "Machine Learning Yearning", chapters 25 and 28 to 32
    - Goodfellow, Bengio, Courville 2016, "Deep Learning", section 7.8
    """
    expected = tuple(_expected(history, evaluation, network, learning_rate))
    for found in expected:
        yield _measured(found, continuation)
    if continuation is None or not continuation.helps:
        return
    if not any(continuation.concerns(found.where.output) for found in expected):
        yield _gone_on(continuation, history)


def _expected(
    history: History, evaluation: Evaluation | None, network: Network | None, rates: LearningRate | None
) -> Iterator[Finding]:
    """What the curves and other trainings let expect of a longer one.

    Raises:
        NotMeasured: there is nothing to expect it from.
    """
    judged = False
    if represents_training(history):
        learning = [run for run in history.runs if not _at_constant(run, history)]
        falling = [slope for run in learning if (slope := _still_falls(run, history)) is not None]
        judged = any(len(points(run, "train_loss")) >= EVALUATIONS for run in history.runs)
        if falling and len(falling) >= MAJORITY * len(history.runs):
            yield _falling(falling, history)
            return
    loaded = {output: loaded_skill(evaluation, output) for output in history.views}
    if all(skill is None for skill in loaded.values()):
        if not judged:
            raise NotMeasured(
                "the training was not followed to its end, and the loaded weights were not evaluated", HISTORY
            )
        return
    own = network.iterations if network is not None else None
    for output, skill in loaded.items():
        if skill is None:
            continue
        swept = rates and rates.of(output)
        found = _longer_is_better(history.of(output), skill, own) or _swept_longer(swept, skill, own, history)
        if found is not None:
            yield replace(found, where=replace(found.where, output=output or None))


def levelled_off(history: History | None) -> str:
    """How the loss ended, as a sentence, if it certainly fell by less than 1 % per epoch; else ""."""
    if history is None or not represents_training(history) or not history.runs:
        return ""
    who = "In our replay of your whole training, the" if history.origin == "replay" else "The"
    for curve, split in (("train_loss", "train"), ("dev_loss", "dev")):
        falls = [_fall(points(run, curve).tail(TAIL, EVALUATIONS)) for run in history.runs]  # type: ignore[arg-type]
        known = sorted(fall for fall in falls if fall is not None)
        if known and all(fall + 2 * se <= FALL for fall, se in known):
            change = -known[(len(known) - 1) // 2][0]
            text = f"{100 * change:+.1f}" if abs(change) >= 5e-4 else "0.0"
            how = "stopped falling" if change > FALL else "levelled off"
            return f"{who} {split} loss had {how} ({text} % per epoch over the last fifth)."
    return ""


def _falling(falls: list[tuple[float, float]], history: History) -> Finding:
    fall, se = sorted(falls)[(len(falls) - 1) // 2]
    followed = any(len(points(run, "dev_loss")) for run in history.runs)
    much_left = _much_left(history)
    return Finding(
        Severity.WARNING if much_left else Severity.HINT,
        f"when training ended, the train loss was still falling by {percent(fall)} per epoch"
        f"{runs_that(len(falls), len(history.runs))}" + (", and the dev loss was falling too" if followed else ""),
        value=fall,
        unit="share",
        threshold=FALL,
        interval=Interval(fall - 1.96 * se, fall + 1.96 * se),
        rows=history.rows,
        evidence=(learning_curves(history),),
    )


def _measured(found: Finding, longer: Continuation | None) -> Finding:
    """A finding with what a longer training was seen to bring."""
    if longer is None or longer.helps is None or not longer.concerns(found.where.output):
        return found
    if longer.helps:
        severity, told = max(found.severity, _severity(longer), key=lambda s: s.rank), f", and {_brought(longer)}"
    else:
        severity = min(found.severity, Severity.HINT, key=lambda s: s.rank)
        told = f", but {longer.what} do not lower the {_metric(longer)}"
    return replace(found, severity=severity, message=found.message + told)


def _gone_on(longer: Continuation, history: History) -> Finding:
    return Finding(
        _severity(longer),
        _brought(longer),
        Where(output=longer.output or None, split="dev"),
        value=longer.skill,
        threshold=0.0,
        evidence=(learning_curves(history),),
    )


def _severity(longer: Continuation) -> Severity:
    return Severity.WARNING if longer.skill >= CLEAR else Severity.HINT


def _brought(longer: Continuation) -> str:
    share = longer.metric == "dev error"
    before, after = (percent(error) if share else number(error) for error in (longer.before, longer.after))
    return f"{longer.what} lower the {_metric(longer)} from {before} to {after}"


def _metric(longer: Continuation) -> str:
    return f"{longer.metric} of {longer.output}" if longer.output else longer.metric


def _much_left(history: History) -> bool:
    """Whether the train loss, and the error where it is known, end above half of the constant prediction's."""
    return _above_half(history, "train_loss", history.constant_loss) is True and (
        _above_half(history, "train_error", history.constant_error) is not False
    )


def _above_half(history: History, curve: Curve, constant: float | None) -> bool | None:
    """None if it is unknown."""
    ends = [points(run, curve).end for run in history.runs if len(points(run, curve))]
    return float(np.median(ends)) > LITTLE * constant if ends and constant else None


def _still_falls(run: Run, history: History) -> tuple[float, float] | None:
    """Relative fall of the train loss per epoch with its standard error; None unless train and dev both fall."""
    train, dev = (points(run, curve).tail(TAIL, EVALUATIONS) for curve in ("train_loss", "dev_loss"))
    fall = _fall(train)
    if fall is None or not _certain(fall) or train.values[-1] > points(run, "train_loss").values.min():
        return None
    if len(dev):
        dev_fall = _fall(dev)
        if dev_fall is None or not _certain(dev_fall):
            return None
        if dev.values[0] - dev.values[-1] <= (history.dev_se or 0.0):
            return None
    return fall


def _at_constant(run: Run, history: History) -> bool:
    known, constant = points(run, "train_loss"), history.constant_loss
    return bool(len(known)) and bool(constant) and abs(known.end / (constant or 1.0) - 1) < AT_CONSTANT


def _certain(fall: tuple[float, float]) -> bool:
    size, se = fall
    return size > FALL and size > 2 * se


def _fall(tail: Points) -> tuple[float, float] | None:
    """Minus the slope of the log loss per epoch, with its standard error."""
    if len(tail) < EVALUATIONS or not (tail.values > 0).all():
        return None
    x, y = tail.epochs - tail.epochs.mean(), np.log(tail.values)
    spread = float(np.sum(x**2))
    if spread == 0:
        return None
    slope = float(np.sum(x * y)) / spread
    residual = y - y.mean() - slope * x
    return -slope, math.sqrt(float(np.sum(residual**2)) / (len(tail) - 2) / spread)


def _longer_is_better(history: History, loaded: float, own: int | None) -> Finding | None:
    """The replays against the loaded weights; `own` is the number of steps that these were trained for."""
    skills = np.array([reached(run) for run in history.runs])
    skills = skills[np.isfinite(skills)]
    taken = steps_of(history)
    if history.origin != "replay" or (own is not None and taken is not None and taken <= own):
        return None
    return _better(skills, loaded, taken, own, history)


def _swept_longer(rates: LearningRate | None, loaded: float, own: int | None, history: History) -> Finding | None:
    """The trainings of the sweep at the user's own rate, if they took more steps than the user's."""
    if rates is None or rates.own is None or own is None or rates.steps < LONGER * own:
        return None
    same = [p for p in rates.sweep if 1 / SAME_RATE < p.rate / rates.own < SAME_RATE and not any(p.diverged)]
    skills = np.array([skill for point in same for skill in point.skill if math.isfinite(skill)])
    return _better(skills, loaded, rates.steps, own, history)


def _better(skills: Array, loaded: float, taken: int | None, own: int | None, history: History) -> Finding | None:
    if not len(skills):
        return None
    spread = float(skills.std(ddof=1)) if len(skills) > 1 else 0.0
    gain, threshold = float(skills.mean()) - max(loaded, 0.0), max(CLEAR, 2 * spread)
    if gain <= threshold:
        return None
    longer = own is not None and taken is not None
    half = 1.96 * spread / math.sqrt(len(skills))
    return Finding(
        Severity.WARNING if longer else Severity.HINT,
        f"trainings{f' of {number(taken)} steps' if taken else ''} with the same settings reach skill"
        f" {skills.mean():.2f}, the loaded weights only {skill_text(loaded)}"
        + (f" after {number(own or 0)} steps" if longer else ""),
        Where(split="train"),
        value=gain,
        threshold=threshold,
        interval=Interval(gain - half, min(gain + half, 1.0 - max(loaded, 0.0))),  # a skill is 1 at most
        rows=history.rows,
        evidence=(learning_curves(history),),
    )
