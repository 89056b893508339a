"""What tf-keras and TensorFlow save, for `test_legacy`: run as a program, in a process where Keras 3 is not mixed in.

`python -m tests.loading.saved_models FOLDER CANARY` writes SavedModels and a file of Keras 2 into FOLDER, those of
Keras beside rows and outputs in an .npz file of their name. One of them writes the file CANARY whenever it is loaded.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

L: Any = tf_keras.layers


class Scaled(L.Layer):  # type: ignore[misc]
    """A layer of the user's own."""

    def build(self, shape: Any) -> None:
        self.scale = self.add_weight(name="scale", shape=(shape[-1],), initializer="uniform")

    def call(self, inputs: Any) -> Any:
        return inputs * self.scale


class Subclassed(tf_keras.Model):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.head = L.Dense(1)

    def call(self, inputs: Any) -> Any:
        return self.head(inputs)


class Writes(tf.saved_model.experimental.TrackableResource):  # type: ignore[misc]
    """A resource that writes a file when it is set up, which is when its SavedModel is loaded."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def _create_resource(self) -> Any:
        return tf.raw_ops.MutableHashTableV2(key_dtype=tf.string, value_dtype=tf.int64)

    def _initialize(self) -> None:
        tf.raw_ops.WriteFile(filename=self.path, contents="loaded")


def sequential() -> Any:
    layers = [L.Input((3,)), L.Dense(4, activation="relu"), L.BatchNormalization(), L.Dropout(0.1)]
    return tf_keras.Sequential([*layers, L.Dense(1, activation="sigmoid")])


def two_inputs() -> Any:
    words, age = L.Input((6,), name="words"), L.Input((3,), name="age")
    read = L.Bidirectional(L.LSTM(4))(L.Embedding(5, 3)(words))
    both = L.concatenate([read, L.Dense(4, activation="tanh")(age)])
    return tf_keras.Model([words, age], [L.Dense(1, name="price")(both), L.Dense(1, name="area")(both)])


def own_layer() -> Any:
    return tf_keras.Sequential([L.Input((3,)), Scaled(), L.Dense(1)])


def pixels() -> Any:
    """`depth_to_space` is none of the functions that Keras 3 has."""
    image = L.Input((2, 2, 4))
    return tf_keras.Model(image, L.Conv2D(1, 1)(tf.nn.depth_to_space(L.Conv2D(4, 1)(image), 2)))


def compiled(model: Any, steps: int = 0) -> tuple[Any, dict[str, Any]]:
    """The model after some steps, with ten rows and what it gives for them."""
    random = np.random.default_rng(0)
    x = [
        random.integers(0, 5, (10, *given.shape[1:])).astype("float32") for given in model.inputs or [np.zeros((1, 3))]
    ]
    y = [random.random((10, *given.shape[1:])) for given in model.outputs or [np.zeros((1, 1))]]
    x, y = (many if len(many) > 1 else many[0] for many in (x, y))
    model.compile(tf_keras.optimizers.Adam(0.01), "mse")
    if steps:
        model.fit(x, y, batch_size=10, epochs=steps, verbose=0)
    given = model(x, training=False)
    inputs, outputs = tf.nest.flatten(x), tf.nest.flatten(given)
    return model, {f"x{i}": a for i, a in enumerate(inputs)} | {f"y{i}": np.asarray(a) for i, a in enumerate(outputs)}


def write(folder: Path, canary: Path) -> None:
    tf_keras.utils.set_random_seed(0)
    builders = {"sequential": sequential, "two_inputs": two_inputs, "own_layer": own_layer}
    for name, build in (builders | {"subclassed": Subclassed}).items():
        model, arrays = compiled(build(), steps=3 if name == "sequential" else 0)
        model.save(folder / name, save_format="tf")
        np.savez(folder / f"{name}.npz", **arrays)
    model, arrays = compiled(pixels())
    model.save(folder / "pixels.h5")
    np.savez(folder / "pixels.npz", **arrays)
    write_plain(folder, canary)


def write_plain(folder: Path, canary: Path) -> None:
    rows = tf.TensorSpec([None, 3], tf.float32)
    module = tf.Module()
    double = tf.function(lambda x: {"y": 2 * x}, input_signature=[rows])
    for name, signatures in (("none", {}), ("two", {"a": double, "b": double}), ("one", {"a": double})):
        tf.saved_model.save(module, str(folder / f"{name}_signature"), signatures=signatures)
    no_batch = tf.function(lambda x: x, input_signature=[tf.TensorSpec([], tf.float32)])
    tf.saved_model.save(module, str(folder / "no_batch"), signatures=no_batch)
    module.resource = Writes(str(canary))
    tf.saved_model.save(module, str(folder / "writes_on_load"), signatures=double)


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))
