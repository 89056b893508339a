"""Repairs that restore learning, compared on new rows."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers
from sklearn.datasets import load_diabetes

import diagnose
from diagnose.diagnosis import Effect
from diagnose.loading import LoadOptions, subject_from
from diagnose.measuring.bench import Bench
from diagnose.settings import Settings
from diagnose.trials.cures import _compared
from diagnose.trials.interventions import data
from diagnose.trials.interventions.optimizer import ADAM, ADAM_RATES
from diagnose.trials.paired import plan_of
from diagnose.trials.plan import DoesNotApply, Intervention, TrainingPlan
from tests.trials.test_continuing import digits_net

TRIED = Effect("", "Adam", 0.1, 0.8, None, "sufficient", 3, remedy="default-optimizer", restores=True)


def own_plan() -> TrainingPlan:
    x, y = load_diabetes(return_X_y=True)
    model = keras.Sequential([keras.Input((10,)), layers.Dense(8, "relu"), layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.001), "mse")
    with Bench(subject_from(model, (x[:300], y[:300]), (x[300:], y[300:]), options=LoadOptions()), Settings()) as bench:
        return replace(plan_of(bench, {}, 10), best_rate=0.1)


@pytest.mark.parametrize("rate", ADAM_RATES)
def test_a_cure_is_compared_at_the_rate_that_its_trial_chose(rate: float) -> None:
    tried = replace(TRIED, values={"adam_rate": str(rate)})
    plan = _compared(ADAM.change, tried, own_plan())
    assert isinstance(plan, TrainingPlan)
    assert [float(rates[0]) for rates in plan.rates] == [rate]


def _doubled(plan: TrainingPlan) -> TrainingPlan:
    return plan.changed("doubled targets", dev=replace(plan.dev, targets=tuple(2 * rows for rows in plan.dev.targets)))


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        (data.STANDARDISE_INPUTS, ""),
        (data.STANDARDISE_TARGETS, ""),  # errors are in the unit of the user's
        (Intervention("Doubles the targets.", _doubled), "changes the rows"),
    ],
)
def test_a_cure_that_changes_what_is_predicted_is_not_compared(kind: Intervention, why: str) -> None:
    plan = _compared(kind.change, TRIED, own_plan())
    assert isinstance(plan, DoesNotApply) is bool(why)
    assert not isinstance(plan, DoesNotApply) or why in plan.reason


@pytest.mark.slow
def test_a_bigger_net_is_tried_beside_the_repairs_of_a_slow_one() -> None:
    """At a hundredth of a usual rate; a net that is too small learns as slowly."""
    model, train, dev = digits_net(epochs=8, rate=1e-5)
    diagnosis = diagnose.examine(model, train, dev, batch_size=32, epochs=8)
    assert diagnosis.causes[0].code == "learning-rate-too-low"
    on_dev = {effect.remedy: effect for effect in diagnosis.effects if effect.on_dev and effect.seeds == 3}
    assert {"raise-learning-rate", "warm-up", "bigger-network", "deeper-network"} <= on_dev.keys()
    assert on_dev["raise-learning-rate"].helps and on_dev["raise-learning-rate"].after < on_dev["bigger-network"].after
    assert "bigger-network" not in {remedy.code for remedy in diagnosis.remedies}  # the repairs do more
    titles = diagnosis.settings["plan"]
    assert {"trial of raise-learning-rate", "trial of raise-learning-rate on dev rows", "repaired copy"} <= set(titles)


@pytest.mark.slow
def test_a_repair_that_shows_on_dev_alone_is_compared_there() -> None:
    """A sigmoid reaches the targets of train; the later ones, on dev, are beyond 1."""
    draw = np.random.default_rng(0)
    day = np.linspace(0, 1.5, 900)
    x = np.stack([day, *draw.normal(size=(3, 900))], axis=1).astype("float32")
    y = (day + 0.05 * x[:, 1]).clip(0).astype("float32")
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), layers.Dense(16, "relu"), layers.Dense(1, "sigmoid")])
    model.compile(keras.optimizers.Adam(0.01), "mse")
    model.fit(x[:580], y[:580], epochs=30, verbose=0)
    diagnosis = diagnose.examine(model, (x[:580], y[:580]), (x[580:], y[580:]), epochs=30, batch_size=32)
    cause, remedy = diagnosis.causes[0], diagnosis.remedies[0]
    assert (cause.code, cause.state, remedy.code) == ("output-range-mismatch", "confirmed", "linear-head")
    assert remedy.payoff.metric.startswith("dev RMSE") and remedy.payoff.before is not None
    assert remedy.payoff.interval is not None and remedy.payoff.interval.high < remedy.payoff.before / 2
    alone = [effect.restores for effect in diagnosis.effects if effect.remedy == "linear-head" and not effect.on_dev]
    assert alone == [None]  # nothing to restore on train
