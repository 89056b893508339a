"""What an examination does now, and how long it still takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """A stage of an examination as it begins.

    `number` is its place among the `of` stages of its kind that are known so far (0: it is not one of several).
    `seconds_left`: about how long all that is planned takes from now on, on this machine; None if that is not known.
    """

    name: str
    number: int = 0
    of: int = 0
    seconds_left: float | None = None


Progress = Callable[[Stage], None]


def silent(_: Stage) -> None:
    """Show no progress."""
