"""The losses that a training logs beside its total: parts of it, or those of adversaries."""

import re

import numpy as np

from diagnose.findings import Curves, Series
from diagnose.measurements import Array, History

TOTAL = "loss"
DIVERGENCE = re.compile(r"(?<![a-z])(kl|kld|divergence)(?![a-z])", re.IGNORECASE)


def loss_parts(history: History) -> dict[str, Array]:
    """The logged train losses by name, without the total: [epochs] each, nan where one was not logged."""
    return {
        name: values
        for name, values in history.reported.items()
        if not name.startswith("val_") and name != TOTAL and (name.endswith(TOTAL) or is_divergence(name))
    }


def is_divergence(name: str) -> bool:
    """Whether a logged value is a Kullback-Leibler divergence, by its name."""
    return DIVERGENCE.search(name) is not None


def part_curves(history: History) -> Curves | None:
    """Each logged loss as a series of its own, on train and dev; None if there is the total alone."""
    names = loss_parts(history)
    lines = [_line(name, history.reported.get(name)) for part in names for name in (part, f"val_{part}")]
    known = tuple(line for line in lines if line is not None)
    if len(names) < 2 or not known:
        return None
    return Curves("Logged losses by epoch", "epoch", "loss", known)


def _line(name: str, values: Array | None) -> Series | None:
    if values is None:
        return None
    known = np.flatnonzero(np.isfinite(values))
    return Series(name, tuple((known + 1.0).tolist()), tuple(values[known].tolist())) if known.size else None
