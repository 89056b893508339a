"""Loss curves of healthy trainings, and of some that go wrong, drawn at random; read as the callback reads them.

A watched training is judged again and again, at every reading, so what counts is the chance of any notice in a whole
training. No model is trained: a curve is a trend with noise, like those of trainings of many kinds.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from diagnose.live.notices import Notice, examined
from diagnose.live.recording import Record
from diagnose.live.session import CHUNK
from diagnose.live.steps import Steps
from diagnose.live.telling import Notices
from diagnose.measurements import Array, History

CONSTANT = 1.0  # loss of the best constant prediction


@dataclass(frozen=True)
class Curve:
    """The losses of all steps of a training, in units of the constant prediction's."""

    kind: str
    losses: Array
    steps_per_epoch: int
    epochs: int | None  # as `fit` is told; None: one epoch at a time
    sick: bool = False


def curves(count: int, seed: int, sick: bool = False) -> Iterator[Curve]:
    """Curves of all kinds in turn, with lengths, noise and batches drawn at random."""
    generator = np.random.default_rng(seed)
    kinds = SICK if sick else HEALTHY
    for number in range(count):
        kind = list(kinds)[number % len(kinds)]
        epochs = int(generator.choice([3, 5, 10, 20, 50]))
        per_epoch = int(generator.choice([20, 50, 100, 300, 600]))
        steps = epochs * per_epoch
        trend = kinds[kind](np.arange(steps) / steps, generator)
        spread = generator.choice([0.05, 0.15, 0.4, 0.8])  # of the logarithm: 0.8 is a batch of a few rows
        noise = np.exp(spread * generator.standard_normal(steps) - spread**2 / 2)
        shuffled = 1 + 0.1 * spread * np.repeat(generator.standard_normal(epochs), per_epoch)  # epochs differ, too
        planned = None if generator.uniform() < 0.1 else epochs
        yield Curve(kind, trend * noise * np.maximum(shuffled, 0.3), per_epoch, planned, sick)


def told(curve: Curve) -> tuple[Notice, ...]:
    """The notices of a training with this curve, read at every `CHUNK` steps and at epoch ends."""
    record, notices = Record(), Notices(lambda line: None)
    total = len(curve.losses)
    ends = set(range(curve.steps_per_epoch, total + 1, curve.steps_per_epoch))
    readings, last = [], 0
    for step in range(1, total + 1):
        if step in ends or step - last >= CHUNK:
            readings.append(step)
            last = step
    for before, step in zip([0, *readings], readings, strict=False):
        part = curve.losses[before:step]
        record.add(Steps(part, np.zeros_like(part), np.full_like(part, np.nan)))
        if step in ends:
            record.end_epoch({"loss": float(curve.losses[max(0, step - curve.steps_per_epoch) : step].mean())})
        _judge(record, notices, curve, running=step < total)
    return tuple(notices.all)


def _judge(record: Record, notices: Notices, curve: Curve, running: bool) -> None:
    history: Any = record.history(CONSTANT, None, None, None)
    planned = None if curve.epochs is None else curve.epochs * curve.steps_per_epoch
    outcomes = examined({History: replace(history, running=running, planned=planned)}, whole=False)
    notices.tell(outcomes, record.steps, len(record.epochs), "")


# --- trends: the share of the training in, a loss above 0 out ----------------------------------------------

Trend = Callable[[Array, np.random.Generator], Array]


def _power(share: Array, generator: np.random.Generator) -> Array:
    floor, speed = generator.uniform(0.0, 0.6), generator.uniform(20, 2_000)
    return floor + (1.05 - floor) * (1 + speed * share) ** -generator.uniform(0.4, 1.0)


def _to_zero(share: Array, generator: np.random.Generator) -> Array:
    return 1.05 * np.exp(-generator.uniform(3, 9) * share) + 1e-3


def _slow_start(share: Array, generator: np.random.Generator) -> Array:
    """Nothing for 30 to 1,500 steps, at most 40 % of the training; then a fast fall."""
    start = min(float(np.exp(generator.uniform(np.log(30), np.log(1_500)))) / len(share), 0.4)
    return 0.05 + 0.95 / (1 + np.exp((share - start) * generator.uniform(20, 60)))


def _little_to_learn(share: Array, generator: np.random.Generator) -> Array:
    """Noisy targets: most of the loss cannot be learned away."""
    return generator.uniform(0.6, 0.85) + 0.3 * np.exp(-generator.uniform(5, 40) * share)


def _steps_down(share: Array, generator: np.random.Generator) -> Array:
    """A fast fall, flat stretches, and a fall at each cut of the rate."""
    level = np.floor(share * generator.integers(2, 5))
    return 0.1 + 0.5 * 0.35**level + 0.45 * np.exp(-50 * share)


def _spikes(share: Array, generator: np.random.Generator) -> Array:
    """A fall with a few spikes from which it recovers within 3 % of the training."""
    trend = _power(share, generator)
    for place in generator.uniform(0.2, 0.9, 3):
        trend = trend * (1 + generator.uniform(1, 8) * np.exp(-np.maximum(share - place, 0) * 150) * (share >= place))
    return trend


def _climbs(share: Array, generator: np.random.Generator) -> Array:
    turn = generator.uniform(0.2, 0.6)
    return 0.1 + 0.9 * np.exp(-20 * share) + generator.uniform(1.0, 3.0) * np.maximum(share - turn, 0) / (1 - turn)


def _never_falls(share: Array, generator: np.random.Generator) -> Array:
    return np.full_like(share, generator.uniform(0.98, 1.1))


HEALTHY: dict[str, Trend] = {
    "power law": _power,
    "to zero": _to_zero,
    "slow start": _slow_start,
    "little to learn": _little_to_learn,
    "steps down": _steps_down,
    "spikes that recover": _spikes,
}
SICK: dict[str, Trend] = {"climbs": _climbs, "never falls": _never_falls}
