"""Families of models beyond small dense nets: one file each, with its data, its models and its cases.

List the sick cases of a file before the healthy ones: halves alternate, so that both have both (`recipe.in_halves`).
What its functions read must be arguments, functions or classes: constants are not part of a training's key.
"""

from tests.wards.families.batch_norm import BATCH_NORM
from tests.wards.recipe import Case

FAMILIES: tuple[tuple[Case, ...], ...] = (BATCH_NORM,)
