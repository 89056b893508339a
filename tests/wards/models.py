"""The models of the wards. Each builder takes a `Data` first, for its shapes and its head.

The text of a function here is part of the key of every cached training that uses it, docstring included.
"""

from typing import Any

import keras
from keras import layers

from tests.wards.data import Data

HEADS = {"binary": "sigmoid", "multiclass": "softmax", "multilabel": "sigmoid", "regression": "linear"}


def head(data: Data, output: int = 0, activation: str | None = None, units: int | None = None) -> layers.Dense:
    """The output layer that fits the task, unless told otherwise."""
    natural = HEADS[data.tasks[output]]
    return layers.Dense(units or data.units[output], activation or natural, name=f"output_{output + 1}")


def inputs(data: Data) -> keras.KerasTensor:
    """The input of the rows' shape."""
    return keras.Input(data.train[0].shape[1:])


def mlp(
    data: Data,
    *,
    hidden: tuple[int, ...] = (64, 64),
    activation: str | None = "relu",
    initializer: Any = "glorot_uniform",
    bias: Any = "zeros",
    dropout: float = 0.0,
    l2: float = 0.0,
    norm: bool = False,
    normalise: bool = False,
    rescale: tuple[float, float] | None = None,
    out: str | None = None,
    out_units: int | None = None,
    embedding: int = 0,
    flatten: bool = False,
) -> keras.Model:
    """Dense layers.

    `norm` puts BatchNormalization before each activation, `rescale` a Rescaling(scale, offset) last;
    first come a Flatten, an adapted Normalization or an averaged Embedding of that size, where asked for.
    """
    tensor = source = inputs(data)
    if flatten:
        tensor = layers.Flatten()(tensor)
    if normalise:
        tensor = layers.Normalization(mean=data.train[0].mean(axis=0), variance=data.train[0].var(axis=0))(tensor)
    if embedding:
        tensor = layers.GlobalAveragePooling1D()(layers.Embedding(data.vocabulary, embedding)(tensor))
    for units in hidden:
        penalty = keras.regularizers.L2(l2) if l2 else None
        tensor = layers.Dense(
            units,
            None if norm else activation,
            kernel_initializer=_fresh(initializer),
            bias_initializer=_fresh(bias),
            kernel_regularizer=penalty,
        )(tensor)
        if norm:
            tensor = layers.Activation(activation)(layers.BatchNormalization(momentum=0.9)(tensor))
        if dropout:
            tensor = layers.Dropout(dropout)(tensor)
    tensor = head(data, activation=out, units=out_units)(tensor)
    if rescale:
        tensor = layers.Rescaling(*rescale)(tensor)
    return keras.Model(source, tensor, name="mlp")


def cnn(
    data: Data,
    *,
    filters: tuple[int, ...] = (16, 32),
    dense: int = 64,
    activation: str = "relu",
    initializer: Any = "glorot_uniform",
    dropout: float = 0.0,
    norm: bool = False,
    rescale: float | None = None,
    strides: int = 1,
    out: str | None = None,
) -> keras.Model:
    """Convolutions with pooling, then one dense layer. `rescale` puts a Rescaling first."""
    tensor = source = inputs(data)
    if rescale:
        tensor = layers.Rescaling(rescale)(tensor)
    for channels in filters:
        tensor = layers.Conv2D(
            channels, 3, strides, "same", activation=activation, kernel_initializer=_fresh(initializer)
        )(tensor)
        if norm:
            tensor = layers.BatchNormalization(momentum=0.9)(tensor)
        if strides == 1:
            tensor = layers.MaxPooling2D()(tensor)
    tensor = layers.Dense(dense, activation)(layers.Flatten()(tensor))
    if dropout:
        tensor = layers.Dropout(dropout)(tensor)
    return keras.Model(source, head(data, activation=out)(tensor), name="cnn")


def convolutions_1d(data: Data, filters: tuple[int, ...] = (16, 32)) -> keras.Model:
    """Convolutions over time, then an average over it."""
    tensor = source = inputs(data)
    for channels in filters:
        tensor = layers.Conv1D(channels, 5, padding="same", activation="relu")(tensor)
    return keras.Model(source, head(data)(layers.GlobalMaxPooling1D()(tensor)), name="cnn_1d")


def residual_cnn(data: Data, blocks: int = 3, channels: int = 16, momentum: float = 0.9) -> keras.Model:
    """Blocks of two convolutions with batch normalisation and a shortcut, then an average over the picture."""
    source = inputs(data)
    tensor = layers.Conv2D(channels, 3, padding="same", activation="relu")(source)
    for _ in range(blocks):
        branch = tensor
        for last in (False, True):
            branch = layers.Conv2D(channels, 3, padding="same")(branch)
            branch = layers.BatchNormalization(momentum=momentum)(branch)
            branch = branch if last else layers.ReLU()(branch)
        tensor = layers.ReLU()(layers.Add()([tensor, branch]))
    return keras.Model(source, head(data)(layers.GlobalAveragePooling2D()(tensor)), name="residual_cnn")


def residual_mlp(data: Data, blocks: int = 6, width: int = 48, initializer: Any = "glorot_uniform") -> keras.Model:
    """Dense blocks with a shortcut and no normalisation."""
    source = inputs(data)
    tensor = layers.Dense(width, "relu")(source)
    for _ in range(blocks):
        branch = layers.Dense(width, "relu", kernel_initializer=_fresh(initializer))(tensor)
        tensor = layers.Add()([tensor, layers.Dense(width, kernel_initializer=_fresh(initializer))(branch)])
    return keras.Model(source, head(data)(tensor), name="residual_mlp")


def rnn(data: Data, cell: str = "LSTM", units: int = 24, embedding: int = 0, out: str | None = None) -> keras.Model:
    """One recurrent layer ("LSTM", "GRU", "SimpleRNN"), over an Embedding for tokens."""
    tensor = source = inputs(data)
    if embedding:
        tensor = layers.Embedding(data.vocabulary, embedding)(tensor)
    return keras.Model(source, head(data, activation=out)(getattr(layers, cell)(units)(tensor)), name="rnn")


def transformer(data: Data, width: int = 32, blocks: int = 1, heads: int = 2) -> keras.Model:
    """Self-attention blocks with layer normalisation first, learned positions, an average at the end."""
    source = inputs(data)
    steps = source.shape[1]
    tensor = layers.Embedding(data.vocabulary, width)(source) if data.vocabulary else layers.Dense(width)(source)
    tensor = Positions(steps, width)(tensor)
    for _ in range(blocks):
        normal = layers.LayerNormalization()(tensor)
        tensor = layers.Add()([tensor, layers.MultiHeadAttention(heads, width // heads)(normal, normal)])
        mixed = layers.Dense(2 * width, "gelu")(layers.LayerNormalization()(tensor))
        tensor = layers.Add()([tensor, layers.Dense(width)(mixed)])
    return keras.Model(source, head(data)(layers.GlobalAveragePooling1D()(tensor)), name="transformer")


@keras.saving.register_keras_serializable("wards")
class Positions(layers.Layer):
    """Adds one learned vector per step."""

    def __init__(self, steps: int, width: int, **settings: Any) -> None:
        super().__init__(**settings)
        self.steps, self.width = steps, width

    def build(self, shape: Any) -> None:
        self.table = self.add_weight(shape=(self.steps, self.width), initializer="random_normal", name="table")

    def call(self, tensor: Any) -> Any:
        return tensor + self.table

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"steps": self.steps, "width": self.width}


def autoencoder(data: Data, width: int = 48, activation: str = "relu", out: str | None = None) -> keras.Model:
    """Dense encoder and decoder around the code."""
    source = inputs(data)
    code = layers.Dense(data.code, name="code")(layers.Dense(width, activation)(source))
    return keras.Model(source, head(data, activation=out)(layers.Dense(width, activation)(code)), name="autoencoder")


def two_outputs(data: Data, width: int = 64, trunk_activation: str | None = "relu") -> keras.Model:
    """One trunk and one head per output."""
    source = inputs(data)
    trunk = layers.Dense(width, trunk_activation)(layers.Dense(width, trunk_activation)(source))
    return keras.Model(source, [head(data, output)(trunk) for output in range(len(data.tasks))], name="two_outputs")


def two_inputs(data: Data, width: int = 32) -> keras.Model:
    """One branch per input, joined."""
    sources = [keras.Input(part.shape[1:]) for part in data.train[0]]
    joined = layers.Concatenate()([layers.Dense(width, "relu")(source) for source in sources])
    return keras.Model(sources, head(data)(layers.Dense(width, "relu")(joined)), name="two_inputs")


@keras.saving.register_keras_serializable("wards")
class Subclassed(keras.Model):
    """A model in Python code: no graph of layers is known."""

    def __init__(self, width: int, units: int, activation: str, **settings: Any) -> None:
        super().__init__(**settings)
        self.settings = {"width": width, "units": units, "activation": activation}
        self.first = layers.Dense(width, "relu")
        self.second = layers.Dense(width, "relu")
        self.last = layers.Dense(units, activation)

    def call(self, rows: Any) -> Any:
        return self.last(self.second(self.first(rows)))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | self.settings


def subclassed(data: Data, width: int = 64) -> keras.Model:
    """The MLP as a subclassed model."""
    model = Subclassed(width, data.units[0], HEADS[data.tasks[0]])
    model(data.train[0][:1])
    return model


def frozen_backbone(data: Data, width: int = 64) -> keras.Model:
    """A backbone that learnt on other rows of the same kind, frozen, under a new head."""
    source = inputs(data)
    backbone = keras.Sequential([source, layers.Dense(width, "relu"), layers.Dense(width, "relu")], name="backbone")
    teacher = keras.Sequential([backbone, layers.Dense(data.units[0], "softmax")])
    teacher.compile("adam", "sparse_categorical_crossentropy")
    half = len(data.train[0]) // 2
    teacher.fit(data.train[0][:half], data.train[1][:half], epochs=15, verbose=0)
    backbone.trainable = False
    return keras.Model(source, head(data)(backbone(source, training=False)), name="fine_tuned")


# --- changes to a model --------------------------------------------------------------------------


def freeze(model: keras.Model, keep: int = 0) -> None:
    """No layer learns, but for the last `keep`."""
    for layer in model.layers[: len(model.layers) - keep]:
        layer.trainable = False


def poison(model: keras.Model) -> None:
    """One weight that is not a number."""
    kernel = model.trainable_weights[0].numpy()
    kernel.reshape(-1)[0] = float("nan")
    model.trainable_weights[0].assign(kernel)


def _fresh(initializer: Any) -> Any:
    """An initializer of its own for each layer: one object used twice draws the same numbers twice."""
    if not isinstance(initializer, keras.initializers.Initializer):
        return initializer
    config = initializer.get_config()
    return type(initializer).from_config(config | {"seed": None} if "seed" in config else config)
