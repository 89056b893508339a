"""Small data for the examples: digits, sentences, tables and series. Everything is seeded."""

from functools import cache
from typing import Any

import numpy as np

Array = Any
DEV = 0.2  # share of the rows held out
VOCABULARY = 40  # words


@cache
def digits() -> tuple[Array, Array]:
    """Images of scikit-learn's digits, [1797, 8, 8, 1] from 0 to 1, and their classes, mixed."""
    from sklearn.datasets import load_digits

    images, classes = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(images))
    return (images[order] / 16).reshape(-1, 8, 8, 1).astype("float32"), classes[order].astype("int64")


def held_out(*arrays: Array) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """Training rows and dev rows."""
    first = round(len(arrays[0]) * DEV)
    return tuple(array[first:] for array in arrays), tuple(array[:first] for array in arrays)


def sentences(count: int = 1_500, length: int = 20, seed: int = 0) -> tuple[Array, Array]:
    """Token numbers, [count, length] from 1, and 1 where there are more tokens of the first third than of the last."""
    generator = np.random.default_rng(seed)
    leaning = generator.uniform(0.2, 0.8, size=(count, 1))
    low = generator.uniform(size=(count, length)) < leaning
    third = VOCABULARY // 3
    tokens = generator.integers(1, third, size=low.shape) + np.where(low, 0, 2 * third)
    return tokens.astype("int64"), (low.mean(axis=1) > 0.5).astype("int64")


def waves(count: int = 600, length: int = 64, seed: int = 0) -> tuple[Array, Array]:
    """Noisy waves, [count, length, 1], and whether they are square."""
    generator = np.random.default_rng(seed)
    y = generator.integers(0, 2, count)
    time = np.linspace(0, 1, length)
    phase, speed = generator.uniform(0, 6, (count, 1)), generator.uniform(3, 6, (count, 1))
    wave = np.sin(2 * np.pi * speed * time + phase)
    wave = np.where(y[:, None] == 1, np.sign(wave), 1.3 * wave) + 0.3 * generator.normal(size=wave.shape)
    return wave[..., None].astype("float32"), y.astype("int64")


def series(length: int = 1_500, seed: int = 0) -> Array:
    """One long series, [length, 1]: two seasons and noise."""
    generator = np.random.default_rng(seed)
    time = np.arange(length)
    wave = np.sin(2 * np.pi * time / 24) + 0.5 * np.sin(2 * np.pi * time / 168)
    return (wave + 0.1 * generator.normal(size=length)).reshape(-1, 1).astype("float32")


def customers(count: int = 1_500, seed: int = 0) -> tuple[dict[str, Array], Array]:
    """A table by column, as a data frame would give it, and whether a customer bought."""
    generator = np.random.default_rng(seed)
    age, income = generator.normal(40, 12, count), generator.lognormal(10, 0.4, count)
    city = generator.integers(0, 6, count)
    score = (age - 40) / 12 + (np.log(income) - 10) / 0.4 + np.array([1.0, -1, 0.5, -0.5, 0, 1.5])[city]
    bought = (score + 0.3 * generator.normal(size=count) > 0).astype("int64")
    names = np.array(["ulm", "bonn", "kiel", "mainz", "trier", "jena"])
    table = {"age": age.astype("float32"), "income": income.astype("float32"), "city": names[city].astype(object)}
    return {name: column.reshape(-1, 1) for name, column in table.items()}, bought


def points(count: int = 2_000, seed: int = 0) -> Array:
    """Points on a ring, [count, 2]: something to generate."""
    generator = np.random.default_rng(seed)
    angle = generator.uniform(0, 2 * np.pi, count)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return (ring + 0.05 * generator.normal(size=ring.shape)).astype("float32")
