"""Values that may be missing: why they are, how to get them, and how a check asks for one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
T = TypeVar("T")

# Ways out that several instruments and checks name.
DOES_NOT_APPLY = "Does not apply to this model."
ALL_ROWS = "Run diagnose on the saved model with all rows: --rows all."
DEV = "Pass rows the model was not trained on: --dev PATH."
HISTORY = "Pass the training's --history FILE, or train with diagnose.DiagnosisCallback."
LONGER = "Pass the training's --history FILE, or allow a longer replay: --budget SECONDS."
TRAINABLE = "Set trainable = True on the layers that are to learn."
REPORT = "Report it, with the model if you can."


@dataclass(frozen=True)
class Unavailable:
    """A measurement that could not be taken.

    `reason` is a clause that says why. `how` is one sentence that says what to pass or change to get it, with the name
    of the option.
    """

    reason: str
    how: str

    @staticmethod
    def of(missing: NotMeasured) -> Unavailable:
        """The measurement that an instrument gave up on."""
        return Unavailable(missing.reason, missing.how)


class NotMeasured(Exception):  # noqa: N818 - an answer, not an error
    """Something that is needed is unavailable; `reason` and `how` are those of `Unavailable`."""

    def __init__(self, reason: str, how: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.how = how


def need(value: T | Unavailable) -> T:
    """Return the value.

    Raises:
        NotMeasured: it is unavailable; the check that asks for it is skipped.
    """
    if isinstance(value, Unavailable):
        raise NotMeasured(value.reason, value.how)
    return value
