"""The CPU time that the callback may use, as a share of the training's own."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

IN_STEP = 0.4  # share of the budget kept back for the work inside the compiled step, which is not measured here


class Budget:
    """Tracks process CPU seconds: the budget grows with the training, and each action of the callback spends from it.

    An action is expected to cost what its cheapest run so far cost. The first run is ignored, because it includes
    imports and compilation.
    """

    def __init__(self, share: float) -> None:
        self._share = share
        self._begun: float | None = None
        self._trained = 0.0
        self.spent = 0.0
        self.costs: dict[str, float] = {}
        self.done: set[str] = set()  # names of actions that ran at least once

    def start(self) -> None:
        self._begun = time.process_time()

    def stop(self) -> None:
        self._trained, self._begun = self.trained, None

    @property
    def trained(self) -> float:
        """CPU seconds spent in `fit`, including those of the callback."""
        return self._trained + (0.0 if self._begun is None else time.process_time() - self._begun)

    def affords(self, name: str, expected: float, whole: bool = False) -> bool:
        """Whether the budget allows this action now.

        Args:
            expected: its seconds, used until it has run twice.
            whole: spend what is reserved for the compiled step, too, as the training has ended.
        """
        share = self._share * (1.0 if whole else 1 - IN_STEP)
        return self.spent + self.costs.get(name, expected) <= share * self.trained

    @contextmanager
    def booked(self, name: str) -> Iterator[None]:
        """Charge the CPU time of the block to the budget."""
        start = time.process_time()
        try:
            yield
        finally:
            cost = time.process_time() - start
            if name in self.done:
                self.costs[name] = min(cost, self.costs.get(name, cost))
            self.done.add(name)
            self.spent += cost
