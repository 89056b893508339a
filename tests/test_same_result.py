"""The same inputs give the same result, regardless of the load of the machine."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits

TIMES = {"timing", "date"}
CHECKS = "does-not-learn,behind-baseline,input-scale,learning-rate-too-high,plateau,overfit-batch"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sick model, so that trials run as well: pixels of 0 to 255 with SGD."""
    place = tmp_path_factory.mktemp("sick")
    x, y = load_digits(return_X_y=True)
    x = (x / 16 * 255).astype("float32")
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(32, activation="relu"), keras.layers.Dense(10, activation="softmax")]
    )
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x[:1400], y[:1400], epochs=3, verbose=0)
    model.save(place / "model.keras")
    np.savez(place / "data.npz", x_train=x[:1400], y_train=y[:1400], x_dev=x[1400:], y_dev=y[1400:])
    return place


def examined(folder: Path, name: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "diagnose", "model.keras", "data.npz", "--only", CHECKS]
    command += ["--json", f"{name}.json", "--quiet"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    subprocess.run(command, cwd=folder, env=environment, check=True, timeout=600)
    result: dict[str, Any] = json.loads((folder / f"{name}.json").read_text())
    return without_times(result)


def without_times(result: dict[str, Any]) -> dict[str, Any]:
    result["settings"].pop("command")
    for check in result["checks"]:
        check.pop("seconds")
    return {key: value for key, value in result.items() if key not in TIMES}


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """Run processes that keep the CPUs busy."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


@pytest.mark.slow
def test_an_idle_and_a_busy_machine_give_the_same_diagnosis(folder: Path) -> None:
    idle = examined(folder, "idle")
    with busy(2):
        loaded = examined(folder, "loaded")
    assert idle["settings"]["plan"] == loaded["settings"]["plan"]
    assert [effect["remedy"] for effect in idle["effects"]]
    assert idle == loaded
