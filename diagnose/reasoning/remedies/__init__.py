"""All remedies: each with its reason, its Keras snippet, its place in the two lists, and its trial."""

from diagnose.reasoning.remedies import data, generalisation, head, network, optimisation
from diagnose.reasoning.remedies.declared import DeclaredRemedy

REMEDIES: tuple[DeclaredRemedy, ...] = tuple(
    dict.fromkeys(
        remedy
        for family in (data, head, network, optimisation, generalisation)
        for remedy in vars(family).values()
        if isinstance(remedy, DeclaredRemedy)
    )
)

__all__ = ["REMEDIES", "DeclaredRemedy", "data", "generalisation", "head", "network", "optimisation"]
