"""A copy of the model that was trained with a repair."""

from dataclasses import dataclass

from diagnose.measurements.evaluation import Evaluation


@dataclass(frozen=True)
class Repaired:
    """The scores of a copy with a change, the noun phrase `what`, and then a training of `steps` steps (0: none)."""

    what: str
    steps: int
    evaluation: Evaluation
