"""Interventions are pure functions of plans, and can be combined."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import keras
import pytest

from diagnose.measuring.bench import Bench
from diagnose.settings import Settings
from diagnose.trials.interventions.data import STANDARDISE_INPUTS
from diagnose.trials.interventions.layers import HE, LIGHT_DROPOUT, NO_PENALTIES, RELU, SHALLOWER, UNFREEZE
from diagnose.trials.interventions.optimizer import LOWER_RATE
from diagnose.trials.paired import built, plan_of
from diagnose.trials.plan import DoesNotApply, TrainingPlan, apply_all, apply_all_except
from tests.trials.models import SOFTMAX, Scene, dense, functional, net

LARGE = keras.initializers.RandomNormal(stddev=9.0)
SICK = Scene(
    "several faults", net(dense(8, "sigmoid", kernel_initializer=LARGE, kernel_regularizer="l2"), SOFTMAX), scale=90.0
)
REPAIRS = (STANDARDISE_INPUTS, RELU, NO_PENALTIES, LIGHT_DROPOUT)


@pytest.fixture(scope="module")
def own() -> Iterator[TrainingPlan]:
    with Bench(SICK.subject(), Settings()) as bench:
        yield plan_of(bench, {})


def hidden(plan: TrainingPlan) -> dict[str, object]:
    config: dict[str, object] = built(plan, 0)[0].layers[0].get_config()
    return config


def test_all_repairs_at_once(own: TrainingPlan) -> None:
    repaired = apply_all(own, REPAIRS)
    assert hidden(repaired)["activation"] == "relu"
    assert hidden(repaired)["kernel_regularizer"] is None
    assert abs(repaired.train.inputs[0].std(axis=0)[1:] - 1).max() < 1e-3
    assert repaired.changes == (
        "standardised inputs",
        "ReLU and He initialisation in hidden layers",
        "no regularization",
    )


def test_all_repairs_except_one(own: TrainingPlan) -> None:
    without = apply_all_except(own, REPAIRS, RELU)
    assert hidden(without)["activation"] == "sigmoid"
    assert hidden(without)["kernel_regularizer"] is None
    assert without.changes == ("standardised inputs", "no regularization")


def test_a_change_does_not_modify_the_original_plan(own: TrainingPlan) -> None:
    before = own.model.layers[0].get_config()
    apply_all(own, (*REPAIRS, HE))
    assert (own.changes, own.edits, own.what) == ((), (), "no change")
    assert own.model.layers[0].get_config() == before
    assert own.train.inputs[0].std() > 50


def test_an_intervention_that_does_not_apply_gives_the_reason(own: TrainingPlan) -> None:
    for intervention, word in (
        (UNFREEZE, "trainable"),
        (LIGHT_DROPOUT, "dropout rate"),
        (LOWER_RATE, "sweep"),
    ):
        reason = intervention.change(own)
        assert isinstance(reason, DoesNotApply)
        assert word in reason.reason


def test_only_a_plain_chain_of_layers_is_made_shallower() -> None:
    for residual, what in ((False, "2 hidden layers instead of 8"), (True, None)):
        with Bench(Scene("deep", functional(residual)).subject(), Settings()) as bench:
            plan = SHALLOWER.change(plan_of(bench, {}))
        assert plan.what == what if isinstance(plan, TrainingPlan) else what is None


def test_the_parts_of_a_custom_layer_are_not_taken_out_of_a_deep_stack(own: TrainingPlan) -> None:
    class Block(keras.layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.parts = [keras.layers.Dense(4, "relu") for _ in range(8)]

        def build(self, shape: Any) -> None:
            for part in self.parts:
                part.build(shape)

        def call(self, x: Any) -> Any:
            for part in self.parts:
                x = part(x)
            return x

    model = keras.Sequential([keras.Input((4,)), Block(), keras.layers.Dense(3, "softmax")])
    refused = SHALLOWER.change(replace(own, model=model))
    assert isinstance(refused, DoesNotApply) and "no hidden layer can be removed" in refused.reason
