"""What many tests share: tiny models, tiny data, and the real files of other people where they are at hand."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

EXTRAS = Path(__file__).parents[2] / "shared"  # beside the project: models and data of other people, not packaged


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real models and data; tests that need it are skipped where it is missing."""
    if not (EXTRAS / "cases").is_dir():
        pytest.skip(f"{EXTRAS} is missing: real models and data of other people, kept beside the project")
    return EXTRAS


@pytest.fixture(scope="session")
def make_model() -> Callable[..., Any]:
    """Make a tiny compiled Sequential model: (inputs) -> Dense(4, relu) -> Dense(units, activation)."""

    def make(
        shape: tuple[int, ...] = (3,),
        units: int = 1,
        activation: str | None = None,
        loss: Any = "mean_squared_error",
        optimizer: Any = "adam",
    ) -> Any:
        import keras

        keras.utils.set_random_seed(0)
        flat = [keras.layers.Flatten()] if len(shape) > 1 else []
        hidden = keras.layers.Dense(4, activation="relu")
        head = keras.layers.Dense(units, activation=activation)
        model = keras.Sequential([keras.Input(shape), *flat, hidden, head])
        model.compile(optimizer, loss)
        return model

    return make


@pytest.fixture(scope="session")
def rows() -> Callable[..., Any]:
    """Make seeded inputs of n rows and a shape."""

    def make(n: int, *shape: int) -> Any:
        return np.random.default_rng(0).normal(size=(n, *shape)).astype("float32")

    return make
