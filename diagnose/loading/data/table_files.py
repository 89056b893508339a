"""Tables in files: one file for each split, or features and targets apart (x_train.csv and y_train.csv)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from diagnose.errors import InputError
from diagnose.loading.data.delimited import is_wide
from diagnose.loading.data.names import read_name, split_of
from diagnose.loading.data.parts import Part
from diagnose.loading.data.records import PARQUET
from diagnose.loading.data.sources import Format, Source, read_by_split
from diagnose.loading.data.tables import SUFFIXES, labelled_part, read_frame, read_table

_TEXT = ".txt"  # a table only where the user passes it, or its name says what it holds
_START = 8  # bytes in which a zero shows that a file is not text


def _recognises(source: Source) -> bool:
    """Text without a zero byte, under a suffix of tables, or Parquet."""
    if source.is_folder:
        return bool(source.files(*SUFFIXES) or _pairs(source))
    start = source.start[:_START]
    suffix = source.path.suffix.lower()
    return start.startswith(PARQUET) or (suffix in {*SUFFIXES, _TEXT} and (is_wide(start) or b"\0" not in start))


def _read(source: Source) -> dict[str, Part]:
    """Read one table; of a folder, the tables in pairs, else those that are named after their split."""
    if not source.is_folder:
        return {"": read_table(source.path, source.signature, source.options)}
    pairs = _pairs(source)
    if not pairs:
        return read_by_split(source, source.files(*SUFFIXES))
    beside = source.files(*SUFFIXES, _TEXT)
    return {split: _read_pair(x, y, beside, source) for split, (x, y) in pairs.items()}


def _pairs(source: Source) -> dict[str, tuple[Path, Path]]:
    """Split -> its file of inputs and its file of targets, for each split that has both."""
    named = {path: read_name(path.stem, source.signature) for path in source.files(*SUFFIXES, _TEXT)}
    inputs = {name.split: path for path, name in named.items() if name.role == "input"}
    targets = {name.split: path for path, name in named.items() if name.role == "target"}
    return {split: (path, targets[split]) for split, path in inputs.items() if split in targets}


def _read_pair(x: Path, y: Path, files: Sequence[Path], source: Source) -> Part:
    """Read features and targets, row by row; `--group` and `--time` may name a third file.

    Raises:
        InputError: the files have different numbers of rows, or do not fit the model.
    """
    options = source.options
    table, other = read_frame(x, options.seed), read_frame(y, options.seed)
    features, targets = table.frame, other.frame
    targets = targets[[name for name in targets.columns if not name.startswith("Unnamed:")] or targets.columns]
    targets = targets.add_prefix(f"{y.stem}: ")
    frame = _joined(features, targets, x, y)
    for name in (options.group, options.time):
        beside = _key_file(name, x, files)
        if name is not None and beside is not None and name not in frame.columns:
            frame[name] = _joined(features, read_frame(beside).frame, x, beside).iloc[:, -1]
    part = labelled_part(frame, list(targets.columns), source.signature, options, str(x))
    return table.described(part.noted(*other.notes))


def _key_file(name: str | None, x: Path, files: Sequence[Path]) -> Path | None:
    """The file of the same split that is named like the groups or times: subject_train.txt for `--group subject`."""
    if name is None:
        return None
    wanted = (split_of(x.stem)[0], split_of(name)[1])
    return next((path for path in files if split_of(path.stem) == wanted), None)


def _joined(left: Any, right: Any, x: Path, y: Path) -> Any:
    import pandas as pd

    if len(left) != len(right):
        raise InputError(
            f"{x} has {len(left):,} rows and {y.name} has {len(right):,}: they must have the same number of rows"
        )
    return pd.concat([left, right], axis=1)


TABLES = Format(
    "tables",
    recognises=_recognises,
    read=_read,
    suffixes=tuple(sorted(SUFFIXES)),
    example="train.csv with --target",
)
