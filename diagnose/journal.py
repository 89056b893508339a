"""The journal of an examination: what was measured outlives the process that measures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ALLOWANCE = 600.0  # seconds for an instrument, on top of MARGIN times its estimate: ten times a whole examination
MARGIN = 20.0  # a loaded machine, and estimates that are too low
ROWS = 50_000  # rows of a split for which ALLOWANCE is meant; more rows get more


@dataclass(frozen=True)
class Entry:
    """What an instrument or a trial returned, the seconds that it took, and what it could not examine."""

    found: Any
    seconds: float
    missed: tuple[tuple[str, str, str], ...] = ()


class Journal:
    """Keeps nothing: an examination in the user's own process. `commands/apart.py` has one that outlives its process.

    `ended` are sentences on processes that measured and died, and `spent` the seconds that they measured.
    """

    ended: tuple[str, ...] = ()
    spent = 0.0

    def known(self, title: str) -> Entry | None:
        """What an earlier process of this examination measured."""
        return None

    def barred(self, title: str) -> tuple[str, str] | None:
        """Why an instrument or trial must not run, and what to do about it; None: it may run."""
        return None

    def begin(self, title: str, allowance: float) -> None:
        """An instrument or a trial begins, and is ended after `allowance` seconds."""

    def keep(self, title: str, entry: Entry) -> None:
        """Keep what an instrument or a trial found."""


def allowance(estimate: float, rows: int) -> float:
    """The seconds after which an instrument counts as hanging.

    Args:
        estimate: of its cost, in seconds of the reference machine.
        rows: of the largest split.
    """
    return ALLOWANCE * max(1.0, rows / ROWS) + MARGIN * estimate
