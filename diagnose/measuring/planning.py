"""Which instruments run, how large, and what did not fit: the planner."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from diagnose.diagnosis import Coverage
from diagnose.measurements import (
    REPORT,
    Backward,
    Baseline,
    Changes,
    Conversions,
    Dataset,
    Evaluation,
    Forward,
    History,
    Initial,
    LearningRate,
    Measurements,
    Network,
    NotMeasured,
    OverfitBatch,
    Unavailable,
)
from diagnose.measuring.bench import Bench
from diagnose.settings import Effort, Settings
from diagnose.subject import Subject

BUDGETS = {Effort.QUICK: 15.0, Effort.STANDARD: 60.0, Effort.DEEP: 300.0}  # seconds
SCALES = (1.0, 0.5, 0.25, 0.1)  # of an instrument's full size, the largest that fits is taken
TIMED_STEPS = 5

Measure = Callable[[Bench, Measurements], object]
Cost = Callable[[Bench, Measurements], float]
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Instrument:
    """Something expensive that is run once.

    `cost` is its size at the bench's present scale, in training steps of the subject at its own batch size;
    `seconds` is what it takes besides. It may use `share` of the time that is left, so that one instrument does not
    starve those after it (which come by rising `priority`), or all of it at the smallest scale. `uses` are the
    measurements that it reads.
    """

    provides: type
    effort: Effort
    priority: int
    title: str
    measure: Measure
    cost: Cost = lambda bench, measured: 0.0
    seconds: float = 0.0
    share: float = 1.0
    uses: frozenset[type] = frozenset()


@dataclass(frozen=True)
class Executed:
    """One instrument that ran, at which share of its full size; enough to run the same plan again."""

    name: str
    seconds: float
    scale: float = 1.0


@dataclass(frozen=True)
class Measured:
    """Every measurement that was asked for, each its instance or `Unavailable`, and how it came about."""

    measurements: Measurements
    executed: tuple[Executed, ...]
    coverage: tuple[Coverage, ...]
    interrupted: bool = False


def measure(subject: Subject, needed: frozenset[type], settings: Settings, progress: Progress) -> Measured:
    """Run the instruments that provide what is needed, by priority, within effort and budget.

    An instrument that fails costs only itself. The subject's model is as before when this returns or raises.

    Args:
        subject: what is examined.
        needed: measurement types; what these rest on is added.
        settings: effort, budget, seed.
        progress: told the title of every instrument before it runs.
    """
    wanted = [i for i in sorted(INSTRUMENTS, key=lambda i: i.priority) if i.provides in _closure(needed)]
    with Bench(subject, settings) as bench:
        run = _Run(bench, progress)
        for instrument in wanted:
            run.take(instrument)
    return Measured(run.measurements, tuple(run.executed), tuple(run.coverage), run.interrupted)


class _Run:
    """One pass through the plan: what was measured so far, and the time that is left."""

    def __init__(self, bench: Bench, progress: Progress) -> None:
        self.measurements: Measurements = {}
        self.executed: list[Executed] = []
        self.coverage: list[Coverage] = []
        self.interrupted = False
        self._bench = bench
        self._progress = progress
        self._start = time.perf_counter()
        self._budget = bench.settings.budget or BUDGETS[bench.settings.effort]
        self._seconds_per_step: float | None = None

    def take(self, instrument: Instrument) -> None:
        """Run `instrument` if effort and time allow, else say why not."""
        effort = self._bench.settings.effort
        if self.interrupted:
            self._drop(instrument, "the examination was interrupted", "Run it again, to the end.")
            return
        if instrument.effort.rank > effort.rank:
            why = f"it trains, and effort {effort} does not"
            self._drop(instrument, why, f"Run diagnose with --effort {instrument.effort}.")
            return
        self._progress(instrument.title)
        scale = self._affordable(instrument)
        if scale is None and self._bench.settings.plan:
            self._drop(instrument, "it is not part of the plan that is repeated", "Run without plan.")
            return
        if scale is None:
            why = f"it needs about {self._seconds(instrument):.0f} s, and the time budget is used up"
            self._drop(instrument, why, "Grant more time: --budget SECONDS, or --effort deep.")
            return
        start = time.perf_counter()
        self._bench.scale = scale
        try:
            self.measurements[instrument.provides] = self._measure(instrument)
        except KeyboardInterrupt:
            self.interrupted = True
            self.take(instrument)
            return
        self.executed.append(Executed(instrument.title, time.perf_counter() - start, scale))

    def _measure(self, instrument: Instrument) -> object:
        try:
            return instrument.measure(self._bench, self.measurements)
        except NotMeasured as missing:
            return Unavailable.of(missing)
        except Exception as error:  # noqa: BLE001 - one broken instrument must not cost the rest
            why, how = f"{instrument.title} failed: {type(error).__name__}: {error}", REPORT
            self.coverage.append(Coverage(instrument.title, why, how))
            return Unavailable(why, how)

    def _affordable(self, instrument: Instrument) -> float | None:
        """The largest scale that fits in the instrument's share of the time left; the smallest may take all of it.

        Where the plan of an earlier examination is repeated, its scale.
        """
        if self._bench.settings.plan:
            return self._bench.settings.plan.get(instrument.title)
        for scale in SCALES:
            self._bench.scale = scale
            needs = self._seconds(instrument)
            share = 1.0 if scale == SCALES[-1] else instrument.share
            if needs == 0 or needs <= share * self._left:
                return scale
        return None

    def _seconds(self, instrument: Instrument) -> float:
        steps = instrument.cost(self._bench, self.measurements)
        return instrument.seconds + (steps * self._step_seconds() if steps else 0.0)

    def _step_seconds(self) -> float:
        """Time one training step, once; an epoch of the user's own training then raises the standard budget."""
        if self._seconds_per_step is None:
            self._seconds_per_step = seconds_per_step(self._bench)
            if self._bench.settings.budget is None and self._bench.settings.effort is Effort.STANDARD:
                train = self._bench.subject.train
                steps = (train.population or train.rows) / self._bench.batch_size
                self._budget = max(self._budget, steps * self._seconds_per_step)
        return self._seconds_per_step

    @property
    def _left(self) -> float:
        return self._budget - (time.perf_counter() - self._start)

    def _drop(self, instrument: Instrument, why: str, how: str) -> None:
        self.measurements[instrument.provides] = Unavailable(f"{instrument.title} did not run: {why}", how)
        self.coverage.append(Coverage(instrument.title, why, how))


def seconds_per_step(bench: Bench) -> float:
    """Measure one training step of the subject at its own batch size; 0 where it cannot be trained by us."""
    from diagnose.measuring.training import own_training

    try:
        with own_training(bench) as trainer:
            trainer.begin(bench.weights(None), bench.settings.seed)
            rates = np.zeros(TIMED_STEPS)
            trainer.run(rates)  # traces
            start = time.perf_counter()
            trainer.run(rates)
            return (time.perf_counter() - start) / TIMED_STEPS
    except NotMeasured:
        return 0.0


def _closure(needed: frozenset[type]) -> frozenset[type]:
    """What is needed, and what the instruments for it rest on."""
    uses = {instrument.provides: instrument.uses for instrument in INSTRUMENTS}
    more = needed.union(*(uses.get(kind, frozenset()) for kind in needed))
    return needed if more == needed else _closure(more)


def _late(module: str, name: str) -> Callable[[Bench, Measurements], Any]:
    """The function `name` of a sibling module, imported when it first runs: Keras must not be imported before."""

    def call(bench: Bench, measured: Measurements) -> Any:
        return getattr(import_module(f"diagnose.measuring.{module}"), name)(bench, measured)

    return call


INSTRUMENTS: tuple[Instrument, ...] = (
    Instrument(Network, Effort.QUICK, 10, "network", _late("network", "network")),
    Instrument(Dataset, Effort.QUICK, 20, "data", _late("dataset", "dataset")),
    Instrument(Evaluation, Effort.QUICK, 30, "evaluation", _late("evaluation", "evaluation")),
    Instrument(
        Conversions,
        Effort.QUICK,
        40,
        "converted inputs",
        _late("evaluation", "conversions"),
        uses=frozenset({Evaluation}),
    ),
    Instrument(Forward, Effort.QUICK, 50, "activations", _late("activations", "forward")),
    Instrument(Initial, Effort.QUICK, 60, "loss at initialisation", _late("initial", "initial")),
    Instrument(Backward, Effort.QUICK, 70, "gradients", _late("gradients", "backward")),
    Instrument(
        OverfitBatch,
        Effort.STANDARD,
        80,
        "overfit one batch",
        _late("overfit_batch", "overfit_batch"),
        cost=_late("overfit_batch", "overfit_batch_steps"),
        share=0.5,
    ),
    Instrument(Baseline, Effort.STANDARD, 90, "baselines", _late("baseline", "baseline"), seconds=8.0, share=0.5),
    Instrument(
        LearningRate,
        Effort.STANDARD,
        100,
        "learning rates",
        _late("learning_rate", "learning_rate"),
        cost=_late("learning_rate", "learning_rate_steps"),
        share=0.5,
    ),
    Instrument(
        History,
        Effort.QUICK,
        110,
        "replay",
        _late("replay", "history"),
        cost=_late("replay", "history_steps"),
        share=0.7,
    ),
    Instrument(
        Changes,
        Effort.STANDARD,
        120,
        "changes",
        _late("changes", "changes"),
        cost=_late("changes", "changes_steps"),
        uses=frozenset({Evaluation, Baseline, LearningRate}),
    ),
)
