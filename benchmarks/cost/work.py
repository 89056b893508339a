"""Compares the seconds that the planner estimates from operation counts with measured training steps.

python -m benchmarks.cost.work

Prints one line per architecture: a training step and the compilation of its loop, estimated for the reference machine
and timed on this one. The ratios should be similar to each other; a machine twice as fast halves them all.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import click
import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

ROWS, CLASSES = 640, 10
STEPS = 20


def _models() -> Iterator[tuple[str, Any, tuple[int, ...], int]]:
    """Name, model, shape of one row, batch size."""
    from keras import Input, Model, Sequential, layers

    def net(shape: tuple[int, ...], *stack: Any) -> Any:
        return Sequential([Input(shape), *stack, layers.Dense(CLASSES, activation="softmax")])

    def dense(units: int) -> Any:
        return layers.Dense(units, activation="relu")

    def conv(filters: int) -> Any:
        return layers.Conv2D(filters, 3, padding="same", activation="relu")

    def conv_bn(filters: int) -> list[Any]:
        return [layers.Conv2D(filters, 3, padding="same"), layers.BatchNormalization(), layers.ReLU()]

    def attention(shape: tuple[int, ...], blocks: int) -> Any:
        tensor = given = Input(shape)
        for _ in range(blocks):
            tensor = layers.LayerNormalization()(tensor + layers.MultiHeadAttention(4, 16)(tensor, tensor))
            tensor = layers.LayerNormalization()(tensor + layers.Dense(shape[-1])(dense(128)(tensor)))
        pooled = layers.GlobalAveragePooling1D()(tensor)
        return Model(given, layers.Dense(CLASSES, activation="softmax")(pooled))

    pool, flat = layers.MaxPooling2D, layers.Flatten
    yield "mlp 64-64", net((64,), dense(64), dense(64)), (64,), 32
    yield "mlp 1024-1024-1024", net((784,), dense(1024), dense(1024), dense(1024)), (784,), 128
    yield "20 dense layers", net((64,), *(dense(64) for _ in range(20))), (64,), 32
    yield "conv 32-64, 28 px", net((28, 28, 1), conv(32), pool(), conv(64), pool(), flat(), dense(128)), (28, 28, 1), 32
    blocks = [part for filters in (32, 32, 64, 64, 128, 128) for part in conv_bn(filters)]
    yield "6 conv with BN, 32 px", net((32, 32, 3), *blocks, layers.GlobalAveragePooling2D()), (32, 32, 3), 64
    yield (
        "2 conv 16, 128 px",
        net((128, 128, 3), conv(16), conv(16), layers.GlobalAveragePooling2D()),
        (128, 128, 3),
        16,
    )
    yield "lstm 32, 50 steps", net((50, 8), layers.LSTM(32)), (50, 8), 32
    yield "2 gru 64, 100 steps", net((100, 8), layers.GRU(64, return_sequences=True), layers.GRU(64)), (100, 8), 32
    yield "2 transformer blocks", attention((64, 32), 2), (64, 32), 32


@click.command(help=__doc__)
def main() -> None:
    """Print the table."""
    line = "{:<24} {:>10} {:>10} {:>7} {:>11} {:>11} {:>7}".format
    click.echo(line("", "step, est.", "timed", "ratio", "loop, est.", "timed", "ratio"))
    ratios = []
    for name, model, shape, batch in _models():
        estimated, timed = _compared(model, shape, batch)
        ratios.append((timed[0] / estimated[0], timed[1] / estimated[1]))
        numbers = [f"{1000 * estimated[0]:.2f} ms", f"{1000 * timed[0]:.2f} ms", f"{ratios[-1][0]:.2f}"]
        numbers += [f"{estimated[1]:.2f} s", f"{timed[1]:.2f} s", f"{ratios[-1][1]:.2f}"]
        click.echo(line(name, *numbers))
    for place, what in enumerate(("step", "loop")):
        own = np.array([ratio[place] for ratio in ratios])
        click.echo(f"{what}: median ratio {np.median(own):.2f}, from {own.min():.2f} to {own.max():.2f}")


def _compared(model: Any, shape: tuple[int, ...], batch: int) -> tuple[tuple[float, float], tuple[float, float]]:
    """Seconds of a step and of compiling its loop: estimated and timed."""
    from diagnose.measuring.bench import Bench
    from diagnose.measuring.training import own_training
    from diagnose.measuring.work import loop_seconds, step_seconds
    from diagnose.settings import Settings
    from diagnose.subject import Output, Seen, Split, Subject, Task, Training

    generator = np.random.default_rng(0)
    x = generator.normal(size=(ROWS, *shape)).astype("float32")
    y = generator.integers(0, CLASSES, ROWS)
    model.compile("adam", "sparse_categorical_crossentropy")
    output = Output("out", Task.MULTICLASS, "sparse_categorical_crossentropy", classes=CLASSES)
    train, dev = Split("train", (x,), (y,), Seen.YES), Split("dev", (x[:100],), (y[:100],), Seen.NO)
    subject = Subject("benchmark", model, (output,), train, dev=dev, training=Training(batch_size=batch))
    with Bench(subject, Settings()) as bench:
        start = time.perf_counter()
        with own_training(bench) as trainer:
            trainer.begin(bench.weights(None), 0)
            trainer.run(np.zeros(2))
            compiled = time.perf_counter() - start
            step = min(_timed(lambda: trainer.run(np.zeros(STEPS))) for _ in range(3)) / STEPS
        return (step_seconds(bench), loop_seconds(bench)), (step, compiled)


def _timed(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
