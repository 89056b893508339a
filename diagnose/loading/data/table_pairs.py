"""Tables in pairs: features in one file, targets in another, row by row (x_train.csv and y_train.csv)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from diagnose.errors import InputError
from diagnose.loading.data.names import read_name, split_of
from diagnose.loading.data.parts import Part
from diagnose.loading.data.tables import SUFFIXES, labelled_part, read_frame
from diagnose.loading.options import LoadOptions
from diagnose.loading.signatures import Signature


def read_table_pairs(entries: Sequence[Path], signature: Signature, options: LoadOptions) -> dict[str, Part] | None:
    """Read every split that has one file of inputs and one of targets; `--group` and `--time` may name a third.

    Returns:
        split -> part; None where there are no such pairs.

    Raises:
        InputError: the files of a pair have different numbers of rows, or do not fit the model.
    """
    files = [path for path in entries if path.suffix.lower() in {*SUFFIXES, ".txt"} and path.is_file()]
    named = {path: read_name(path.stem, signature) for path in files}
    by_role = {
        role: {name.split: path for path, name in named.items() if name.role == role} for role in ("input", "target")
    }
    splits = [split for split in by_role["input"] if split in by_role["target"]]
    pairs = {split: (by_role["input"][split], by_role["target"][split]) for split in splits}
    return {split: _read(*pair, files, signature, options) for split, pair in pairs.items()} or None


def _read(x: Path, y: Path, files: Sequence[Path], signature: Signature, options: LoadOptions) -> Part:
    features, notes = read_frame(x, options.seed)
    targets, more = read_frame(y, options.seed)
    targets = targets[[name for name in targets.columns if not name.startswith("Unnamed:")] or targets.columns]
    targets = targets.add_prefix(f"{y.stem}: ")
    frame = _joined(features, targets, x, y)
    for name in (options.group, options.time):
        beside = _key_file(name, x, files)
        if name is not None and beside is not None and name not in frame.columns:
            frame[name] = _joined(features, read_frame(beside)[0], x, beside).iloc[:, -1]
    part = labelled_part(frame, list(targets.columns), signature, options, str(x))
    return part.noted(*notes, *more)


def _key_file(name: str | None, x: Path, files: Sequence[Path]) -> Path | None:
    """The file of the same split that is called like the groups or times: subject_train.txt for `--group subject`."""
    if name is None:
        return None
    wanted = (split_of(x.stem)[0], split_of(name)[1])
    return next((path for path in files if split_of(path.stem) == wanted), None)


def _joined(left: Any, right: Any, x: Path, y: Path) -> Any:
    import pandas as pd

    if len(left) != len(right):
        raise InputError(f"{x} has {len(left):,} rows and {y.name} has {len(right):,}: they must have one for one")
    return pd.concat([left, right], axis=1)
