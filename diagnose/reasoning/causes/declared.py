"""What a declared cause is made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

from diagnose.reasoning.remedies import DeclaredRemedy
from diagnose.registry import Check

SIGNAL_LOSS = ("vanishing-gradients", "dead-units", "saturated-units", "collapsed-outputs", "plateau")
FALLS_SHORT = (  # what a net shows that gets too little of what tells the target
    "plateau",
    "undertrained",
    "learning-rate-too-low",
    "learning-rate-too-high",
    "poor-optimizer-settings",
    "high-bias",
    "high-variance",
    "weak-slice",
    "beaten-by-baseline",
)
BLOW_UP = (
    "exploding-gradients",
    "non-finite-training",
    "non-finite-weights",
    "dead-units",
    "saturated-units",
    "collapsed-outputs",
    "plateau",
)


class Role(Enum):
    """How a cause takes part in the reasoning.

    FACT: certain by itself, in a sick model or not. SUSPECT: inferred from signals, so it is named only in a
    model that hard facts show to be sick, and is a hint elsewhere. SYMPTOM: a suspect that another cause
    usually brings about; it is not named in a model that is not sick. RESIDUE: what remains if nothing more
    specific explains the findings.
    """

    FACT = "fact"
    SUSPECT = "suspect"
    SYMPTOM = "symptom"
    RESIDUE = "residue"


@dataclass(frozen=True)
class DeclaredCause:
    """A cause as the engine reasons with it.

    `about` is one sentence for users. `supported_by`: findings of these suggest it. `witnessed_by`: findings of
    these add weight to a suspicion but do not create one. `cleared_by`: weight subtracted if that check ran and found
    nothing. `refuted_by`: any finding of these, notes included, contradicts it by a measurement: the cause is then
    refuted, whatever supports it. Of several suspected causes of one `family` the strongest wins. `explains` names
    causes that this one brings about. `confirmed_by`: the remedies that confirm it if they alone restore learning in a
    trial.
    `borne_out_by`: remedies that help many models, so that they confirm it only where a finding supports it.
    `idea`: the item of the remedy lists (`reasoning.verdicts`) that is itself the repair.
    `always_reported`: while a training runs, it is reported even if another cause explains it.
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
    refuted_by: tuple[Check, ...] = ()
    confirmed_by: tuple[DeclaredRemedy, ...] = ()
    borne_out_by: tuple[DeclaredRemedy, ...] = ()
    idea: str = ""
    always_reported: bool = False

    @property
    def telling(self) -> tuple[DeclaredRemedy, ...]:
        """The remedies whose trial may confirm it."""
        return (*self.confirmed_by, *self.borne_out_by)

    @property
    def clause(self) -> str:
        """The title as a clause inside a sentence."""
        return self.title[0].lower() + self.title[1:]
