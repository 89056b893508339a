"""The columns of a table as the inputs of a model; columns that do not fit are explained."""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from diagnose.errors import InputError
from diagnose.loading.data.columns import counting_columns, listed, nested_columns, numeric_columns, rows_of
from diagnose.loading.data.encodings import advice
from diagnose.loading.data.names import plain
from diagnose.loading.signatures import Port, Signature
from diagnose.subject import Rows


@dataclass(frozen=True)
class Features:
    """Inputs by the model's names ("" for the only one), the columns of a table of numbers, and notes."""

    inputs: dict[str, Rows]
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def feature_rows(frame: Any, signature: Signature, origin: str) -> Features:
    """Give every input of the model its columns.

    A model with several inputs, or with one that is called like a column, gets them by name. A single input of text
    gets the only column of text (or as many as it is wide), a single input of numbers all columns of numbers, or the
    only column of lists.

    Args:
        frame: pandas; the features alone.
        signature: what the model takes.
        origin: for messages.

    Raises:
        InputError: the columns do not fit; both sides are named, and what would fit.
    """
    ports = signature.inputs
    columns = {plain(name): name for name in frame.columns}
    if len(ports) > 1 or (plain(ports[0].name) in columns and _width(ports[0]) == 1):
        return _by_name(frame, ports, columns, origin)
    if ports[0].dtype == "string":
        return _text(frame, ports[0], origin)
    lists = nested_columns(frame)
    if len(lists) > 1:
        raise InputError(
            f'{origin}: the model\'s input "{ports[0].name}" must be one column of lists, got {listed(lists)}: '
            "keep one of them"
        )
    if lists:
        rest = [name for name in frame.columns if name not in lists]
        return Features({"": rows_of(frame[lists[0]], origin)}, notes=_left_out(rest, origin, "beside the lists"))
    return _numbers(frame, ports[0], origin)


def _width(port: Port) -> int | None:
    """How many values one row has; None if the model does not say."""
    if port.shape is None or any(size is None for size in port.shape):
        return None
    return prod(size for size in port.shape if size is not None)


def _left_out(names: list[str], origin: str, why: str) -> tuple[str, ...]:
    return (f"{origin}: the columns {listed(names)} {why} and were left out",) if names else ()


# --- by name -------------------------------------------------------------------------------------


def _by_name(frame: Any, ports: tuple[Port, ...], columns: dict[str, str], origin: str) -> Features:
    missing = [port.name for port in ports if plain(port.name) not in columns]
    if missing:
        raise InputError(
            f"{origin}: there are no columns for the model's inputs {listed(missing)} among {listed(frame.columns)}: "
            "name the columns like the inputs"
        )
    used = {port.name: columns[plain(port.name)] for port in ports}
    rest = [name for name in frame.columns if name not in used.values()]
    inputs = {port.name: _cells(frame[used[port.name]], port, origin) for port in ports}
    return Features(inputs, notes=_left_out(rest, origin, "are not inputs of the model"))


def _cells(column: Any, port: Port, origin: str) -> Rows:
    """One column for one input."""
    rows = rows_of(column, origin)
    if port.dtype == "string":
        text: Rows = rows if rows.dtype.kind in "OUS" else rows.astype(np.str_)
        return text
    if rows.dtype.kind in "OUS":
        example = next((cell for cell in rows.ravel() if cell), "")
        raise InputError(
            f'{origin}: the column {column.name} holds text (such as "{example}"), but the model\'s input '
            f'"{port.name}" takes numbers ({port.dtype}): encode it as in training'
        )
    return rows


# --- one input -----------------------------------------------------------------------------------


def _text(frame: Any, port: Port, origin: str) -> Features:
    numbers = set(numeric_columns(frame))
    text = [name for name in frame.columns if name not in numbers]
    wanted = _width(port) or 1
    if len(text) != wanted:
        raise InputError(
            f'{origin}: the model\'s input "{port.name}" takes {wanted} text{"s" if wanted > 1 else ""} a row, but '
            f"{listed(text) or 'no column'} hold{'' if len(text) > 1 else 's'} text: keep what the model was fed"
        )
    rows = [rows_of(frame[name], origin) for name in text]
    rest = [name for name in frame.columns if name not in text]
    notes = _left_out(rest, origin, "hold numbers, which the model does not take,")
    return Features({"": rows[0] if wanted == 1 else np.stack(rows, axis=1)}, notes=notes)


def _numbers(frame: Any, port: Port, origin: str) -> Features:
    numeric = numeric_columns(frame)
    width = _width(port)
    kept, notes = _without_row_numbers(frame, numeric, width, origin)
    numbers = set(numeric)
    text = [name for name in frame.columns if name not in numbers]
    if width is not None and len(kept) != width:
        has = f"{len(numeric)} numeric feature columns" + (f" and text in {listed(text)}" if text else "")
        raise InputError(f"{origin} has {has}, but the model takes {width} numbers a row: {advice(frame, width)}")
    if not kept:
        raise InputError(f"{origin} has no columns of numbers besides the target: check --target and the delimiter")
    notes += _left_out(text, origin, "hold text")
    missing = frame[kept].isna().sum()
    gaps = [f"{name} ({count:,})" for name, count in missing.items() if count]
    if gaps and port.dtype.startswith(("int", "uint")):
        raise InputError(
            f"{origin}: values are missing in {listed(gaps)}, but the model takes whole numbers ({port.dtype}): "
            "fill them as in training"
        )
    if gaps:
        notes += (f"{origin}: missing values in {', '.join(gaps[:10])} were fed as NaN",)
    dtype = port.dtype if port.dtype in {"float64", "int32", "int64"} else "float32"
    with np.errstate(over="ignore"):  # numbers beyond the model's type become infinite, as in training
        rows = frame[kept].to_numpy(dtype=dtype, na_value=np.nan) if gaps else frame[kept].to_numpy(dtype=dtype)
    return Features({"": rows}, tuple(kept), notes)


def _without_row_numbers(
    frame: Any, numeric: list[str], width: int | None, origin: str
) -> tuple[list[str], tuple[str, ...]]:
    """Leave out columns without a name or a value, then row numbers, if that makes the table fit."""
    if len(numeric) == width:
        return numeric, ()
    empty = set(frame.columns[frame.isna().all()])
    unnamed = [name for name in numeric if name.startswith("Unnamed:") or name in empty]
    counting = [name for name in counting_columns(frame) if name not in empty]
    for dropped in (unnamed, [*unnamed, *(name for name in counting if name not in set(unnamed))]):
        left_out = set(dropped)
        kept = [name for name in numeric if name not in left_out]
        if dropped and (len(kept) == width or (width is None and dropped == unnamed)):
            return kept, _left_out(dropped, origin, "are empty or number the rows")
    return numeric, ()
