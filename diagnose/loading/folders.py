"""Any data path becomes parts: one file, or a folder in one of the ways people keep data."""

from collections.abc import Mapping
from pathlib import Path

from diagnose.errors import InputError
from diagnose.loading.arrays import read_npy, read_npz
from diagnose.loading.images import class_folders, read_images
from diagnose.loading.names import is_junk, read_name
from diagnose.loading.options import LoadOptions
from diagnose.loading.parts import Part, sort_arrays
from diagnose.loading.signatures import Signature
from diagnose.loading.tables import read_table

_TABLES = {".csv", ".tsv", ".txt", ".data"}
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
    with path.open("rb") as stream:
        start = stream.read(8)
    if not start:
        raise InputError(f"{path} is empty: pass {_UNDERSTOOD}")
    if start.startswith(b"PK"):
        return _named_split(path, sort_arrays(read_npz(path), signature, str(path)))
    if start.startswith(b"\x93NUMPY"):
        return _named_split(path, {"": Part({"": read_npy(path)}, {}, str(path))})
    if path.suffix.lower() in _TABLES and b"\x00" not in start:
        return _named_split(path, {"": read_table(path, signature, options.target)})
    raise InputError(f"{path} is no data that is understood: pass {_UNDERSTOOD}")


def _named_split(path: Path, parts: dict[str, Part]) -> dict[str, Part]:
    """A file that is called train or test says so for rows that do not."""
    split = read_name(path.stem).split
    return {split: parts[""]} if split and set(parts) == {""} else parts


def _read_folder(folder: Path, signature: Signature, options: LoadOptions) -> dict[str, Part]:
    entries = sorted(path for path in folder.iterdir() if not is_junk(path.name))
    if not entries:
        raise InputError(f"{folder} is an empty folder: put {_UNDERSTOOD} into it")
    for reader in (_split_folders, _npz_files, _npy_files, _table_files, _image_folder):
        parts = reader(folder, entries, signature, options)
        if parts:
            return parts
    names = ", ".join(path.name for path in entries[:8]) + (", ..." if len(entries) > 8 else "")
    raise InputError(f"{folder}: nothing in it is understood ({names}): put {_UNDERSTOOD} into it")


def _split_folders(
    folder: Path, entries: list[Path], signature: Signature, options: LoadOptions
) -> dict[str, Part] | None:
    """train/, dev/, test/: each read like a folder of its own; image classes keep the order of train."""
    named = {path: read_name(path.name) for path in entries if path.is_dir()}
    splits = {name.split: path for path, name in named.items() if name.split and not name.role and not name.port}
    if not splits:
        return None
    parts: dict[str, Part] = {}
    for split, path in sorted(splits.items(), key=lambda item: item[0] != "train"):
        classes = parts["train"].class_names if "train" in parts else ()
        if class_folders(path):
            parts[split] = read_images(path, signature.inputs[0], classes)
        else:
            inner = _read_folder(path, signature, options)
            parts[split] = _only(path, inner)
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
    for path in named or files:
        for split, part in _read_file(path, signature, options).items():
            if split in parts:
                raise InputError(
                    f"{folder}: {parts[split].origin} and {part.origin} both hold the {split or 'only'} rows"
                )
            parts[split] = part
    return parts or None


def _npy_files(folder: Path, entries: list[Path], signature: Signature, options: LoadOptions) -> dict[str, Part] | None:
    arrays = {path.stem: read_npy(path) for path in entries if path.suffix.lower() == ".npy" and path.is_file()}
    return sort_arrays(arrays, signature, str(folder)) if arrays else None


def _table_files(
    folder: Path, entries: list[Path], signature: Signature, options: LoadOptions
) -> dict[str, Part] | None:
    files = [path for path in entries if path.suffix.lower() in {".csv", ".tsv"} and path.is_file()]
    return _by_split(folder, files, signature, options)


def _image_folder(
    folder: Path, entries: list[Path], signature: Signature, options: LoadOptions
) -> dict[str, Part] | None:
    return {"": read_images(folder, signature.inputs[0])} if class_folders(folder) else None
