"""How much of the training's own time the callback may take for itself."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

IN_STEP = 0.4  # of what is allowed: set aside for what runs inside the compiled step, which is not measured here


class Budget:
    """An account in seconds of process CPU time: credit grows with the training, every look is booked.

    Costs are remembered by name: what has been done before is expected to cost what it cost at its cheapest. The
    first time tells nothing of it: imports and compilations come on top.
    """

    def __init__(self, share: float) -> None:
        self._share = share * (1 - IN_STEP)
        self._begun: float | None = None
        self._trained = 0.0
        self.spent = 0.0
        self.costs: dict[str, float] = {}
        self.done: set[str] = set()  # names of what was done at least once

    def start(self) -> None:
        self._begun = time.process_time()

    def stop(self) -> None:
        self._trained, self._begun = self.trained, None

    @property
    def trained(self) -> float:
        """CPU seconds in `fit`, ours included."""
        return self._trained + (0.0 if self._begun is None else time.process_time() - self._begun)

    def affords(self, name: str, expected: float) -> bool:
        """Whether it may be done now; `expected` seconds until it has been done twice."""
        return self.spent + self.costs.get(name, expected) <= self._share * self.trained

    @contextmanager
    def booked(self, name: str) -> Iterator[None]:
        start = time.process_time()
        try:
            yield
        finally:
            cost = time.process_time() - start
            if name in self.done:
                self.costs[name] = min(cost, self.costs.get(name, cost))
            self.done.add(name)
            self.spent += cost
