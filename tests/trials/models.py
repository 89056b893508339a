"""Small models with one fault each, and the measurements that the trial of its remedy needs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from keras import layers

from diagnose.loading import LoadOptions, subject_from
from diagnose.measurements import Backward, Gradients, LearningRate, SweepPoint, Unavailable
from diagnose.subject import Subject

ROWS, FEATURES, CLASSES, WORDS = 48, 6, 3, 20


@dataclass(frozen=True)
class Scene:
    """A model with a fault that the remedy `code` fixes; `rows` returns x and y of train."""

    code: str
    model: Callable[[], Any]
    loss: Any = "sparse_categorical_crossentropy"
    labels: str = "classes"
    scale: float = 1.0
    optimizer: Callable[[], Any] = field(default=lambda: keras.optimizers.SGD(0.1, momentum=0.9))
    swept: float | None = None  # the usable rate
    task: str | None = None
    norms: tuple[float, ...] = ()  # of the gradients of the outputs
    shape: tuple[int, ...] = (FEATURES,)  # of one row
    words: int = 0  # the rows are as many words, not numbers
    batch_size: int = 8
    epochs: int | None = None

    def subject(self) -> Subject:
        keras.utils.set_random_seed(0)
        model = self.model()
        model.compile(self.optimizer(), self.loss)
        x, y = self.rows()
        dev = [part[:12] for part in y] if isinstance(y, list) else y[:12]
        return subject_from(model, (x, y), (x[:12], dev), options=self.options)

    @property
    def options(self) -> LoadOptions:
        return LoadOptions(batch_size=self.batch_size, epochs=self.epochs, task=self.task)

    def rows(self) -> tuple[Any, Any]:
        generator = np.random.default_rng(0)
        x = (self.scale * generator.normal(size=(ROWS, *self.shape))).astype("float32")
        x[:, 0] = 3.0  # one feature never changes
        if self.words:
            x = generator.integers(1, WORDS, (ROWS, self.words))
        if self.labels == "copies":
            x[24:] = x[: ROWS - 24]
        if self.labels == "halves":
            x[:, 1] = np.sign(x[:, 1]) * 20 + x[:, 1]
        classes = np.arange(ROWS) % CLASSES
        return (
            x,
            {
                "classes": classes,
                "one-hot": np.eye(CLASSES, dtype="float32")[classes],
                "two": classes % 2,
                "0 or 255": classes % 2 * 255,
                "white mask": (255 * (generator.random((ROWS, *self.shape)) > 0.6)).astype("float32"),
                "halves": (x[:, 1].reshape(ROWS, -1)[:, 0] > 0).astype(int)
                ^ (np.arange(ROWS) % 12 == 5),  # with wrong ones
                "copies": np.where(np.arange(ROWS) % 8 == 2, (classes + 1) % CLASSES, classes),
                "several": (generator.random((ROWS, CLASSES)) > 0.4).astype("float32"),
                "number and class": [(40 * generator.normal(size=ROWS)).astype("float32"), classes % 2],
                "steps": (generator.random((ROWS, FEATURES)) < 0.05).astype("int64"),
                "pixels": (3 * generator.random((ROWS, *self.shape[:-1]))).astype(int),
                "mask": (generator.random((ROWS, *self.shape)) > 0.6).astype("float32"),
                "numbers": (50 * generator.normal(size=ROWS) + 200).astype("float32"),
            }[self.labels],
        )

    @property
    def measured(self) -> dict[type, object]:
        """The learning-rate sweep or the gradients, if the trial needs them."""
        if self.norms:
            by_output = dict(zip(("number", "class"), self.norms, strict=True))
            return {Backward: Backward(Unavailable("", ""), Gradients((), (), 1.0, 4, 8, by_output))}
        if self.swept is None:
            return {}
        points = (SweepPoint(self.swept, (0.9,), (0.1,), (False,)),)
        return {LearningRate: LearningRate(0.1, (), points, self.swept, self.swept, self.swept, None, 300, ROWS, 8)}


def net(*stack: Any, shape: tuple[int, ...] = (FEATURES,)) -> Callable[[], Any]:
    """Return a function that builds the stack anew each time: a layer can be part of one model only."""
    configs = [keras.layers.serialize(layer) for layer in stack]
    return lambda: keras.Sequential([keras.Input(shape), *(keras.layers.deserialize(c) for c in configs)])


def dense(units: int = 8, activation: str | None = "relu", **settings: Any) -> Any:
    return layers.Dense(units, activation, **settings)


def two_heads() -> Any:
    source = keras.Input((FEATURES,))
    trunk = dense()(source)
    return keras.Model(source, [dense(1, None, name="number")(trunk), dense(1, "sigmoid", name="class")(trunk)])


def two_linear_heads() -> Any:
    source = keras.Input((FEATURES,))
    return keras.Model(source, [dense(1, None, name="number")(source), dense(1, "sigmoid", name="class")(source)])


def functional(residual: bool = False) -> Callable[[], Any]:
    """Return a function that builds eight hidden layers by the functional API, with activations apart."""

    def build() -> Any:
        tensor = source = keras.Input((FEATURES,))
        for _ in range(8):
            mixed = dense(FEATURES, None)(tensor)
            tensor = layers.Activation("relu")(layers.Add()([tensor, mixed]) if residual else mixed)
        return keras.Model(source, dense(CLASSES, "softmax")(tensor))

    return build


def softmax_over_rows() -> Any:
    """By the functional API, which calls the softmax with its mask."""
    source = keras.Input(IMAGE)
    tensor = layers.Conv2D(4, 3, padding="same", activation="relu")(source)
    return keras.Model(source, layers.Softmax(axis=1)(layers.Conv2D(CLASSES, 1)(tensor)))


def attending() -> Any:
    source = keras.Input((7,), dtype="int32")
    tensor = layers.Embedding(WORDS, 6)(source)
    tensor = layers.Add()([tensor, layers.MultiHeadAttention(2, 3)(tensor, tensor)])
    return keras.Model(source, dense(CLASSES, "softmax")(layers.GlobalAveragePooling1D()(tensor)))


def likelihood(y: Any, p: Any) -> Any:
    """A log likelihood without the minus."""
    return keras.ops.sum(y * keras.ops.log(keras.ops.clip(p, 1e-7, 1.0)), axis=-1)


SOFTMAX = dense(CLASSES, "softmax")
FROM_LOGITS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

IMAGE = (8, 8, 1)
SMOOTHED = keras.losses.CategoricalCrossentropy(label_smoothing=0.2)
BAG = (layers.Embedding(WORDS, 5, mask_zero=True), layers.GlobalAveragePooling1D(), SOFTMAX)
READING = (layers.Embedding(WORDS, 5, mask_zero=True), layers.LSTM(4), SOFTMAX)
PIXELS = (layers.Conv2D(4, 3, padding="same", activation="relu"),)
BINARY = "binary_crossentropy"
OVER_SOON = keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.01)  # of the training, in which it is next to 0
CONVOLUTION = (layers.Conv2D(4, 3, activation="relu"), layers.Flatten(), dense(), SOFTMAX)

SCENES = (
    Scene("scale-inputs", net(dense(), SOFTMAX), scale=100.0),
    Scene("scale-targets", net(dense(), dense(1, None)), "mse", "numbers"),
    Scene("weigh-classes", net(layers.Reshape((FEATURES, 1)), dense(1, "sigmoid")), "binary_crossentropy", "steps"),
    Scene("set-output-units", net(dense(), dense(1, "sigmoid")), "binary_crossentropy", task="multiclass"),
    Scene("align-shapes", net(layers.Reshape((3, 2)), dense(), dense(1, None)), "mse", "numbers"),
    Scene("align-shapes", net(layers.Reshape((3, 2)), layers.LSTM(1, return_sequences=True)), "mse", "numbers"),
    Scene("fix-labels", net(dense(), dense(1, "sigmoid")), BINARY, "0 or 255", task="binary"),
    Scene(
        "fix-labels",
        net(*PIXELS, layers.Conv2D(1, 1, activation="sigmoid"), shape=IMAGE),
        BINARY,
        "white mask",
        shape=IMAGE,
    ),
    Scene("sigmoid-head", net(dense(), dense(1, "softmax")), "binary_crossentropy", "two"),
    Scene("sigmoid-head", net(dense(), SOFTMAX), "binary_crossentropy", "several", task="multilabel"),
    Scene("softmax-cross-entropy", net(dense(), dense(CLASSES), layers.Softmax())),  # no logit is negative
    Scene("sigmoid-head", net(dense(), dense(1), layers.Activation("sigmoid")), BINARY, "two"),
    Scene("softmax-cross-entropy", net(dense(), dense(CLASSES, "tanh")), "categorical_crossentropy", "one-hot"),
    Scene("softmax-cross-entropy", net(dense(), dense(1, "softmax")), "mean_squared_error", task="multiclass"),
    Scene("linear-head", net(dense(), dense(1, "sigmoid")), "mse", "numbers"),
    Scene("match-logits", net(dense(), dense(CLASSES, None))),
    Scene("match-logits", net(dense(), SOFTMAX), FROM_LOGITS),
    Scene("match-logits", net(dense(), dense(CLASSES, None), layers.Softmax()), FROM_LOGITS),
    Scene("match-logits", net(*PIXELS, layers.Conv2D(CLASSES, 1), shape=IMAGE), labels="pixels", shape=IMAGE),
    Scene("match-logits", net(*PIXELS, layers.Conv2D(1, 1), shape=IMAGE), BINARY, "mask", shape=IMAGE),
    Scene(
        "softmax-cross-entropy",
        net(*PIXELS, layers.Conv2D(CLASSES, 1, activation="relu"), shape=IMAGE),
        labels="pixels",
        shape=IMAGE,
    ),
    Scene(
        "softmax-cross-entropy",
        net(*PIXELS, layers.Conv2D(CLASSES, 1), layers.Softmax(axis=1), shape=IMAGE),
        labels="pixels",
        shape=IMAGE,
    ),
    Scene("softmax-cross-entropy", softmax_over_rows, labels="pixels", shape=IMAGE),
    Scene("sigmoid-head", net(dense(), dense(1, None), layers.ReLU()), BINARY, "two"),
    Scene("add-positions", attending, shape=(7,), words=7),
    Scene("read-in-order", net(*BAG, shape=(7,)), shape=(7,), words=7),
    Scene("match-loss", net(dense(), SOFTMAX), "mean_squared_error", "one-hot"),
    Scene("turn-own-loss", net(dense(), SOFTMAX), likelihood, "one-hot"),
    Scene("match-loss", net(dense(), SOFTMAX), likelihood, "one-hot"),
    Scene("initialise", net(dense(kernel_initializer=keras.initializers.RandomNormal(stddev=9.0)), SOFTMAX)),
    Scene("add-activations", net(dense(8, None), dense(8, None), SOFTMAX)),
    Scene("add-hidden-layer", net(SOFTMAX)),
    Scene("relu-instead", net(dense(8, "sigmoid"), dense(8, "tanh"), SOFTMAX)),
    Scene("shallower-or-residual", net(*(dense(6, "tanh") for _ in range(8)), SOFTMAX)),
    Scene("shallower-or-residual", functional()),
    Scene("unfreeze", net(dense(trainable=False), dense(), SOFTMAX)),
    Scene("less-dropout", net(dense(), layers.Dropout(0.8), dense(), layers.Dropout(0.1), SOFTMAX)),
    Scene("less-dropout", net(layers.Reshape((3, 2)), layers.LSTM(4, dropout=0.6, recurrent_dropout=0.5), SOFTMAX)),
    Scene(
        "lower-momentum", net(dense(), layers.BatchNormalization(), layers.BatchNormalization(momentum=0.5), SOFTMAX)
    ),
    Scene("single-precision", net(dense(dtype="float16"), SOFTMAX)),
    Scene("larger-epsilon", net(dense(dtype="float16"), SOFTMAX), optimizer=lambda: keras.optimizers.Adam(1e-3)),
    Scene("less-regularization", net(dense(kernel_regularizer="l2", activity_regularizer="l1"), SOFTMAX)),
    Scene("lower-learning-rate", net(dense(), SOFTMAX), swept=0.003),
    Scene("raise-learning-rate", net(dense(), SOFTMAX), swept=0.5, optimizer=lambda: keras.optimizers.Adam(1e-4)),
    Scene("raise-learning-rate", net(dense(), SOFTMAX), swept=0.05, optimizer=lambda: keras.optimizers.SGD(OVER_SOON)),
    Scene("warm-up", net(dense(), SOFTMAX), swept=0.05, optimizer=lambda: keras.optimizers.Adam(OVER_SOON)),
    Scene("balance-losses", two_heads, ["mse", "binary_crossentropy"], "number and class", norms=(50.0, 0.2)),
    Scene("default-optimizer", net(dense(), SOFTMAX), swept=0.03),
    Scene("regularize", net(dense(), SOFTMAX)),
    Scene("regularize", net(dense(), SOFTMAX), optimizer=lambda: keras.optimizers.AdamW(1e-3)),
    Scene("dropout", net(dense(), dense(), layers.Dropout(0.1), SOFTMAX)),
    Scene("dropout", net(*CONVOLUTION, shape=IMAGE), shape=IMAGE),
    Scene("augmentation", net(*CONVOLUTION, shape=IMAGE), shape=IMAGE),
    Scene("clip-gradients", net(dense(), SOFTMAX), swept=0.003),
    Scene("clip-gradients", net(dense(), SOFTMAX), optimizer=lambda: keras.optimizers.Adam(0.5, clipvalue=40.0)),
    Scene("warm-up", net(dense(), SOFTMAX), swept=0.003),
    Scene("warm-up", net(dense(), SOFTMAX), optimizer=lambda: keras.optimizers.Adam(0.5)),
    Scene("revive-units", net(dense(), dense(8, "tanh"), dense(), SOFTMAX)),
    Scene("widen", net(dense(1), dense(20), SOFTMAX)),
    Scene("mixup", net(dense(), SOFTMAX)),
    Scene("mixup", net(dense(), dense(1, "sigmoid")), "binary_crossentropy", "two"),
    Scene("mixup", net(*CONVOLUTION, shape=IMAGE), SMOOTHED, "one-hot", shape=IMAGE),
    Scene("cutmix", net(*CONVOLUTION, shape=IMAGE), shape=IMAGE),
    Scene("cutmix", net(*CONVOLUTION, shape=(8, 10, 3)), SMOOTHED, "one-hot", shape=(8, 10, 3)),
    Scene("input-noise", net(dense(), SOFTMAX), scale=100.0),
    Scene("input-noise", net(layers.LSTM(4), SOFTMAX, shape=(5, 2)), shape=(5, 2)),
    Scene("word-dropout", net(*READING, shape=(4,)), words=4, shape=(4,)),
    Scene("smooth-labels", net(dense(), SOFTMAX)),
    Scene("smooth-labels", net(dense(), dense(CLASSES, None)), FROM_LOGITS),
    Scene("smooth-labels", net(dense(), SOFTMAX), "categorical_crossentropy", "one-hot"),
    Scene("smooth-labels", net(dense(), dense(1, "sigmoid")), "binary_crossentropy", "two"),
    Scene("average-weights", net(dense(), SOFTMAX)),
    Scene("average-weights", net(dense(), SOFTMAX), optimizer=lambda: keras.optimizers.AdamW(1e-3)),
    Scene("stochastic-weight-averaging", net(dense(), SOFTMAX)),
    Scene("stochastic-weight-averaging", net(dense(), layers.BatchNormalization(), SOFTMAX)),
    Scene("anneal-learning-rate", net(dense(), SOFTMAX)),
    Scene("restart-learning-rate", net(dense(), SOFTMAX)),
    Scene("cycle-learning-rate", net(dense(), SOFTMAX)),
    Scene("add-momentum", net(dense(), SOFTMAX), optimizer=lambda: keras.optimizers.SGD(0.05)),
    Scene("smaller-batches", net(dense(), SOFTMAX), batch_size=48),
    Scene("deeper-network", net(dense(), dense(5, "tanh"), SOFTMAX)),
    Scene(
        "deeper-network",
        net(layers.Conv2D(4, 3, 2, activation="relu"), layers.Flatten(), SOFTMAX, shape=IMAGE),
        shape=IMAGE,
    ),
    Scene("normalise-layers", net(dense(), dense(), SOFTMAX)),
    Scene("normalise-layers", net(*CONVOLUTION, shape=IMAGE), shape=IMAGE, batch_size=16),
    Scene("residual-links", net(dense(), dense(), dense(), SOFTMAX)),
    Scene("less-augmentation", net(layers.RandomTranslation(0.2, 0.2), *CONVOLUTION, shape=IMAGE), shape=IMAGE),
    Scene("bigger-network", net(*CONVOLUTION, shape=IMAGE), shape=IMAGE),
    Scene("bigger-network", net(layers.Reshape((3, 2)), layers.LSTM(3), SOFTMAX)),
    Scene("bigger-network", net(SOFTMAX)),
    Scene("bigger-network", net(layers.Flatten(), dense(CLASSES, None), layers.Softmax(), shape=IMAGE), shape=IMAGE),
    Scene("bigger-network", net(dense(), dense(CLASSES, None), layers.Softmax())),
    Scene(
        "bigger-network",
        two_linear_heads,
        ["mse", "binary_crossentropy"],
        "number and class",
        optimizer=lambda: keras.optimizers.Adam(1e-3),
    ),
    Scene("drop-suspect-labels", net(dense(), SOFTMAX), labels="halves"),
    Scene("drop-suspect-labels", net(dense(), dense(1, "sigmoid")), "binary_crossentropy", labels="halves"),
    Scene("drop-copies", net(dense(), SOFTMAX), labels="copies"),
    Scene("smaller-network", net(*CONVOLUTION, shape=IMAGE), shape=IMAGE),
    Scene("smaller-network", net(dense(), dense(CLASSES, None), layers.Softmax())),
)
