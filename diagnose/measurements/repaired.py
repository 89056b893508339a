"""A copy of the model that was trained with a repair."""

from dataclasses import dataclass

from diagnose.measurements.evaluation import Evaluation


@dataclass(frozen=True)
class Repaired:
    """The scores of a repaired copy: `what` was changed (a noun phrase), before a training of `steps` steps."""

    what: str
    steps: int
    evaluation: Evaluation
