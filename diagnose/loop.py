"""`diagnose.watch`: watches a training loop that does not use `fit`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from diagnose.diagnosis import Diagnosis
from diagnose.errors import InputError
from diagnose.live.loops import LoopWatch
from diagnose.live.notices import Notice
from diagnose.live.reporting import Report, say
from diagnose.live.session import Session


def watch(
    model: Any,
    optimizer: Any,
    *,
    loss: str | None = None,
    probe: Any = None,
    out: str | Path | None = None,
    steps: int | None = None,
    overhead: float = 0.03,
    seed: int = 0,
) -> LoopDiagnosis:
    """Watch a training loop of your own.

    Example:

        with diagnose.watch(model, optimizer) as watch:
            for x, y in batches:
                loss = train_step(x, y)
                watch.step(loss, {"accuracy": accuracy}, rows=(x, y))
        watch.diagnosis.save("report.html")

    Args:
        model: the `keras.Model` that is trained.
        optimizer: the `keras.optimizers.Optimizer` that trains it.
        loss: name of the loss, as `compile` takes it, with which the model is scored; not needed if it is compiled.
        probe: rows to examine the model with, as `diagnose.examine` takes them; by default those given to `step`.
        out: folder for the report.
        steps: planned steps of the whole loop; without them a plateau is judged after 1,000 steps.
        overhead: share of the loop's CPU time that the watch may use, between 0 and 1 (exclusive).
        seed: seed of every random choice.

    Raises:
        InputError: an argument is invalid, or the folder cannot be created.
    """
    if not 0 < overhead < 1:
        raise InputError(f"overhead must be between 0 and 1, got {overhead}")
    if not hasattr(optimizer, "learning_rate") or not hasattr(optimizer, "iterations"):
        raise InputError(f"optimizer must be a keras.optimizers.Optimizer, got {type(optimizer).__name__}")
    settings = {"optimizer": optimizer, "loss": loss, "probe": probe, "overhead": overhead, "seed": seed}
    return LoopDiagnosis(model, Report(out), steps, **settings)


class LoopDiagnosis:
    """A watched training loop; use it in a `with` block. See `diagnose.watch`."""

    def __init__(self, model: Any, report: Report, planned: int | None, **settings: Any) -> None:
        self._session = Session(model, stop_on=(), say=say, watching=self._watching, **settings)
        self._session.on_read = partial(report.live, self._session)
        self._report, self._planned = report, planned
        self._epoch = 0

    def _watching(self, model: Any, on_call: Callable[[int], None], on_failure: Callable[[], None]) -> LoopWatch:
        self._seen = LoopWatch(model, on_call, on_failure)
        return self._seen

    def __enter__(self) -> Self:
        self._report.begin(self._session.model.name)
        self._session.begin(total=self._planned)
        return self

    def step(self, loss: Any, logs: Mapping[str, Any] | None = None, rows: Any = None, gradients: Any = None) -> None:
        """Record a step, after the weights have changed.

        Args:
            loss: the loss of this step, a number or a scalar tensor.
            logs: further values of this step by name, averaged over the epoch.
            rows: the batch that was fed, (x, y) or what else `fit` takes, to examine the model with.
            gradients: those of this step before clipping, in any structure, or their global norm, which a compiled
                step computes at less cost.
        """
        self._seen.step(loss, logs or {}, rows, gradients)

    def epoch(self, logs: Mapping[str, Any] | None = None, rows: Any = None) -> None:
        """Record the end of an epoch.

        Args:
            logs: values of the epoch by name, as `fit` logs them: `val_loss` is the loss on the dev set.
            rows: rows of the dev set, as in `step`.
        """
        self._seen.collect("dev", rows)
        self._session.end_epoch(self._epoch, self._seen.logs() | dict(logs or {}))
        self._epoch += 1
        self._report.live(self._session)

    def close(self) -> None:
        """Stop watching and, with `out`, write the report. Called at the end of the `with` block."""
        self._session.end()
        self._report.end(self._session)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._session.fail()
        self.close()

    @property
    def diagnosis(self) -> Diagnosis:
        """The diagnosis of the model in its current state, computed on first access after the loop."""
        return self._report.diagnosis(self._session)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """The causes reported while the loop ran."""
        return tuple(self._session.notices)
