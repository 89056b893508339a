"""One column of a table: numbers, text or lists."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from diagnose.errors import InputError
from diagnose.subject import Rows

WIDE = 1_000  # columns


def rows_of(column: Any, origin: str) -> Rows:
    """One column: numbers, text as objects (missing: ""), or, for a column of lists, an array with more axes.

    Raises:
        InputError: the lists have different lengths.
    """
    if is_nested(column):
        try:
            rows: Rows = np.array(column.tolist())
        except ValueError:
            rows = np.empty(0, object)
        if rows.dtype.kind == "O":
            raise InputError(
                f"{origin}: the lists in {column.name} have different lengths or kinds: "
                "pad them to one length as in training"
            )
        return rows
    if is_numeric(column):
        numbers: Rows = column.to_numpy(dtype=None if column.dtype.kind in "biuf" and not _extended(column) else float)
        return numbers
    text: Rows = column.astype(object).where(column.notna(), "").astype(str).to_numpy(dtype=object)
    return text


def is_numeric(column: Any) -> bool:
    """Whether a column, or a type of pandas, holds numbers or booleans."""
    import pandas as pd

    return bool(pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column))


def numeric_columns(frame: Any) -> list[str]:
    """The names of the columns of numbers, by their types alone: a table may have 60,000 columns."""
    return [name for name, dtype in zip(frame.columns, frame.dtypes, strict=True) if is_numeric(dtype)]


def nested_columns(frame: Any) -> list[str]:
    """The names of the columns of lists."""
    objects = [name for name, dtype in zip(frame.columns, frame.dtypes, strict=True) if dtype.kind == "O"]
    return [name for name in objects if is_nested(frame[name])]


def renamed(frame: Any, names: list[str]) -> Any:
    """The same table with other column names; the values are shared, unless the table is wide.

    pandas reads every column into a block of its own, and each step on 60,000 blocks takes seconds; a copy has a few.
    """
    frame = frame.copy(deep=frame.shape[1] > WIDE)
    frame.columns = names
    return frame


def bytes_of(frame: Any) -> int:
    """The memory of a table, with that of its texts."""
    plain = [dtype for dtype in frame.dtypes if isinstance(dtype, np.dtype) and dtype.kind != "O"]
    if len(plain) == frame.shape[1]:
        return sum(dtype.itemsize for dtype in plain) * len(frame)
    return int(frame.memory_usage(deep=True).sum())


def listed(names: Iterable[str]) -> str:
    """Names for a message, at most 30."""
    every = list(names)
    return ", ".join(every[:30]) + (", ..." if len(every) > 30 else "")


def _extended(column: Any) -> bool:
    """Whether pandas keeps missing values apart from the numbers, not as NaN."""
    return not isinstance(column.dtype, np.dtype)


def is_nested(column: Any) -> bool:
    first = next((cell for cell in column if cell is not None), None) if column.dtype == object else None
    return isinstance(first, list | tuple | np.ndarray)


def counting_columns(frame: Any) -> list[str]:
    """The columns of whole numbers in which each value is 1 more than the one before."""
    whole = [name for name, dtype in zip(frame.columns, frame.dtypes, strict=True) if dtype.kind in "iu"]
    if len(frame) < 2 or not whole:
        return []
    values = frame[whole].to_numpy()
    counts = (values[1:] - values[:-1] == 1).all(axis=0)
    return [name for name, one in zip(whole, counts, strict=True) if one]
