"""A 100-step learning-rate range test compared with 100 steps of `fit`, in process CPU time.

Run: python -m benchmarks.cost.training [--pairs N]. Both sides run the same network on the same batches, interleaved
and without compilation (one warm-up each). Prints the median of the ratios and their quartiles.
"""

import argparse
import os
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from benchmarks.cost.nets import CLASSES, small_cnn
from diagnose.measuring.bench import Bench
from diagnose.measuring.training import own_training
from diagnose.settings import Settings
from diagnose.subject import Output, Seen, Split, Subject, Task

STEPS = 100
BATCH_SIZE = 32


def mlp() -> keras.Model:
    layers = keras.layers
    hidden = [layers.Flatten(), layers.Dense(256, activation="relu"), layers.Dense(256, activation="relu")]
    return keras.Sequential([keras.Input((28, 28, 1)), *hidden, layers.Dense(CLASSES, activation="softmax")])


def subject(model: keras.Model) -> Subject:
    """A subject with noise instead of images: the time does not depend on what is learned."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(STEPS * BATCH_SIZE, 28, 28, 1)).astype("float32")
    y = generator.integers(0, CLASSES, len(x))
    model.compile("adam", "sparse_categorical_crossentropy")
    output = Output("out", Task.MULTICLASS, "sparse_categorical_crossentropy", classes=CLASSES)
    train = Split("train", (x,), (y,), Seen.YES)
    return Subject("benchmark", model, (output,), train, dev=Split("dev", (x[:200],), (y[:200],), Seen.NO))


def ratios(model: keras.Model, pairs: int) -> np.ndarray:
    """CPU time of the range test over that of `fit`, one ratio per pair."""
    case = subject(model)
    rates = np.geomspace(1e-7, 1.0, STEPS)
    with Bench(case, Settings()) as bench, own_training(bench) as trainer:
        twin = keras.models.clone_model(model)
        x, y = case.train.inputs[0], case.train.targets[0]

        def ours() -> None:
            trainer.begin(bench.weights(0), 0)
            trainer.run(rates)

        def theirs() -> None:
            twin.fit(x, y, batch_size=BATCH_SIZE, epochs=1, verbose=0)

        for warm_up in (ours, theirs):
            warm_up()
        return np.array([seconds(ours) / seconds(theirs) for _ in range(pairs)])


def seconds(work: Callable[[], None]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=7)
    pairs = parser.parse_args().pairs
    for name, make in {"mlp": mlp, "cnn": small_cnn}.items():
        found = ratios(make(), pairs)
        low, middle, high = np.quantile(found, [0.25, 0.5, 0.75])
        print(f"{name}: 100-step range test / 100 steps of fit = {middle:.2f} ({low:.2f} to {high:.2f})")  # noqa: T201


if __name__ == "__main__":
    main()
