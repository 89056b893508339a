"""The instruments, in one table: what each measures, at which effort, in which order, and what it costs."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from diagnose.measurements import (
    Backward,
    Baseline,
    Conversions,
    Dataset,
    Evaluation,
    Forward,
    History,
    Initial,
    Lags,
    LearningRate,
    Measurements,
    Modes,
    Neighbours,
    Network,
    OverfitBatch,
    Shift,
    Words,
)
from diagnose.measuring.bench import Bench
from diagnose.measuring.work import Work
from diagnose.settings import Effort

Measure = Callable[[Bench, Measurements], object]
Cost = Callable[[Bench, Measurements], Work]


@dataclass(frozen=True)
class Instrument:
    """A measuring function that runs once per examination.

    `cost` is its work at the bench's current scale. It may use `share` of the remaining budget, so that the instruments
    after it (in order of rising `priority`) also get some, or all of it at the smallest scale. `uses` are the
    measurements that it reads.
    """

    provides: type
    effort: Effort
    priority: int
    title: str
    measure: Measure
    cost: Cost = lambda bench, measured: Work()
    share: float = 1.0
    uses: frozenset[type] = frozenset()


def _lazy(module: str, name: str) -> Callable[[Bench, Measurements], Any]:
    """The function `name` of a sibling module, imported on first use, to delay the import of Keras."""

    def call(bench: Bench, measured: Measurements) -> Any:
        return getattr(import_module(f"diagnose.measuring.{module}"), name)(bench, measured)

    return call


INSTRUMENTS: tuple[Instrument, ...] = (
    Instrument(Network, Effort.QUICK, 10, "network", _lazy("network", "network")),
    Instrument(Dataset, Effort.QUICK, 20, "data", _lazy("dataset", "dataset")),
    Instrument(Evaluation, Effort.QUICK, 30, "evaluation", _lazy("evaluation", "evaluation")),
    Instrument(
        Modes,
        Effort.QUICK,
        35,
        "moving statistics",
        _lazy("modes", "modes"),
        cost=_lazy("modes", "modes_work"),
        share=0.5,
    ),
    Instrument(
        Conversions,
        Effort.QUICK,
        40,
        "converted inputs",
        _lazy("evaluation", "conversions"),
        uses=frozenset({Evaluation}),
    ),
    Instrument(Forward, Effort.QUICK, 50, "activations", _lazy("activations", "forward")),
    Instrument(Initial, Effort.QUICK, 60, "loss at initialisation", _lazy("initial", "initial")),
    Instrument(Backward, Effort.QUICK, 70, "gradients", _lazy("gradients", "backward")),
    Instrument(
        OverfitBatch,
        Effort.STANDARD,
        80,
        "overfit one batch",
        _lazy("overfit_batch", "overfit_batch"),
        cost=_lazy("overfit_batch", "overfit_batch_work"),
        share=0.5,
    ),
    Instrument(
        Baseline,
        Effort.STANDARD,
        90,
        "baselines",
        _lazy("baseline", "baseline"),
        cost=_lazy("baseline", "baseline_work"),
        share=0.5,
    ),
    Instrument(
        Shift, Effort.STANDARD, 92, "shift between splits", _lazy("shift", "shift"), cost=_lazy("shift", "shift_work")
    ),
    Instrument(
        Neighbours,
        Effort.STANDARD,
        94,
        "nearest rows",
        _lazy("neighbours", "neighbours"),
        cost=_lazy("neighbours", "neighbours_work"),
    ),
    Instrument(Words, Effort.STANDARD, 95, "words", _lazy("words", "words"), cost=_lazy("words", "words_work")),
    Instrument(Lags, Effort.STANDARD, 96, "earlier rows", _lazy("lags", "lags"), cost=_lazy("lags", "lags_work")),
    Instrument(
        LearningRate,
        Effort.STANDARD,
        100,
        "learning rates",
        _lazy("learning_rate", "learning_rate"),
        cost=_lazy("learning_rate", "learning_rate_work"),
        share=0.5,
    ),
    Instrument(
        History,
        Effort.QUICK,
        110,
        "replay",
        _lazy("replay", "history"),
        cost=_lazy("replay", "history_work"),
        share=0.7,
    ),
)
