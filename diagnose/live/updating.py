"""Measures how far a step moves the weights: compares kernels before and after, at growing intervals."""

from collections.abc import Callable
from typing import Any

import numpy as np

from diagnose.measurements import Array, Update
from diagnose.measuring import backend
from diagnose.measuring.train_steps import optimizers_of
from diagnose.measuring.walking import kernels, walk

FIRST = 4  # steps before the second comparison: the optimizer's moving averages need a few steps
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
        self._kernels = {}
        self._before = (self._read() or None) if not self.seen else None  # the very first step may be the last good one

    def after(self, step: int, steps: int) -> None:
        """Compare the weights if due. `step`: steps so far; `steps`: those of the last call."""
        if self._before is not None:
            ratios = _ratios(self._before, self._read(), steps)
            changed = _optimised(self._model)
            left = [path for path in ratios if not any(map(changed, self._kernels[path]))]
            apart = {path: ratios.pop(path) for path in left}
            self.seen.append(Update(step, ratios, apart))
            self._before = None
            self._kernels = {} if len(self.seen) == 1 else self._kernels  # the first step may have built more layers
            self._next = max(FIRST, int(step * THINNING) + 1)
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


def _optimised(model: Any) -> Callable[[Any], bool]:
    """Which variables some optimizer changes; all, where that is not known yet."""
    inner = [getattr(one, "inner_optimizer", one) for one in optimizers_of(model)]
    if not inner or not all(getattr(one, "built", False) for one in inner):
        return lambda variable: True
    known = {id(variable) for one in inner for variable in getattr(one, "_trainable_variables", ())}
    return lambda variable: not known or id(variable) in known


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
