"""Examples of images: classification, segmentation, distillation, bags of images."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tests.wards.examples.example import Example, Logs, above, last, own
from tests.wards.examples.rows import digits, held_out


def convnet(units: int = 10, filters: int = 16) -> Any:
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(filters, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.2),
            layers.Dense(units, "softmax"),
        ]
    )


def plain(callbacks: Sequence[Any]) -> tuple[Any, Logs]:
    train, dev = held_out(*digits())
    model = convnet()
    model.compile(keras.optimizers.Adam(5e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, last(model.fit(*train, epochs=10, validation_data=dev, verbose=0, callbacks=callbacks))


def augmented(callbacks: Sequence[Any]) -> tuple[Any, Logs]:
    """Augmentation in the model, rescaling of bytes, BatchNormalization, `tf.data`."""
    x, y = digits()
    train, dev = held_out((255 * x).astype("uint8"), y)
    source = keras.Input((8, 8, 1))
    tensor = layers.RandomTranslation(0.1, 0.1)(layers.Rescaling(1 / 255)(source))
    for filters in (16, 32):
        tensor = layers.Conv2D(filters, 3, padding="same", use_bias=False)(tensor)
        tensor = layers.ReLU()(layers.BatchNormalization(momentum=0.8)(tensor))
    tensor = layers.Dropout(0.3)(layers.GlobalAveragePooling2D()(tensor))
    model = keras.Model(source, layers.Dense(10)(tensor))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), loss, metrics=[keras.metrics.SparseCategoricalAccuracy(name="acc")])
    fed, held = (tf.data.Dataset.from_tensor_slices(rows).batch(32) for rows in (train, dev))
    fed = fed.shuffle(64, seed=0)
    return model, last(model.fit(fed, epochs=10, validation_data=held, verbose=0, callbacks=callbacks))


class Antirectifier(layers.Layer):
    """Both signs of a centred input, one after the other."""

    def call(self, inputs: Any) -> Any:
        centred = inputs - keras.ops.mean(inputs, axis=-1, keepdims=True)
        both = keras.ops.concatenate([keras.ops.relu(centred), keras.ops.relu(-centred)], axis=-1)
        return both / keras.ops.sqrt(keras.ops.sum(both**2, axis=-1, keepdims=True) + 1e-7)


def own_layer(callbacks: Sequence[Any]) -> tuple[Any, Logs]:
    x, y = digits()
    hidden = [layer for _ in range(2) for layer in (layers.Dense(64), Antirectifier(), layers.Dropout(0.3))]
    model = keras.Sequential([keras.Input((64,)), *hidden, layers.Dense(10)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.RMSprop(3e-3), loss, metrics=["sparse_categorical_accuracy"])
    settings = {"validation_split": 0.2, "epochs": 15, "verbose": 0, "callbacks": callbacks}
    return model, last(model.fit(x.reshape(-1, 64), y, **settings))


class Squares(keras.utils.PyDataset):
    """Images with a bright square, and where it is."""

    def __init__(self, batches: int, seed: int) -> None:
        super().__init__()
        self.batches, self.seed = batches, seed

    def __len__(self) -> int:
        return self.batches

    def __getitem__(self, index: int) -> Any:
        generator = np.random.default_rng([self.seed, index])
        x, y = 0.3 * generator.normal(size=(16, 16, 16, 1)), np.zeros((16, 16, 16, 1))
        for row, (top, left, size) in enumerate(generator.integers(3, 8, (16, 3))):
            y[row, top : top + size, left : left + size] = 1
        return (x + y).astype("float32"), y.astype("uint8")


def segmentation(callbacks: Sequence[Any]) -> tuple[Any, Logs]:
    """A small U-Net, full of BatchNormalization, whose rows come from a `PyDataset`."""
    source = keras.Input((16, 16, 1))
    across, tensor = [], source
    for filters in (8, 16):
        tensor = layers.BatchNormalization(momentum=0.8)(layers.Conv2D(filters, 3, padding="same")(tensor))
        tensor = layers.Activation("relu")(tensor)
        across.append(tensor)
        tensor = layers.MaxPooling2D()(tensor)
    for filters, same in zip((16, 8), reversed(across), strict=True):
        tensor = layers.Concatenate()([layers.UpSampling2D()(tensor), same])
        tensor = layers.BatchNormalization(momentum=0.8)(layers.Conv2D(filters, 3, padding="same")(tensor))
        tensor = layers.Activation("relu")(tensor)
    model = keras.Model(source, layers.Conv2D(2, 1, activation="softmax")(tensor))
    model.compile(keras.optimizers.Adam(5e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    fed = {"x": Squares(20, 0), "validation_data": Squares(5, 1)}
    return model, last(model.fit(**fed, epochs=6, verbose=0, callbacks=callbacks))


def fine_tuned(callbacks: Sequence[Any]) -> tuple[Any, Logs]:
    """A trained body under a new head: first frozen, then, in a second `fit`, as a whole at a low rate."""
    x, y = digits()
    body = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(16, 3, activation="relu"), layers.Flatten()])
    first = keras.Sequential([keras.Input((8, 8, 1)), body, layers.Dense(2, "softmax")])
    first.compile(keras.optimizers.Adam(5e-3), "sparse_categorical_crossentropy")
    first.fit(x, y % 2, epochs=3, verbose=0)
    body.trainable = False
    source = keras.Input((8, 8, 1))
    model = keras.Model(source, layers.Dense(10, "softmax")(body(source, training=False)))
    train, dev = held_out(x, y)
    settings = {"validation_data": dev, "verbose": 0, "callbacks": callbacks}
    model.compile(keras.optimizers.Adam(5e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(*train, epochs=8, **settings)
    body.trainable = True
    model.compile(keras.optimizers.Adam(1e-4), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, last(model.fit(*train, epochs=4, **settings))


def patches(callbacks: Sequence[Any]) -> tuple[Any, Logs]:
    """A small vision transformer."""
    source = keras.Input((8, 8, 1))
    tensor = layers.Reshape((16, 24))(layers.Conv2D(24, 2, strides=2)(source))
    place = layers.Embedding(16, 24)(keras.ops.arange(16))
    tensor = tensor + place
    for _ in range(2):
        normal = layers.LayerNormalization()(tensor)
        tensor = tensor + layers.MultiHeadAttention(2, 12)(normal, normal)
        tensor = tensor + layers.Dense(24, "gelu")(layers.Dense(48, "gelu")(layers.LayerNormalization()(tensor)))
    tensor = layers.Dropout(0.2)(layers.Flatten()(layers.LayerNormalization()(tensor)))
    model = keras.Model(source, layers.Dense(10)(tensor))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.AdamW(3e-3, weight_decay=1e-3), loss, metrics=["accuracy"])
    train, dev = held_out(*digits())
    return model, last(model.fit(*train, epochs=10, validation_data=dev, verbose=0, callbacks=callbacks))


class Distiller(keras.Model):
    """A student that learns from the targets and from a teacher, in its own `compute_loss`."""

    def __init__(self, student: Any, teacher: Any) -> None:
        super().__init__()
        self.student, self.teacher = student, teacher
        self.softly = keras.losses.KLDivergence()

    def call(self, inputs: Any) -> Any:
        return self.student(inputs)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        hard = super().compute_loss(x, y, y_pred, sample_weight)
        return 0.3 * hard + 0.7 * self.softly(self.teacher(x, training=False), y_pred)


def distillation(callbacks: Sequence[Any]) -> tuple[Any, Logs]:
    train, dev = held_out(*digits())
    teacher = convnet(filters=24)
    teacher.compile(keras.optimizers.Adam(5e-3), "sparse_categorical_crossentropy")
    teacher.fit(*train, epochs=6, verbose=0)
    teacher.trainable = False
    model = Distiller(convnet(filters=6), teacher)
    model.compile(keras.optimizers.Adam(5e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, last(model.fit(*train, epochs=10, validation_data=dev, verbose=0, callbacks=callbacks))


def bags(callbacks: Sequence[Any]) -> tuple[Any, Logs]:
    """Bags of images, one bag a batch, with class weights: is a certain digit among them?"""
    x, y = digits()
    chosen = np.random.default_rng(0).integers(0, len(x), (500, 4))
    bag, label = x[chosen].reshape(500, 4, 64), (y[chosen] == 0).any(axis=1).astype("int64")
    train, dev = held_out(bag, label)
    source = keras.Input((4, 64))
    hidden = layers.Dense(32, "relu")(source)
    weights = layers.Softmax(axis=1)(layers.Dense(1)(layers.Dense(16, "tanh")(hidden)))
    pooled = layers.Flatten()(layers.Dot(axes=1)([weights, hidden]))
    model = keras.Model(source, layers.Dense(2, "softmax")(pooled))
    model.compile(keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    weight = {0: 1.0, 1: 2.0}
    settings = {"batch_size": 1, "class_weight": weight, "epochs": 10, "verbose": 0, "callbacks": callbacks}
    return model, last(model.fit(*train, validation_data=dev, **settings))


VISION = (
    Example("convnet", "vision", plain, above("val_accuracy", 0.93)),
    Example("augmentation in the model", "vision", augmented, above("val_acc", 0.85)),
    Example("own layer", "vision", own_layer, above("val_sparse_categorical_accuracy", 0.93)),
    Example("segmentation", "vision", segmentation, above("val_accuracy", 0.97)),
    Example("fine-tuning", "vision", fine_tuned, above("val_accuracy", 0.9)),
    Example("vision transformer", "vision", patches, above("val_accuracy", 0.9)),
    Example("distillation", "vision", distillation, above("val_accuracy", 0.9), own()),
    Example("bags of images", "vision", bags, above("val_accuracy", 0.85)),
)
