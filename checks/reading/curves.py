"""Reading a `History`: which curves are known, how they end, and how to show them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from diagnose.checks.reading.wording import listed, number
from diagnose.findings import Curves, Series
from diagnose.measurements import LONGER, Array, History, NotMeasured, Run

Curve = Literal["train_loss", "dev_loss", "train_error", "dev_error"]

NO_SCALE = "the loss of the best constant prediction is unknown"
SCALE_HOW = "Leave out --history, so that the training is replayed, or train with diagnose.DiagnosisCallback."
MANY = 16  # evaluations; with fewer, a bend of the curve looks like scatter
ONCE, WATCHED = 2.0, 3.0  # standard errors: a rise of a curve that is judged at its end, or again and again
END = 3  # evaluations; their median counts as the end, so that a single noisy epoch does not decide
RAISED = 1.5  # times: a learning rate this much higher than another one is higher on purpose


@dataclass(frozen=True)
class Scale:
    """A loss that a training should get well below, above 0.

    `source`: that of the best constant prediction or, for a loss of the model's own code, that of the first steps.
    """

    value: float
    source: Literal["constant", "first"]

    @property
    def of(self) -> str:
        """Whose loss it is, to follow "the loss"."""
        return "of the best constant prediction" if self.source == "constant" else "at the start"


def scale_of(history: History) -> Scale | None:
    """What the training loss is compared with; None if nothing is known."""
    if history.constant_loss is not None:
        return Scale(history.constant_loss, "constant") if history.constant_loss > 0 else None
    positive = all(bool((points(run, "train_loss").values > 0).all()) for run in history.runs)
    return Scale(history.first_loss, "first") if history.first_loss and positive else None


@dataclass(frozen=True)
class Points:
    """The known points of one curve: increasing epochs, finite values; learning rates are nan where unknown.

    `noise` is the standard error of a single value as a mean over steps, 0 if all are evaluated on the same rows.
    """

    epochs: Array
    values: Array
    rates: Array
    noise: float = 0.0

    def __len__(self) -> int:
        return len(self.values)

    @property
    def end(self) -> float:
        """The median of the last three values."""
        return float(np.median(self.values[-END:]))

    @property
    def scatter(self) -> float:
        """The standard deviation of a value around the curve: of its mean over steps or, if more, what they show."""
        return max(self.noise, _noise(self.values[len(self) // 2 :]) if len(self) >= MANY else 0.0)

    @property
    def lowest(self) -> int:
        """The place of the lowest value."""
        return int(np.argmin(self.values))

    @property
    def raised(self) -> bool:
        """Whether the learning rate at the end is clearly above that at the lowest value, on purpose."""
        before, now = self._rates_before, self.rates[-END:]
        now = now[np.isfinite(now)]
        return bool(len(before) and len(now) and now.max() > RAISED * before[-1])

    @property
    def restarted(self) -> bool:
        """Whether the learning rate was raised since the lowest value, to no more than it was before.

        Cyclical schedules and warm restarts do this: the loss rises with the rate, and comes down with it. A rate that
        is higher than ever before, as in warm-up, is no restart.
        """
        return self.raised and bool(np.nanmax(self.rates[-END:]) <= RAISED * self._rates_before.max())

    @property
    def _rates_before(self) -> Array:
        """The known learning rates up to the lowest value."""
        before = self.rates[: self.lowest + 1]
        return before[np.isfinite(before)]

    @property
    def cycles(self) -> bool:
        """Whether the learning rate was raised again after it had fallen."""
        known = self.rates[np.isfinite(self.rates)]
        highest = np.maximum.accumulate(known[::-1])[::-1]  # of this point and all later ones
        fell = known < np.maximum.accumulate(known) / RAISED
        return bool((fell & (highest > RAISED * known)).any()) if known.size else False

    def tail(self, share: float, at_least: int) -> "Points":
        """The last `share` of the points, at least `at_least` of them if there are that many."""
        count = max(at_least, round(share * len(self)))
        return Points(self.epochs[-count:], self.values[-count:], self.rates[-count:], self.noise)


def points(run: Run, curve: Curve) -> Points:
    """The finite points of one curve of one run, including the initial evaluation (epoch 0)."""
    values = np.asarray(getattr(run, curve), dtype=float)
    epochs = np.asarray(run.epochs, dtype=float)[: len(values)]
    finite = np.isfinite(values[: len(epochs)])
    rates = np.full(len(finite), np.nan)
    rates[: len(run.learning_rates)] = run.learning_rates[: len(finite)]
    errors = run.train_se[np.isfinite(run.train_se)] if curve == "train_loss" else np.empty(0)
    noise = float(np.sqrt(np.mean(np.square(errors)))) if errors.size else 0.0
    return Points(epochs[finite], values[: len(epochs)][finite], rates[finite], noise)


def course(history: History) -> str:
    """How the losses went in a training that was followed, as a sentence; "" if that is unknown."""
    if history.origin == "replay" or len(history.runs) != 1:
        return ""
    known = points(history.runs[0], "train_loss").values
    if len(known) > 1:
        first = float(known[0]) if history.first_loss is None else history.first_loss
        return f"While it trained, the loss went from {number(first)} to {number(float(known[-1]))}."
    parts = [
        f"{name} went from {number(float(values[0]))} to {number(float(values[-1]))}"
        for name, values in history.reported.items()
        if name.endswith("loss") and not name.startswith("val_") and len(values) > 1 and np.isfinite(values).all()
    ]
    return f"While it trained, {listed(parts)}." if parts else ""


def represents_training(history: History) -> bool:
    """Whether it shows the user's training from start to end: recorded, watched live, or replayed in full length."""
    return history.origin != "replay" or history.whole


def whole_training(history: History) -> History:
    """The history, if it shows the user's training from start to end.

    Raises:
        NotMeasured: it is a replay shorter than the user's training.
    """
    if not represents_training(history):
        replayed = max((float(run.epochs[-1]) for run in history.runs if len(run.epochs)), default=0.0)
        raise NotMeasured(f"the replay ({replayed:.2g} epochs) is shorter than your training", LONGER)
    return history


def diverged(run: Run) -> bool:
    """Whether a loss of this run became NaN or infinite."""
    return run.non_finite_step is not None or bool(np.isinf(run.train_loss).any())


def count_runs(history: History, holds: Callable[[Run], bool]) -> int:
    """The number of runs for which `holds` is true."""
    return sum(holds(run) for run in history.runs)


def runs_that(count: int, of: int) -> str:
    """The number of runs in words: " in 2 of 3 runs"; empty for a single run."""
    return f" in {count} of {of} runs" if of > 1 else ""


@dataclass(frozen=True)
class Rise:
    """How far a dev curve ends above its minimum, in its own unit and in standard errors."""

    best_epoch: float
    last_epoch: float
    evaluations: int
    after: int  # evaluations since the minimum
    best: float
    last: float
    se: float
    raised: bool  # the learning rate is above that at the minimum, on purpose

    @property
    def deviations(self) -> float:
        """The rise in standard errors of the curve at its minimum; 0 unless all of its end came after the minimum."""
        return (self.last - self.best) / self.se if self.se > 0 and self.after >= END else 0.0


def rise(run: Run, curve: Curve, se: float) -> Rise | None:
    """The rise of one dev curve, None with fewer than `END` + 2 known points.

    `se` is widened by the noise of the curve from one evaluation to the next.
    """
    known = points(run, curve)
    if len(known) < END + 2:
        return None
    lowest = known.lowest
    return Rise(
        best_epoch=float(known.epochs[lowest]),
        last_epoch=float(known.epochs[-1]),
        evaluations=len(known),
        after=len(known) - 1 - lowest,
        best=float(known.values[lowest]),
        last=known.end,
        se=float(np.hypot(se, _noise(known.values))),
        raised=known.raised,
    )


def _noise(values: Array) -> float:
    """The standard deviation of evaluations around their curve, from second differences, which ignore a trend."""
    return float(1.4826 * np.median(np.abs(np.diff(values, 2))) / np.sqrt(6)) if len(values) > END else 0.0


def rise_that_counts(history: History) -> float:
    """The standard errors above its minimum from which a dev curve has risen.

    While a training runs, its curve is judged after every epoch, so that chance has many tries.
    """
    return WATCHED if history.running else ONCE


def dev_error_rise(history: History, classifies: bool, rows: int | None) -> Rise | None:
    """The rise of the dev error after its minimum, of the median run.

    Classification: error rate with its binomial standard error on `rows` dev rows. Regression: mean
    squared error, with the standard error from the history. None if the error was not recorded or
    its standard error is unknown.
    """
    rises = [found for run in history.runs if (found := _error_rise(history, run, classifies, rows)) is not None]
    rises.sort(key=lambda found: found.deviations)
    return rises[(len(rises) - 1) // 2] if rises else None


def _error_rise(history: History, run: Run, classifies: bool, rows: int | None) -> Rise | None:
    known = points(run, "dev_error")
    if not len(known):
        return None
    if classifies:
        return rise(run, "dev_error", _binomial_se(float(known.values.min()), rows)) if rows else None
    if history.dev_se is None:
        return None
    squared = replace(run, dev_error=np.square(run.dev_error))
    return rise(squared, "dev_error", history.dev_se)


def _binomial_se(rate: float, rows: int) -> float:
    rate = (rate * rows + 1) / (rows + 2)  # Laplace: zero observed errors do not prove a rate of zero
    return float(np.sqrt(rate * (1 - rate) / rows))


PAIRS: dict[str, tuple[tuple[str, Curve], ...]] = {
    "loss": (("train", "train_loss"), ("dev", "dev_loss")),
    "error": (("train", "train_error"), ("dev", "dev_error")),
}


WHOSE = {"replay": "our replay", "recorded": "your training", "live": "this training"}


def learning_curves(history: History, unit: Literal["loss", "error"] = "loss") -> Curves:
    """Train and dev over epochs, or over steps if there is less than one: the median run, and the range of the runs."""
    series = tuple(one for role, curve in PAIRS[unit] if (one := _band(history, role, curve)) is not None)
    along = "epoch"
    if history.steps_per_epoch and max((x for line in series for x in line.x), default=1.0) < 1:
        along, times = "step", history.steps_per_epoch
        series = tuple(replace(line, x=tuple(float(round(x * times)) for x in line.x)) for line in series)
    return Curves(f"{unit.capitalize()} by {along} ({WHOSE[history.origin]})", along, unit, series)


def _band(history: History, role: str, curve: Curve) -> Series | None:
    known = [one for run in history.runs if len(one := points(run, curve))]
    if not known:
        return None
    shortest = min(len(one) for one in known)
    stack = np.stack([one.values[:shortest] for one in known])
    x, middle = known[0].epochs[:shortest], np.median(stack, axis=0)
    if len(known) == 1:
        return Series(role, tuple(x.tolist()), tuple(middle.tolist()), role=role)
    low, high = stack.min(axis=0), stack.max(axis=0)
    return Series(role, tuple(x.tolist()), tuple(middle.tolist()), tuple(low.tolist()), tuple(high.tolist()), role=role)
