"""Overhead of the callback: `fit` with it compared with plain `fit`, in process CPU time and memory.

Run: python -m benchmarks.cost.callback [NET ...] [--pairs N] [--rounds N]. `report` is the callback with `out=`. Pairs
are interleaved, and each trains a
new network, including compilation. Prints the median overhead with its 95 % interval (from order statistics), and the
memory that the callback adds to a separate process. For comparison it also measures Keras's TensorBoard callback with
histograms (pip install tensorboard) and a naive callback that computes all gradients of one batch at each epoch end.
20 pairs take an hour on two idle cores; `--rounds 0.34` takes a third, with a larger share of compilation.
"""

import argparse
import gc
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import layers

BAR = 0.03
ROWS, BATCH, CLASSES = 6_400, 32, 10
EPOCHS = {"mlp": 20, "cnn": 3, "lstm": 4, "transformer": 3}  # about the same CPU time for each
OTHERS_PAIRS = 4  # pairs for the other callbacks


def mlp() -> Any:
    hidden = [layers.Dense(256, "relu") for _ in range(3)]
    return keras.Sequential([keras.Input((784,)), *hidden, layers.Dense(CLASSES, "softmax")])


def cnn() -> Any:
    blocks = [
        layer for size in (16, 32) for layer in (layers.Conv2D(size, 3, activation="relu"), layers.MaxPooling2D())
    ]
    head = [layers.Flatten(), layers.Dense(64, "relu"), layers.Dense(CLASSES, "softmax")]
    return keras.Sequential([keras.Input((28, 28, 1)), *blocks, *head])


def lstm() -> Any:
    return keras.Sequential([keras.Input((28, 28)), layers.LSTM(48), layers.Dense(CLASSES, "softmax")])


def transformer() -> Any:
    source = keras.Input((28, 28))
    tensor = layers.Dense(48)(source)
    for _ in range(2):
        normal = layers.LayerNormalization()(tensor)
        tensor = layers.Add()([tensor, layers.MultiHeadAttention(4, 12)(normal, normal)])
        mixed = layers.Dense(96, "gelu")(layers.LayerNormalization()(tensor))
        tensor = layers.Add()([tensor, layers.Dense(48)(mixed)])
    return keras.Model(source, layers.Dense(CLASSES, "softmax")(layers.GlobalAveragePooling1D()(tensor)))


NETS: dict[str, Callable[[], Any]] = {"mlp": mlp, "cnn": cnn, "lstm": lstm, "transformer": transformer}


class NaiveGradients(keras.callbacks.Callback):
    """A typical hand-written callback: all gradients of one batch, eagerly, at the end of each epoch."""

    def __init__(self, x: Any, y: Any) -> None:
        super().__init__()
        self.x, self.y, self.norms = x, y, []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss = self.model.compute_loss(y=self.y, y_pred=self.model(self.x, training=True))
        gradients = tape.gradient(loss, self.model.trainable_variables)
        self.norms.append([float(tf.norm(gradient)) for gradient in gradients])


def data(net: str) -> tuple[Any, Any]:
    """Noisy digits of 28 x 28 pixels. All networks learn them: the callback costs more if a training fails."""
    from sklearn.datasets import load_digits

    generator = np.random.default_rng(0)
    images, classes = load_digits(return_X_y=True)
    chosen = generator.integers(len(images), size=ROWS)
    x = np.kron(images[chosen].reshape(ROWS, 8, 8) / 16 - 0.3, np.ones((3, 3)))
    x = np.pad(x, ((0, 0), (2, 2), (2, 2))) + 0.3 * generator.normal(size=(ROWS, 28, 28))
    shape = {"mlp": (784,), "cnn": (28, 28, 1)}.get(net, (28, 28))
    return x.reshape(ROWS, *shape).astype("float32"), classes[chosen]


def callbacks(kind: str, folder: str, x: Any, y: Any) -> list[Any]:
    if kind in ("ours", "report"):
        import diagnose

        return [diagnose.DiagnosisCallback(out=folder if kind == "report" else None)]
    if kind == "tensorboard":
        return [keras.callbacks.TensorBoard(folder, histogram_freq=1)]
    return [NaiveGradients(x[:BATCH], y[:BATCH])] if kind == "naive" else []


def seconds(net: str, kind: str, x: Any, y: Any, rounds: float) -> float:
    """CPU seconds of one training, from a new network to the end of `fit`."""
    keras.backend.clear_session()
    gc.collect()
    keras.utils.set_random_seed(0)
    model = NETS[net]()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    held_out = ROWS // 10
    train, dev = (x[held_out:], y[held_out:]), (x[:held_out], y[:held_out])
    with tempfile.TemporaryDirectory() as folder:
        chosen = callbacks(kind, folder, x, y)
        start = time.process_time()
        epochs = max(1, round(EPOCHS[net] * rounds))
        model.fit(*train, batch_size=BATCH, epochs=epochs, validation_data=dev, verbose=0, callbacks=chosen)
        return time.process_time() - start


def overheads(net: str, kind: str, pairs: int, rounds: float) -> tuple[Any, float]:
    """Sorted overheads of all pairs as shares of plain `fit`, and the median CPU seconds of plain `fit`."""
    x, y = data(net)
    for warm_up in ("plain", kind):
        seconds(net, warm_up, x, y, rounds)
    found, plain = [], []
    for pair in range(pairs):
        order = ("plain", kind) if pair % 2 else (kind, "plain")  # alternate which side comes first
        spent = {one: seconds(net, one, x, y, rounds) for one in order}
        found.append(spent[kind] / spent["plain"] - 1)
        plain.append(spent["plain"])
    return np.sort(found), float(np.median(plain))


def interval(ordered: Any) -> tuple[float, float]:
    """95 % interval of the median, from the order statistics."""
    from scipy.stats import binom

    low = int(binom.ppf(0.025, len(ordered), 0.5))
    return float(ordered[max(low - 1, 0)]), float(ordered[min(len(ordered) - low, len(ordered) - 1)])


def _peak(net: str, kind: str, rounds: float) -> float:
    x, y = data(net)
    seconds(net, kind, x, y, rounds)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def memory(net: str, rounds: float) -> float:
    """MB that the callback adds to the peak memory of a process that trains once."""
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        plain, ours = (pool.apply(_peak, (net, kind, rounds)) for kind in ("plain", "ours"))
    return ours - plain


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nets", nargs="*", help=f"some of {', '.join(NETS)}; default: all")
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--rounds", type=float, default=1.0, help="length of the trainings relative to the default")
    given = parser.parse_args()
    line = "{:<12} {:<12} {:>6} {:>9} {:>20} {:>9} {:>7}".format
    print(line("net", "callback", "pairs", "median", "95 % interval", "plain, s", "MB"), flush=True)  # noqa: T201
    for net in given.nets or NETS:
        for kind in ("ours", "report", "tensorboard", "naive"):
            pairs = given.pairs if kind in ("ours", "report") else min(given.pairs, OTHERS_PAIRS)
            found, plain = overheads(net, kind, pairs, given.rounds)
            low, high = interval(found)
            more = f"{memory(net, given.rounds):+.0f}" if kind == "ours" else ""
            median = f"{np.median(found):+.1%}"
            print(line(net, kind, pairs, median, f"{low:+.1%} to {high:+.1%}", f"{plain:.1f}", more), flush=True)  # noqa: T201
    print(f"limits for ours: {BAR:.0%} of plain fit, 100 MB")  # noqa: T201


if __name__ == "__main__":
    main()
