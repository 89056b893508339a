"""How far single steps move the weights: kernels are compared before and after a step, ever more rarely."""

from typing import Any

import numpy as np

from diagnose.measurements import Array, Update
from diagnose.measuring import backend
from diagnose.measuring.walking import kernels, walk

FIRST = 4  # steps before the first one that is compared: the optimizer's own averages have to begin
THINNING = 1.5  # each comparison comes this many times later than the one before
MOST = 4_000_000  # values that are compared: of larger models every n-th value of a kernel

Kernels = dict[str, list[Array]]


class Updates:
    """Told after each call of the train function; reads the weights around few of them."""

    def __init__(self, model: Any) -> None:
        self.seen: list[Update] = []
        self._model = model
        self._next = FIRST
        self._kernels: dict[str, list[Any]] = {}
        self._before: Kernels | None = None

    def begin(self) -> None:
        """A `fit` begins: what the weights were before it does not count, and layers may be others."""
        self._kernels, self._before = {}, None

    def after(self, step: int, steps: int) -> None:
        """`step` steps have been taken in all, the last `steps` of them by one call."""
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
