"""Checks for NaN, infinity and exploding losses."""

from diagnose.checks.numerics import non_finite_outputs, non_finite_training, non_finite_weights, numeric_precision
from diagnose.registry import Check

CHECKS: tuple[Check, ...] = (
    non_finite_weights.non_finite_weights,
    non_finite_outputs.non_finite_outputs,
    non_finite_training.non_finite_training,
    numeric_precision.numeric_precision,
)
