"""One training in the way of Keras's documentation: its kind, its code, and how it shows that it went well."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Logs = dict[str, float]
Train = Callable[[Sequence[Any]], tuple[Any, Logs]]


@dataclass(frozen=True)
class Example:
    """A training; without `answers` a healthy one.

    Args:
        kind: vision, text, structured data, time series, generative, metric learning or own loop.
        train: trains with these callbacks, and returns the model with the last logs.
        good: whether the logs show that it went well; a case that did not shows nothing.
        states: what the diagnosis may say at its end.
        fault: the fault that was planted; "" for a healthy one.
        answers: the right causes of that fault.
    """

    name: str
    kind: str
    train: Train
    good: Callable[[Logs], bool]
    states: frozenset[str] = frozenset({"healthy"})
    fault: str = ""
    answers: frozenset[str] = frozenset()

    @property
    def verdict(self) -> str:
        """What it is where it went as it was meant to."""
        return "sick" if self.fault else "healthy"


def own(*states: str) -> frozenset[str]:
    """States of a training with code of its own: the verdict may be partial."""
    return frozenset({"healthy", "unknown", *states})


def last(history: Any) -> Logs:
    """The logs of the last epoch."""
    return {name: float(values[-1]) for name, values in history.history.items()}


def below(name: str, value: float) -> Callable[[Logs], bool]:
    return lambda logs: logs[name] < value


def above(name: str, value: float) -> Callable[[Logs], bool]:
    return lambda logs: logs[name] > value
