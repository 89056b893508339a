"""Values that may be unavailable: the reason, and how to get them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:  # `list` and `explain` start without NumPy
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Flags = NDArray[np.bool_]
    Indices = NDArray[np.intp]
else:
    Array = Flags = Indices = Any

T = TypeVar("T")

# Values of `how` that several instruments and checks use.
DOES_NOT_APPLY = "Does not apply to this model."
ALL_ROWS = "Run diagnose on the saved model with all rows: --rows all."
DEV = "Pass rows the model was not trained on: --dev PATH."
HISTORY = "Pass the training's --history FILE, or train with diagnose.DiagnosisCallback."
LONGER = "Pass the training's --history FILE, or allow a longer replay: --budget SECONDS."
TRAINABLE = "Set trainable = True on the layers that should learn."
REPORT = "This is a bug: please report it, with the model if you can."


@dataclass(frozen=True)
class Unavailable:
    """A measurement that is not available.

    `reason` is a clause that says why. `how` is one sentence that says what to pass or change to get it, with the
    option's name.
    """

    reason: str
    how: str

    @staticmethod
    def of(missing: NotMeasured) -> Unavailable:
        """Convert the exception of an instrument."""
        return Unavailable(missing.reason, missing.how)


class NotMeasured(Exception):  # noqa: N818 - an expected outcome, not an error
    """A required value is unavailable; for `reason` and `how` see `Unavailable`."""

    def __init__(self, reason: str, how: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.how = how


def need(value: T | Unavailable) -> T:
    """Return the value.

    Raises:
        NotMeasured: it is unavailable, so the check is skipped.
    """
    if isinstance(value, Unavailable):
        raise NotMeasured(value.reason, value.how)
    return value
