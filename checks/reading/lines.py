"""Long lines, thinned out for charts."""

import numpy as np

from diagnose.findings import Series
from diagnose.measurements import Array

STRETCHES = 60  # of a line, at most; a chart has no room for more


def line(name: str, x: Array, y: Array, role: str = "") -> Series:
    """The finite points of a line; a long line keeps the lowest and highest point of each stretch, hence its spikes."""
    finite = np.flatnonzero(np.isfinite(y))
    if finite.size > 2 * STRETCHES:
        stretches = [(part[np.argmin(y[part])], part[np.argmax(y[part])]) for part in np.array_split(finite, STRETCHES)]
        finite = np.unique(stretches)
    return Series(name, tuple(map(float, x[finite])), tuple(map(float, y[finite])), role=role)
