"""Estimates the cost of measuring, and keeps account of the budget.

Without a budget in seconds, operations are counted and converted to seconds of a reference machine (two cores of a
typical server), so that the plan does not depend on the speed or load of the machine.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from diagnose.measurements import NotMeasured
from diagnose.measuring.bench import Bench
from diagnose.measuring.network import describe
from diagnose.measuring.walking import Part, kernels

TIMED_STEPS = 5
TRAINING = 3.0  # cost of a training step in forward passes: one forward, two backward
PER_SECOND = 6e10  # multiplications and additions
CELLS_PER_SECOND = 1.3e9  # activations written, read and differentiated
STEP = 3e-4  # fixed seconds of a step: fetching rows, loss, optimizer update
LAYER = 5e-5  # fixed seconds of a step per layer
TICK = 1.1e-4  # seconds of a step per time step of each recurrent layer
LOOP = 0.4  # fixed seconds to compile a training loop
LOOP_LAYER = 0.14  # seconds to compile it per layer
LOOP_TICKS = 7  # additional layers that a recurrent layer counts as there
LENT = 0.25  # share of the budget of an effort by which one piece of work may go over it
UNKNOWN_SIZE = 100  # assumed length of an axis of variable length


@dataclass(frozen=True)
class Work:
    """Training steps of the subject at its own batch size, loops to compile, and seconds of anything else."""

    steps: float = 0.0
    loops: int = 0
    seconds: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.steps or self.loops or self.seconds)

    def __add__(self, other: Work) -> Work:
        return Work(self.steps + other.steps, self.loops + other.loops, self.seconds + other.seconds)


NO_WORK = Work()


class Account(Protocol):
    """Keeps account of a budget in seconds."""

    @property
    def total(self) -> float: ...
    @property
    def left(self) -> float: ...
    def seconds(self, work: Work) -> float: ...
    def charge(self, work: Work, took: float = 0.0) -> None: ...
    def allow(self, seconds: float) -> None: ...
    def lend(self, work: Work) -> None: ...


class WorkAccount:
    """Counts seconds of the reference machine: the estimated work is charged, not the measured time."""

    def __init__(self, bench: Bench, budget: float) -> None:
        self._bench = bench
        self.left = budget
        self.total = budget
        self._lent = False
        self._step: float | None = None

    def seconds(self, work: Work) -> float:
        if self._step is None:
            self._step = step_seconds(self._bench)
        return work.seconds + work.steps * self._step + work.loops * loop_seconds(self._bench)

    def charge(self, work: Work, took: float = 0.0) -> None:
        self.left -= self.seconds(work)

    def allow(self, seconds: float) -> None:
        """Raise the total budget to at least this many seconds."""
        more = max(seconds - self.total, 0.0)
        self.total, self.left = self.total + more, self.left + more

    def lend(self, work: Work) -> None:
        """Go over the budget, once and by at most `LENT` of it, if this work needs it and fits then."""
        missing = self.seconds(work) - self.left
        if not self._lent and 0 < missing <= LENT * self.total:
            self._lent = True
            self.left += missing


class ClockAccount:
    """Counts seconds by the clock. Steps and loops are estimated from timed ones; what is given in seconds of the
    reference machine takes as many times longer here as it took so far, if it did.
    """

    def __init__(self, bench: Bench, budget: float) -> None:
        self._bench = bench
        self.total = budget
        self._end = time.perf_counter() + budget
        self._timed: tuple[float, float] | None = None
        self._expected, self._took = 0.0, 0.0  # seconds of the reference machine, and those that they took here

    @property
    def left(self) -> float:
        return self._end - time.perf_counter()

    def seconds(self, work: Work) -> float:
        slower = max(1.0, self._took / self._expected) if self._expected else 1.0
        if not (work.steps or work.loops):
            return work.seconds * slower
        if self._timed is None:
            self._timed = timed(self._bench)
        step, loop = self._timed
        return work.seconds * slower + work.steps * step + work.loops * loop

    def charge(self, work: Work, took: float = 0.0) -> None:
        """Learn how long it took; `left` reads the clock."""
        if work.seconds and not (work.steps or work.loops):
            self._expected += work.seconds
            self._took += took

    def allow(self, seconds: float) -> None:
        """Do nothing: the user's budget is not raised."""

    def lend(self, work: Work) -> None:
        """Do nothing: the user's budget is kept."""


def timed(bench: Bench) -> tuple[float, float]:
    """Return the seconds of one training step and of compiling the loop; 0 if the subject cannot be trained."""
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
    """Estimate the seconds of one training step on the reference machine, without running it."""
    walked, shapes, _ = describe(bench)
    fixed = STEP + LAYER * len(walked.parts) + TICK * sum(_ticks(part) for part in walked.parts)
    rows = bench.batch_size
    operations = sum(operations_per_row(part, shapes.get(part.path)) for part in walked.parts)
    cells = sum(_cells(shape) for shape in shapes.values())
    return fixed + rows * (2 * TRAINING * operations / PER_SECOND + TRAINING * cells / CELLS_PER_SECOND)


def loop_seconds(bench: Bench) -> float:
    """Estimate the seconds to compile a training loop on the reference machine."""
    parts = describe(bench)[0].parts
    return LOOP + LOOP_LAYER * (len(parts) + LOOP_TICKS * sum(_ticks(part) > 0 for part in parts))


def operations_per_row(part: Part, shape: tuple[int | None, ...] | None) -> float:
    """Return the multiplications of a forward pass for one row: the kernels at every position or time step."""
    positions = float(np.prod([size or UNKNOWN_SIZE for size in (shape or (None,))[1:-1]]))
    return max(positions, float(_ticks(part))) * sum(float(np.prod(kernel.shape)) for kernel in kernels(part))


def _ticks(part: Part) -> int:
    """Sequential time steps of a recurrent layer, those of both directions one after the other; 0 for all others."""
    both = hasattr(part.layer, "forward_layer")
    if not both and not hasattr(part.layer, "cell"):
        return 0
    shape = _input_shape(part.layer)
    steps = (shape[1] or UNKNOWN_SIZE) if len(shape) > 2 else UNKNOWN_SIZE
    return int(steps) * (2 if both else 1)


def _input_shape(layer: Any) -> tuple[int | None, ...]:
    """The shape of a layer's first input, which a mask or a state may follow; () if it is unknown."""
    tensors = layer._inbound_nodes[0].arguments.keras_tensors if layer._inbound_nodes else ()
    return tuple(tensors[0].shape) if tensors else ()


def _cells(shape: tuple[int | None, ...] | None) -> float:
    return float(np.prod([size or UNKNOWN_SIZE for size in shape[1:]])) if shape else 0.0
