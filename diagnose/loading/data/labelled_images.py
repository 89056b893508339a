"""Images whose labels or values are in a table, one row per file name."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from diagnose.errors import InputError
from diagnose.loading.data.images import BYTES, Layout, decode, layout_of
from diagnose.loading.data.layouts import splits_of
from diagnose.loading.data.listing import Tree, choose, suffix
from diagnose.loading.data.names import read_name
from diagnose.loading.data.parts import Part
from diagnose.loading.options import LoadOptions
from diagnose.loading.signatures import Signature
from diagnose.subject import Rows

_LOOKED_AT = 100  # rows of a table that are searched for file names
_NAMING = 0.5  # least share of them that name an image before a column counts as file names
_FILE = "/"  # the column that we add: the image of the row, "" if it has none
_STRATA = 1_000  # distinct labels up to which a sample takes some of each

Index = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class LabelTable:
    """A table that names images: its path, its rows as text with the image of each, the column of the file names."""

    path: str
    frame: Any
    names: str

    @property
    def split(self) -> str:
        """The split that its file or folder is named after."""
        path = PurePosixPath(self.path)
        return read_name(path.stem).split or read_name(path.parent.name).split

    @property
    def columns(self) -> list[str]:
        return [column for column in self.frame.columns if column not in (self.names, _FILE)]


def find_labels(tree: Tree, target: str | None) -> list[LabelTable]:
    """The tables that name images of the tree and have further columns; with a target: its columns."""
    if not tree.tables:
        return []
    index = _index(tree)
    found = []
    for path in tree.tables:
        frame = _frame(tree, path, index, _LOOKED_AT)
        names = None if frame is None or len(frame.columns) < 2 else _naming_column(frame, index)
        if names is not None and (whole := _frame(tree, path, index, None)) is not None:
            whole[_FILE] = [_find(cell, index) for cell in whole[names]]
            found.append(LabelTable(path, whole, names))
    return [table for table in found if all(name in table.columns for name in _wanted(target))]


def read_labelled(
    tree: Tree, tables: Sequence[LabelTable], signature: Signature, options: LoadOptions
) -> dict[str, Part]:
    """Read the images that the tables name.

    Returns:
        split -> part; the split is that of the table, else that of the folder an image lies in.

    Raises:
        InputError: it is unclear which table, or which column of it, holds the targets.
    """
    used = [table for table in tables if table.split] or list(tables)
    if len(used) > 1 and not used[0].split:
        raise InputError(
            f"{tree.folder}: {' and '.join(table.path for table in used)} all name the images: "
            "keep one of them, or call them train.csv, dev.csv and test.csv"
        )
    train = next((table for table in used if table.split == "train"), used[0])
    targets = _target_columns(tree, train, options.target)
    layout = layout_of(signature.inputs[0], tree.folder, next(files for files in tree.images.values() if files))
    parts: dict[str, Part] = {}
    for table in used:
        if all(name in table.columns for name in targets):  # other tables list test images without their labels
            for split, frame in _by_split(tree, table).items():
                parts[split] = _read(tree, table, split, frame[[_FILE, *targets]], layout=layout, options=options)
    if len(signature.outputs) == 1:
        parts = {split: _stacked(part) for split, part in parts.items()}
    return parts


def _read(tree: Tree, table: LabelTable, split: str, frame: Any, *, layout: Layout, options: LoadOptions) -> Part:
    """The images of one split: a sample with some of every label."""
    origin = f"{tree.folder}/{table.path}" + (f" ({split})" if split and not table.split else "")
    targets = [name for name in frame.columns if name != _FILE]
    notes = [f"the column {table.names} names the images, the targets are {', '.join(targets)}"]
    found = frame[frame[_FILE] != ""]
    if len(found) < len(frame):
        notes.append(f"{len(frame) - len(found):,} of {len(frame):,} rows do not name an image and were left out")
    strata = list(found.groupby(targets, sort=True).indices.values())
    if len(strata) > _STRATA:
        strata = [np.arange(len(found))]
    count = min(options.rows or len(found), max(1, BYTES // (4 * layout.size)))
    chosen = choose([len(rows) for rows in strata], count, options.seed)
    sample = found.iloc[np.sort(np.concatenate([rows[some] for rows, some in zip(strata, chosen, strict=True)]))]
    if len(sample) < len(found):
        notes.append(f"{len(sample):,} of {len(found):,} images were read, a seeded sample")
    decoded = decode(tree.folder, list(sample[_FILE]), layout)
    values = {name: _column(sample[name])[decoded.kept] for name in targets}
    notes += decoded.notes
    part = Part({"": decoded.rows}, values, origin, notes=tuple(f"{origin}: {note}" for note in notes))
    return part.sample_of(len(found)) if len(sample) < len(found) else part


def _stacked(part: Part) -> Part:
    """Several columns of one output, side by side."""
    columns = list(part.targets.values())
    return replace(part, targets={"": columns[0] if len(columns) == 1 else np.stack(columns, axis=1)})


def _wanted(target: str | None) -> list[str]:
    return [name.strip() for name in target.split(",")] if target else []


def _target_columns(tree: Tree, table: LabelTable, target: str | None) -> list[str]:
    """The columns that the user named, else the only one, else the only one with the name of a target."""
    if target:
        return _wanted(target)
    named = [name for name in table.columns if read_name(name).role == "target"]
    for columns in (table.columns, named):
        if len(columns) == 1:
            return columns
    raise InputError(
        f"{tree.folder}/{table.path}: the target column of the images is unclear: "
        f"pass --target with one of {', '.join(table.columns)}"
    )


def _by_split(tree: Tree, table: LabelTable) -> dict[str, Any]:
    """The rows of a table by split. If the table covers all splits, the folders of its images decide."""
    if table.split:
        return {table.split: table.frame}
    splits, _ = splits_of(tree.images)
    split_of = {file: split for split, folders in splits.items() for files in folders.values() for file in files}
    lies_in = table.frame[_FILE].map(lambda file: split_of.get(file, next(iter(splits))))
    return {str(split): table.frame[lies_in == split] for split in lies_in.unique()}


def _column(column: Any) -> Rows:
    """Numbers where all cells are; else text, which becomes classes once all splits are known."""
    import pandas as pd

    numbers = pd.to_numeric(column, errors="coerce")
    rows: Rows = column.to_numpy(dtype=np.str_) if numbers.isna().any() else numbers.to_numpy()
    return rows


# --- finding the images of a table ---------------------------------------------------------------


def _index(tree: Tree) -> Index:
    """Images by their name and by their name without suffix."""
    index: dict[str, list[str]] = defaultdict(list)
    for files in tree.images.values():
        for file in files:
            name = file.rpartition("/")[2]
            index[name].append(file)
            index[name[: -len(suffix(name))]].append(file)
    return index


def _find(cell: str, index: Index) -> str:
    """The one image that a cell names, by its name or by the end of its path; "" if there is not exactly one."""
    path = cell.strip().replace("\\", "/")
    found = index.get(path.rpartition("/")[2], ())
    if len(found) > 1:
        found = [file for file in found if f"/{file}".endswith(f"/{path}") or f"/{file}".startswith(f"/{path}.")]
    return found[0] if len(found) == 1 else ""


def _naming_column(frame: Any, index: Index) -> str | None:
    """The column that names most images, or None. Labels 0 and 1 also name the files 0.png and 1.png."""
    images = {name: [file for cell in frame[name] if (file := _find(cell, index))] for name in frame.columns}
    distinct = {name: len(set(files)) for name, files in images.items() if files and len(files) >= _NAMING * len(frame)}
    most = [name for name, count in distinct.items() if count == max(distinct.values())]
    return str(most[0]) if most and all(images[name] == images[most[0]] for name in most) else None


def _frame(tree: Tree, path: str, index: Index, rows: int | None) -> Any:
    """A table as text; None if it is not one, or two columns have one name. Without a header they are numbered."""
    import pandas as pd

    file = tree.folder / path
    try:
        with file.open(encoding="utf-8-sig", errors="replace") as stream:
            first = stream.readline()
        separator = next((mark for mark in ("\t", ",", ";") if mark in first), ",")
        bare = any(_find(cell.strip('"'), index) for cell in first.strip().split(separator))
        frame = pd.read_csv(
            file,
            sep=separator,
            header=None if bare else 0,
            dtype=str,
            keep_default_na=False,
            nrows=rows,
            encoding="utf-8-sig",
            encoding_errors="replace",
            skipinitialspace=True,
            index_col=False,
        )
    except (OSError, ValueError, OverflowError):  # pandas' parser errors are ValueErrors
        return None
    names = [str(name).strip() for name in frame.columns]
    return frame.set_axis(names, axis=1) if len({*names, _FILE}) == len(names) + 1 else None
