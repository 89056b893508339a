"""The parts of the callback, without training."""

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest

from diagnose.checks.numerics.non_finite_training import non_finite_training
from diagnose.checks.process.no_dev_set import no_dev_set
from diagnose.findings import Examined, Finding, Severity, Skipped
from diagnose.live.budget import Budget
from diagnose.live.collecting import FEWEST_BATCHES, ROWS, Collector
from diagnose.live.constants import constant_loss
from diagnose.live.notices import Notice, alarming, examined, while_training
from diagnose.live.recording import Record
from diagnose.live.steps import Origin, Steps
from diagnose.live.updating import Updates
from diagnose.measurements import History


def steps(losses: list[float], penalty: float = 0.0) -> Steps:
    values = np.array(losses, dtype=float)
    return Steps(values, np.full(len(values), penalty), np.ones(len(values)))


# --- rows --------------------------------------------------------------------------------------------


def collected(batches: int, size: int) -> Collector:
    collector = Collector()
    for number in range(batches):
        first = np.arange(number * size, (number + 1) * size)
        collector.offer(number, (0, 0), [first.reshape(-1, 1), first % 10])
    return collector


def test_few_rows_are_all_kept() -> None:
    x, y = collected(5, 32).rows(seed=0) or ()
    assert x.ravel().tolist() == list(range(160))
    assert y.tolist() == [row % 10 for row in range(160)]


def test_many_rows_are_spread_over_all_rows_seen_and_over_the_classes() -> None:
    collector = collected(10_000, 32)
    x, y = collector.rows(seed=0) or ()
    assert len(x) == ROWS
    assert np.histogram(x, bins=8, range=(0, 320_000))[0].min() > 0.1 * ROWS
    assert np.bincount(y).min() > 0.08 * ROWS
    assert collector.stride > 1


def test_only_a_part_of_a_large_batch_is_kept() -> None:
    collector = collected(1, 100_000)
    assert len((collector.rows(seed=0) or ())[0]) <= 2 * ROWS // FEWEST_BATCHES
    assert collector.batch_size == 100_000


def test_nothing_seen() -> None:
    assert Collector().rows(seed=0) is None


def fed(targets: np.ndarray) -> float:
    """How alike the targets are within batches of 32."""
    collector = Collector()
    for number, start in enumerate(range(0, len(targets), 32)):
        part = targets[start : start + 32]
        collector.offer(number, (0, 0), [np.zeros((len(part), 1)), part])
    feeding = collector.feeding(seed=0)
    assert feeding is not None and feeding.chance < 0.1
    return feeding.alike


def test_order_of_the_targets() -> None:
    random = np.random.default_rng(0)
    classes, numbers = np.repeat(np.arange(10), 64), np.linspace(0, 1, 640)
    assert fed(classes) == pytest.approx(1.0)
    assert fed(numbers) > 0.9
    assert abs(fed(random.permutation(classes))) < 0.05
    assert abs(fed(random.permutation(numbers))) < 0.05


def test_order_is_unknown_without_targets() -> None:
    collector = Collector()
    for number in range(4):
        collector.offer(number, 0, [np.zeros((8, 1))])
    assert collector.feeding(seed=0) is None


# --- steps -------------------------------------------------------------------------------------------


def test_an_update_is_relative_to_the_weights_before_it() -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="hidden", kernel_initializer="ones")])
    updates = Updates(model)
    for step in range(1, 40):
        kernel = model.get_layer("hidden").kernel
        kernel.assign(kernel * 1.01)
        updates.after(step, 1)
    assert [update.step for update in updates.seen] == [4, 7, 11, 17, 26, 40][:5]
    assert updates.seen[0].ratios["hidden"] == pytest.approx(0.01, rel=1e-3)


def test_a_change_between_two_fits_is_not_a_step() -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="hidden")])
    updates = Updates(model)
    for step in range(1, 4):
        updates.after(step, 1)
    model.get_layer("hidden").kernel.assign(np.full((2, 3), 100.0))
    updates.begin()
    updates.after(4, 1)
    assert [update.ratios for update in updates.seen] == [{"hidden": 0.0}]


def test_the_very_first_step_is_seen() -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="hidden", kernel_initializer="ones")])
    updates = Updates(model)
    updates.begin()
    kernel = model.get_layer("hidden").kernel
    kernel.assign(kernel * 3.0)
    for step in range(1, 6):
        updates.after(step, 1)
    assert [(update.step, update.ratios["hidden"]) for update in updates.seen] == [(1, 2.0), (4, 0.0)]


def test_weights_that_no_optimizer_changes_are_apart() -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="slow"), keras.layers.Dense(3, name="own")])
    model.compile("sgd", "mse")
    model.optimizer.build(model.get_layer("own").trainable_variables)
    updates = Updates(model)
    updates.begin()
    for layer in model.layers:
        layer.kernel.assign(layer.kernel * 1.5)
    updates.after(1, 1)
    (update,) = updates.seen
    assert (update.ratios, update.apart) == ({"own": pytest.approx(0.5)}, {"slow": pytest.approx(0.5)})


# --- history -----------------------------------------------------------------------------------------


def recorded(losses: list[float], epochs: int, **logs: float) -> History:
    record = Record()
    for part in np.array_split(np.array(losses), epochs):
        record.add(steps(part.tolist()))
        record.end_epoch({"loss": float(np.mean(part)), **logs})
    return record.history(constant=1.0, dev_rows=None, dev_se=None, rows=None)


def test_curve_has_points_within_epochs_if_there_are_few_epochs() -> None:
    (run,) = recorded(np.linspace(1, 0, 1_000).tolist(), 2, val_loss=0.3).runs
    assert len(run.epochs) >= 20
    assert run.epochs[-1] == 2
    assert (np.diff(run.train_loss) < 0).all()
    assert np.isfinite(run.dev_loss).sum() == 2


def test_points_have_the_standard_error_of_the_steps_that_they_average() -> None:
    (run,) = recorded(np.random.default_rng(0).normal(1, 0.4, 1_000).tolist(), 2).runs
    assert np.nanmedian(run.train_se) == pytest.approx(0.4 / np.sqrt(1_000 / 48), rel=0.2)
    assert len(run.train_se) == len(run.train_loss)


def test_learning_rates_are_known_at_every_point() -> None:
    record = Record()
    for rate in (0.1, 0.1, 0.01):
        record.note_rate(rate)
        record.add(steps([1.0] * 100))
        record.end_epoch({"loss": 1.0})
    (run,) = record.history(None, None, None, None).runs
    assert run.learning_rates[run.epochs < 2].tolist() == [0.1] * int((run.epochs < 2).sum())
    assert (run.learning_rates[run.epochs > 2] == 0.01).all()
    record.schedule = lambda step: 1 / step
    (run,) = record.history(None, None, None, None).runs
    assert run.learning_rates[-1] == pytest.approx(1 / 300)


def test_a_rate_that_never_changes_is_not_kept() -> None:
    (run,) = recorded([1.0] * 100, 2).runs
    assert not len(run.learning_rates)


def test_penalties_are_not_part_of_the_curve() -> None:
    record = Record()
    record.add(steps([3.0] * 50, penalty=2.0))
    record.end_epoch({"loss": 3.0, "val_loss": 3.5})
    (run,) = record.history(None, None, None, None).runs
    assert run.train_loss[-1] == pytest.approx(1.0)
    assert run.dev_loss[-1] == pytest.approx(1.5)
    assert run.step_losses[0] == 3.0


def test_running_means_become_single_losses() -> None:
    record, losses = Record(), np.array([4.0, 2.0, 6.0, 1.0])
    means = np.cumsum(losses) / np.arange(1, 5)
    record.add(steps(means[:3].tolist()), averaged=True)
    record.add(steps(means[3:].tolist()), averaged=True)
    record.end_epoch({})
    record.add(steps([7.0]), averaged=True)  # a new epoch starts a new mean
    np.testing.assert_allclose(record.table[:, 0], [*losses, 7.0])


def test_first_non_finite_step() -> None:
    record = Record()
    record.add(steps([1.0] * 10))
    record.add(steps([1.0, float("inf"), float("nan")]))
    assert record.non_finite_step == 11
    unseen = Record()
    unseen.add(steps([float("nan")] * 5))
    assert unseen.non_finite_step is None


# --- budget, constants -------------------------------------------------------------------------------


def test_budget_grows_with_the_training() -> None:
    budget = Budget(0.5)
    assert not budget.affords("look", 1.0)
    budget.start()
    assert not budget.affords("look", 1_000.0)
    assert budget.affords("look", 0.0)
    budget.costs["look"] = 1_000.0
    assert not budget.affords("look", 0.0)  # a known cost replaces the expected one


def test_the_cost_of_the_first_run_is_ignored() -> None:
    budget = Budget(0.5)
    for known in (False, True, True):
        with budget.booked("look"):
            pass
        assert ("look" in budget.costs) is known
    assert budget.spent > 0


@pytest.mark.parametrize("logits", [False, True])
def test_constant_loss_of_classes_is_their_entropy(logits: bool) -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, None if logits else "softmax")])
    model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=logits))
    y = np.repeat([0, 1, 2], [50, 30, 20])
    model._compile_loss.build(y, model(np.zeros((100, 2))))
    share = np.array([0.5, 0.3, 0.2])
    found = constant_loss(model, (np.zeros((100, 2)), y))
    assert found is not None and found.whole == pytest.approx(-(share * np.log(share)).sum(), rel=1e-4)


def test_constant_loss_of_numbers_depends_on_the_loss() -> None:
    y = np.array([0.0, 0.0, 0.0, 8.0])[:, None]
    for loss, expected in (("mean_squared_error", 12.0), ("mean_absolute_error", 2.0)):
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile(loss=loss)
        model._compile_loss.build(y, model(np.zeros((4, 2))))
        found = constant_loss(model, (np.zeros((4, 2)), y))
        assert found is not None and found.whole == pytest.approx(expected)


def test_constant_losses_of_outputs_are_those_without_their_weights() -> None:
    source = keras.Input((2,))
    model = keras.Model(source, [keras.layers.Dense(1, name=name)(source) for name in ("a", "b")])
    model.compile(loss=["mean_squared_error", "mean_absolute_error"], loss_weights=[10.0, 1.0])
    y = [np.array([0.0, 0.0, 0.0, 8.0])[:, None]] * 2
    model._compile_loss.build(y, model(np.zeros((4, 2))))
    found = constant_loss(model, (np.zeros((4, 2)), y))
    assert found is not None and found.whole == pytest.approx(122.0)
    assert found.by_output == pytest.approx((12.0, 2.0))


# --- notices -----------------------------------------------------------------------------------------


def causes(history: History) -> list[str]:
    found = alarming(examined({History: history}, whole=False))
    return [suspicion.code for suspicion in found if suspicion.explained_by is None]


def test_a_falling_loss_is_not_reported() -> None:
    assert causes(recorded(np.geomspace(1, 0.01, 1_000).tolist(), 10)) == []


def test_a_slow_start_is_not_reported() -> None:
    assert causes(recorded([1.0] * 90, 3)) == []


def test_a_loss_that_rises_above_the_constant() -> None:
    falling, climbing = np.geomspace(1, 0.1, 500), np.geomspace(0.1, 5, 500)
    assert causes(recorded([*falling, *climbing], 20)) == ["learning-rate-too-high"]


def test_a_loss_that_becomes_nan() -> None:
    assert causes(recorded([1.0] * 50 + [float("nan")] * 50, 4)) == ["non-finite-training"]


def test_signals_inside_the_network_need_the_loss_as_second_witness() -> None:
    dead = Examined("dead-units", (Finding(Severity.ERROR, "all dead", id="dead-units-1", check="dead-units"),))
    blown = non_finite_training.run({History: recorded([float("inf")] * 20, 2)})
    assert alarming((dead,)) == ()
    assert {suspicion.code for suspicion in alarming((dead, blown))} == {"dead-units", "non-finite-training"}


def test_a_check_sets_the_severity_from_which_it_is_reported() -> None:
    fed = Examined("label-order", (Finding(Severity.HINT, "in order", id="label-order-1", check="label-order"),))
    large = Examined("batch-size", (Finding(Severity.HINT, "large", id="batch-size-1", check="batch-size"),))
    assert [suspicion.code for suspicion in alarming((fed, large))] == ["not-shuffled"]


def test_a_notice_is_refuted_by_the_checks_that_found_it() -> None:
    notice = Notice("plateau", Severity.WARNING, 100, 1, "Training is stuck", frozenset({"plateau"}))
    flat, falling = recorded([1.0] * 2_000, 5), recorded(np.geomspace(1, 0.01, 2_000).tolist(), 5)
    assert not notice.refuted(examined({History: flat}, whole=False))
    assert not notice.refuted(())  # not examined
    assert notice.refuted(examined({History: falling}, whole=False))
    taken = replace(notice, taken_back=900)
    assert not taken.refuted(examined({History: falling}, whole=False)) and "taken back at step 900" in str(taken)


def test_a_check_for_the_end_is_skipped_during_training() -> None:
    (outcome,) = while_training((no_dev_set,), {})
    assert isinstance(outcome, Skipped) and "still running" in outcome.reason
    assert no_dev_set.code not in {outcome.check for outcome in examined({}, whole=True)}


def test_origins_in_words() -> None:
    assert str(Origin("layer", "block/dense")) == "the output of block/dense"
    assert str(Origin("inputs")) == "the inputs"


# --- constants ---------------------------------------------------------------------------------------


def test_a_loss_gets_a_part_of_the_rows_at_a_time() -> None:
    """One that compares all rows with each other, twice, needs the cube of their number in memory."""
    given: list[int] = []

    def squared(y_true: Any, y_pred: Any) -> Any:
        given.append(int(y_pred.shape[0]))
        return keras.ops.mean(keras.ops.square(y_true - y_pred))

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", squared)
    y = np.random.default_rng(0).normal(size=(1_000, 1)).astype("float32")
    x = np.zeros((1_000, 2), "float32")
    model.evaluate(x[:32], y[:32], verbose=0)
    given.clear()
    found = constant_loss(model, (x, y, None))
    assert found is not None and found.whole == pytest.approx(float(y.var()), rel=1e-4)
    assert max(given) <= 256 and sum(given[:4]) == 1_000
