"""Files of Keras 1, written by hand: each layer computes what its equal of Keras 3 computes with the same weights."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from diagnose.errors import InputError
from diagnose.loading.models import conversions, legacy
from diagnose.loading.models.choosing import load_model
from diagnose.loading.models.restoring import LoadedModel
from diagnose.loading.options import LoadOptions
from tests.loading.old_files import write_hdf5

pytestmark = pytest.mark.usefixtures("scanned_here")
L = keras.layers
Arrays = list[Any]
NONE = LoadOptions()
SERIES, PICTURE, VOLUME = (6, 4), (7, 6, 2), (4, 4, 4, 2)
L2 = {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.01}
RECURRENT = {
    "output_dim": 3, "init": "glorot_uniform", "inner_init": "orthogonal", "activation": "tanh", "U_regularizer": None,
    "W_regularizer": L2, "b_regularizer": None, "dropout_W": 0.1, "dropout_U": 0.2, "return_sequences": False,
    "go_backwards": False, "stateful": False, "unroll": False, "consume_less": "cpu", "input_dim": 4,
}  # fmt: skip
GATED = {**RECURRENT, "inner_activation": "hard_sigmoid"}
CONVOLUTION = {
    "init": "uniform", "activation": "relu", "W_regularizer": L2, "b_regularizer": None, "activity_regularizer": None,
    "W_constraint": {"name": "MaxNorm", "m": 2, "axis": 0}, "b_constraint": {"name": "NonNeg"}, "bias": True,
}  # fmt: skip
FLAT = {**CONVOLUTION, "nb_filter": 3, "nb_row": 3, "nb_col": 2, "border_mode": "valid", "subsample": [1, 1]}


@dataclass(frozen=True)
class Case:
    """A layer in the words of Keras 1, its equal of Keras 3, and how Keras 1 kept the weights of the latter."""

    shape: tuple[int, ...]
    kind: str
    config: dict[str, Any]
    equal: Callable[[], Any]
    weights: Callable[[Arrays], Sequence[Any]] = list
    backend: str = "tensorflow"


@keras.saving.register_keras_serializable("tests")
def hard_sigmoid(x: Any) -> Any:
    return keras.ops.clip(0.2 * x + 0.5, 0, 1)


def spread(gates: str, order: str) -> Callable[[Arrays], Arrays]:
    """Three arrays per gate, in Keras 1's order of the gates, out of Keras 3's three arrays for all."""

    def split(arrays: Arrays) -> Arrays:
        parts = [np.split(array, len(gates), axis=-1) for array in arrays]
        return [part[gates.index(gate)] for gate in order for part in parts]

    return split


def kernel(change: Callable[[Any], Any]) -> Callable[[Arrays], Arrays]:
    return lambda arrays: [change(arrays[0]), *arrays[1:]]


LSTM, GRU = spread("ifco", "icfo"), spread("zrh", "zrh")
CASES = {
    "dense": Case(
        (3,), "Dense", {**CONVOLUTION, "output_dim": 4, "input_dim": 3}, lambda: L.Dense(4, activation="relu")
    ),
    "dense over time": Case(SERIES, "TimeDistributedDense", {"output_dim": 2, "input_length": 6}, lambda: L.Dense(2)),
    "convolution": Case(
        PICTURE,
        "Convolution2D",
        {**FLAT, "border_mode": "same", "subsample": [2, 1], "dim_ordering": "tf"},
        lambda: L.Conv2D(3, (3, 2), strides=(2, 1), padding="same", activation="relu"),
    ),
    "convolution, channels first": Case(
        PICTURE,
        "Convolution2D",
        {**FLAT, "dim_ordering": "th"},
        lambda: [L.Permute((2, 3, 1)), L.Conv2D(3, (3, 2), activation="relu"), L.Permute((3, 1, 2))],
        kernel(lambda k: k.transpose(3, 2, 0, 1)),
    ),
    "convolution, Theano": Case(
        PICTURE,
        "Convolution2D",
        {**FLAT, "dim_ordering": "th"},
        lambda: [L.Permute((2, 3, 1)), L.Conv2D(3, (3, 2), activation="relu"), L.Permute((3, 1, 2))],
        kernel(lambda k: k[::-1, ::-1].transpose(3, 2, 0, 1)),
        "theano",
    ),
    "convolution 1d": Case(
        SERIES,
        "Convolution1D",
        {**CONVOLUTION, "nb_filter": 3, "filter_length": 2, "border_mode": "valid", "subsample_length": 2},
        lambda: L.Conv1D(3, 2, strides=2, activation="relu"),
        kernel(lambda k: k[:, None]),
    ),
    "convolution 1d, older": Case(
        SERIES,
        "Convolution1D",
        {**CONVOLUTION, "nb_filter": 3, "filter_length": 2, "border_mode": "valid", "subsample_length": 1},
        lambda: L.Conv1D(3, 2, activation="relu"),
        kernel(lambda k: k.transpose(2, 1, 0)[..., None]),
    ),
    "convolution 1d, Theano": Case(
        SERIES,
        "Convolution1D",
        {**CONVOLUTION, "nb_filter": 3, "filter_length": 2, "border_mode": "same", "subsample_length": 1},
        lambda: L.Conv1D(3, 2, activation="relu", padding="same"),
        kernel(lambda k: k[::-1, None]),
        "theano",
    ),
    "convolution 3d": Case(
        VOLUME,
        "Convolution3D",
        {**CONVOLUTION, "nb_filter": 2, "kernel_dim1": 2, "kernel_dim2": 1, "kernel_dim3": 3, "dim_ordering": "tf"},
        lambda: L.Conv3D(2, (2, 1, 3), activation="relu"),
    ),
    "convolution 3d, channels first": Case(
        VOLUME,
        "Convolution3D",
        {**CONVOLUTION, "nb_filter": 2, "kernel_dim1": 2, "kernel_dim2": 2, "kernel_dim3": 1, "dim_ordering": "th"},
        lambda: L.Conv3D(2, (2, 2, 1), activation="relu", data_format="channels_first"),
        kernel(lambda k: k.transpose(4, 3, 0, 1, 2)),
    ),
    "with holes": Case(
        PICTURE,
        "AtrousConvolution2D",
        {**FLAT, "atrous_rate": [2, 2], "dim_ordering": "tf"},
        lambda: L.Conv2D(3, (3, 2), dilation_rate=2, activation="relu"),
    ),
    "deconvolution": Case(
        PICTURE,
        "Deconvolution2D",
        {**FLAT, "subsample": [2, 2], "output_shape": [None, 15, 12, 3], "dim_ordering": "tf"},
        lambda: L.Conv2DTranspose(3, (3, 2), strides=2, activation="relu"),
        kernel(lambda k: k.transpose(0, 1, 3, 2)),
    ),
    "deconvolution, channels first": Case(
        PICTURE,
        "Deconvolution2D",
        {**FLAT, "subsample": [2, 2], "output_shape": [None, 3, 13, 4], "dim_ordering": "th"},
        lambda: [L.Permute((2, 3, 1)), L.Conv2DTranspose(3, (3, 2), 2, activation="relu"), L.Permute((3, 1, 2))],
        kernel(lambda k: k.transpose(2, 3, 0, 1)),
    ),
    "separable": Case(
        PICTURE,
        "SeparableConvolution2D",
        {**FLAT, "depth_multiplier": 2, "depthwise_init": "uniform", "pointwise_init": "normal", "dim_ordering": "tf"},
        lambda: L.SeparableConv2D(3, (3, 2), depth_multiplier=2, activation="relu"),
    ),
    "max pooling": Case(
        PICTURE,
        "MaxPooling2D",
        {"pool_size": [2, 2], "strides": [2, 1], "border_mode": "same", "dim_ordering": "tf"},
        lambda: L.MaxPooling2D(2, strides=(2, 1), padding="same"),
    ),
    "average pooling 1d": Case(
        SERIES,
        "AveragePooling1D",
        {"pool_length": 2, "stride": 1, "border_mode": "valid", "input_dim": 4},
        lambda: L.AveragePooling1D(2, 1),
    ),
    "global pooling": Case(
        PICTURE,
        "GlobalMaxPooling2D",
        {"dim_ordering": "th"},
        lambda: L.GlobalMaxPooling2D(data_format="channels_first"),
    ),
    "batch normalisation": Case(
        PICTURE,
        "BatchNormalization",
        {"epsilon": 1e-6, "mode": 0, "axis": -1, "momentum": 0.9, "gamma_init": "one", "beta_init": "zero"},
        lambda: L.BatchNormalization(epsilon=1e-6),
    ),
    "dropout": Case((3,), "Dropout", {"p": 0.5}, lambda: L.Dropout(0.5)),
    "noise": Case((3,), "GaussianNoise", {"sigma": 0.5}, lambda: L.GaussianNoise(0.5)),
    "spatial dropout": Case(
        PICTURE, "SpatialDropout2D", {"p": 0.5, "dim_ordering": "tf"}, lambda: L.SpatialDropout2D(0.5)
    ),
    "upsampling 1d": Case(SERIES, "UpSampling1D", {"length": 2}, lambda: L.UpSampling1D(2)),
    "upsampling 2d": Case(
        PICTURE, "UpSampling2D", {"size": [2, 3], "dim_ordering": "tf"}, lambda: L.UpSampling2D((2, 3))
    ),
    "padding": Case(
        PICTURE, "ZeroPadding2D", {"padding": [1, 2], "dim_ordering": "tf"}, lambda: L.ZeroPadding2D((1, 2))
    ),
    "padding of four sides": Case(
        PICTURE,
        "ZeroPadding2D",
        {"padding": [1, 0, 2, 3], "dim_ordering": "tf"},
        lambda: L.ZeroPadding2D(((1, 0), (2, 3))),
    ),
    "padding by name": Case(
        PICTURE,
        "ZeroPadding2D",
        {"padding": {"top_pad": 1, "right_pad": 2}, "dim_ordering": "tf"},
        lambda: L.ZeroPadding2D(((1, 0), (0, 2))),
    ),
    "cropping": Case(
        PICTURE,
        "Cropping2D",
        {"cropping": [[1, 0], [2, 1]], "dim_ordering": "tf"},
        lambda: L.Cropping2D(((1, 0), (2, 1))),
    ),
    "lstm": Case(
        SERIES, "LSTM", {**GATED, "forget_bias_init": "one"}, lambda: L.LSTM(3, recurrent_activation=hard_sigmoid), LSTM
    ),
    "lstm for a gpu": Case(
        SERIES, "LSTM", {**GATED, "consume_less": "gpu"}, lambda: L.LSTM(3, recurrent_activation=hard_sigmoid)
    ),
    "gru": Case(SERIES, "GRU", GATED, lambda: L.GRU(3, recurrent_activation=hard_sigmoid, reset_after=False), GRU),
    "simple rnn": Case(SERIES, "SimpleRNN", RECURRENT, lambda: L.SimpleRNN(3)),
    "bidirectional": Case(
        SERIES,
        "Bidirectional",
        {"merge_mode": "concat", "layer": {"class_name": "LSTM", "config": {**GATED, "name": "inner"}}},
        lambda: L.Bidirectional(L.LSTM(3, recurrent_activation=hard_sigmoid)),
        lambda arrays: [*LSTM(arrays[:3]), *LSTM(arrays[3:])],
    ),
    "time distributed": Case(
        (3, *PICTURE),
        "TimeDistributed",
        {"layer": {"class_name": "Convolution2D", "config": {**FLAT, "dim_ordering": "tf", "name": "inner"}}},
        lambda: L.TimeDistributed(L.Conv2D(3, (3, 2), activation="relu")),
    ),
    "advanced activations": Case((3,), "PReLU", {"init": "zero", "weights": None, "shared_axes": None}, L.PReLU),
    "leaky relu": Case((3,), "LeakyReLU", {"alpha": 0.2}, lambda: L.LeakyReLU(0.2)),
    "hard sigmoid": Case((3,), "Activation", {"activation": "hard_sigmoid"}, lambda: L.Activation(hard_sigmoid)),
}


@pytest.fixture(autouse=True)
def no_way_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that only tf-keras can open does not count as a success here."""
    monkeypatch.setattr(legacy, "installed", lambda: False)


def filled(model: Any) -> Any:
    """The same model with weights that are all different."""
    draw = np.random.default_rng(0)
    model.set_weights([draw.uniform(0.1, 0.6, weight.shape) for weight in model.weights])
    return model


def agree(loaded: LoadedModel, model: Any, tokens: bool = False) -> None:
    draw = np.random.default_rng(1)
    shapes = [(2, *tensor.shape[1:]) for tensor in model.inputs]
    inputs = [draw.integers(0, 4, shape) if tokens else draw.normal(size=shape).astype("float32") for shape in shapes]
    given, expected = (
        loaded.model(inputs if len(inputs) > 1 else inputs[0]),
        model(inputs if len(inputs) > 1 else inputs[0]),
    )
    np.testing.assert_allclose(given, expected, rtol=0, atol=1e-6)


def first(kind: str, config: dict[str, Any], shape: tuple[int, ...], **more: Any) -> dict[str, Any]:
    values = {"name": "one", "trainable": True, "batch_input_shape": [None, *shape], "input_dtype": "float32"}
    return {"class_name": kind, "config": {**values, **config, **more}}


@pytest.mark.parametrize("version", ["", "1.2.2"])
@pytest.mark.parametrize("name", CASES)
def test_the_layer_computes_what_keras_1_did(name: str, version: str, tmp_path: Path) -> None:
    case = CASES[name]
    model = filled(keras.Sequential([keras.Input(case.shape), *keras.tree.flatten(case.equal())]))
    weights = case.weights(model.get_weights())
    config = {"class_name": "Sequential", "config": [first(case.kind, case.config, case.shape)]}
    path = write_hdf5(
        tmp_path / "m.h5", config, {"one": weights} if weights else {}, version=version, backend=case.backend
    )
    loaded = load_model(path, NONE)
    agree(loaded, model)
    assert (conversions.THEANO_NOTE in loaded.notes) == (case.backend == "theano")
    assert loaded.training.learning_rate == pytest.approx(0.1)


def test_an_embedding_takes_whole_numbers(tmp_path: Path) -> None:
    model = filled(keras.Sequential([keras.Input((5,)), L.Embedding(9, 3), L.Flatten()]))
    settings = {
        "input_dim": 9,
        "output_dim": 3,
        "init": "uniform",
        "input_length": 5,
        "mask_zero": False,
        "dropout": 0.0,
    }
    layers = [
        first("Embedding", settings, (5,), input_dtype="int32", activity_regularizer=None, W_constraint=None),
        {"class_name": "Flatten", "config": {"name": "two", "trainable": True}},
    ]
    path = write_hdf5(tmp_path / "m.h5", {"class_name": "Sequential", "config": layers}, {"one": model.get_weights()})
    loaded = load_model(path, NONE)
    assert loaded.signature.inputs[0].dtype == "int32"
    agree(loaded, model, tokens=True)


@pytest.mark.parametrize(
    ("mode", "equal"),
    [
        ({"mode": "sum"}, L.Add),
        ({"mode": "mul"}, L.Multiply),
        ({"mode": "ave"}, L.Average),
        ({"mode": "max"}, L.Maximum),
        ({"mode": "concat", "concat_axis": -1}, L.Concatenate),
        ({"mode": "dot", "dot_axes": [1, 1]}, lambda: L.Dot(1)),
        ({"mode": "cos", "dot_axes": [1, 1]}, lambda: L.Dot(1, normalize=True)),
    ],
)
@pytest.mark.parametrize("functional", [True, False])
def test_merged_branches(mode: dict[str, Any], equal: Callable[[], Any], functional: bool, tmp_path: Path) -> None:
    inputs = [keras.Input((3,)), keras.Input((2,))]
    branches = [L.Dense(4)(inputs[0]), L.Dense(4)(inputs[1])]
    model = filled(keras.Model(inputs, L.Dense(2)(equal()(branches))))
    merge = {
        "name": "m",
        "layers": [],
        "mode_type": "raw",
        "dot_axes": -1,
        "output_shape": None,
        "arguments": {},
        **mode,
    }
    parts = [first("Dense", {"output_dim": 4}, (size,), name=name) for size, name in ((3, "a"), (2, "b"))]
    end = {"class_name": "Dense", "config": {"name": "c", "output_dim": 2, "activation": "linear", "bias": True}}
    if functional:
        config = _graph(parts, merge, end)
    else:
        merge["layers"] = [{"class_name": "Sequential", "config": [part]} for part in parts]
        config = {"class_name": "Sequential", "config": [{"class_name": "Merge", "config": merge}, end]}
    arrays = model.get_weights()
    weights = {"a": arrays[:2], "b": arrays[2:4], "c": arrays[4:]}
    loaded = load_model(write_hdf5(tmp_path / "m.h5", config, weights), NONE)
    agree(loaded, model)
    assert any("merged branches" in note for note in loaded.notes) != functional


def _graph(parts: list[dict[str, Any]], merge: dict[str, Any], end: dict[str, Any]) -> dict[str, Any]:
    layers = []
    for part in parts:
        name, shape = f"in_{part['config']['name']}", part["config"].pop("batch_input_shape")
        settings = {"name": name, "batch_input_shape": shape, "input_dtype": "float32", "sparse": False}
        layers.append({"class_name": "InputLayer", "config": settings, "name": name, "inbound_nodes": []})
        layers.append({**part, "name": part["config"]["name"], "inbound_nodes": [[[name, 0, 0]]]})
    sources = [[part["config"]["name"], 0, 0] for part in parts]
    layers.append({"class_name": "Merge", "config": merge, "name": "m", "inbound_nodes": [sources]})
    layers.append({**end, "name": "c", "inbound_nodes": [[["m", 0, 0]]]})
    ends = {"input_layers": [["in_a", 0, 0], ["in_b", 0, 0]], "output_layers": [["c", 0, 0]]}
    return {"class_name": "Model", "config": {"name": "model_1", "layers": layers, **ends}}


def test_weights_of_a_nested_model_are_spread_by_gates(tmp_path: Path) -> None:
    inner = keras.Sequential(
        [keras.Input(SERIES), L.LSTM(3, recurrent_activation=hard_sigmoid), L.BatchNormalization()]
    )
    model = filled(keras.Sequential([keras.Input(SERIES), inner, L.Dense(2)]))
    arrays = model.get_weights()
    layers = [first("LSTM", GATED, SERIES), {"class_name": "BatchNormalization", "config": {"name": "two", "mode": 0}}]
    config = [
        {"class_name": "Sequential", "config": layers},
        {"class_name": "Dense", "config": {"name": "three", "output_dim": 2, "input_dim": None}},
    ]
    weights = {"sequential": [*LSTM(arrays[:3]), *arrays[3:7]], "three": arrays[7:]}
    path = write_hdf5(tmp_path / "m.h5", {"class_name": "Sequential", "config": config}, weights)
    loaded = load_model(path, NONE)
    inputs = np.random.default_rng(1).normal(size=(2, *SERIES)).astype("float32")
    epsilon = loaded.model.layers[0].layers[1].epsilon
    inner.layers[1].epsilon = epsilon
    np.testing.assert_allclose(loaded.model(inputs), model(inputs), atol=1e-6)


def test_nameless_weights_are_taken_as_tensorflow_wrote_them(tmp_path: Path) -> None:
    case = CASES["convolution"]
    model = filled(keras.Sequential([keras.Input(case.shape), case.equal()]))
    config = {"class_name": "Sequential", "config": [first(case.kind, case.config, case.shape)]}
    loaded = load_model(write_hdf5(tmp_path / "m.h5", config, {"one": model.get_weights()}, named=False), NONE)
    agree(loaded, model)


REFUSED = {
    "mode of batch normalisation": (
        first("BatchNormalization", {"mode": 2}, (3,)),
        'layer "one" is a BatchNormalization of Keras 1 with mode 1 or 2, which later versions do not know: '
        "train the model again with mode 0",
    ),
    "eigenvalues": (
        first("Dense", {"output_dim": 1, "W_regularizer": {"name": "EigenvalueRegularizer", "k": 1}}, (3,)),
        "the EigenvalueRegularizer of Keras 1 is not part of Keras 3: save the model without it",
    ),
    "merge by a function": (
        {"class_name": "Merge", "config": {"name": "m", "mode": "f", "mode_type": "function", "layers": []}},
        'layer "m" is a Merge of Keras 1 by a custom function, which is not in the file: '
        "build the model with a later Keras and save it again",
    ),
    "merge of branches that are not a series": (
        {
            "class_name": "Merge",
            "config": {"name": "m", "mode": "sum", "layers": [{"class_name": "Model", "config": {}}]},
        },
        "a branch of its Merge layer must be a Sequential model with an input shape: "
        "build the model with a later Keras and save it again",
    ),
    "layers that are gone": (
        first("MaxoutDense", {"output_dim": 1}, (3,)),
        'layer "one" is of the class MaxoutDense, which is not part of Keras 3: pass --custom-objects FILE.py',
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_later_versions_do_not_know_is_refused(name: str, tmp_path: Path) -> None:
    layer, message = REFUSED[name]
    path = write_hdf5(tmp_path / "m.h5", {"class_name": "Sequential", "config": [layer]}, {})
    with pytest.raises(InputError) as error:
        load_model(path, NONE)
    assert message in str(error.value)
