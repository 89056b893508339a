"""Any data path becomes parts: one file, or a folder in one of the ways people keep data."""

import os
from collections.abc import Mapping
from pathlib import Path

from diagnose.errors import InputError
from diagnose.loading.data.arrays import read_npy, read_npz
from diagnose.loading.data.delimited import is_wide
from diagnose.loading.data.idx import idx_files, is_idx, read_idx
from diagnose.loading.data.image_folders import read_image_folder
from diagnose.loading.data.listing import IMAGES, list_images, suffix
from diagnose.loading.data.loader_templates import is_records, not_understood
from diagnose.loading.data.names import is_junk, read_name
from diagnose.loading.data.parts import Part, sort_arrays
from diagnose.loading.data.records import PARQUET
from diagnose.loading.data.table_pairs import read_table_pairs
from diagnose.loading.data.tables import SUFFIXES, read_table
from diagnose.loading.data.texts import labels_of, read_lines, read_text_folders
from diagnose.loading.magic import GZIP, PACKED, PICKLED
from diagnose.loading.options import LoadOptions
from diagnose.loading.signatures import Signature

_ARRAYS = {".npz", ".npy"}
_RECORDS = "holds TFRecords, which do not say what is input and what is target: pass arrays or tables"
_PICKLE = "is a Python pickle, which runs code when it is opened and is never loaded: save arrays with numpy.savez"
_UNDERSTOOD = (
    "train.npz (with x and y), x_train.npy and y_train.npy, train.csv with --target, "
    "or one folder of images per class, perhaps inside train, dev and test"
)


def read_data(path: Path, signature: Signature, options: LoadOptions) -> dict[str, Part]:
    """Read a data file or folder.

    Returns:
        split name -> part; "" where the source names no split.

    Raises:
        InputError: it is missing, empty, or nothing in it is understood.
    """
    if not path.exists():
        raise InputError(f"{path}: there is no such data file or folder")
    return _read_folder(path, signature, options) if path.is_dir() else _read_file(path, signature, options)


def _read_file(path: Path, signature: Signature, options: LoadOptions) -> dict[str, Part]:
    """One file by its first bytes; only tables have none of their own."""
    start = _start(path)
    if not start:
        raise InputError(f"{path} is empty: pass {_UNDERSTOOD}")
    if start.startswith(b"PK"):
        return _named_split(path, sort_arrays(read_npz(path), signature, str(path), options))
    if start.startswith(b"\x93NUMPY"):
        return _named_split(path, {"": Part({"": read_npy(path)}, {}, str(path))})
    if is_idx(start) or (start.startswith(GZIP) and idx_files([path])):
        return _named_split(path, {"": Part({"": read_idx(path)}, {}, str(path))})
    labels = labels_of(path, _entries(path.parent)) if path.suffix.lower() == ".txt" else None
    if labels is not None:
        return _named_split(path, {"": read_lines(path, labels, signature, options)})
    if start.startswith(PARQUET) or (
        path.suffix.lower() in {*SUFFIXES, ".txt"} and (is_wide(start) or b"\x00" not in start)
    ):
        return _named_split(path, {"": read_table(path, signature, options)})
    if is_records(path):
        raise not_understood(f"{path} {_RECORDS}", path, signature)
    if start.startswith(PACKED):
        raise InputError(f"{path} is a packed file: unpack it and pass what is inside")
    if start.startswith(PICKLED):
        raise not_understood(f"{path} {_PICKLE}", path, signature)
    raise not_understood(f"{path} is no data that is understood: pass {_UNDERSTOOD}", path, signature)


def _start(path: Path) -> bytes:
    if not path.is_file():
        raise InputError(f"{path} is a broken link, a pipe or a device: pass a file or a folder")
    try:
        with path.open("rb") as stream:
            return stream.read(8)
    except OSError as error:
        raise InputError(f"{path} cannot be opened ({error.strerror}): allow reading it") from error


def _named_split(path: Path, parts: dict[str, Part]) -> dict[str, Part]:
    """A file that is called train or test says so for rows that do not."""
    split = read_name(path.stem).split
    return {split: parts[""]} if split and set(parts) == {""} else parts


def _read_folder(folder: Path, signature: Signature, options: LoadOptions) -> dict[str, Part]:
    entries = _entries(folder)
    if not any(path.suffix.lower() in _ARRAYS for path in entries):
        tree = list_images(folder)
        parts = read_image_folder(tree, signature, options)
        if parts:
            return parts
        if not entries and not tree.count:
            raise InputError(f"{folder} is an empty folder: put {_UNDERSTOOD} into it")
    for reader in (_text_folders, _split_folders, _npz_files, _npy_files, _idx_files, _line_files, _table_files):
        parts = reader(folder, entries, signature, options)
        if parts:
            return parts
    inner = [path for path in entries if path.is_dir()]
    if len(inner) == 1:  # an archive unpacked into a folder of its own
        return _read_folder(inner[0], signature, options)
    names = ", ".join(path.name for path in entries[:8]) + (", ..." if len(entries) > 8 else "")
    if any(is_records(path) for path in entries):
        raise not_understood(f"{folder} {_RECORDS}", folder, signature)
    message = f"{folder}: nothing in it is understood ({names}): put {_UNDERSTOOD} into it"
    raise not_understood(message, folder, signature)


def _entries(folder: Path) -> list[Path]:
    """What lies in a folder, sorted, but for images, which may be a million, junk, and links back to what holds it."""
    real = folder.resolve()
    try:
        with os.scandir(folder) as found:
            named = (e for e in found if not is_junk(e.name) and suffix(e.name) not in IMAGES)
            return sorted(folder / e.name for e in named if not (e.is_symlink() and _leads_back(e, real)))
    except OSError as error:
        raise InputError(f"{error.filename} cannot be opened ({error.strerror}): allow reading it") from error


def _leads_back(link: "os.DirEntry[str]", folder: Path) -> bool:
    return link.is_dir() and folder.is_relative_to(Path(link.path).resolve())


def _split_folders(
    folder: Path, entries: list[Path], signature: Signature, options: LoadOptions
) -> dict[str, Part] | None:
    """train/, dev/, test/: each read like a folder of its own."""
    named = {path: read_name(path.name) for path in entries if path.is_dir()}
    splits = {name.split: path for path, name in named.items() if name.split and not name.role and not name.port}
    if not splits:
        return None
    parts: dict[str, Part] = {}
    for split, path in sorted(splits.items(), key=lambda item: item[0] != "train"):
        parts[split] = _only(path, _read_folder(path, signature, options))
    return parts


def _only(path: Path, parts: Mapping[str, Part]) -> Part:
    if len(parts) != 1:
        raise InputError(f"{path}: it is one split by its name, but holds several ({', '.join(parts)})")
    return next(iter(parts.values()))


def _npz_files(folder: Path, entries: list[Path], signature: Signature, options: LoadOptions) -> dict[str, Part] | None:
    return _by_split(folder, [path for path in entries if path.suffix.lower() == ".npz"], signature, options)


def _by_split(folder: Path, files: list[Path], signature: Signature, options: LoadOptions) -> dict[str, Part] | None:
    """Files named after their split, or one file that has everything."""
    named = [path for path in files if read_name(path.stem).split]
    if not named and len(files) > 1:
        names = ", ".join(path.name for path in files[:8])
        raise InputError(f"{folder}: which of {names} is what? Name them train, dev and test, or pass one of them")
    parts: dict[str, Part] = {}
    for path in sorted(named or files, key=lambda path: read_name(path.stem).split != "train"):
        for split, part in _read_file(path, signature, options).items():
            if split in parts:
                raise InputError(
                    f"{folder}: {parts[split].origin} and {part.origin} both hold the {split or 'only'} rows"
                )
            parts[split] = part
    return parts or None


def _npy_files(folder: Path, entries: list[Path], signature: Signature, options: LoadOptions) -> dict[str, Part] | None:
    arrays = {path.stem: read_npy(path) for path in entries if path.suffix.lower() == ".npy" and path.is_file()}
    return sort_arrays(arrays, signature, str(folder), options) if arrays else None


def _table_files(
    folder: Path, entries: list[Path], signature: Signature, options: LoadOptions
) -> dict[str, Part] | None:
    files = [path for path in entries if path.suffix.lower() in SUFFIXES and path.is_file()]
    return read_table_pairs(entries, signature, options) or _by_split(folder, files, signature, options)


def _idx_files(folder: Path, entries: list[Path], signature: Signature, options: LoadOptions) -> dict[str, Part] | None:
    arrays = {name: read_idx(path) for name, path in idx_files(entries).items()}
    return sort_arrays(arrays, signature, str(folder), options) if arrays else None


def _line_files(
    folder: Path, entries: list[Path], signature: Signature, options: LoadOptions
) -> dict[str, Part] | None:
    files = [path for path in entries if path.suffix.lower() == ".txt" and path.is_file()]
    return _by_split(folder, [path for path in files if labels_of(path, files)], signature, options)


def _text_folders(
    folder: Path, entries: list[Path], signature: Signature, options: LoadOptions
) -> dict[str, Part] | None:
    if any(path.suffix.lower() in {*_ARRAYS, *SUFFIXES} for path in entries):
        return None
    return read_text_folders(folder, signature, options)
