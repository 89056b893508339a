"""Units that are dead, killed or saturated."""

from dataclasses import replace

import numpy as np
import pytest

from diagnose.checks.network.dead_units import dead_units
from diagnose.checks.network.killed_units import killed_units
from diagnose.checks.network.saturated_units import saturated_units
from diagnose.findings import Severity, Skipped
from diagnose.measurements import Forward, Layer, Network, Update
from tests.checks import builders as b
from tests.checks.builders_training import history, run

ERROR, WARNING, HINT = [Severity.ERROR], [Severity.WARNING], [Severity.HINT]
REGRESSION = b.head(b.regression(), activation="linear", units=1)


def row(count: int, **changes: object) -> list[Layer]:
    """A network with this many hidden layers."""
    return [b.layer(f"d{i}", **changes) for i in range(count)]


PLAIN = b.network(b.layer("a", units=100), b.layer("b"))
RESIDUAL = b.network(
    b.layer("in"), b.layer("a"), b.passing("add", "Add", inbound=("in", "a")), b.layer("b"), skips=True
)


@pytest.mark.parametrize(
    ("dead", "found"), [(0, []), (49, []), (50, WARNING), (72, WARNING), (99, ERROR), (100, ERROR)]
)
def test_dead_units(dead: int, found: list[Severity]) -> None:
    assert b.severities(dead_units, b.dying(dead), PLAIN) == found


def test_a_dead_layer_that_a_skip_bypasses_is_only_a_warning() -> None:
    assert b.severities(dead_units, b.dying(100), RESIDUAL) == WARNING


def test_an_unknown_graph_may_have_a_skip() -> None:
    assert b.severities(dead_units, b.dying(100), replace(PLAIN, graph_known=False)) == WARNING
    assert b.severities(dead_units, b.dying(100)) == WARNING


def test_only_rectifiers_die() -> None:
    assert b.findings(dead_units, b.dying(100, activation="gelu"), PLAIN) == ()


def test_few_rows_are_qualified_and_very_few_are_not_judged() -> None:
    [finding] = b.findings(dead_units, b.dying(60, rows=300), PLAIN)
    assert "up to 1 %" in finding.message
    assert isinstance(dead_units.run({Forward: b.dying(60, rows=99), Network: PLAIN}), Skipped)


def test_units_dead_from_the_start_are_reported() -> None:
    forward = b.forward(b.dying(100).current, b.dying(80).current)
    [finding] = b.findings(dead_units, forward, PLAIN)
    assert "80 % already at fresh weights" in finding.message


def test_units_that_fired_at_fresh_weights_were_killed_by_training() -> None:
    [finding] = b.findings(killed_units, b.forward(b.dying(100).current, b.dying(2).current), PLAIN)
    assert finding.severity is Severity.WARNING and "at fresh weights 2 %" in finding.message
    assert b.severities(killed_units, b.forward(b.dying(100).current, b.dying(2).current), RESIDUAL) == WARNING


def test_while_a_training_runs_units_whose_layer_no_longer_moves_were_killed() -> None:
    running = b.forward(b.dying(100).current)
    path = running.current.layers[0].path  # type: ignore[union-attr]
    watched = replace(history(run([2.3] * 4)), updates=(Update(4, {path: 0.1}), Update(90, {path: 0.0})))
    [finding] = b.findings(killed_units, running, PLAIN, watched)
    assert "moved at the first steps" in finding.message
    decays = replace(watched, updates=(Update(4, {path: 0.1}), Update(90, {path: 0.05})))
    never = replace(watched, updates=(Update(4, {path: 0.0}), Update(90, {path: 0.0})))
    for other in (decays, never):
        assert b.findings(killed_units, running, PLAIN, other) == ()


@pytest.mark.parametrize(("now", "before"), [(72, 0), (100, 80), (98, 0), (0, 100)])
def test_wasted_units_and_units_dead_from_the_start_were_not_killed(now: int, before: int) -> None:
    assert b.findings(killed_units, b.forward(b.dying(now).current, b.dying(before).current), PLAIN) == ()


# --- saturation ------------------------------------------------------------------------------------


def squashed(units: int, of: int = 100, path: str = "a") -> Forward:
    saturated = np.where(np.arange(of) < units, 0.9, 0.1)
    return b.forward(b.one_pass(b.activations(path, of, activation="tanh", saturated=saturated)))


@pytest.mark.parametrize(("units", "found"), [(0, []), (50, []), (51, WARNING), (99, ERROR)])
def test_saturated_units(units: int, found: list[Severity]) -> None:
    assert b.severities(saturated_units, squashed(units), b.network(b.layer("a", activation="tanh"))) == found


def test_a_confident_output_layer_saturates_by_design() -> None:
    head = b.head(b.output(), layer="head", activation="sigmoid", units=1)
    assert b.findings(saturated_units, squashed(100, path="head"), b.network(b.layer("a"), heads=[head])) == ()


def test_a_separate_activation_layer_at_the_output_is_output_too() -> None:
    body = (
        b.layer("a"),
        b.layer("logit", activation="linear", units=1),
        b.passing("last", "Activation", activation="sigmoid"),
    )
    network = b.network(*body, heads=[b.head(layer="logit", activation="sigmoid", units=1)])
    assert b.findings(saturated_units, squashed(100, path="last"), network) == ()


def test_gates_saturate_by_design() -> None:
    gate = b.layer("a", activation="sigmoid")
    squeeze = (b.layer("in"), gate, b.passing("scale", "Multiply", inbound=("in", "a")), b.layer("b"))
    assert b.findings(saturated_units, squashed(100), b.network(*squeeze, skips=True)) == ()
    assert b.findings(saturated_units, squashed(100), b.network(replace(gate, kind="LSTM", recurrent=True))) == ()
