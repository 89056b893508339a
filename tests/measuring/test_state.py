"""The guard restores the model and random states bit for bit."""

import random

import keras
import numpy as np
import pytest
import tensorflow as tf

from diagnose.measuring.activations import forward
from diagnose.measuring.bench import Bench
from diagnose.measuring.dataset import dataset
from diagnose.measuring.evaluation import conversions, evaluation
from diagnose.measuring.gradients import backward
from diagnose.measuring.network import network
from diagnose.measuring.state import fingerprint, guard
from diagnose.settings import Settings
from tests.measuring.architectures import EVERY, labels, numbers, sequential


def draws():
    return (
        random.random(),
        np.random.rand(),
        float(tf.random.uniform(())),
        float(keras.random.uniform(())),
        keras.layers.Dense(1).name,
    )


@pytest.fixture(params=["never trained", "trained"])
def model(request):
    built = sequential().model
    built.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    if request.param == "trained":
        built.fit(numbers(6), labels(3), verbose=0)
    return built


def test_training_compiling_and_random_numbers_are_undone(model):
    keras.utils.set_random_seed(5)
    before, optimizer = fingerprint(model), model.optimizer
    with guard(model):
        keras.utils.set_random_seed(9)
        draws()
        model.fit(numbers(6), labels(3), verbose=0)
        model.evaluate(numbers(6), labels(3), verbose=0)
        model.get_layer("drop").rate = 0.0
        model.get_layer("first").trainable = False
        model.compile("sgd", "sparse_categorical_crossentropy")
        model.fit(numbers(6), labels(3), verbose=0)
        assert fingerprint(model) != before
    assert fingerprint(model) == before
    assert model.optimizer is optimizer
    after = draws()
    keras.utils.set_random_seed(5)
    assert after[:-1] == draws()[:-1]


def test_the_guard_restores_after_an_exception(model):
    before = fingerprint(model)
    with pytest.raises(ZeroDivisionError), guard(model):
        model.set_weights([weight + 1 for weight in model.get_weights()])
        raise ZeroDivisionError
    assert fingerprint(model) == before


def test_a_later_training_is_not_affected_by_the_block():
    def trained(disturb):
        keras.utils.set_random_seed(5)
        built = sequential().model
        if disturb:
            with guard(built):
                built.fit(numbers(6), labels(3), verbose=0)
        built.fit(numbers(6), labels(3), verbose=0)
        return [weight.tobytes() for weight in built.get_weights()]

    assert trained(disturb=True) == trained(disturb=False)


@pytest.mark.parametrize("build", EVERY, ids=lambda build: build.__name__)
def test_instruments_leave_the_subject_bit_identical(build):
    subject = build()
    before = fingerprint(subject.model)
    with Bench(subject, Settings()) as bench:
        for instrument in (network, dataset, evaluation, conversions, forward, backward):
            instrument(bench, {})
    assert fingerprint(subject.model) == before
