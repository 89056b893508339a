"""One column of a table: numbers, text or lists."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from diagnose.errors import InputError
from diagnose.subject import Rows


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
    import pandas as pd

    return bool(pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column))


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


def counts_rows(column: Any) -> bool:
    """Whether each value is 1 more than the one before."""
    return column.dtype.kind in "iu" and len(column) > 1 and bool((column.diff().iloc[1:] == 1).all())
