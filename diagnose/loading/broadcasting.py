"""Whether a loss compares targets with outputs of another shape without an error, as NumPy's rules of broadcasting say.

Keras first removes or adds a last axis of length one where the ranks differ by one. What is left is stretched: (n, 1)
against (n, 40, 1) compares each target with 40 outputs, and (n,) against (n, 40, 1) mixes the rows.
"""

import numpy as np

from diagnose.loading.signatures import Shape

_BATCH = 7919  # rows; stands for any number, and no axis is as long by chance


def broadcasts(target: Shape, output: Shape) -> bool:
    """Whether an elementwise loss accepts these shapes of one row."""
    if None in target or None in output:
        return False
    one, other = (_BATCH, *target), (_BATCH, *output)
    try:
        np.broadcast_shapes(*_aligned(one, other))  # type: ignore[arg-type]
    except ValueError:
        return False
    return True


def _aligned(target: Shape, output: Shape) -> tuple[Shape, Shape]:
    """The shapes after what Keras's losses do to the ranks (`squeeze_or_expand_to_same_rank`)."""
    if len(output) == len(target) + 1 and output[-1] == 1:
        return ((*target, 1), output) if len(target) == 1 else (target, output[:-1])
    if len(target) == len(output) + 1 and target[-1] == 1:
        return (target, (*output, 1)) if len(output) == 1 else (target[:-1], output)
    return target, output
