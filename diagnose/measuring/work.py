"""What measuring costs, and what may be spent: in work that is the same on every machine, or by the clock.

Without a budget in seconds the plan is made of work: operations are counted, and turned into seconds of one reference
machine (two cores of a usual server). The same inputs so give the same plan however fast or busy the machine is.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from diagnose.measurements import NotMeasured
from diagnose.measuring.bench import Bench
from diagnose.measuring.network import describe
from diagnose.measuring.walking import Part, kernels

TIMED_STEPS = 5
TRAINING = 3.0  # forward passes that a training step costs: one forward, two backward
PER_SECOND = 6e10  # multiplications and additions
CELLS_PER_SECOND = 1.3e9  # activations that are written, read and differentiated
STEP = 3e-4  # seconds of a step besides: fetching rows, the loss, the optimizer's update
LAYER = 5e-5  # seconds of a step for each layer, whatever its size
TICK = 1.1e-4  # seconds of a step for each time step of each recurrent layer
LOOP = 0.4  # seconds of compiling a training loop
LOOP_LAYER = 0.14  # the same for each layer
LOOP_TICKS = 7  # layers that a recurrent one counts for there
UNKNOWN_SIZE = 100  # positions along an axis whose length is not fixed


@dataclass(frozen=True)
class Work:
    """Training steps of the subject at its own batch size, loops to be compiled for them, and seconds besides."""

    steps: float = 0.0
    loops: int = 0
    seconds: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.steps or self.loops or self.seconds)


class Account(Protocol):
    """What may still be spent, in seconds."""

    @property
    def left(self) -> float: ...
    def seconds(self, work: Work) -> float: ...
    def charge(self, work: Work) -> None: ...
    def allow(self, seconds: float) -> None: ...


class WorkAccount:
    """Seconds of the reference machine: what was planned is charged, whatever it took."""

    def __init__(self, bench: Bench, budget: float) -> None:
        self._bench = bench
        self.left = budget
        self._budget = budget
        self._step: float | None = None

    def seconds(self, work: Work) -> float:
        if self._step is None:
            self._step = step_seconds(self._bench)
        return work.seconds + work.steps * self._step + work.loops * loop_seconds(self._bench)

    def charge(self, work: Work) -> None:
        self.left -= self.seconds(work)

    def allow(self, seconds: float) -> None:
        """Raise the whole budget to so much, where it is less."""
        more = max(seconds - self._budget, 0.0)
        self._budget, self.left = self._budget + more, self.left + more


class ClockAccount:
    """Seconds by the clock, from now on; one training step is timed to know what others will take."""

    def __init__(self, bench: Bench, budget: float) -> None:
        self._bench = bench
        self._end = time.perf_counter() + budget
        self._timed: tuple[float, float] | None = None

    @property
    def left(self) -> float:
        return self._end - time.perf_counter()

    def seconds(self, work: Work) -> float:
        if not (work.steps or work.loops):
            return work.seconds
        if self._timed is None:
            self._timed = timed(self._bench)
        step, loop = self._timed
        return work.seconds + work.steps * step + work.loops * loop

    def charge(self, work: Work) -> None:
        """The clock has run on by itself."""

    def allow(self, seconds: float) -> None:
        """A budget that the user gave stays as it is."""


def timed(bench: Bench) -> tuple[float, float]:
    """Seconds of one training step at the subject's own batch size, and of compiling the loop; 0 if it has none."""
    from diagnose.measuring.training import own_training

    try:
        start = time.perf_counter()
        with own_training(bench) as trainer:
            trainer.begin(bench.weights(None), bench.settings.seed)
            rates = np.zeros(TIMED_STEPS)
            trainer.run(rates)  # compiles
            compiled = time.perf_counter()
            trainer.run(rates)
            return (time.perf_counter() - compiled) / TIMED_STEPS, compiled - start
    except NotMeasured:
        return 0.0, 0.0


def step_seconds(bench: Bench) -> float:
    """Seconds of one training step on the reference machine, from what its layers compute; nothing is run."""
    walked, shapes, _ = describe(bench)
    fixed = STEP + LAYER * len(walked.parts) + TICK * sum(_ticks(part) for part in walked.parts)
    rows = bench.batch_size
    operations = sum(operations_per_row(part, shapes.get(part.path)) for part in walked.parts)
    cells = sum(_cells(shape) for shape in shapes.values())
    return fixed + rows * (2 * TRAINING * operations / PER_SECOND + TRAINING * cells / CELLS_PER_SECOND)


def loop_seconds(bench: Bench) -> float:
    """Seconds of compiling a training loop of the subject on the reference machine."""
    parts = describe(bench)[0].parts
    return LOOP + LOOP_LAYER * (len(parts) + LOOP_TICKS * sum(_ticks(part) > 0 for part in parts))


def operations_per_row(part: Part, shape: tuple[int | None, ...] | None) -> float:
    """Multiplications of a forward pass for one row: the kernels at every position, or at every time step."""
    positions = float(np.prod([size or UNKNOWN_SIZE for size in (shape or (None,))[1:-1]]))
    return max(positions, float(_ticks(part))) * sum(float(np.prod(kernel.shape)) for kernel in kernels(part))


def _ticks(part: Part) -> int:
    """Time steps that a recurrent layer takes one after the other; 0 for all others."""
    if not hasattr(part.layer, "cell") and not hasattr(part.layer, "forward_layer"):
        return 0
    shape = getattr(getattr(part.layer, "input", None), "shape", None) if part.layer._inbound_nodes else None
    return int(shape[1] or UNKNOWN_SIZE) if shape is not None and len(shape) > 2 else UNKNOWN_SIZE


def _cells(shape: tuple[int | None, ...] | None) -> float:
    return float(np.prod([size or UNKNOWN_SIZE for size in shape[1:]])) if shape else 0.0
