"""The bench: working copies, fresh weights, samples, and a restored model."""

import random

import keras
import numpy as np
import pytest

from diagnose.measurements import NotMeasured
from diagnose.measuring.bench import Bench
from diagnose.measuring.state import fingerprint
from diagnose.settings import Settings
from diagnose.subject import Output, Seen, Split, Subject, Task
from tests.measuring.subjects import digits, subject


def test_the_copy_has_the_loaded_weights() -> None:
    case = digits(epochs=1)
    with Bench(case, Settings()) as bench, bench.at(None) as model:
        assert model is not case.model
        assert model.compiled
        for ours, theirs in zip(model.get_weights(), case.model.get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_fresh_weights_depend_on_the_seed_only() -> None:
    case = digits()
    with Bench(case, Settings()) as bench:
        first = [bench.weights(0)[0], bench.weights(1)[0]]
    random.random()  # Keras draws default seeds from here
    with Bench(case, Settings()) as bench:
        again = [bench.weights(0)[0], bench.weights(1)[0]]
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert not np.array_equal(first[0], first[1])


def test_fresh_weights_differ_despite_explicit_initializer_seeds() -> None:
    start = keras.initializers.GlorotUniform(seed=3)
    case = digits([keras.layers.Dense(8, "relu", kernel_initializer=start), keras.layers.Dense(10, "softmax")])
    with Bench(case, Settings()) as bench:
        assert not np.array_equal(bench.weights(0)[0], bench.weights(1)[0])


class Branches(keras.Model):
    """A subclassed model, whose config does not contain its layers."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = keras.layers.Dense(8, activation="relu")
        self.drop = keras.layers.Dropout(0.2)
        self.out = keras.layers.Dense(10, activation="softmax")

    def call(self, x, training=None):
        return self.out(self.drop(self.hidden(x), training=training))


def subclassed() -> Subject:
    case = digits()
    model = Branches()
    model.compile("adam", "sparse_categorical_crossentropy")
    return subject(
        model, (np.concatenate([case.train.inputs[0]]),), (case.train.targets[0],), case.outputs[0], epochs=1, dev=True
    )


def test_a_subclassed_model_is_used_directly_and_restored() -> None:
    case = subclassed()
    before = fingerprint(case.model)
    with Bench(case, Settings()) as bench:
        assert not bench.rebuilt
        with bench.at(0) as model:
            assert model is case.model
            assert not np.array_equal(model.get_weights()[0], bench.weights(None)[0])
    assert fingerprint(case.model) == before


def test_without_an_initializer_there_are_no_fresh_weights() -> None:
    class Scale(keras.layers.Layer):
        def build(self, shape) -> None:
            self.scale = self.add_weight(shape=(1,), name="scale")

        def call(self, x):
            return x * self.scale

    class Scaled(Branches):
        def __init__(self) -> None:
            super().__init__()
            self.scale = Scale()

        def call(self, x, training=None):
            return super().call(self.scale(x), training=training)

    case = digits()
    model = Scaled()
    model.compile("adam", "sparse_categorical_crossentropy")
    case = subject(model, case.train.inputs, case.train.targets, case.outputs[0], epochs=1, dev=True)
    with Bench(case, Settings()) as bench, pytest.raises(NotMeasured, match="scale"):
        bench.weights(0)


def test_lambdas_custom_layers_and_custom_losses_are_copied_without_registration() -> None:
    class Twice(keras.layers.Layer):
        def call(self, x):
            return 2 * x

    layers = [keras.layers.Lambda(lambda x: x - 1), Twice(), keras.layers.Dense(10, activation="softmax")]
    case = digits(layers, loss=lambda y, p: 2 * keras.losses.sparse_categorical_crossentropy(y, p))
    with Bench(case, Settings()) as bench, bench.at(0) as model:
        assert bench.rebuilt
        inputs, targets, _ = bench.batch(case.train, np.arange(4))
        assert np.isfinite(float(model.compute_loss(y=targets, y_pred=model(inputs))))


def test_frozen_and_adapted_layers_keep_their_weights() -> None:
    norm = keras.layers.Normalization()
    norm.adapt(np.random.default_rng(0).normal(3, 2, (50, 64)))
    case = digits([norm, keras.layers.Dense(8, trainable=False), keras.layers.Dense(10, activation="softmax")])
    with Bench(case, Settings()) as bench:
        same = [np.array_equal(a, b) for a, b in zip(bench.weights(0), bench.weights(None), strict=True)]
        assert len(bench.pretrained) == 1
        assert not bench.fine_tuned
    assert same == [True, True, True, True, True, False, True]  # the last bias starts at zero and was not trained


def test_the_bench_restores_the_model_when_it_closes() -> None:
    case = digits(epochs=1)
    before = fingerprint(case.model)
    with Bench(case, Settings(seed=5)) as bench:
        random.random()
        np.random.rand()
        with bench.at(0) as model:
            model.train_on_batch(case.train.inputs[0][:8], case.train.targets[0][:8])
    assert fingerprint(case.model) == before


def test_samples_are_seeded_sorted_and_stratified() -> None:
    y = np.repeat([0, 1], [900, 100])
    split = Split("train", (np.zeros((1000, 2), "float32"),), (y,), Seen.YES)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, activation="sigmoid")])
    model.compile("sgd", "binary_crossentropy")
    case = Subject("two", model, (Output("out", Task.BINARY, "binary_crossentropy", classes=2),), split)
    with Bench(case, Settings()) as bench:
        rows = bench.sample(split, 50)
        assert rows.tolist() == sorted(set(bench.sample(split, 50).tolist()))
        assert np.bincount(y[rows]).tolist() == [45, 5]
        assert bench.sample(split, 5_000).tolist() == list(range(1000))


def test_without_a_dev_split_a_fifth_of_train_is_held_out() -> None:
    case = digits(dev=False)
    with Bench(case, Settings()) as bench:
        train, dev = bench.holdout()
    assert dev.origin == "held out from train"
    assert (train.rows, dev.rows) == (360, 90)
    together = np.concatenate([train.inputs[0], dev.inputs[0]])
    assert len(np.unique(together, axis=0)) == len(np.unique(case.train.inputs[0], axis=0))
