"""Records the steps and epochs of a training and returns them as a `History`."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from diagnose.live.steps import Steps
from diagnose.measurements import Array, History, Run

MOST_STEPS = 1_000_000  # single steps kept: 24 MB
POINTS = 24  # points on the train loss curve, at least, if there are enough steps
SMOOTHED = 8  # steps averaged for a point of the curve, at least
CLIMBED = 2.0  # times the loss of the first step; single batches differ less
APART = 8  # epochs from which outputs are told apart; with fewer, the steps of the whole show more
ACCURACIES = ("accuracy", "acc", "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy")


@dataclass(frozen=True)
class Epoch:
    """What Keras reported at the end of an epoch.

    `steps` counts all `fit` calls; `penalty` is the regularisation loss at that step.
    """

    steps: int
    logs: dict[str, float]
    penalty: float


class Record:
    """The steps and epochs of all `fit` calls of one model."""

    def __init__(self) -> None:
        self.total = "loss"  # its name in the logs
        self.steps = 0  # of all fits, including steps that were not kept
        self.epochs: list[Epoch] = []
        self.non_finite_step: int | None = None
        self.from_start = True  # whether the first recorded step is the first of the training
        self._mean = 0.0  # the latest running mean
        self._kept: list[Array] = []  # [steps, 3]
        self._kept_steps = 0
        self.schedule: Callable[[int], float] | None = None  # learning rate by step
        self._rates: dict[int, float] = {}  # learning rate by step, oldest first where there is no schedule

    def add(self, steps: Steps, averaged: bool = False) -> None:
        """Append single steps. `averaged`: their losses are running means since the start of the epoch."""
        if averaged:
            steps = self._single(steps)
        table = np.stack([steps.loss, steps.penalty, steps.norm], axis=1)
        broken = np.flatnonzero(~np.isfinite(steps.loss))
        if broken.size and self.non_finite_step is None and self._known(steps):
            self.non_finite_step = self.steps + int(broken[0])
        self.steps += len(table)
        room = MOST_STEPS - self._kept_steps
        if room > 0 and len(table):
            self._kept.append(table[:room])
            self._kept_steps += len(table[:room])

    def _single(self, steps: Steps) -> Steps:
        """Single losses from running means: n times the mean minus n - 1 times the previous mean."""
        number = self.steps - (self.epochs[-1].steps if self.epochs else 0) + np.arange(len(steps.loss))
        before = np.concatenate([[self._mean if number.size and number[0] else 0.0], steps.loss[:-1]])
        if len(steps.loss):
            self._mean = float(steps.loss[-1])
        return replace(steps, loss=(number + 1) * steps.loss - number * before)

    def note_rate(self, rate: float) -> None:
        """Record a learning rate that holds from the latest step on. Not needed with a schedule."""
        if rate != next(reversed(self._rates.values()), None):
            self._rates[self.steps] = rate

    def end_epoch(self, logs: dict[str, Any]) -> None:
        """Record the logs of Keras at the end of an epoch."""
        numbers = {name: float(value) for name, value in logs.items() if np.ndim(value) == 0}
        logged = [value for name, value in numbers.items() if name.endswith("loss") and not name.startswith("val_")]
        if self.non_finite_step is None and not np.isfinite(logged).all():
            self.non_finite_step = self.steps  # of a loss that is only known by epoch
        table = self.table
        known = table[-1:, 1][np.isfinite(table[-1:, 1])]
        self.epochs.append(Epoch(self.steps, numbers, float(known[0]) if known.size else 0.0))

    @property
    def table(self) -> Array:
        """Loss, penalty and gradient norm of every kept step: [steps, 3]."""
        if len(self._kept) > 1:
            self._kept = [np.concatenate(self._kept)]
        return self._kept[0] if self._kept else np.empty((0, 3))

    @property
    def complete(self) -> bool:
        """Whether every step was kept."""
        return self.steps == self._kept_steps

    def steps_per_epoch(self) -> int | None:
        """Steps of the last epoch; None before its end."""
        ends = [0, *(epoch.steps for epoch in self.epochs)]
        return ends[-1] - ends[-2] or None if self.epochs else None

    def history(self, constant: float | None, dev_rows: int | None, dev_se: float | None, rows: int | None) -> History:
        """The training so far.

        The train loss at a point is the mean data loss (without penalties) of the steps before it, in training mode.
        The dev loss is the validation loss of Keras, in inference mode, at epoch ends.
        """
        table = self.table
        seen = bool(np.isfinite(table[:, 0]).any()) and self.complete
        points = self._points() if seen else []
        ends = {epoch.steps: epoch for epoch in self.epochs}
        at = [ends.get(point) for point in points] if seen else self.epochs
        numbers = [self.epoch_of(point) for point in points] if seen else range(1, len(self.epochs) + 1)
        curve = self._curve(points)
        run = Run(
            seed=None,
            epochs=np.array(numbers, np.float64),
            train_loss=curve[0] if seen else np.array([_value(e, self.total, penalised=True) for e in at]),
            dev_loss=np.array([_value(e, f"val_{self.total}", penalised=True) for e in at]),
            train_error=np.array([_error(e, "") for e in at]),
            dev_error=np.array([_error(e, "val_") for e in at]),
            step_losses=table[:, 0] if seen else np.empty(0),
            gradient_norms=table[:, 2],
            non_finite_step=self.non_finite_step,
            train_se=curve[1] if seen else np.empty(0),
            learning_rates=self._rates_at(points if seen else [epoch.steps for epoch in self.epochs]),
        )
        return History(
            "live",
            (run,),
            self.steps_per_epoch(),
            rows,
            dev_rows,
            constant,
            None,
            whole=True,
            dev_se=dev_se,
            rates=True if np.isfinite(run.dev_error).any() else None,
            first_loss=self._first_loss(),
            from_start=self.from_start,
            reported=self._reported(),
        )

    def of_output(self, whole: History, name: str, constant: float | None, dev_se: float | None) -> History | None:
        """The training so far as one of several outputs fared, by epoch, as Keras logged it.

        None if its loss was not logged, or of too few epochs.
        """
        loss, at = f"{name}_loss", self.epochs
        if len(at) < APART or not all(loss in epoch.logs for epoch in at):
            return None
        run = Run(
            seed=None,
            epochs=np.arange(1.0, len(at) + 1),
            train_loss=np.array([_value(e, loss) for e in at]),
            dev_loss=np.array([_value(e, f"val_{loss}") for e in at]),
            train_error=np.array([_error(e, f"{name}_") for e in at]),
            dev_error=np.array([_error(e, f"val_{name}_") for e in at]),
            non_finite_step=self.non_finite_step,
            learning_rates=self._rates_at([epoch.steps for epoch in at]),
        )
        return replace(whole, runs=(run,), constant_loss=constant, dev_se=dev_se, rates=None, first_loss=None)

    def _first_loss(self) -> float | None:
        """The mean data loss of the first steps; None if the training began before, or they are not known.

        Where the first updates drove the loss up, it is the loss before them.
        """
        first = self.table[:SMOOTHED, 0] - self.table[:SMOOTHED, 1]
        if len(first) < SMOOTHED or not self.from_start or not np.isfinite(first[0]):
            return None
        mean, fresh = float(first.mean()), float(first[0])
        return mean if mean <= CLIMBED * abs(fresh) else fresh

    def _reported(self) -> dict[str, Array]:
        """The logs of Keras by name, one value per epoch; nan where one was not logged."""
        names = dict.fromkeys(name for epoch in self.epochs for name in epoch.logs)
        return {name: np.array([epoch.logs.get(name, np.nan) for epoch in self.epochs]) for name in names}

    def _points(self) -> list[int]:
        """Steps at which the curve has a point: every epoch end, and more between them if there are few epochs."""
        ends = [epoch.steps for epoch in self.epochs]
        if len(ends) >= POINTS:
            return sorted(set(ends))
        between = np.linspace(0, self.steps, POINTS + 1)[1:].astype(int)
        far = [step for step in between if all(abs(step - end) >= SMOOTHED for end in ends)]
        return sorted({*ends, *(int(step) for step in far if step >= SMOOTHED)})

    def _curve(self, points: list[int]) -> tuple[Array, Array]:
        """Mean of the steps before each point, and its standard error: [points] each."""
        data = self.table[:, 0] - self.table[:, 1]
        means, errors = [], []
        for before, point in zip([0, *points], points, strict=False):
            window = data[max(0, min((before + point) // 2, point - SMOOTHED)) : point]
            means.append(float(window.mean()) if window.size else np.nan)
            errors.append(float(window.std(ddof=1) / np.sqrt(window.size)) if window.size > 1 else np.nan)
        return np.array(means), np.array(errors)

    def _rates_at(self, points: list[int]) -> Array:
        """The learning rate at these steps, as far as it was noted: [points]; empty if it never changed."""
        if self.schedule is not None:
            self._rates |= {point: self.schedule(point) for point in points if point not in self._rates}
            return np.array([self._rates[point] for point in points])
        if len(self._rates) < 2:
            return np.empty(0)
        steps, rates = np.array(list(self._rates)), np.array(list(self._rates.values()))
        place = np.searchsorted(steps, points, side="right") - 1
        return np.where(place >= 0, rates[np.maximum(place, 0)], np.nan)

    def epoch_of(self, step: int) -> float:
        """How many epochs had passed after this step."""
        ends = [0, *(epoch.steps for epoch in self.epochs)]
        place = int(np.searchsorted(ends, step, side="left"))
        if place < len(ends):
            before = ends[max(place - 1, 0)]
            return max(place - 1, 0) + ((step - before) / (ends[place] - before) if ends[place] > before else 0.0)
        return len(ends) - 1 + (step - ends[-1]) / (self.steps_per_epoch() or max(self.steps, 1))

    def _known(self, steps: Steps) -> bool:
        """Whether single losses are available at all; if not, they are all nan."""
        return bool(np.isfinite(steps.loss).any() or np.isfinite(self.table[:, 0]).any())


def _value(epoch: Epoch | None, name: str, penalised: bool = False) -> float:
    if epoch is None or name not in epoch.logs:
        return float("nan")
    return epoch.logs[name] - (epoch.penalty if penalised else 0.0)


def _error(epoch: Epoch | None, prefix: str) -> float:
    """1 - accuracy; nan if Keras did not report one."""
    found = [1 - epoch.logs[prefix + name] for name in ACCURACIES if epoch and prefix + name in epoch.logs]
    return found[0] if found else float("nan")
