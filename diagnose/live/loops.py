"""Watches a training loop of the user's own, which shows its losses and rows step by step."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
import numpy as np

from diagnose.live.collecting import Collector
from diagnose.live.steps import Origin, Steps
from diagnose.measurements import Unavailable

PASS_FIT = "Train with fit to have it."


class LoopWatch:
    """What a loop shows of itself; see `diagnose.live.watching.Watch`."""

    compiled = False
    averaged = False
    total = "loss"
    compile_seconds = 1.0  # of one pass, until one has run

    def __init__(self, model: Any, on_call: Callable[[int], None], on_failure: Callable[[], None]) -> None:
        self._on_call = on_call
        self.train, self.dev = Collector(), Collector()
        self.populations: dict[str, int] = {}
        self.origin: Origin | None = None
        self.gaps = [Unavailable("a loop of your own does not show the norm of its gradient", PASS_FIT)]
        self._losses: list[Any] = []
        self._logs: list[Mapping[str, Any]] = []
        self._given: dict[str, list[int]] = {"train": [], "dev": []}  # rows of each batch
        self._closed: set[str] = set()

    @property
    def dev_rows(self) -> int:
        """Rows of the dev set, as far as they were given."""
        return sum(self._given["dev"])

    def open(self) -> None:
        """Nothing is wrapped: the loop calls `step`."""

    def close(self) -> None:
        """Nothing was wrapped."""

    def step(self, loss: Any, logs: Mapping[str, Any], rows: Any) -> None:
        """Take the loss of one step. It is read later, so that no device has to be waited for."""
        self._losses.append(loss)
        if logs:
            self._logs.append(logs)
        self.collect("train", rows)
        self._on_call(1)

    def collect(self, split: str, rows: Any) -> None:
        """Keep a batch of rows, if it is wanted: (x,), (x, y) or (x, y, sample_weight)."""
        if rows is None or split in self._closed:
            return
        packed = rows if isinstance(rows, tuple) else (rows,)
        arrays = [keras.ops.convert_to_numpy(tensor) for tensor in keras.tree.flatten(packed)]
        getattr(self, split).offer(len(self._given[split]), packed, arrays)
        self._given[split].append(len(arrays[0]))

    def read(self) -> Steps:
        """The steps since the last reading; their penalties and gradients are unknown."""
        losses = np.array([_number(loss) for loss in self._losses], np.float64)
        self._losses.clear()
        return Steps(losses, np.zeros_like(losses), np.full_like(losses, np.nan))

    def logs(self) -> dict[str, float]:
        """The mean of each value that was logged since the last call."""
        names = dict.fromkeys(name for logs in self._logs for name in logs)
        means = {name: float(np.mean(list(_values(self._logs, name)))) for name in names}
        self._logs.clear()
        return means

    def stop_collecting(self, split: str) -> None:
        """Take no more rows; keep those collected."""
        self._closed.add(split)
        if self._given[split]:
            self.populations[split] = sum(self._given[split])


def _values(logs: list[Mapping[str, Any]], name: str) -> Iterator[float]:
    return (_number(one[name]) for one in logs if name in one)


def _number(value: Any) -> float:
    return float(np.mean(keras.ops.convert_to_numpy(value)))
