"""The options of one examination, as they are recorded in the diagnosis."""

from dataclasses import dataclass, field
from enum import StrEnum


class Effort(StrEnum):
    """quick: no training of any kind; standard: short trainings on copies; deep: plus confirmation and trials."""

    QUICK = "quick"
    STANDARD = "standard"
    DEEP = "deep"

    @property
    def rank(self) -> int:
        return list(Effort).index(self)


@dataclass(frozen=True)
class Settings:
    """How to examine. `budget` is in seconds (None: what the effort allows); `rows` None means all rows."""

    effort: Effort = Effort.STANDARD
    budget: float | None = None
    rows: int | None = 50_000
    seed: int = 0
    only: frozenset[str] = field(default_factory=frozenset)
    skip: frozenset[str] = field(default_factory=frozenset)
    samples: bool = True  # False: no rows or pictures of the user's data in the results
    plan: dict[str, float] = field(default_factory=dict)  # an earlier run's: instrument -> share of its full size
