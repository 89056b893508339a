"""The probe compared with NumPy on the real outputs, and with a gradient tape."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from diagnose.measurements import Magnitudes, Unavailable
from diagnose.measurements.magnitudes import EDGES
from diagnose.measuring.activations import first_weighted, forward
from diagnose.measuring.bench import Bench
from diagnose.measuring.gradients import backward
from diagnose.measuring.probe import compile_gradients, compile_statistics
from diagnose.measuring.reducing import POSITIONS, SIGMOID_SATURATED
from diagnose.measuring.walking import kernels, walk
from diagnose.settings import Settings
from tests.measuring.architectures import (
    EVERY,
    REGRESSION,
    Twice,
    attention,
    autoencoder,
    labels,
    many_ends,
    numbers,
    recurrent,
    residual,
    sequential,
    subclassed,
    subject_of,
)


def outputs_by_path(model, inputs):
    """The outputs of the layers of a Functional or Sequential model, from a multi-output Keras model."""
    every = keras.Model(model.inputs, [layer.output for layer in model.layers])
    return {layer.name: np.asarray(out) for layer, out in zip(model.layers, every(inputs, training=False), strict=True)}


def statistics(model, inputs, batch=16):
    walked = walk(model)
    read = compile_statistics(model, walked.parts, first_weighted(walked, {}), training=False)
    readings = [read(inputs[i : i + batch]) for i in range(0, len(inputs), batch)]
    outputs = {path: sum((r.outputs[path] for r in readings[1:]), tally) for path, tally in readings[0].outputs.items()}
    inputs_ = {path: sum((r.inputs[path] for r in readings[1:]), tally) for path, tally in readings[0].inputs.items()}
    return outputs, inputs_


@pytest.mark.parametrize("build", [sequential, recurrent, attention, residual], ids=lambda build: build.__name__)
def test_tallies_equal_numpy_on_the_real_outputs(build):
    subject = build()
    model, inputs = subject.model, subject.train.inputs[0]
    found, _ = statistics(model, inputs)
    for path, real in outputs_by_path(model, inputs).items():
        if path not in found or np.prod(real.shape[1:-1]) > POSITIONS:
            continue
        values, tally = real.reshape(-1, real.shape[-1]).astype(np.float64), found[path]
        assert tally.count == len(values)
        assert tally.mean == pytest.approx(values.mean(axis=0), abs=1e-5)
        assert np.sqrt(tally.squares / tally.count) == pytest.approx(values.std(axis=0), rel=1e-4, abs=1e-6)
        assert tally.low == pytest.approx(values.min(axis=0), abs=1e-5)
        assert tally.high == pytest.approx(values.max(axis=0), abs=1e-5)
        assert tally.positive == pytest.approx((values > 1e-12).sum(axis=0), abs=1)
        row_means = real.reshape(len(real), -1, real.shape[-1]).mean(axis=1, dtype=np.float64)
        assert np.sqrt(tally.row_squares / tally.rows) == pytest.approx(row_means.std(axis=0), rel=1e-3, abs=1e-6)
    assert {"sequential": "first", "recurrent": "both", "attention": "attend", "residual": "branch"}[
        build.__name__
    ] in found


def test_extremes_use_all_positions_and_means_a_sample():
    subject = residual()
    found, entered = statistics(subject.model, subject.train.inputs[0])
    real = outputs_by_path(subject.model, subject.train.inputs[0])["conv"]
    assert found["conv"].high == pytest.approx(real.max(axis=(0, 1, 2)), abs=1e-5)
    assert found["conv"].low == pytest.approx(real.min(axis=(0, 1, 2)), abs=1e-5)
    assert found["conv"].count == len(real) * POSITIONS
    assert found["conv"].mean == pytest.approx(real.mean(axis=(0, 1, 2)), abs=0.2)
    assert entered["conv"].high == pytest.approx(subject.train.inputs[0].max() / 2)


def test_small_spreads_around_large_means_are_exact():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    inputs = numbers(2) + np.float32(3000)
    _, entered = statistics(model, inputs)
    tally = entered["dense" if "dense" in entered else next(iter(entered))]
    assert np.sqrt(tally.squares / tally.count) == pytest.approx(inputs.std(axis=0, dtype=np.float64), rel=1e-3)


def by_size(values):
    """The shares that NumPy finds: exact zeros, and the bins of `Magnitudes`."""
    sizes = np.abs(np.asarray(values, np.float64).ravel())
    some = np.clip(sizes[sizes > 0], EDGES[0], EDGES[-1] * (1 - 1e-9))
    return np.mean(sizes == 0), np.histogram(some, EDGES)[0] / sizes.size


def test_activations_are_counted_by_size():
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(8, activation="relu", name="fires")])
    inputs = numbers(6)
    found, _ = statistics(model, inputs, batch=16)
    zero, shares = by_size(np.asarray(model(inputs))[::4])  # every fourth row is counted
    assert 0.1 < zero < 0.9
    counted = Magnitudes.counted(found["fires"].sizes)
    assert counted.zero == pytest.approx(zero)
    assert counted.shares == pytest.approx(shares)


def test_a_layer_of_many_units_and_positions_is_counted_on_a_sample():
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(96, 3, padding="same", name="wide")])
    inputs = np.random.default_rng(0).normal(size=(32, 8, 8, 1)).astype("float32")
    tally = statistics(model, inputs, batch=16)[0]["wide"]
    assert tally.sizes[0] == 8 * 2 * 64  # rows, positions, units
    _, shares = by_size(model(inputs))
    assert Magnitudes.counted(tally.sizes).shares == pytest.approx(shares, abs=0.1)


def test_sizes_beyond_the_edges_fall_into_the_outer_bins_and_what_is_not_finite_into_none():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3, use_bias=False, name="same")])
    model.set_weights([np.eye(3, dtype="float32")])
    counted = Magnitudes.counted(statistics(model, np.tile(np.float32([1e-12, 0, -1e9]), (16, 1)))[0]["same"].sizes)
    assert counted.zero == pytest.approx(1 / 3)
    assert (counted.shares[0], counted.shares[-1]) == (pytest.approx(1 / 3), pytest.approx(1 / 3))
    assert Magnitudes.counted(statistics(model, np.full((16, 3), np.nan, "float32"))[0]["same"].sizes) is None


def test_saturated_and_non_finite_values_are_counted():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, activation="sigmoid", name="squash")])
    model.set_weights([np.eye(3, 4, dtype="float32") * 9, np.zeros(4, "float32")])
    inputs = numbers(3)
    found, _ = statistics(model, inputs)
    real = np.asarray(model(inputs))
    outside = (real < SIGMOID_SATURATED[0]) | (real > SIGMOID_SATURATED[1])
    assert found["squash"].saturated == pytest.approx(outside.sum(axis=0), abs=1)
    inputs[0, 1] = np.nan
    assert statistics(model, inputs)[0]["squash"].non_finite.sum() == np.isnan(np.asarray(model(inputs))).sum() > 0


def test_a_part_that_is_called_twice_has_one_tally_of_both_calls():
    model = Twice()
    model(numbers(6))
    found, _ = statistics(model, numbers(6))
    x = model.enter(numbers(6))
    both = np.concatenate([np.asarray(model.again(x)), np.asarray(model.again(model.again(x)))])
    assert found["again"].count == len(both)
    assert found["again"].mean == pytest.approx(both.mean(axis=0), abs=1e-5)
    assert list(found) == ["enter", "again", "drop", "out"]


@pytest.mark.parametrize("build", [many_ends, recurrent, attention, residual, autoencoder], ids=lambda b: b.__name__)
def test_gradients_equal_those_of_a_gradient_tape(build):
    subject = build()
    with Bench(subject, Settings()) as bench, bench.at(None) as model:
        batch = bench.batch(subject.train, np.arange(16))
        parts = tuple(part for part in walk(model).parts if kernels(part))
        before = [np.asarray(variable.value).tobytes() for variable in model.variables]
        reading = compile_gradients(model, parts)(batch)
        assert [np.asarray(variable.value).tobytes() for variable in model.variables] == before
        inputs, targets = (keras.tree.map_structure(tf.constant, part) for part in batch[:2])
        with tf.GradientTape() as tape:
            loss = model._compile_loss(targets, model(inputs, training=True))
        gradients = tape.gradient(loss, [variable.value for variable in model.trainable_variables])
    squares = {
        id(variable): float(tf.reduce_sum(tf.square(tf.convert_to_tensor(gradient))))
        for variable, gradient in zip(model.trainable_variables, gradients, strict=True)
    }
    assert reading.loss == pytest.approx(float(loss), rel=1e-5)
    assert reading.norm == pytest.approx(np.sqrt(sum(squares.values())), rel=1e-3)
    for part in parts:
        expected = sum(squares[id(kernel)] for kernel in kernels(part))
        assert reading.weight_gradients[part.path] == pytest.approx(expected, rel=1e-3, abs=1e-12)
    flat = {
        id(variable): np.asarray(tf.convert_to_tensor(gradient)).ravel()
        for variable, gradient in zip(model.trainable_variables, gradients, strict=True)
    }
    for part in parts:
        zero, shares = by_size(np.concatenate([flat[id(kernel)] for kernel in kernels(part)]))
        counted = Magnitudes.counted(reading.weight_sizes[part.path])
        assert counted.zero == pytest.approx(zero, abs=0.01)
        assert counted.shares == pytest.approx(shares, abs=0.02)


def test_activation_gradients_equal_the_analytical_ones():
    subject = autoencoder()
    inputs = numbers(6)
    with Bench(subject, Settings()) as bench, bench.at(None) as model:
        parts = tuple(part for part in walk(model).parts if kernels(part))
        reading = compile_gradients(model, parts)((inputs, inputs, None))
        predicted = np.asarray(model(inputs))
    expected = 2 * (predicted - inputs) / predicted.size
    squares, values = reading.activation_gradients["decoder/expand"]
    assert (squares, values) == (pytest.approx(np.square(expected).sum(), rel=1e-4), predicted.size)


def test_a_head_whose_loss_uses_logits_has_an_activation_gradient():
    subject = attention()
    with Bench(subject, Settings()) as bench:
        measured = backward(bench, {}).current
    assert measured.layers[-1].path == "last"
    assert all(np.isfinite(layer.activation_rms) and layer.activation_rms > 0 for layer in measured.layers)


def test_sample_weights_count_and_penalties_do_not():
    subject = sequential()
    weights = np.where(np.arange(48) < 24, 2.0, 0.0).astype("float32")
    with Bench(subject, Settings()) as bench, bench.at(None) as model:
        model.get_layer("drop").rate = 0.0
        read = compile_gradients(model, walk(model).parts[1:2])
        weighted = read((numbers(6), labels(3), weights))
        expected = model._compile_loss(labels(3), model(numbers(6), training=True), weights)
        plain = read((numbers(6), labels(3), None))
    assert weighted.loss == pytest.approx(float(expected), rel=1e-5)
    assert weighted.loss != pytest.approx(plain.loss, rel=1e-3)


def test_a_kernel_without_gradient_is_cut():
    given = keras.Input((4,))
    hidden = keras.layers.Dense(3, name="lost")(given)
    cut = keras.layers.Lambda(tf.stop_gradient, output_shape=(3,))(hidden)
    model = keras.Model(given, keras.layers.Dense(6, name="found")(cut))
    model.compile("sgd", "mse")
    with Bench(subject_of(model, (REGRESSION,), (numbers(4),), (numbers(6),)), Settings()) as bench:
        layers = {layer.path: layer for layer in backward(bench, {}).current.layers}
    assert layers["lost"].cut and not layers["found"].cut
    assert np.isnan(layers["lost"].activation_rms)


def test_without_a_loss_or_trainable_weights_gradients_are_unavailable():
    subject = autoencoder()
    subject.model.trainable = False
    subject.model.compile("sgd", "mse")
    with Bench(subject, Settings()) as bench:
        assert "no trainable weights" in backward(bench, {}).current.reason
        assert forward(bench, {}).current.first_inputs == ()


@pytest.mark.parametrize("build", EVERY, ids=lambda build: build.__name__)
def test_both_instruments_work_on_every_kind_of_model(build):
    subject = build()
    with Bench(subject, Settings()) as bench:
        activations, gradients = forward(bench, {}), backward(bench, {})
    for weights in ("current", "fresh"):
        seen, flowing = getattr(activations, weights), getattr(gradients, weights)
        assert not isinstance(seen, Unavailable) and not isinstance(flowing, Unavailable)
        paths = tuple(layer.path for layer in seen.layers)
        assert tuple(layer.path for layer in flowing.layers) == WEIGHTED[build]
        assert tuple(path for path in paths if path in WEIGHTED[build]) == WEIGHTED[build]
        assert flowing.batches == 8 and np.isfinite(flowing.loss)
        assert all(layer.relative > 0 and not layer.cut for layer in flowing.layers)
        assert tuple(first.layer for first in seen.first_inputs) == FIRSTS[build]


WEIGHTED = {
    sequential: ("first", "last"),
    many_ends: ("enter", "shared", "inside/deep", "numbers", "logits"),
    subclassed: ("enter", "again", "out"),
    recurrent: ("both", "each"),
    attention: ("attend", "last"),
    residual: ("conv", "branch", "last"),
    autoencoder: ("encoder/squeeze", "decoder/expand"),
}
FIRSTS = {
    sequential: ("first",),
    many_ends: ("enter", "shared"),
    subclassed: ("enter",),
    recurrent: (),
    attention: (),
    residual: ("conv",),
    autoencoder: ("encoder/squeeze",),
}
