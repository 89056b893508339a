"""All checks, one file each, in reading order: what breaks everything comes first."""

from diagnose.checks import data, generalisation, network, numerics, optimisation, process
from diagnose.registry import Check

CHECKS: tuple[Check, ...] = (
    *numerics.CHECKS,
    *data.CHECKS,
    *network.CHECKS,
    *optimisation.CHECKS,
    *generalisation.CHECKS,
    *process.CHECKS,
)
