"""Checks that need a watched training: the order of its rows, and the size of its steps."""

from dataclasses import replace

import numpy as np
import pytest

from diagnose.checks.data.label_order import label_order
from diagnose.checks.generalisation.best_epoch import best_epoch
from diagnose.checks.optimisation.divergence import divergence
from diagnose.checks.optimisation.large_updates import large_updates
from diagnose.checks.optimisation.overwritten_weights import overwritten_weights
from diagnose.checks.optimisation.small_updates import small_updates
from diagnose.checks.optimisation.unmoved_weights import unmoved_weights
from diagnose.findings import Severity
from diagnose.measurements import Feeding, History, Update
from tests.checks.builders_training import decay, evaluation, findings, history, run, score, severities, skipped

WARNING, HINT = Severity.WARNING, Severity.HINT
SORTED, SHUFFLED = Feeding(40, 1280, 0.9, 0.01), Feeding(40, 1280, 0.004, 0.01)
CONSTANT = 2.3


def watched(loss: float, *, epochs: int = 4, feeding: Feeding = SHUFFLED, ratio: float | None = None) -> History:
    """A training whose steps all have this loss; `ratio`: update-to-weight ratio of two layers, one twice as fast."""
    steps = np.full(100 * epochs, loss)
    updates = tuple(Update(step, {"a": ratio, "b": 2 * ratio}) for step in (4, 7, 60)) if ratio is not None else ()
    one = run([loss] * (epochs + 1), step_losses=steps)
    return history(one, origin="live", constant_loss=CONSTANT, feeding=feeding, updates=updates)


# --- order of rows ----------------------------------------------------------------------------------------


def knowing(loss: float) -> object:
    """Loaded weights with this loss over all train rows."""
    return evaluation(score(0.1, own_loss=loss))


def test_rows_in_random_order_are_clean() -> None:
    assert severities(label_order, watched(0.3, feeding=SHUFFLED), knowing(2.0)) == []


def test_sorted_rows_that_are_forgotten_are_a_warning() -> None:
    (found,) = findings(label_order, watched(0.3, feeding=SORTED), knowing(1.2))
    assert found.severity is WARNING
    assert "intraclass correlation 0.9" in found.message and "is 1.2, but was 0.3" in found.message


def test_sorted_rows_whose_loss_does_not_come_down_are_a_warning() -> None:
    (found,) = findings(label_order, watched(1.6, feeding=SORTED))
    assert found.severity is WARNING and "0.70 times" in found.message


@pytest.mark.parametrize("loss", [0.3, 0.36])
def test_sorted_rows_that_did_no_harm_are_a_hint(loss: float) -> None:
    assert severities(label_order, watched(0.3, feeding=SORTED), knowing(loss)) == [HINT]


def test_in_the_first_epoch_every_loss_is_high() -> None:
    assert severities(label_order, watched(1.6, epochs=1, feeding=SORTED)) == [HINT]


def test_similar_targets_by_chance_are_clean() -> None:
    assert severities(label_order, watched(0.3, feeding=Feeding(5, 10, 0.6, 0.7)), knowing(2.0)) == []


def test_a_loss_that_oscillates_with_sorted_rows_is_not_divergence() -> None:
    swinging = run([1.5, 2.0] * 6)
    assert severities(divergence, history(swinging, origin="live", feeding=SHUFFLED)) == [WARNING]
    assert "order of their targets" in skipped(divergence, history(swinging, origin="live", feeding=SORTED))


def test_order_needs_batches() -> None:
    assert "fewer than 4 batches" in skipped(label_order, watched(0.3, feeding=Feeding(3, 96, 1.0, 0.1)))
    assert "recorded by the callback only" in skipped(label_order, history(run([1.0]), origin="live"))


# --- size of steps ----------------------------------------------------------------------------------------


def test_a_net_that_large_steps_killed_moves_on_by_momentum_only() -> None:
    sizes = [0.5, 0.3, 0.2, 0.1, *[1e-5] * 6]
    updates = tuple(Update(4 + 9 * number, {"a": size, "b": size}) for number, size in enumerate(sizes))
    assert severities(large_updates, replace(watched(2.3), updates=updates)) == [WARNING]


def test_steps_that_are_too_small() -> None:
    (found,) = findings(small_updates, watched(2.2, ratio=2e-5))
    assert found.severity is WARNING and found.value == pytest.approx(4e-5)
    assert found.evidence[0].kind == "curves"


def test_steps_that_are_too_large() -> None:
    (found,) = findings(large_updates, watched(2.2, ratio=0.04))
    assert found.severity is WARNING and found.value == pytest.approx(0.06)


@pytest.mark.parametrize(
    "training",
    [
        watched(2.2, ratio=1e-3),  # usual steps, whatever else is wrong
        watched(0.1, ratio=2e-5),  # fine-tuning: small steps, and a low loss
        watched(0.1, ratio=0.04),  # fast and successful
    ],
)
def test_steps_that_are_not_reported(training: History) -> None:
    assert severities(small_updates, training) == []
    assert severities(large_updates, training) == []


def test_one_layer_that_moves_is_enough() -> None:
    fast = tuple(Update(step, {"a": 3e-5, "b": 2e-3}) for step in (4, 7))
    assert severities(small_updates, replace(watched(2.2), updates=fast)) == []


def test_late_steps_may_be_small() -> None:
    late = (Update(40, {"a": 1e-3}), Update(200, {"a": 1e-5}), Update(300, {"a": 1e-5}))
    assert severities(small_updates, replace(watched(2.2), updates=late)) == []


def test_steps_without_any_change_are_ignored() -> None:
    still = tuple(Update(step, {"a": 0.0, "b": 0.0}) for step in (4, 7))
    assert "fewer than 50 steps" in skipped(small_updates, replace(watched(2.2), updates=still))


def moving(*sizes: tuple[int, float, float], loss: float | None = 2.2, scaled: bool = True) -> History:
    """A training of which single steps move a layer `a` and a layer `b` by these shares of their weights."""
    updates = tuple(Update(step, {"a": a, "b": b}) for step, a, b in sizes)
    training = replace(watched(loss or 2.2), updates=updates)
    return training if scaled else replace(training, constant_loss=None, first_loss=None)


@pytest.mark.parametrize("scaled", [True, False])
def test_a_step_of_one_of_two_networks_that_overwrites_its_weights(scaled: bool) -> None:
    (found,) = findings(overwritten_weights, moving((1, 0.6, 0.01), (4, 0.3, 0.01), (7, 0.2, 0.01), scaled=scaled))
    assert found.severity is WARNING and found.value == pytest.approx(0.25)


def test_a_very_first_step_that_replaces_the_weights() -> None:
    (found,) = findings(overwritten_weights, moving((1, 6.0, 5.0), (4, 1e-3, 1e-3), (7, 1e-3, 1e-3)))
    assert found.value == pytest.approx(6.0) and "very first step" in found.message


@pytest.mark.parametrize(
    "training",
    [
        moving((1, 0.1, 0.1), (4, 0.03, 0.03), (7, 0.03, 0.03)),  # Adam at 0.01
        moving((1, 6.0, 5.0), (4, 0.3, 0.3), loss=0.1),  # it has learned
    ],
)
def test_steps_that_overwrite_nothing(training: History) -> None:
    assert severities(overwritten_weights, training) == []


@pytest.mark.parametrize("scaled", [True, False])
def test_weights_that_are_where_they_began(scaled: bool) -> None:
    (found,) = findings(unmoved_weights, moving((4, 2e-6, 1e-6), (7, 2e-6, 1e-6), scaled=scaled))
    assert found.severity is WARNING and found.value == pytest.approx(400 * 2e-6)


def test_the_last_small_steps_of_a_training_that_began_before_are_not_judged() -> None:
    goes_on = replace(moving((4, 2e-6, 1e-6), (7, 2e-6, 1e-6)), from_start=False)
    assert "before it was watched" in skipped(unmoved_weights, goes_on)


@pytest.mark.parametrize(
    "training",
    [
        moving((4, 1e-4, 1e-6), (7, 1e-4, 1e-6)),  # one layer moves
        moving((4, 1e-6, 1e-6), (60, 1e-3, 1e-3)),  # after a warm-up
        moving((4, 2e-6, 1e-6), loss=0.1),  # fine-tuning of a good model
    ],
)
def test_weights_that_move_or_need_not(training: History) -> None:
    assert severities(unmoved_weights, training) == []


# --- errors without a score ---------------------------------------------------------------------------------


def test_best_epoch_is_reported_without_an_evaluation() -> None:
    rising = [0.5, 0.3, 0.2, 0.2, 0.3, 0.35, 0.4, 0.4, 0.4, 0.4]
    one = run(decay(2.3, 0.01, 0.5, 10), dev_error=rising)
    live = history(one, origin="live", dev_rows=500, rates=True)
    assert severities(best_epoch, live) == [WARNING]
    assert "unknown" in skipped(best_epoch, replace(live, rates=None, dev_se=None))
