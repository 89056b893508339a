"""Tables become parts: delimited text, Parquet, JSON Lines, and frames of a running program."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from diagnose.errors import InputError
from diagnose.loading.data.columns import bytes_of, listed, renamed, rows_of
from diagnose.loading.data.delimited import COLUMNS, frames, sniff
from diagnose.loading.data.features import feature_rows
from diagnose.loading.data.keys import groups_of, times_of
from diagnose.loading.data.names import plain
from diagnose.loading.data.parts import Part
from diagnose.loading.data.records import JSON_LINES, PARQUET, json_frames, parquet_frames
from diagnose.loading.options import LoadOptions
from diagnose.loading.signatures import Signature
from diagnose.subject import Rows

SUFFIXES = {".csv", ".tsv", ".data", ".parquet", *JSON_LINES}
BYTES = 2 << 30  # most memory of one table; a seeded share of the rows of a larger one is kept
_TARGET_NAMES = {"target", "targets", "label", "labels", "class", "y"}


@dataclass(frozen=True)
class Table:
    """The rows of a file as a pandas frame (None: no rows), notes, and how many rows there are if some were dropped."""

    frame: Any
    notes: tuple[str, ...] = ()
    population: int | None = None

    def described(self, part: Part) -> Part:
        """A part of these rows, with what is known of them."""
        part = replace(part, notes=self.notes + part.notes)
        return part if self.population is None else part.sample_of(self.population)


def read_table(path: Path, signature: Signature, options: LoadOptions) -> Part:
    """Read one file: the target columns, and the features in the order of the file.

    Args:
        path: Parquet, JSON Lines, or rows of text separated by commas, tabs, semicolons, bars or blanks.
        signature: what the model takes.
        options: name the target columns (several: separated by commas), groups and times.

    Raises:
        InputError: it cannot be read, there is no such column, or the model cannot take the columns.
    """
    table = read_frame(path, options.seed)
    return table.described(frame_part(table.frame, signature, options, str(path)))


def read_frame(path: Path, seed: int = 0) -> Table:
    """A file as a pandas frame whose columns have text names.

    Raises:
        InputError: it cannot be read or has no rows.
    """
    with path.open("rb") as stream:
        parquet = stream.read(len(PARQUET)) == PARQUET
    if parquet:
        table = _thinned(path, parquet_frames(path), seed)
    elif path.suffix.lower() in JSON_LINES:
        table = _thinned(path, json_frames(path), seed)
    else:
        table = _delimited(path, seed)
    if table.frame is None or table.frame.empty:
        raise InputError(f"{path} has no rows: pass a table with one row per example")
    return replace(table, frame=_named(table.frame, str(path)))


def _delimited(path: Path, seed: int) -> Table:
    dialect = sniff(path)
    pieces = path.stat().st_size > BYTES // 4
    try:
        try:
            return _thinned(path, frames(path, dialect, pieces), seed)
        except UnicodeDecodeError:  # below the lines that `sniff` read
            return _thinned(path, frames(path, replace(dialect, encoding="latin-1"), pieces), seed)
    except (OSError, ValueError, OverflowError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise InputError(f"{path} cannot be read as a table ({reason}): save it again as CSV") from error


def _thinned(path: Path, pieces: Iterable[Any], seed: int) -> Table:
    """All rows in their order; whenever they take more than BYTES, a seeded half of them is dropped."""
    import pandas as pd

    generator = np.random.default_rng(seed)
    kept: list[tuple[Any, Any]] = []
    rows, size, share = 0, 0, 1.0
    for piece in pieces:
        draws = generator.random(len(piece))
        rows += len(piece)
        kept.append((piece[draws < share], draws[draws < share]))
        size += bytes_of(kept[-1][0])
        if size > BYTES:
            share /= 2
            kept = [(some[drawn < share], drawn[drawn < share]) for some, drawn in kept]
            size = sum(bytes_of(some) for some, _ in kept)
    if not kept:
        return Table(None)
    frame = pd.concat([some for some, _ in kept], ignore_index=True)
    if share == 1:
        return Table(frame)
    note = f"{path}: {len(frame):,} of {rows:,} rows were kept, a seeded sample that fits into memory"
    return Table(frame, (note,), population=rows)


def frame_part(frame: Any, signature: Signature, options: LoadOptions, origin: str) -> Part:
    """A pandas frame as a part; see `read_table`."""
    frame = _named(frame, origin)
    keys = [name for name in (options.group, options.time) if name in frame.columns]
    wanted, notes = _targets(frame.drop(columns=keys), options.target, signature, origin)
    part = labelled_part(frame, wanted, signature, options, origin)
    return replace(part, notes=notes + part.notes)


def labelled_part(frame: Any, wanted: list[str], signature: Signature, options: LoadOptions, origin: str) -> Part:
    """A pandas frame, whose target columns are known, as a part.

    Raises:
        InputError: there is no column for the groups or times, or the model cannot take the columns.
    """
    keys = [name for name in (options.group, options.time) if name is not None]
    for flag, name in (("--group", options.group), ("--time", options.time)):
        if name is not None and name not in frame.columns:
            raise InputError(f"{origin}: it has no column {name}: pass {flag} with one of {listed(frame.columns)}")
    frame, notes = _labelled(frame, wanted, origin)
    features = feature_rows(frame.drop(columns=[*wanted, *keys]), signature, origin)
    return Part(
        inputs=features.inputs,
        targets=_target_rows(frame[wanted], signature, origin),
        origin=origin,
        feature_names=features.names,
        notes=notes + features.notes,
        groups=None if options.group is None else groups_of(frame[options.group], options.group, origin),
        times=None if options.time is None else times_of(frame[options.time], options.time, origin),
    )


def _named(frame: Any, origin: str) -> Any:
    """The same frame with text as column names, each used once."""
    names = [str(column).strip() for column in frame.columns]
    if len(names) > COLUMNS:
        raise InputError(f"{origin} has more than {COLUMNS:,} columns: pass the rows as an array (.npy or .npz)")
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise InputError(f"{origin}: two of its columns are called {twice}: rename one of them")
    return renamed(frame, names)


# --- targets -------------------------------------------------------------------------------------


def _targets(frame: Any, target: str | None, signature: Signature, origin: str) -> tuple[list[str], tuple[str, ...]]:
    """The columns of the targets: those that the user names, else those with a clear name."""
    columns = list(frame.columns)
    if target is not None:
        names = [target] if target in columns else [name.strip() for name in target.split(",")]
        return [_column(name, columns, origin) for name in names], ()
    by_plain = {plain(name): name for name in columns}
    wanted = [by_plain.get(plain(port.name)) for port in signature.outputs]
    likely = [name for name in columns if plain(name) in _TARGET_NAMES]
    found = [name for name in wanted if name is not None]
    if len(found) < len(wanted):
        found = likely if len(likely) == 1 else []
    if not found:
        raise InputError(f"{origin}: the target column is unclear: pass --target with {_choice(columns)}")
    return found, (f"{origin}: {listed(found)} was taken as the target by its name",)


def _column(name: str, columns: list[str], origin: str) -> str:
    """A column by its name, whatever its case, or by its place: 0 is the first, -1 the last."""
    if name in columns:
        return name
    if name.removeprefix("-").isdecimal():
        alike = columns[int(name) :][:1] if -len(columns) <= int(name) < len(columns) else []
    else:
        alike = [column for column in columns if plain(column) == plain(name)]
    if len(alike) == 1:
        return alike[0]
    raise InputError(f"{origin}: it has no column {name}: pass --target with {_choice(columns)}")


def _choice(columns: list[str]) -> str:
    if columns == [str(number) for number in range(len(columns))]:
        return f"a number from 0 to {len(columns) - 1}, or -1 for the last: the file has no header"
    return f"one of {listed(columns)}"


def _labelled(frame: Any, wanted: list[str], origin: str) -> tuple[Any, tuple[str, ...]]:
    """Leave out rows without a text label; missing numbers stay, because the loss sees them as NaN."""
    text = [name for name in wanted if rows_of(frame[name], origin).dtype.kind in "OUS"]
    there = frame[text].notna().all(axis=1)
    if there.all():
        return frame, ()
    if not there.any():
        raise InputError(f"{origin}: the target {listed(text)} has no values: check --target")
    return frame[there], (f"{origin}: {int((~there).sum()):,} rows without a target were left out",)


def _target_rows(frame: Any, signature: Signature, origin: str) -> dict[str, Rows]:
    """Targets by column; several columns of one output are put side by side."""
    rows = {str(name): _label_rows(frame[name], origin) for name in frame.columns}
    if len(rows) == 1:
        return {"": next(iter(rows.values()))}
    if len(signature.outputs) == 1:
        return {"": np.stack(list(rows.values()), axis=1)}
    return rows


def _label_rows(column: Any, origin: str) -> Rows:
    """Numbers, or text, which becomes classes once all splits are known."""
    rows = rows_of(column, origin)
    return rows.astype(np.str_) if rows.dtype.kind == "O" else rows
