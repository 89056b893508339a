"""What every measurement rests on: values that may be missing, and how a check asks for one."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
T = TypeVar("T")


@dataclass(frozen=True)
class Unavailable:
    """A measurement that could not be taken, and why."""

    reason: str


class NotMeasured(Exception):  # noqa: N818 - it is no error, it is an answer
    """A check needs what is unavailable; the check is skipped with this reason."""


def need(value: T | Unavailable) -> T:
    """Return the value, or skip the check that asked for it."""
    if isinstance(value, Unavailable):
        raise NotMeasured(value.reason)
    return value
