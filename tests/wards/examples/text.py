"""Examples of text: classification, sums by a recurrent net, tags, the next token."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tests.wards.examples.example import Example, Logs, above, below, last, own
from tests.wards.examples.rows import VOCABULARY, held_out, sentences


def from_strings(callbacks: Sequence[Any]) -> tuple[Any, Logs]:
    """Strings, vectorized in `tf.data`, with a slow start."""
    tokens, y = sentences()
    texts = np.array([" ".join(f"w{token}" for token in row) for row in tokens])
    vectorizer = layers.TextVectorization(max_tokens=VOCABULARY + 2, output_sequence_length=20)
    vectorizer.adapt(texts)
    train, dev = (tf.data.Dataset.from_tensor_slices(rows).batch(32) for rows in held_out(texts, y))
    train, dev = (split.map(lambda text, label: (vectorizer(text), label)) for split in (train, dev))
    source = keras.Input((None,), dtype="int64")
    tensor = layers.Dropout(0.3)(layers.Embedding(VOCABULARY + 2, 16)(source))
    tensor = layers.GlobalMaxPooling1D()(layers.Conv1D(16, 5, padding="valid", activation="relu")(tensor))
    model = keras.Model(source, layers.Dense(1, "sigmoid")(layers.Dense(16, "relu")(tensor)))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model, last(model.fit(train, epochs=12, validation_data=dev, verbose=0, callbacks=callbacks))


def sums(callbacks: Sequence[Any]) -> tuple[Any, Logs]:
    """Digits of two numbers in, digits of their sum out, one epoch at a time as a printing loop does it."""
    generator = np.random.default_rng(0)
    first, second = generator.integers(0, 10, (2, 1_500))
    asked, answer = np.stack([first, second], axis=1), np.stack([(first + second) // 10, (first + second) % 10], axis=1)
    x, y = np.eye(10, dtype="float32")[asked], np.eye(10, dtype="float32")[answer]
    model = keras.Sequential(
        [
            keras.Input((2, 10)),
            layers.LSTM(64),
            layers.RepeatVector(2),
            layers.LSTM(64, return_sequences=True),
            layers.Dense(10, "softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(5e-3), "categorical_crossentropy", metrics=["accuracy"])
    train, dev = held_out(x, y)
    for _ in range(16):
        logs = last(model.fit(*train, epochs=1, batch_size=32, validation_data=dev, verbose=0, callbacks=callbacks))
    return model, logs


def masked_loss(y_true: Any, y_pred: Any) -> Any:
    """Cross-entropy over the positions that are no padding."""
    each = keras.losses.sparse_categorical_crossentropy(y_true, y_pred)
    mask = keras.ops.cast(y_true > 0, each.dtype)
    return keras.ops.sum(each * mask) / keras.ops.maximum(keras.ops.sum(mask), 1.0)


def tags(callbacks: Sequence[Any]) -> tuple[Any, Logs]:
    """A tag for each token, with padding that the own loss leaves out."""
    tokens, _ = sentences(800)
    lengths = np.random.default_rng(1).integers(8, 21, len(tokens))
    kept = np.arange(20) < lengths[:, None]
    x, y = np.where(kept, tokens, 0), np.where(kept, 1 + tokens % 3, 0)
    train, dev = held_out(x, y)
    model = keras.Sequential(
        [
            keras.Input((20,), dtype="int64"),
            layers.Embedding(VOCABULARY + 1, 16),
            layers.Bidirectional(layers.LSTM(16, return_sequences=True)),
            layers.Dense(4, "softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(1e-2), masked_loss)
    return model, last(model.fit(*train, epochs=8, validation_data=dev, verbose=0, callbacks=callbacks))


def next_token(callbacks: Sequence[Any]) -> tuple[Any, Logs]:
    """A small language model: the next token of each position, logits, causal attention."""
    generator = np.random.default_rng(0)
    steps = generator.integers(1, 4, (700, 1)) * np.arange(17)
    tokens = (generator.integers(0, 20, (700, 1)) + steps) % 20
    train, dev = held_out(tokens[:, :-1], tokens[:, 1:])
    source = keras.Input((16,), dtype="int64")
    tensor = layers.Embedding(20, 32)(source) + layers.Embedding(16, 32)(keras.ops.arange(16))
    tensor = layers.LayerNormalization()(
        tensor + layers.MultiHeadAttention(2, 16)(tensor, tensor, use_causal_mask=True)
    )
    tensor = layers.LayerNormalization()(tensor + layers.Dense(32)(layers.Dense(64, "relu")(tensor)))
    model = keras.Model(source, layers.Dense(20)(tensor))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(5e-3), loss, metrics=["sparse_categorical_accuracy"])
    return model, last(model.fit(*train, epochs=12, validation_data=dev, verbose=0, callbacks=callbacks))


class Transformer(keras.Model):
    """A subclassed classifier of sentences."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.attend = layers.Embedding(VOCABULARY + 1, 16, mask_zero=True), layers.MultiHeadAttention(2, 8)
        self.normal, self.pool = layers.LayerNormalization(), layers.GlobalAveragePooling1D()
        self.drop, self.head = layers.Dropout(0.2), layers.Dense(2, "softmax")

    def call(self, inputs: Any, training: bool = False) -> Any:
        tensor = self.embed(inputs)
        tensor = self.normal(tensor + self.attend(tensor, tensor))
        return self.head(self.drop(self.pool(tensor), training=training))


def subclassed(callbacks: Sequence[Any]) -> tuple[Any, Logs]:
    train, dev = held_out(*sentences())
    model = Transformer()
    model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, last(model.fit(*train, epochs=8, validation_data=dev, verbose=0, callbacks=callbacks))


class Masked(keras.Model):
    """Guesses tokens that were taken out: its own `train_step` masks them, and keeps its own metric."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.lstm = layers.Embedding(21, 24), layers.Bidirectional(layers.LSTM(24, return_sequences=True))
        self.head = layers.Dense(20, "softmax")
        self.tracker = keras.metrics.Mean(name="loss")

    def call(self, inputs: Any) -> Any:
        return self.head(self.lstm(self.embed(inputs)))

    @property
    def metrics(self) -> list[Any]:
        return [self.tracker]

    def train_step(self, data: Any) -> Any:
        hidden = tf.random.stateless_uniform(tf.shape(data), (1, 2)) < 0.2
        with tf.GradientTape() as tape:
            predicted = self(tf.where(hidden, tf.constant(20, data.dtype), data), training=True)
            each = keras.losses.sparse_categorical_crossentropy(data, predicted)
            loss = tf.reduce_sum(each * tf.cast(hidden, each.dtype)) / tf.reduce_sum(tf.cast(hidden, each.dtype))
        weights = self.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        self.tracker.update_state(loss)
        return {"loss": self.tracker.result()}


def masked_tokens(callbacks: Sequence[Any]) -> tuple[Any, Logs]:
    generator = np.random.default_rng(0)
    tokens = (generator.integers(0, 20, (800, 1)) + np.arange(16)) % 20
    model = Masked()
    model.compile(keras.optimizers.Adam(1e-2))
    fed = tf.data.Dataset.from_tensor_slices(tokens).shuffle(100, seed=0).batch(32)
    return model, last(model.fit(fed, epochs=10, verbose=0, callbacks=callbacks))


TEXT = (
    Example("text from strings", "text", from_strings, above("val_accuracy", 0.8)),
    Example("sums, one epoch at a time", "text", sums, above("val_accuracy", 0.9)),
    Example("tags with an own loss", "text", tags, below("val_loss", 0.1), own()),
    Example("language model", "text", next_token, above("val_sparse_categorical_accuracy", 0.8)),
    Example("subclassed transformer", "text", subclassed, above("val_accuracy", 0.85)),
    Example("masked tokens", "text", masked_tokens, below("loss", 0.4), own()),
)
