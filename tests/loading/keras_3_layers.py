"""Models with every layer of Keras 3, saved under an older Keras 3 and loaded by `test_keras_3.py`.

Run under the older version, this file writes the fixture of that version:

    python tests/loading/keras_3_layers.py tests/loading/fixtures
"""

import io
import json
import sys
import tarfile
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

L: Any = keras.layers
SERIES, PICTURE, VOLUME = (6, 4), (6, 6, 3), (4, 4, 4, 2)
MERGING = ("Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract")
BY_RANK = {1: SERIES, 2: PICTURE, 3: VOLUME}


def _plain() -> dict[str, tuple[tuple[int, ...], Callable[[], Any]]]:
    """Name -> shape of one row, and the layer on it."""
    layers = {
        "Activation": ((4,), lambda: L.Activation("gelu")),
        "ActivityRegularization": ((4,), lambda: L.ActivityRegularization(l2=0.1)),
        "AlphaDropout": ((4,), lambda: L.AlphaDropout(0.2)),
        "BatchNormalization": (PICTURE, L.BatchNormalization),
        "BidirectionalGRU": (SERIES, lambda: L.Bidirectional(L.GRU(2))),
        "BidirectionalLSTM": (SERIES, lambda: L.Bidirectional(L.LSTM(2, return_sequences=True), merge_mode="sum")),
        "CategoryEncoding": ((4,), lambda: L.CategoryEncoding(num_tokens=5)),
        "CenterCrop": (PICTURE, lambda: L.CenterCrop(4, 4)),
        "ConvLSTM1D": ((3, *SERIES), lambda: L.ConvLSTM1D(2, 2)),
        "ConvLSTM2D": ((3, *PICTURE), lambda: L.ConvLSTM2D(2, 2)),
        "Dense": ((4,), lambda: L.Dense(3, activation="relu", kernel_regularizer="l2", kernel_constraint="max_norm")),
        "DenseLeaky": ((4,), lambda: L.Dense(3, activation="leaky_relu", kernel_initializer="he_normal")),
        "Discretization": ((4,), lambda: L.Discretization(bin_boundaries=[0.1, 0.5])),
        "Dropout": ((4,), lambda: L.Dropout(0.2)),
        "ELU": ((4,), L.ELU),
        "EinsumDense": (SERIES, lambda: L.EinsumDense("abc,cd->abd", output_shape=(None, 3), bias_axes="d")),
        "Embedding": ((5,), lambda: L.Embedding(7, 3)),
        "EmbeddingMasked": ((5,), lambda: keras.Sequential([L.Embedding(7, 3, mask_zero=True), L.LSTM(2)])),
        "Flatten": (PICTURE, L.Flatten),
        "GaussianDropout": ((4,), lambda: L.GaussianDropout(0.2)),
        "GaussianNoise": ((4,), lambda: L.GaussianNoise(0.2)),
        "GroupNormalization": (PICTURE, lambda: L.GroupNormalization(groups=3)),
        "Hashing": ((4,), lambda: L.Hashing(num_bins=3)),
        "Identity": ((4,), L.Identity),
        "IntegerLookup": ((4,), lambda: L.IntegerLookup(vocabulary=[1, 2, 3])),
        "LayerNormalization": (SERIES, L.LayerNormalization),
        "LeakyReLU": ((4,), L.LeakyReLU),
        "Masking": (SERIES, lambda: keras.Sequential([L.Masking(), L.GRU(2)])),
        "Normalization": ((4,), lambda: L.Normalization(mean=[0.0, 1.0, 2.0, 3.0], variance=[1.0, 2.0, 3.0, 4.0])),
        "PReLU": ((4,), L.PReLU),
        "Permute": (SERIES, lambda: L.Permute((2, 1))),
        "RNNOfLSTMCell": (SERIES, lambda: L.RNN(L.LSTMCell(3))),
        "RNNOfGRUCell": (SERIES, lambda: L.RNN(L.GRUCell(3), return_sequences=True)),
        "RNNOfStackedCells": (SERIES, lambda: L.RNN(L.StackedRNNCells([L.SimpleRNNCell(3), L.GRUCell(2)]))),
        "RandomBrightness": (PICTURE, lambda: L.RandomBrightness(0.2)),
        "RandomContrast": (PICTURE, lambda: L.RandomContrast(0.2)),
        "RandomCrop": (PICTURE, lambda: L.RandomCrop(4, 4)),
        "RandomFlip": (PICTURE, L.RandomFlip),
        "RandomRotation": (PICTURE, lambda: L.RandomRotation(0.2)),
        "RandomTranslation": (PICTURE, lambda: L.RandomTranslation(0.2, 0.2)),
        "RandomZoom": (PICTURE, lambda: L.RandomZoom(0.2)),
        "ReLU": ((4,), lambda: L.ReLU(max_value=6.0)),
        "RepeatVector": ((4,), lambda: L.RepeatVector(3)),
        "Rescaling": (PICTURE, lambda: L.Rescaling(1 / 255, offset=-1.0)),
        "Reshape": ((4,), lambda: L.Reshape((2, 2))),
        "Resizing": (PICTURE, lambda: L.Resizing(3, 3)),
        "Softmax": ((4,), L.Softmax),
        "SpectralNormalization": ((4,), lambda: L.SpectralNormalization(L.Dense(3))),
        "TimeDistributed": ((3, *PICTURE), lambda: L.TimeDistributed(L.Conv2D(2, 2))),
        "UnitNormalization": ((4,), L.UnitNormalization),
    }
    for kind in ("SimpleRNN", "LSTM", "GRU"):
        layers[kind] = (SERIES, lambda kind=kind: getattr(L, kind)(3))
    for rank, shape in BY_RANK.items():
        for kind in ("MaxPooling", "AveragePooling"):
            layers[f"{kind}{rank}D"] = (shape, lambda kind=kind, rank=rank: getattr(L, f"{kind}{rank}D")(2))
        for kind in ("GlobalMaxPooling", "GlobalAveragePooling"):
            layers[f"{kind}{rank}D"] = (shape, getattr(L, f"{kind}{rank}D"))
        for kind in ("Cropping", "ZeroPadding", "UpSampling"):
            layers[f"{kind}{rank}D"] = (shape, lambda kind=kind, rank=rank: getattr(L, f"{kind}{rank}D")(1))
        for kind in (f"Conv{rank}D", f"Conv{rank}DTranspose"):
            layers[kind] = (shape, lambda kind=kind: getattr(L, kind)(2, 2, padding="same"))
        layers[f"SpatialDropout{rank}D"] = (shape, lambda rank=rank: getattr(L, f"SpatialDropout{rank}D")(0.2))
    for rank in (1, 2):
        layers[f"DepthwiseConv{rank}D"] = (BY_RANK[rank], lambda rank=rank: getattr(L, f"DepthwiseConv{rank}D")(2))
        separable = lambda rank=rank: getattr(L, f"SeparableConv{rank}D")(2, 2)  # noqa: E731
        layers[f"SeparableConv{rank}D"] = (BY_RANK[rank], separable)
    return layers


def _joined() -> dict[str, Callable[[Any, Any, Any], Any]]:
    """Name -> what a layer with several inputs, an operation or a function gives for two rows and a series."""
    layers: dict[str, Callable[[Any, Any, Any], Any]] = {
        kind: lambda a, b, series, kind=kind: getattr(L, kind)()([a, b])  # type: ignore[misc]
        for kind in ("Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract")
    }
    return layers | {
        "Dot": lambda a, b, series: L.Dot(axes=1)([a, b]),
        "Attention": lambda a, b, series: L.Attention()([series, series]),
        "AdditiveAttention": lambda a, b, series: L.AdditiveAttention()([series, series]),
        "MultiHeadAttention": lambda a, b, series: L.MultiHeadAttention(2, 2)(series, series),
        "GroupQueryAttention": lambda a, b, series: L.GroupQueryAttention(4, 4, 2)(series, series),
        "operations": lambda a, b, series: keras.ops.mean(keras.ops.relu(a * 2.0 + b), axis=1),
        "activation functions": lambda a, b, series: keras.activations.relu(keras.activations.softmax(L.Dense(3)(a))),
        "nested model": lambda a, b, series: _inner()(series),
    }


def _inner() -> Any:
    return keras.Sequential([keras.Input(SERIES), L.Conv1D(3, 2), L.BatchNormalization()], name="inner")


def models() -> tuple[dict[str, Any], dict[str, str]]:
    """The models by name, one for each shape of rows, and the layers that this Keras cannot build."""
    by_shape: dict[tuple[int, ...], list[str]] = defaultdict(list)
    plain, failed = _plain(), {}
    for name, (shape, _) in plain.items():
        by_shape[shape].append(name)
    built = {}
    for shape, names in by_shape.items():
        rows_in = keras.Input(shape)
        outputs = {}
        for name in names:
            try:
                outputs[name] = plain[name][1]()(rows_in)
            except Exception as error:  # noqa: BLE001
                failed[name] = _reason(error)
        built["x".join(map(str, shape))] = keras.Model(rows_in, list(outputs.values()))
    places = [keras.Input((4,)), keras.Input((4,)), keras.Input(SERIES)]
    joined = []
    for name, call in _joined().items():
        try:
            joined.append(call(*places))
        except Exception as error:  # noqa: BLE001
            failed[name] = _reason(error)
    return built | {"joined": keras.Model(places, joined)}, failed


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0][:120]}"


def outputs_of(model: Any) -> list[Any]:
    """Its outputs for two fixed rows; small whole numbers suit tokens, too."""
    shapes = [(2, *tensor.shape[1:]) for tensor in model.inputs]
    rows = [(np.arange(np.prod(shape)).reshape(shape) % 5).astype("float32") for shape in shapes]
    outputs = model(rows if len(rows) > 1 else rows[0], training=False)
    return [np.asarray(output) for output in (outputs if isinstance(outputs, list | tuple) else [outputs])]


def write(folder: Path) -> None:
    """Save every model and its outputs under this Keras as one archive."""
    keras.utils.set_random_seed(0)
    built, failed = models()
    with tarfile.open(folder / f"keras-{keras.__version__}.tar.xz", "w:xz") as archive:
        for name, model in built.items():
            model.compile("adam", ["mse"] * len(model.outputs))
            with tempfile.TemporaryDirectory() as place:
                model.save(Path(place) / "model.keras")
                _add(archive, f"{name}.keras", (Path(place) / "model.keras").read_bytes())
            content = io.BytesIO()
            np.savez(content, *outputs_of(model))
            _add(archive, f"{name}.npz", content.getvalue())
    sys.stdout.write(json.dumps(failed, indent=1) + "\n")


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
