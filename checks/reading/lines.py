"""Lines of many points, as a picture needs them."""

import numpy as np

from diagnose.findings import Series
from diagnose.measurements import Array

STRETCHES = 60  # of a line, at most: a drawn line has no room for more


def line(name: str, x: Array, y: Array, role: str = "") -> Series:
    """The finite points of a line; of a long one the lowest and the highest of each stretch, so that spikes stay."""
    finite = np.flatnonzero(np.isfinite(y))
    if finite.size > 2 * STRETCHES:
        stretches = [(part[np.argmin(y[part])], part[np.argmax(y[part])]) for part in np.array_split(finite, STRETCHES)]
        finite = np.unique(stretches)
    return Series(name, tuple(map(float, x[finite])), tuple(map(float, y[finite])), role=role)
