"""The options of an examination, as recorded in the diagnosis."""

from dataclasses import dataclass, field
from enum import StrEnum


class Effort(StrEnum):
    """quick: no training; standard: short trainings of copies; deep: the same with a larger time budget."""

    QUICK = "quick"
    STANDARD = "standard"
    DEEP = "deep"

    @property
    def rank(self) -> int:
        return list(Effort).index(self)


@dataclass(frozen=True)
class Settings:
    """The options. `budget` is in seconds (None: the default of the effort); `rows` None means all rows."""

    effort: Effort = Effort.STANDARD
    budget: float | None = None
    rows: int | None = 50_000
    seed: int = 0
    only: frozenset[str] = field(default_factory=frozenset)
    skip: frozenset[str] = field(default_factory=frozenset)
    samples: bool = True  # False: the results contain no rows or images of the user's data
    plan: dict[str, float] = field(default_factory=dict)  # of an earlier run: instrument -> share of its full size
