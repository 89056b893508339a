"""Measures how far a step moves the weights: compares kernels before and after, at growing intervals."""

from typing import Any

import numpy as np

from diagnose.measurements import Array, Update
from diagnose.measuring import backend
from diagnose.measuring.walking import kernels, walk

FIRST = 4  # steps before the first comparison: the optimizer's moving averages need a few steps
THINNING = 1.5  # factor between the step numbers of two comparisons
MOST = 4_000_000  # values compared; in larger models only every n-th value of a kernel

Kernels = dict[str, list[Array]]


class Updates:
    """Called after each call of the train function; compares the weights around a few of those calls."""

    def __init__(self, model: Any) -> None:
        self.seen: list[Update] = []
        self._model = model
        self._next = FIRST
        self._kernels: dict[str, list[Any]] = {}
        self._before: Kernels | None = None

    def begin(self) -> None:
        """Forget the weights and layers of an earlier `fit`; both may have changed since."""
        self._kernels, self._before = {}, None

    def after(self, step: int, steps: int) -> None:
        """Compare the weights if due. `step`: steps so far; `steps`: those of the last call."""
        if self._before is not None:
            self.seen.append(Update(step, _ratios(self._before, self._read(), steps)))
            self._before = None
            self._next = int(step * THINNING) + 1
        elif step + steps >= self._next:
            self._before = self._read()

    def _read(self) -> Kernels:
        if not self._kernels:
            found = {part.path: [k for k in kernels(part) if k.trainable] for part in walk(self._model).parts}
            self._kernels = {path: several for path, several in found.items() if several}
        values = sum(int(np.prod(kernel.shape)) for several in self._kernels.values() for kernel in several)
        stride = -(-values // MOST) or 1
        return {
            path: [backend.array(kernel).reshape(-1)[::stride].astype(np.float32) for kernel in several]
            for path, several in self._kernels.items()
        }


def _ratios(before: Kernels, after: Kernels, steps: int) -> dict[str, float]:
    ratios = {}
    for path, old in before.items():
        weight = _norm(old)
        moved = _norm([new - one for new, one in zip(after[path], old, strict=True)])
        if weight > 0 and np.isfinite(moved):
            ratios[path] = moved / weight / steps
    return ratios


def _norm(arrays: list[Array]) -> float:
    return float(np.sqrt(sum(float(np.square(array, dtype=np.float64).sum()) for array in arrays)))
