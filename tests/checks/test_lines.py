"""Long lines keep their ends and their spikes."""

import numpy as np

from diagnose.checks.reading.lines import STRETCHES, line


def test_a_short_line_keeps_every_finite_point() -> None:
    drawn = line("loss", np.array([1.0, 2.0, 3.0]), np.array([0.5, np.nan, 0.3]), "train")
    assert (drawn.x, drawn.y, drawn.role) == ((1.0, 3.0), (0.5, 0.3), "train")


def test_a_long_line_keeps_its_ends_and_its_only_spike() -> None:
    steps = np.arange(10_000.0)
    losses = np.exp(-steps / 3000)
    losses[7_777] = 50.0
    drawn = line("loss", steps, losses)
    assert len(drawn.x) <= 2 * STRETCHES
    assert (drawn.x[0], drawn.x[-1]) == (0.0, 9_999.0)
    assert (7_777.0, 50.0) in zip(drawn.x, drawn.y, strict=True)
    assert list(drawn.x) == sorted(drawn.x)
