"""All remedies: each with its reason, its Keras snippet, its place in the two lists, and its trial."""

from diagnose.diagnosis import Effect
from diagnose.measurements import Measurements
from diagnose.reasoning.remedies import data, generalisation, head, modes, network, optimisation, outputs, precision
from diagnose.reasoning.remedies.declared import DeclaredRemedy

REMEDIES: tuple[DeclaredRemedy, ...] = tuple(
    dict.fromkeys(
        remedy
        for family in (data, head, modes, precision, network, outputs, optimisation, generalisation)
        for remedy in vars(family).values()
        if isinstance(remedy, DeclaredRemedy)
    )
)


def measured_effects(measured: Measurements) -> tuple[Effect, ...]:
    """The effects of the remedies that instruments have tried already, without any training."""
    return tuple(effect for remedy in REMEDIES if remedy.measured is not None for effect in remedy.measured(measured))


__all__ = [
    "REMEDIES",
    "DeclaredRemedy",
    "data",
    "generalisation",
    "head",
    "measured_effects",
    "modes",
    "network",
    "optimisation",
    "outputs",
    "precision",
]
