"""Tables in text files: CSV and TSV, with or without a header."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from diagnose.errors import InputError
from diagnose.loading.names import plain
from diagnose.loading.parts import Part
from diagnose.loading.signatures import Port, Signature
from diagnose.subject import Rows

_MISSING = ["?", " ?", "NA", "N/A", ""]


def read_table(path: Path, signature: Signature, target: str | None) -> Part:
    """Read one file: the target columns, and the features in the order of the file.

    Args:
        path: a text file of rows; columns separated by commas, tabs, semicolons or blanks.
        signature: what the model takes.
        target: the target column, or several separated by commas; None asks for it.

    Raises:
        InputError: no such column, or columns that the model cannot take.
    """
    frame = _frame(path)
    return frame_part(frame, signature, target, str(path))


def frame_part(frame: Any, signature: Signature, target: str | None, origin: str) -> Part:
    """The same for a pandas frame."""
    wanted = _targets(frame, target, origin)
    features = frame.drop(columns=wanted)
    inputs, names, notes = _feature_rows(features, signature, origin)
    return Part(inputs, _target_rows(frame[wanted], signature), origin, feature_names=names, notes=notes)


def _frame(path: Path) -> Any:
    import pandas as pd

    try:
        sample = path.open(encoding="utf-8-sig", errors="replace").readline()
        separator = next((s for s in (",", "\t", ";") if s in sample), r"\s+")
        header = 0 if _has_header(sample, separator) else None
        options: dict[str, Any] = {"sep": separator, "header": header, "na_values": _MISSING, "skipinitialspace": True}
        frame = pd.read_csv(path, encoding="utf-8-sig", low_memory=False, **options)
    except (OSError, ValueError, pd.errors.ParserError) as error:
        raise InputError(f"{path} cannot be read as a table ({str(error).splitlines()[0][:200]})") from error
    if frame.empty:
        raise InputError(f"{path} has no rows: pass a table with one row per example")
    frame.columns = [str(column).strip() for column in frame.columns]
    return frame


def _has_header(line: str, separator: str) -> bool:
    """A first line with a number in it is data: columns are hardly ever called by a number."""
    cells = line.split() if separator == r"\s+" else line.split(separator)
    return not any(_is_number(cell.strip().strip('"')) for cell in cells)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _targets(frame: Any, target: str | None, origin: str) -> list[str]:
    columns = list(frame.columns)
    listed = ", ".join(columns[:30]) + (", ..." if len(columns) > 30 else "")
    if target is None:
        raise InputError(f"{origin}: which column is the target? Pass --target with one of {listed}")
    wanted = [target] if target in columns else [name.strip() for name in target.split(",")]
    for name in wanted:
        if name not in columns:
            raise InputError(f"{origin}: it has no column {name}: pass --target with one of {listed}")
    return wanted


def _target_rows(frame: Any, signature: Signature) -> dict[str, Rows]:
    """Targets by column; several columns of one output are put side by side."""
    rows = {str(name): _column(frame[name]) for name in frame.columns}
    if len(rows) == 1:
        return {"": next(iter(rows.values()))}
    if len(signature.outputs) == 1:
        return {"": np.stack(list(rows.values()), axis=1)}
    return rows


def _column(column: Any) -> Rows:
    """Numbers, or text, which becomes classes once all splits are known."""
    rows: Rows = column.to_numpy() if _is_numeric(column) else np.asarray(column.astype(str), dtype=np.str_)
    return rows


def _is_numeric(column: Any) -> bool:
    import pandas as pd

    return bool(pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column))


def _feature_rows(
    frame: Any, signature: Signature, origin: str
) -> tuple[dict[str, Any], tuple[str, ...], tuple[str, ...]]:
    ports = signature.inputs
    by_plain = {plain(name): name for name in frame.columns}
    if len(ports) > 1 and all(plain(port.name) in by_plain for port in ports):
        return {port.name: frame[by_plain[plain(port.name)]].to_numpy() for port in ports}, (), ()
    numeric = [name for name in frame.columns if _is_numeric(frame[name])]
    text = [name for name in frame.columns if name not in numeric]
    width = _width(ports)
    notes: tuple[str, ...] = ()
    if width is not None and len(numeric) != width:
        raise InputError(_misfit(origin, numeric, text, width))
    if text:
        notes += (f"{origin}: the columns {', '.join(text)} hold text and were left out",)
    missing = frame[numeric].isna().sum()
    gaps = [f"{name} ({count:,})" for name, count in missing.items() if count]
    if gaps:
        notes += (f"{origin}: missing values in {', '.join(gaps[:10])} were fed as NaN",)
    return {"": frame[numeric].to_numpy(dtype="float32")}, tuple(numeric), notes


def _width(ports: Sequence[Port]) -> int | None:
    """How many numbers one row has, where the model says so."""
    if len(ports) != 1 or ports[0].shape is None or any(size is None for size in ports[0].shape):
        return None
    return int(np.prod([size for size in ports[0].shape if size is not None]))


def _misfit(origin: str, numeric: list[str], text: list[str], width: int) -> str:
    has = f"{len(numeric)} numeric feature columns" + (f" and text in {', '.join(text[:10])}" if text else "")
    advice = "encode the text as in training" if text else "leave out what the model was not fed, or check --target"
    return f"{origin} has {has}, but the model takes {width} numbers a row: {advice}"
