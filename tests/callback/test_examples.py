"""Healthy trainings of the kinds of Keras's examples: the quick ones; `live_wards examples` has all."""

import keras
import pytest

import diagnose
from tests.wards.examples import BY_NAME, EXAMPLES, SICK

QUICK = ("inputs by name", "diffusion", "two views")
UNTRUE = ("not built", "not compiled", "name the arrays like", "as the model was fed")


@pytest.mark.parametrize("name", QUICK)
def test_nothing_is_reported_of_a_healthy_training_and_nothing_untrue_is_said(name: str) -> None:
    keras.utils.set_random_seed(0)
    callback, example = diagnose.DiagnosisCallback(), BY_NAME[name]
    _, logs = example.train([callback])
    assert example.good(logs), logs
    found = callback.diagnosis
    assert callback.notices == ()
    assert found.state in example.states, found.headline
    assert [cause.code for cause in found.causes if str(cause.severity) in ("warning", "error")] == []
    said = " ".join([gap.why for gap in found.coverage] + [found.headline])
    assert [words for words in UNTRUE if words in said] == []


def test_there_are_enough_examples_of_every_kind() -> None:
    assert len(EXAMPLES) >= 24
    assert len(BY_NAME) == len(EXAMPLES) + len(SICK)
    kinds = {"vision", "text", "structured data", "time series", "generative", "metric learning", "own loop"}
    assert {example.kind for example in EXAMPLES} == kinds
