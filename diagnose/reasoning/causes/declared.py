"""What a declared cause is made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

from diagnose.reasoning.remedies import DeclaredRemedy
from diagnose.registry import Check

SIGNAL_LOSS = ("vanishing-gradients", "dead-units", "saturated-units", "plateau")
BLOW_UP = (
    "exploding-gradients",
    "non-finite-training",
    "non-finite-weights",
    "dead-units",
    "saturated-units",
    "plateau",
)


class Role(Enum):
    """How a cause takes part in the reasoning.

    FACT: certain by itself, in a sick model or not. SUSPECT: told by signals, so it is named only inside a
    model that hard facts found sick, and is a hint elsewhere. SYMPTOM: a suspect that something else
    usually brings about; in a model that is not sick it is not named at all. RESIDUE: what remains to be said
    when nothing more specific explains it.
    """

    FACT = "fact"
    SUSPECT = "suspect"
    SYMPTOM = "symptom"
    RESIDUE = "residue"


@dataclass(frozen=True)
class DeclaredCause:
    """A cause as the engine reasons with it.

    `about` is one sentence for people. `supported_by`: findings of these suggest it. `witnessed_by`: findings of
    these add weight to a suspicion, and make none. `cleared_by`: weight taken off where that check ran and found
    nothing. Of several suspected causes of one `family` the strongest wins. `explains` names causes that this one
    brings about. `confirmed_by`: of its remedies those that speak for it where they alone restore learning in a trial.
    `told_anyway`: while a training runs, it is reported even where another cause explains it.
    """

    code: str
    title: str
    about: str
    role: Role
    supported_by: Mapping[Check, float]
    remedies: tuple[DeclaredRemedy, ...]
    kind: Literal["disease", "direction"] = "disease"
    family: str = ""
    explains: tuple[str, ...] = ()
    witnessed_by: Mapping[Check, float] = field(default_factory=dict)
    cleared_by: Mapping[Check, float] = field(default_factory=dict)
    confirmed_by: tuple[DeclaredRemedy, ...] = ()
    told_anyway: bool = False
