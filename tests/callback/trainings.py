"""The ways to call `fit` that the callback must support: data, models, compile settings.

Combinations that Keras cannot run are left out: `jit_compile` with `run_eagerly` (which disables it), `jit_compile`
with several replicas (XLA cannot exchange gradients between CPUs), `steps_per_execution` with several replicas
(TensorFlow loses a placeholder of the loop), `class_weight` with several outputs (a ValueError), `validation_split`
with a dataset or generator (a ValueError), and an endless generator without `steps_per_epoch` (it never ends).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

ROWS, FEATURES, CLASSES = 50, 6, 3  # the last batch of 16 is not full
BATCH, EPOCHS = 16, 2


def rows(seed: int = 0) -> tuple[Any, Any]:
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(ROWS, FEATURES)).astype("float32")
    return x, (x[:, :CLASSES].argmax(axis=1)).astype("int64")


# --- models: only the seed may decide their random numbers -----------------------------------------------


def sequential() -> Any:
    return keras.Sequential(
        [
            keras.Input((FEATURES,)),
            layers.Dense(8, "relu", kernel_regularizer="l2"),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Dense(CLASSES, "softmax"),
        ]
    )


def unbuilt() -> Any:
    return keras.Sequential([layers.Dense(8, "relu"), layers.Dense(CLASSES, "softmax")])


def functional() -> Any:
    source = keras.Input((FEATURES,))
    hidden = layers.Dense(8, "relu")(source)
    return keras.Model(source, layers.Dense(CLASSES, "softmax")(layers.Concatenate()([source, hidden])))


def nested() -> Any:
    source = keras.Input((FEATURES,))
    inner = keras.Sequential([keras.Input((FEATURES,)), layers.Dense(8, "relu"), layers.Dropout(0.2)])
    return keras.Model(source, layers.Dense(CLASSES, "softmax")(inner(source)))


def recurrent() -> Any:
    steps = layers.Reshape((FEATURES, 1))
    return keras.Sequential([keras.Input((FEATURES,)), steps, layers.LSTM(4), layers.Dense(CLASSES, "softmax")])


class Subclassed(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.drop, self.head = (
            layers.Dense(8, "relu"),
            layers.Dropout(0.2),
            layers.Dense(CLASSES, "softmax"),
        )

    def call(self, inputs: Any, training: bool = False) -> Any:
        return self.head(self.drop(self.hidden(inputs), training=training))


class OwnStep(Subclassed):
    """Trains with its own step, which calls `compute_loss`."""

    def train_step(self, data: Any) -> Any:
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            predicted = self(x, training=True)
            loss = self.compute_loss(x=x, y=y, y_pred=predicted, sample_weight=weight)
        self.optimizer.apply_gradients(
            zip(tape.gradient(loss, self.trainable_variables), self.trainable_variables, strict=True)
        )
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
        return {metric.name: metric.result() for metric in self.metrics if metric.name == "loss"}


class OwnLoss(Subclassed):
    """Trains with its own step and its own loss, and reports the running mean."""

    def train_step(self, data: Any) -> Any:
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(y, self(x, training=True)))
        self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        self._loss_tracker.update_state(loss)
        return {"loss": self._loss_tracker.result()}


class TwoOptimizers(Subclassed):
    """Trains its layers with an optimizer each, and reports two losses and no total."""

    def __init__(self) -> None:
        super().__init__()
        self.second = keras.optimizers.SGD(0.1)

    def train_step(self, data: Any) -> Any:
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        losses = {}
        for name, part, optimizer in (("head", self.head, self.optimizer), ("hidden", self.hidden, self.second)):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(y, self(x, training=True)))
            optimizer.apply(tape.gradient(loss, part.trainable_variables), part.trainable_variables)
            losses[f"{name}_loss"] = loss
        return losses


def two_outputs() -> Any:
    source = keras.Input((FEATURES,))
    trunk = layers.Dense(8, "relu")(source)
    return keras.Model(
        source,
        {"kind": layers.Dense(CLASSES, "softmax", name="kind")(trunk), "size": layers.Dense(1, name="size")(trunk)},
    )


# --- data -------------------------------------------------------------------------------------------------


def arrays(x: Any, y: Any) -> dict[str, Any]:
    return {"x": x, "y": y, "batch_size": BATCH}


def dataset(x: Any, y: Any) -> dict[str, Any]:
    return {"x": tf.data.Dataset.from_tensor_slices((x, y)).shuffle(ROWS, seed=1).batch(BATCH)}


class Batches(keras.utils.PyDataset):
    def __init__(self, x: Any, y: Any) -> None:
        super().__init__()
        self.x, self.y = x, y

    def __len__(self) -> int:
        return (ROWS + BATCH - 1) // BATCH

    def __getitem__(self, index: int) -> Any:
        part = slice(index * BATCH, (index + 1) * BATCH)
        return self.x[part], self.y[part]


def py_dataset(x: Any, y: Any) -> dict[str, Any]:
    return {"x": Batches(x, y)}


def generator(x: Any, y: Any) -> dict[str, Any]:
    def endless() -> Iterator[Any]:
        while True:
            for start in range(0, ROWS - BATCH + 1, BATCH):
                yield x[start : start + BATCH], y[start : start + BATCH]

    return {"x": endless(), "steps_per_epoch": 3}


def two_targets(x: Any, y: Any) -> dict[str, Any]:
    return {"x": x, "y": {"kind": y, "size": x[:, :1]}, "batch_size": BATCH}


# --- combinations -------------------------------------------------------------------------------------------


def adam() -> Any:
    return keras.optimizers.Adam(0.01)


def clipped() -> Any:
    return keras.optimizers.SGD(0.1, global_clipnorm=0.1)


def accumulating() -> Any:
    return keras.optimizers.SGD(0.1, gradient_accumulation_steps=2)


@dataclass(frozen=True)
class Training:
    name: str
    model: Callable[[], Any] = sequential
    data: Callable[[Any, Any], dict[str, Any]] = arrays
    compiled: dict[str, Any] = field(default_factory=dict)
    optimizer: Callable[[], Any] = adam  # a new one for each model
    fitted: dict[str, Any] = field(default_factory=dict)
    policy: str = "float32"
    replicas: int = 1

    def run(self, *callbacks: Any, epochs: int = EPOCHS) -> tuple[Any, Any]:
        """The model after `fit`, and the history that Keras returned."""
        keras.backend.clear_session()
        keras.utils.set_random_seed(7)
        keras.config.set_dtype_policy(self.policy)
        try:
            with _strategy(self.replicas).scope():
                model = self.model()
                loss = {"kind": "sparse_categorical_crossentropy", "size": "mse"} if self.data is two_targets else None
                metrics = None if loss or issubclass(type(model), (OwnStep, OwnLoss, TwoOptimizers)) else ["accuracy"]
                settings = {"optimizer": self.optimizer(), "metrics": metrics} | self.compiled
                model.compile(loss=loss or "sparse_categorical_crossentropy", **settings)
            x, y = rows()
            validation = {"validation_data": self._validation()} | self.fitted
            history = model.fit(**self.data(x, y), epochs=epochs, verbose=0, callbacks=list(callbacks), **validation)
            return model, history.history
        finally:
            keras.config.set_dtype_policy("float32")

    def _validation(self) -> Any:
        x, y = rows(1)
        return (x, two_targets(x, y)["y"]) if self.data is two_targets else (x, y)


def _strategy(replicas: int) -> Any:
    if replicas == 1:
        return tf.distribute.get_strategy()
    return tf.distribute.MirroredStrategy([f"CPU:{number}" for number in range(replicas)])


WEIGHTS = np.linspace(0.5, 1.5, ROWS).astype("float32")
TRAININGS = (
    Training("sequential, arrays"),
    Training("unbuilt sequential, arrays", unbuilt),
    Training("functional, tf.data", functional, dataset),
    Training("functional, PyDataset", functional, py_dataset),
    Training("sequential, generator", sequential, generator),
    Training("nested", nested),
    Training("recurrent", recurrent),
    Training("subclassed, arrays", Subclassed),
    Training("subclassed, tf.data", Subclassed, dataset),
    Training("own train_step, arrays", OwnStep),
    Training("own train_step, tf.data", OwnStep, dataset),
    Training("own train_step with its own loss", OwnLoss),
    Training("own train_step with two optimizers", TwoOptimizers, fitted={"validation_data": None}),
    Training("two outputs", two_outputs, two_targets),
    Training("jit_compile", compiled={"jit_compile": True}),
    Training("jit_compile, own train_step", OwnStep, compiled={"jit_compile": True}),
    Training("steps_per_execution", compiled={"steps_per_execution": 3}),
    Training("steps_per_execution, generator", data=generator, compiled={"steps_per_execution": 3}),
    Training("jit_compile, steps_per_execution", compiled={"jit_compile": True, "steps_per_execution": 2}),
    Training("run_eagerly", compiled={"run_eagerly": True}),
    Training("run_eagerly, own train_step", OwnStep, compiled={"run_eagerly": True}),
    Training("mixed float16", policy="mixed_float16"),
    Training("mixed bfloat16", functional, policy="mixed_bfloat16"),
    Training("mixed float16, jit_compile", functional, compiled={"jit_compile": True}, policy="mixed_float16"),
    Training("class weights", fitted={"class_weight": {0: 1.0, 1: 2.0, 2: 0.5}}),
    Training("sample weights", fitted={"sample_weight": WEIGHTS}),
    Training("validation split", fitted={"validation_data": None, "validation_split": 0.2}),
    Training("no validation", fitted={"validation_data": None}),
    Training("gradient accumulation", optimizer=accumulating),
    Training("clipped gradients", optimizer=clipped),
    Training("two replicas", functional, replicas=2),
    Training("two replicas, tf.data", functional, dataset, replicas=2),
)
