"""Examples that learn a distance: pairs, triplets, classes without targets of their own, two views of an image."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tests.wards.examples.example import Example, Logs, below, last, own
from tests.wards.examples.rows import digits, held_out


def embedder(out: int = 8) -> Any:
    return keras.Sequential([keras.Input((64,)), layers.Dense(64, "relu"), layers.Dense(out)], name="embedder")


def contrastive(y_true: Any, y_pred: Any) -> Any:
    """Equal pairs are pulled together, others pushed apart."""
    far = keras.ops.square(keras.ops.maximum(1.0 - y_pred, 0.0))
    return keras.ops.mean(y_true * keras.ops.square(y_pred) + (1 - y_true) * far)


def pairs(callbacks: Sequence[Any], rate: float = 3e-3) -> tuple[Any, Logs]:
    """A siamese net with a Lambda and a loss of its own."""
    x, y = digits()
    chosen = np.random.default_rng(0).integers(0, len(x), (2, 3_000))
    flat = x.reshape(-1, 64)
    alike = (y[chosen[0]] == y[chosen[1]]).astype("float32")
    kept = (alike == 1) | (np.arange(3_000) % 8 == 0)
    left, right, alike = flat[chosen[0]][kept], flat[chosen[1]][kept], alike[kept]
    (a, b, same), (a_dev, b_dev, same_dev) = held_out(left, right, alike)
    tower, sources = embedder(), [keras.Input((64,), name="left"), keras.Input((64,), name="right")]
    distance = layers.Lambda(lambda both: keras.ops.norm(both[0] - both[1] + 1e-6, axis=1, keepdims=True))
    model = keras.Model(sources, distance([tower(source) for source in sources]))
    model.compile(keras.optimizers.Adam(rate), contrastive)
    settings = {"validation_data": ([a_dev, b_dev], same_dev), "epochs": 12, "verbose": 0, "callbacks": callbacks}
    return model, last(model.fit([a, b], same, batch_size=16, **settings))


class Anchors(keras.utils.PyDataset):
    """For each class an anchor and another image of it: rows alone, no targets."""

    def __init__(self, batches: int) -> None:
        super().__init__()
        self.batches, (self.x, self.y) = batches, digits()

    def __len__(self) -> int:
        return self.batches

    def __getitem__(self, index: int) -> Any:
        generator = np.random.default_rng(index)
        chosen = [generator.choice(np.flatnonzero(self.y == label), 2, replace=False) for label in range(10)]
        return self.x.reshape(-1, 64)[np.array(chosen).T]


class Similar(keras.Model):
    """Each anchor has to find the other image of its class among those of the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.embedder = embedder()

    def call(self, inputs: Any) -> Any:
        given = self.embedder(inputs)
        return given / (keras.ops.norm(given, axis=-1, keepdims=True) + 1e-6)

    def train_step(self, data: Any) -> Any:
        (both,) = data  # Keras gives rows without targets as a tuple
        anchors, others = both[0], both[1]
        with tf.GradientTape() as tape:
            alike = tf.matmul(self(anchors), self(others), transpose_b=True) / 0.2
            loss = self.compute_loss(y=tf.range(tf.shape(alike)[0]), y_pred=alike)
        weights = self.trainable_variables
        self.optimizer.apply(tape.gradient(loss, weights), weights)
        for metric in self.metrics:
            metric.update_state(loss) if metric.name == "loss" else metric.update_state(
                tf.range(tf.shape(alike)[0]), alike
            )
        return {metric.name: metric.result() for metric in self.metrics}


def without_targets(callbacks: Sequence[Any]) -> tuple[Any, Logs]:
    model = Similar()
    model.compile(keras.optimizers.Adam(3e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model, last(model.fit(Anchors(100), epochs=6, verbose=0, callbacks=callbacks))


class Triplet(keras.Model):
    """Anchor, an image of the same class, one of another; the loss is all that its step gives."""

    def __init__(self) -> None:
        super().__init__()
        self.network = embedder()
        self.tracker = keras.metrics.Mean(name="loss")

    def call(self, inputs: Any) -> Any:
        anchor, same, other = (self.network(part) for part in inputs)
        return (
            keras.ops.sum(keras.ops.square(anchor - same), axis=-1),
            keras.ops.sum(keras.ops.square(anchor - other), axis=-1),
        )

    def _loss(self, data: Any) -> Any:
        near, far = self(data)
        return tf.reduce_mean(tf.maximum(near - far + 0.5, 0.0))

    def train_step(self, data: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = self._loss(data)
        weights = self.network.trainable_weights
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        self.tracker.update_state(loss)
        return {"loss": self.tracker.result()}

    def test_step(self, data: Any) -> Any:
        self.tracker.update_state(self._loss(data))
        return {"loss": self.tracker.result()}

    @property
    def metrics(self) -> list[Any]:
        return [self.tracker]


def triplets(callbacks: Sequence[Any], rate: float = 1e-3) -> tuple[Any, Logs]:
    x, y = digits()
    flat, generator = x.reshape(-1, 64), np.random.default_rng(0)
    by_class = [np.flatnonzero(y == label) for label in range(10)]
    anchors = generator.integers(0, len(y), 1_500)
    same = [generator.choice(by_class[y[one]]) for one in anchors]
    other = [generator.choice(by_class[(y[one] + generator.integers(1, 10)) % 10]) for one in anchors]
    rows = (flat[anchors], flat[same], flat[other])
    train, dev = (tf.data.Dataset.from_tensor_slices(part).batch(32) for part in held_out(*rows))
    model = Triplet()
    model.compile(keras.optimizers.Adam(rate))
    return model, last(model.fit(train, epochs=8, validation_data=dev, verbose=0, callbacks=callbacks))


class TwoViews(keras.Model):
    """Two noisy views of an image find each other; a metric of its own, `c_loss`, and no `call`."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = embedder(32), keras.Sequential([keras.Input((32,)), layers.Dense(16)])
        self.seeds = keras.random.SeedGenerator(0)
        self.tracker = keras.metrics.Mean(name="c_loss")

    @property
    def metrics(self) -> list[Any]:
        return [self.tracker]

    def train_step(self, data: Any) -> Any:
        images, _ = data
        views = [images + keras.random.normal(tf.shape(images), stddev=0.2, seed=self.seeds) for _ in range(2)]
        with tf.GradientTape() as tape:
            one, two = (tf.math.l2_normalize(self.head(self.body(view)), axis=1) for view in views)
            alike = tf.matmul(one, two, transpose_b=True) / 0.2
            own = tf.range(tf.shape(alike)[0])
            loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(own, alike, from_logits=True))
        weights = self.body.trainable_weights + self.head.trainable_weights
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        self.tracker.update_state(loss)
        return {"c_loss": self.tracker.result()}


def two_views(callbacks: Sequence[Any], rate: float = 3e-3) -> tuple[Any, Logs]:
    x, y = digits()
    model = TwoViews()
    model.compile(keras.optimizers.Adam(rate))
    return model, last(model.fit(x.reshape(-1, 64), y, epochs=8, verbose=0, callbacks=callbacks))


METRIC = (
    Example("siamese pairs", "metric learning", pairs, below("val_loss", 0.15), own()),
    Example("classes without targets", "metric learning", without_targets, below("loss", 1.2), own()),
    Example("triplets", "metric learning", triplets, below("val_loss", 0.2), own()),
    Example("two views", "metric learning", two_views, below("c_loss", 2.0), own()),
)
