"""Seconds of a whole examination, without imports, compared with one epoch of the user's training.

python -m benchmarks.cost.effort [--effort quick] [--effort standard]

The reference: conv32-conv64-dense128, batch 32, 60,000 rows of 28 x 28 (Fashion-MNIST if `../shared/data` has it,
else learnable noise of the same shape). Limits: quick <= 15 s; standard <= max(60 s, one epoch).
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.cost.nets import small_cnn

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

FASHION = Path(__file__).parents[3] / "shared" / "data" / "fashion_mnist.npz"
ROWS, DEV_ROWS, BATCH = 60_000, 10_000, 32


@click.command(help=__doc__)
@click.option("--effort", "efforts", type=click.Choice(["quick", "standard", "deep"]), multiple=True)
@click.option("--rows", default=ROWS, show_default=True)
def main(efforts: tuple[str, ...], rows: int) -> None:
    """Run the command."""
    import diagnose

    train, dev, source = _data(rows)
    model, epoch = _trained(train)
    click.echo(f"data: {source}, {len(train[0]):,} rows; one epoch of fit: {epoch:.1f} s")
    for effort in efforts or ("quick", "standard"):
        start, used = time.perf_counter(), time.process_time()
        diagnosis = diagnose.examine(model, train, dev, effort=effort, batch_size=BATCH, epochs=1)
        wall, cpu = time.perf_counter() - start, time.process_time() - used
        bar = {"quick": 15.0, "standard": max(60.0, epoch)}.get(effort)
        within = "" if bar is None else f", limit {bar:.0f} s: {'kept' if wall <= bar else 'EXCEEDED'}"
        click.echo(f"{effort}: {wall:.1f} s wall, {cpu:.1f} s CPU{within}; state {diagnosis.state}")
        for name, seconds in sorted(diagnosis.timing.items(), key=lambda item: -item[1]):
            if seconds >= 0.1:
                click.echo(f"  {name:24} {seconds:6.1f} s")


def _data(rows: int) -> tuple[Any, Any, str]:
    if FASHION.exists():
        with np.load(FASHION) as arrays:
            x, y, x_dev, y_dev = (arrays[key] for key in ("x_train", "y_train", "x_test", "y_test"))
        return (_scaled(x[:rows]), y[:rows]), (_scaled(x_dev), y_dev), "Fashion-MNIST"
    generator = np.random.default_rng(0)
    pictures = generator.random((10, 28, 28, 1), dtype="float32")
    y = generator.integers(0, 10, rows + DEV_ROWS)
    x = (pictures[y] + 2 * generator.random((rows + DEV_ROWS, 28, 28, 1), dtype="float32")) / 3
    return (x[:rows], y[:rows]), (x[rows:], y[rows:]), "generated"


def _scaled(x: Any) -> Any:
    return (x[..., None] / 255).astype("float32")


def _trained(train: Any) -> tuple[Any, float]:
    import keras

    keras.utils.set_random_seed(0)
    model = small_cnn()
    model.compile("adam", "sparse_categorical_crossentropy")
    start = time.perf_counter()
    model.fit(*train, batch_size=BATCH, epochs=1, verbose=0)
    return model, time.perf_counter() - start


if __name__ == "__main__":
    main()
