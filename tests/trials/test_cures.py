"""Repairs that restore learning, compared on new rows."""

from dataclasses import replace

import keras
import pytest
from keras import layers
from sklearn.datasets import load_diabetes

from diagnose.diagnosis import Effect
from diagnose.loading import LoadOptions, subject_from
from diagnose.measuring.bench import Bench
from diagnose.settings import Settings
from diagnose.trials.cures import _compared
from diagnose.trials.interventions import data
from diagnose.trials.interventions.optimizer import ADAM, ADAM_RATES
from diagnose.trials.paired import plan_of
from diagnose.trials.plan import DoesNotApply, Intervention, TrainingPlan

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


@pytest.mark.parametrize(
    ("kind", "why"), [(data.STANDARDISE_INPUTS, ""), (data.STANDARDISE_TARGETS, "changes the rows")]
)
def test_a_cure_that_changes_what_is_predicted_is_not_compared(kind: Intervention, why: str) -> None:
    plan = _compared(kind.change, TRIED, own_plan())
    assert isinstance(plan, DoesNotApply) is bool(why)
    assert not isinstance(plan, DoesNotApply) or why in plan.reason
