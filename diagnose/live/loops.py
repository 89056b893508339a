"""Watches a training loop of the user's own, which shows its losses and rows step by step."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
import numpy as np

from diagnose.live.collecting import Collector
from diagnose.live.steps import Origin, Steps
from diagnose.measurements import Unavailable

NO_GRADIENTS = Unavailable("the loop does not show its gradients", "Pass gradients= to watch.step.")


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
        self.gaps = [NO_GRADIENTS]
        self._losses: list[Any] = []
        self._norms: list[Any] = []  # one of each loss, None where the gradients were not given
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

    def step(self, loss: Any, logs: Mapping[str, Any], rows: Any, gradients: Any) -> None:
        """Take the loss of one step. It is read later, so that no device has to be waited for."""
        self._losses.append(loss)
        self._norms.append(None if gradients is None else _global_norm(gradients))
        if gradients is not None:
            self.gaps.clear()
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
        """The steps since the last reading; their penalties are unknown."""
        losses = np.array([_number(loss) for loss in self._losses], np.float64)
        norms = np.array([np.nan if norm is None else _number(norm) for norm in self._norms], np.float64)
        self._losses.clear()
        self._norms.clear()
        return Steps(losses, np.zeros_like(losses), norms)

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


def _global_norm(gradients: Any) -> Any:
    """The Euclidean norm of all gradients together: a scalar, so that none of them is kept."""
    known = [getattr(one, "values", one) for one in keras.tree.flatten(gradients) if one is not None]  # sparse: rows
    squares = [keras.ops.sum(keras.ops.square(keras.ops.cast(one, "float32"))) for one in known]
    return keras.ops.sqrt(sum(squares[1:], squares[0])) if squares else None


def _values(logs: list[Mapping[str, Any]], name: str) -> Iterator[float]:
    return (_number(one[name]) for one in logs if name in one)


def _number(value: Any) -> float:
    return float(np.mean(keras.ops.convert_to_numpy(value)))
