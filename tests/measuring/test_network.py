"""The model as built: every layer once, in call order, with its properties."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers

from diagnose.measurements import NotMeasured
from diagnose.measuring.activations import forward
from diagnose.measuring.bench import Bench
from diagnose.measuring.gradients import backward
from diagnose.measuring.network import as_drawn, network, twin_share
from diagnose.measuring.walking import walk
from diagnose.settings import Settings
from tests.measuring.architectures import (
    REGRESSION,
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
    three,
)


def described(subject):
    with Bench(subject, Settings()) as bench:
        found = network(bench, {})
    return found, {layer.path: layer for layer in found.layers}


def test_a_sequential_model_layer_by_layer():
    subject = sequential()
    found, by_path = described(subject)
    assert [layer.path for layer in found.layers][1:] == ["first", "norm", "drop", "last", "soft"]
    first, last = by_path["first"], by_path["last"]
    kernel = np.asarray(subject.model.get_layer("first").kernel)
    assert (first.kind, first.activation, first.units, first.output_shape) == ("Dense", "relu", 8, (None, 8))
    assert (first.parameters, first.fan_in, first.use_bias, first.weighted) == (56, 6, True, True)
    assert (first.initializer, first.regularized) == ("GlorotUniform", True)
    assert first.kernel_std == pytest.approx(kernel.std(), rel=1e-5)
    assert first.kernel_max == pytest.approx(np.abs(kernel).max())
    assert (last.initializer, last.regularized) == ("RandomNormal(stddev=0.3)", False)
    assert (by_path["norm"].normalises, by_path["norm"].weighted, by_path["drop"].dropout) == (True, False, 0.5)
    assert [layer.inbound for layer in found.layers[1:]] == [(layer.path,) for layer in found.layers[:-1]]
    assert found.penalty == pytest.approx(0.1 * np.square(kernel).sum(), rel=1e-5)
    assert (found.parameters, found.trainable_parameters) == (115, 99)
    assert (found.optimizer, found.graph_known, found.skips, found.non_finite) == ("adam", True, False, ())


def test_heads_are_found_behind_activation_and_reshaping_layers():
    heads = described(many_ends())[0].heads
    assert [(head.layer, head.activation, head.units) for head in heads] == [
        ("logits", "softmax", 3),
        ("numbers", "linear", 2),
    ]
    assert [(head.shape, head.target_shape, head.use_bias) for head in heads] == [((3,), (), True), ((2,), (2,), True)]
    assert described(sequential())[0].heads[0].activation == "softmax"
    assert described(residual())[0].heads[0].activation == "sigmoid"
    assert [(h.layer, h.activation) for h in described(autoencoder())[0].heads] == [("decoder/expand", "linear")]


def test_nested_and_shared_layers_appear_once_with_all_inputs():
    found, by_path = described(many_ends())
    assert len(by_path) == len(found.layers)
    assert set(by_path["inside/deep"].inbound) == {"shared", "enter"}
    assert set(by_path["join"].inbound) == {"inside/deep", "shared"}
    assert found.skips


def test_residual_branches_are_in_the_graph():
    found, by_path = described(residual())
    assert found.skips
    assert set(by_path["add"].inbound) == {"conv", "branch"}
    assert (by_path["conv"].fan_in, by_path["conv"].use_bias) == (9, False)
    assert (by_path["branch"].fan_in, by_path["branch"].weighted) == (9, True)
    assert by_path["scale"].normalises


def test_a_subclassed_model_is_described_in_call_order():
    found, _ = described(subclassed())
    assert [layer.path for layer in found.layers] == ["enter", "again", "drop", "out"]
    assert not found.graph_known
    assert all(layer.inbound == () for layer in found.layers)
    assert found.heads[0].activation is None
    assert (found.heads[0].units, found.layers[-1].output_shape) == (3, (None, 3))


def test_recurrent_and_attention_layers_count_as_one_each():
    by_path = described(recurrent())[1]
    both, each = by_path["both"], by_path["each"]
    assert (both.kind, both.recurrent, both.weighted, both.activation) == ("Bidirectional(LSTM)", True, True, "tanh")
    assert (both.inbound, both.units, both.fan_in) == (("words",), 8, 6)
    assert (each.kind, each.activation, each.weighted) == ("TimeDistributed(Dense)", "softmax", True)
    attend = described(attention())[1]["attend"]
    assert (attend.weighted, attend.activation, attend.fan_in) == (True, None, 8)
    cell = keras.Sequential([keras.Input((3, 2)), layers.RNN(layers.GRUCell(4), name="cell"), layers.Dense(3)])
    cell.compile("sgd", "sparse_categorical_crossentropy")
    layer = described(subject_of(cell, (three(),), (numbers(3, 2),), (labels(3),)))[1]["cell"]
    assert (layer.kind, layer.recurrent, layer.activation) == ("RNN(GRUCell)", True, "tanh")


def test_activations_have_canonical_names():
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(4, activation="swish", name="silu"),
            layers.Dense(4, activation=layers.LeakyReLU(), name="leaky_relu"),
            layers.Activation("relu6", name="relu6"),
            layers.ReLU(negative_slope=0.1, name="slope"),
            layers.Dense(6, name="linear"),
        ]
    )
    model.compile("sgd", "mse")
    by_path = described(subject_of(model, (REGRESSION,), (numbers(6),), (numbers(6),)))[1]
    assert by_path["slope"].activation == "leaky_relu"
    assert all(by_path[name].activation == name for name in ("silu", "leaky_relu", "relu6", "linear"))


def test_non_finite_values_are_found_in_weights_and_optimizer_slots():
    subject = sequential()
    subject.model.fit(numbers(6), labels(3), verbose=0)
    kernel = subject.model.get_layer("first").kernel
    kernel.assign(np.where(np.arange(48).reshape(6, 8) < 5, np.nan, np.asarray(kernel)))
    slot = next(v for v in subject.model.optimizer.variables if v.shape == (3,))
    slot.assign([np.inf, 0, 0])
    worst, other = described(subject)[0].non_finite
    assert (worst[1], other[1]) == (5, 1)
    assert "first" in worst[0]


def test_frozen_layers_are_pretrained_and_trainable_ones_are_not():
    subject = autoencoder()
    subject.model.get_layer("encoder").trainable = False
    subject.model.compile("sgd", "mse")
    by_path = described(subject)[1]
    assert (by_path["encoder/squeeze"].trainable, by_path["encoder/squeeze"].pretrained) == (False, True)
    assert (by_path["decoder/expand"].trainable, by_path["decoder/expand"].pretrained) == (True, False)


def test_twins_are_units_with_parallel_weights():
    generator = np.random.default_rng(0)
    columns = generator.normal(size=(20, 50))
    assert twin_share(columns) == 0
    columns[:, [4, 30, 31]] = columns[:, [4]] * [1, 2, 0.5]
    assert twin_share(columns) == pytest.approx(3 / 50)
    assert twin_share(np.full((8, 6), 0.1)) == 1
    assert twin_share(np.zeros((8, 6))) == 1
    assert twin_share(generator.normal(size=(1, 50))) is None


def test_operations_outside_layers_are_listed():
    inputs = keras.Input((4,))
    hidden = keras.ops.relu(layers.Dense(3)(inputs))
    model = keras.Model(inputs, layers.Dense(1)(hidden) + 1.0)
    assert walk(model).operations == ("Relu", "Add")


def test_the_layers_of_a_saved_model_are_not_measured(tmp_path):
    sequential().model.export(tmp_path / "saved", verbose=False)
    layer = keras.layers.TFSMLayer(str(tmp_path / "saved"), call_endpoint="serve")
    source = keras.Input(sequential().model.input_shape[1:])
    whole = replace(sequential(), model=keras.Model(source, layer(source)))
    with Bench(whole, Settings()) as bench:
        for instrument in (network, forward, backward):
            with pytest.raises(NotMeasured, match="runs as one layer: its inner layers are not accessible"):
                instrument(bench, {})


@pytest.mark.parametrize("initializer", ["glorot_uniform", "he_normal", "random_normal", "orthogonal"])
def test_a_kernel_that_was_never_trained_is_told_from_a_trained_one(initializer: str) -> None:
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(40, "relu", kernel_initializer=initializer)])
    layer = model.layers[0]
    fresh = np.asarray(layer.kernel, np.float64)
    assert as_drawn(layer, fresh) is True
    few_large = fresh * np.random.default_rng(0).normal(size=fresh.shape) ** 2  # as after training
    assert as_drawn(layer, few_large) is False


def test_constant_initializers_and_small_kernels_say_nothing() -> None:
    zeros = keras.layers.Dense(40, kernel_initializer="zeros")
    assert as_drawn(zeros, np.zeros((20, 40))) is None
    assert as_drawn(keras.layers.Dense(3), np.zeros((4, 3))) is None


def test_the_vocabulary_of_a_text_layer_is_counted_without_special_tokens() -> None:
    texts = np.array([["good film"], ["poor film"]], dtype=object)
    for adapted, entries in ((False, 0), (True, 3)):
        vectorise = layers.TextVectorization(20, output_sequence_length=4)
        if adapted:
            vectorise.adapt(texts)
        model = keras.Sequential(
            [keras.Input((1,), dtype="string"), vectorise, layers.Embedding(20, 2), layers.Flatten()]
        )
        model.add(layers.Dense(1))
        model.compile("sgd", "mse")
        _, found = described(subject_of(model, (REGRESSION,), (texts,), (np.zeros(2, "float32"),)))
        assert [layer.vocabulary for layer in found.values() if layer.kind == "TextVectorization"] == [entries]
