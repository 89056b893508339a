"""Groups and times, which are not fed to the model: which rows belong together, and when a row came."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from diagnose.errors import InputError
from diagnose.loading.data.names import split_of
from diagnose.subject import Rows


def groups_of(values: Any, name: str, origin: str) -> Rows:
    """Groups as text, "" if a row has none.

    Raises:
        InputError: there is more than one value per row.
    """
    import pandas as pd

    column = pd.Series(_flat(values, f"--group {name}", origin))
    groups: Rows = column.astype(object).where(column.notna(), "").astype(str).to_numpy(dtype=object)
    return groups


def times_of(values: Any, name: str, origin: str) -> Rows:
    """Times as numbers or, for dates, as datetime64 in seconds (NaN or NaT if a row has none).

    Raises:
        InputError: a time is neither a number nor a date as ISO 8601 writes it.
    """
    import pandas as pd

    column = pd.Series(_flat(values, f"--time {name}", origin))
    if pd.api.types.is_numeric_dtype(column):
        numbers: Rows = column.to_numpy(dtype="float64", na_value=np.nan)
        return numbers
    dates = pd.to_datetime(column, format="ISO8601", errors="coerce", utc=True)
    odd = column[dates.isna() & column.notna()]
    if len(odd):
        raise InputError(
            f'{origin}: --time {name}: "{odd.iloc[0]}" is neither a number nor a date: write dates as 2024-12-31'
        )
    seconds: Rows = dates.dt.tz_localize(None).to_numpy(dtype="datetime64[s]")
    return seconds


def _flat(values: Any, what: str, origin: str) -> Rows:
    rows: Rows = np.asarray(values)
    if rows.ndim == 0 or rows.size != rows.shape[0]:
        raise InputError(f"{origin}: {what} must have one value per row, got the shape {rows.shape}")
    return rows.reshape(-1)


def arrays_of(option: str | None, arrays: Mapping[str, Rows]) -> dict[str, str]:
    """The arrays that an option names: split -> key; `--group site` finds site, site_train and site_val."""
    if option is None:
        return {}
    wanted = split_of(option)[1]
    return {split: key for key in arrays for split, rest in [split_of(key)] if rest == wanted}
