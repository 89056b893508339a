"""Changes to the rows that families plant."""

from dataclasses import replace

import numpy as np

from tests.wards.data import Array, Data


def fewer_rows(data: Data, rows: int) -> Data:
    """The first training rows, shuffled before; the dev set stays."""
    pick = np.random.default_rng(3).permutation(len(data.train[0]))[:rows]
    return replace(data, train=(data.train[0][pick], data.train[1][pick]))


def sorted_rows(data: Data) -> Data:
    """Training rows in the order of their classes."""
    order = np.argsort(data.train[1], kind="stable")
    return replace(data, train=(data.train[0][order], data.train[1][order]))


def times(data: Data, factor: float, shift: float = 0.0, splits: tuple[str, ...] = ("train", "dev")) -> Data:
    """Inputs times `factor` plus `shift`."""

    def change(x: Array) -> Array:
        return (x * factor + shift).astype("float32")

    return data.mapped(x=change, splits=splits)
