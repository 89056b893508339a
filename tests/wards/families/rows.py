"""How the families divide their rows, and changes to the rows that several families plant."""

from dataclasses import replace
from typing import Any

import numpy as np

from tests.wards.data import Array, Data


def drawn(x: Any, y: Any, task: str, units: int, share: float = 0.3) -> Data:
    """Train and dev by a seeded draw over rows; `share` goes to dev."""
    order = np.random.default_rng(0).permutation(len(y))
    cut = round(len(y) * (1 - share))
    train, dev = order[:cut], order[cut:]
    return Data((x[train], y[train]), (x[dev], y[dev]), (task,), (units,))


def cut_off(x: Any, y: Any, task: str, units: int, share: float = 0.3) -> Data:
    """The last rows as dev, as `validation_split` takes them."""
    cut = round(len(y) * (1 - share))
    return Data((x[:cut], y[:cut]), (x[cut:], y[cut:]), (task,), (units,))


def fewer_rows(data: Data, rows: int) -> Data:
    """The first training rows, shuffled before; the dev set stays."""
    pick = np.random.default_rng(3).permutation(len(data.train[0]))[:rows]
    return replace(data, train=(data.train[0][pick], data.train[1][pick]))


def sorted_rows(data: Data) -> Data:
    """Training rows in the order of their targets."""
    order = np.argsort(data.train[1].ravel(), kind="stable")
    return replace(data, train=(data.train[0][order], data.train[1][order]))


def dev_in_another_order(data: Data) -> Data:
    """Dev targets in another order than their rows: files listed twice, in two orders."""
    order = np.random.default_rng(5).permutation(len(data.judged[1]))
    return data.mapped(y=lambda y: y[order], splits=("dev",))


def times(data: Data, factor: float, shift: float = 0.0, splits: tuple[str, ...] = ("train", "dev")) -> Data:
    """Inputs times `factor` plus `shift`."""

    def change(x: Array) -> Array:
        return (x * factor + shift).astype("float32")

    return data.mapped(x=change, splits=splits)
