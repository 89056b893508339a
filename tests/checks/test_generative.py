"""Collapse in models that generate: of the generated rows, and of the codes."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from diagnose.checks.generalisation.collapsed_generator import collapsed_generator
from diagnose.checks.generalisation.posterior_collapse import posterior_collapse
from diagnose.checks.reading.loss_parts import loss_parts, part_curves
from diagnose.findings import Severity
from diagnose.loading.histories import read_history
from diagnose.measurements import History
from diagnose.subject import Output, Task
from tests.checks import builders as b
from tests.checks.builders_training import findings, history, run, severities, skipped

RISING = [0.5, 2.0, 4.0, 4.5, 5.0, 5.2, 5.3, 5.3]
FALLING = [200.0, 160.0, 140.0, 130.0, 125.0, 122.0, 120.0, 119.0]
LOST = [0.3, 2e-3, 1e-4, 1e-4, 1e-4, 1e-4, 1e-4, 1e-4]
STILL = [210.0, 206.5, 206.3, 206.2, 206.2, 206.2, 206.2, 206.2]


def logged(**series: list[float]) -> History:
    return history(run([1.0]), origin="live", reported={name: np.array(values) for name, values in series.items()})


# --- codes --------------------------------------------------------------------------------------------


def test_a_divergence_at_zero_beside_a_reconstruction_that_stays() -> None:
    (found,) = findings(posterior_collapse, logged(loss=STILL, reconstruction_loss=STILL, kl_loss=LOST))
    assert found.severity is Severity.WARNING
    assert found.message == (
        "kl_loss has gone from 0.3 to 1e-4, and the rest of the loss, 206, fell by 0 % over the last 5 epochs"
    )
    assert [line.name for line in found.evidence[0].series] == ["reconstruction_loss", "kl_loss"]


def test_without_other_parts_the_total_counts() -> None:
    total = (np.array(STILL) + np.array(LOST)).tolist()
    assert severities(posterior_collapse, logged(loss=total, kl=LOST)) == [Severity.WARNING]


@pytest.mark.parametrize(
    ("reconstruction", "divergence"),
    [
        (FALLING, RISING),  # healthy
        (STILL, [1e-4] * 8),  # logged with a small weight
        (FALLING, [0.3, *[1e-4] * 7]),  # one that is let in late: the rest learns
        (STILL, [0.3] * 8),  # a small code, and not none
        ([2.0] * 8, [8e-3] * 8),  # means over units: small beside small
        (STILL, [0.3, 0.3, 0.3, 0.3, 0.3, 1e-4, 1e-4, 1e-4]),  # three epochs may pass
    ],
)
def test_codes_that_are_not_reported(reconstruction: list[float], divergence: list[float]) -> None:
    assert severities(posterior_collapse, logged(reconstruction_loss=reconstruction, kl_loss=divergence)) == []


@pytest.mark.parametrize("name", ["pickle_loss", "sparkling", "loss"])
def test_a_divergence_is_a_word_of_its_own(name: str) -> None:
    assert "no divergence was logged" in skipped(posterior_collapse, logged(**{name: LOST}))


def test_parts_of_the_loss_are_series_of_their_own() -> None:
    fed = logged(loss=STILL, d_loss=STILL, g_loss=RISING, val_g_loss=FALLING, accuracy=RISING)
    assert list(loss_parts(fed)) == ["d_loss", "g_loss"]
    curves = part_curves(fed)
    assert curves is not None and [line.name for line in curves.series] == ["d_loss", "g_loss", "val_g_loss"]
    assert curves.series[1].y == tuple(RISING)
    assert part_curves(logged(loss=STILL)) is None


# --- generated rows -------------------------------------------------------------------------------------


def judged(varies: float, *, mean: float = 0.0, size: int = 8, task: Task = Task.OWN_LOSS) -> tuple[Any, ...]:
    """A generator of 8 numbers and a discriminator; the rows fed deviate by 1."""
    parts = (b.layer("made/out", output_shape=(None, size)), b.layer("judge/out", output_shape=(None, 1)))
    head = b.head(Output("out", task, "own", custom_loss=True))
    given = replace(b.network(heads=[head]), layers=parts)
    made = b.activations("made/out", units=size, std=varies, mean=np.full(size, mean), varies=varies)
    judge = b.activations("judge/out", units=1, std=0.001, mean=np.full(1, 0.5), varies=0.001)
    return given, b.dataset(), b.forward(b.one_pass(made, judge))


def test_rows_that_are_all_the_same() -> None:
    (found,) = findings(collapsed_generator, *judged(0.01, mean=0.7))
    assert found.severity is Severity.ERROR and found.where.layer == "made/out"
    assert "deviate by 1 % of what the rows fed deviate by" in found.message


@pytest.mark.parametrize(
    ("varies", "mean"),
    [
        (0.8, 0.0),  # healthy
        (0.01, 0.0),  # of another scale, and not alike
        (0.06, 0.7),
    ],
)
def test_rows_that_differ(varies: float, mean: float) -> None:
    assert severities(collapsed_generator, *judged(varies, mean=mean)) == []


def test_only_what_ends_in_the_shape_of_a_row_generates() -> None:
    assert "ends in the shape of a row" in skipped(collapsed_generator, *judged(0.01, mean=0.7, size=5))
    assert "judged by it" in skipped(collapsed_generator, *judged(0.01, mean=0.7, task=Task.REGRESSION))


def test_a_record_of_fit_shows_the_parts_of_the_loss() -> None:
    recorded = read_history({"loss": STILL, "reconstruction_loss": STILL, "kl_loss": LOST}, ())
    assert list(loss_parts(recorded)) == ["reconstruction_loss", "kl_loss"]
    assert severities(posterior_collapse, recorded) == [Severity.WARNING]
