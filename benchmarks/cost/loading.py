"""Memory for loading a large model, as a multiple of the file size: `python -m benchmarks.cost.loading`.

Each file is loaded in a separate process. Prints the peak resident size, minus that after the imports and a first
small model, divided by the file size. Limit: 2.5. The kinds: many layers of equal size; one layer with nearly all
weights; trained (two thirds of the file are Adam's state); saved without compile settings; in need of repair (its
weight groups contain backslashes, or its first layer the input shape).
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

import click

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

BAR = 2.5
KINDS = ("even", "one-layer", "trained", "uncompiled", "repaired")


def peak() -> int:
    """Peak resident size of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def build(path: Path, kind: str, megabytes: int) -> None:
    """Write a model file of about this size."""
    import keras

    numbers = megabytes * 1_000_000 // 4
    layers: list[Any] = [keras.Input((1000,))]
    if kind == "one-layer":
        layers += [keras.layers.Dense(numbers // 1100), keras.layers.Dense(100)]
    else:
        width = int((numbers / (30 if kind == "trained" else 10)) ** 0.5)
        layers += [keras.layers.Dense(width) for _ in range(11)]
    model = keras.Sequential([*layers, keras.layers.Dense(1)])
    if kind != "uncompiled":
        model.compile("adam" if kind == "trained" else keras.optimizers.SGD(), "mean_squared_error")
    if kind == "trained":
        model.optimizer.build(model.trainable_variables)
    model.save(path)
    if kind == "repaired":
        (_as_keras_2 if path.suffix == ".h5" else _with_backslashes)(path)


def _as_keras_2(path: Path) -> None:
    import h5py

    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        first = config["config"]["layers"].pop(0)
        config["config"]["layers"][0]["config"]["batch_input_shape"] = first["config"]["batch_shape"]
        file.attrs["model_config"], file.attrs["keras_version"] = json.dumps(config), "2.3.1"


def _with_backslashes(path: Path) -> None:
    import h5py

    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
        with h5py.File(Path(folder) / "model.weights.h5", "r+") as file:
            for name in list(file["layers"]):
                file.move(f"layers/{name}", f"layers\\{name}")
        with zipfile.ZipFile(path, "w") as archive:
            for member in Path(folder).iterdir():
                archive.write(member, member.name)


def measure(path: Path) -> tuple[float, float]:
    """Load a file in this process: memory as a multiple of the file size, and seconds."""
    from diagnose.loading.models.choosing import load_model
    from diagnose.loading.options import LoadOptions

    with tempfile.TemporaryDirectory() as folder:  # TensorFlow allocates its own memory with the first model
        build(Path(folder) / "small.keras", "even", 1)
        load_model(Path(folder) / "small.keras", LoadOptions())
    before, start = peak(), time.perf_counter()
    load_model(path, LoadOptions(loss="mean_squared_error"))
    return (peak() - before) / path.stat().st_size, time.perf_counter() - start


@click.command(help=__doc__)
@click.option("--megabytes", multiple=True, type=int, default=(90, 500), show_default=True)
@click.option("--build", "building", nargs=3, type=str, hidden=True)
@click.option("--measure", "measuring", type=Path, hidden=True)
def main(megabytes: tuple[int, ...], building: tuple[str, str, str] | None, measuring: Path | None) -> None:
    """Print one line per file; with the hidden options, the work of one process."""
    if building:
        build(Path(building[0]), building[1], int(building[2]))
    elif measuring:
        click.echo(json.dumps(measure(measuring)))
    else:
        _table(megabytes)


def _table(sizes: tuple[int, ...]) -> None:
    click.echo(f"{'model':34}{'file':>9}{'memory':>10}{'of the file':>13}{'seconds':>9}")
    for size in sizes:
        for kind in KINDS:
            for suffix in (".keras", ".h5"):
                with tempfile.TemporaryDirectory() as folder:
                    path = Path(folder) / f"model{suffix}"
                    _python("--build", str(path), kind, str(size))
                    ratio, seconds = json.loads(_python("--measure", str(path)).splitlines()[-1])
                    stored = path.stat().st_size / 1e6
                bar = "ok" if ratio <= BAR else "over"
                click.echo(
                    f"{f'{size} MB {kind} {suffix}':34}{stored:6.0f} MB{stored * ratio:7.0f} MB{ratio:13.2f}"
                    f"{seconds:9.1f}  {bar}"
                )


def _python(*arguments: str) -> str:
    command = [sys.executable, "-m", "benchmarks.cost.loading", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main()
