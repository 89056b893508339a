"""Reading a model file without building anything: its format, its configs, and whether it is safe to open.

The first bytes decide the format, never the suffix: a zip archive holds a Keras 3 model, HDF5 a model of
Keras 1 to 3. Nothing of the file is run, and nothing is ever written to it.
"""

import json
import os
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Literal

from diagnose.errors import InputError, RefusedError
from diagnose.loading.magic import PACKED, PICKLED
from diagnose.loading.models.hdf5 import scan_hdf5
from diagnose.loading.models.hdf5_scan import EXPANSION, EXPANSION_FLOOR, TEXT
from diagnose.loading.models.sizes import check_levels

WEIGHTS = "model.weights.h5"
SAVED_MODEL = "saved_model.pb"
_MEMBERS = 10_000  # files in an archive or folder; a model with the vocabularies of many layers has about 100
_HDF5 = b"\x89HDF\r\n\x1a\n"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_PICKLE = "is a Python pickle, which runs code when it is opened and is never loaded: pass what model.save wrote"
_PACKED = "is a packed file: unpack it and pass the .keras or .h5 file inside"
_OTHERS: tuple[tuple[int, bytes, str], ...] = (  # offset, bytes, what the file is and what to do
    (0, b"version https://git-lfs", "is a Git LFS pointer, not the model itself: fetch it with git lfs pull"),
    *((0, magic, _PICKLE) for magic in PICKLED),
    *((0, magic, _PACKED) for magic in PACKED),
    (257, b"ustar", _PACKED),
    (4, b"TFL3", "is a TensorFlow Lite model, which cannot be trained: pass the Keras model it was converted from"),
    (0, b"\x93NUMPY", "is a NumPy array, not a model: pass the .keras or .h5 file"),
    (
        0,
        b"model_checkpoint_path",
        "belongs to a TensorFlow checkpoint, which holds no model: pass what model.save wrote",
    ),
    (0, b"<", "is a web page or XML, perhaps in place of a download: pass the .keras or .h5 file itself"),
    (0, b"{", "is JSON: pass the file of the weights, and this one with --architecture if model.to_json() wrote it"),
)
Opened = Callable[[str], IO[bytes]]
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError)


@dataclass(frozen=True)
class ModelFile:
    """What a model file says about itself.

    `config` is {"class_name", "config", ...} of the model, None for a file of weights only; `training` the compile
    settings as saved ({} if there are none). `weights` is the HDF5 file that holds the weights (None while they are
    inside an archive) and `values` the number of values in it.
    """

    path: Path
    format: Literal["keras", "hdf5", "saved_model"]
    keras: str  # the version that wrote it, "" if it does not say
    config: dict[str, Any] | None
    training: dict[str, Any]
    members: tuple[str, ...] = ()
    weights: Path | None = None
    values: int = 0

    @property
    def old(self) -> bool:
        """Written before Keras 3."""
        return not self.keras.startswith("3")


def read_model_file(path: Path) -> ModelFile:
    """Read the configs of a model file.

    Raises:
        InputError: the file is missing, damaged, not a model file, or built to do harm.
    """
    if not path.exists():
        raise InputError(f"{path}: there is no such model file")
    if path.name == SAVED_MODEL:
        path = path.absolute().parent
    if path.is_dir():
        return _read_folder(path)
    if not path.is_file():
        raise InputError(f"{path} is a pipe or a device: pass a file or a folder")
    try:
        with path.open("rb") as stream:
            start = stream.read(512)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): pass a file that you may read") from error
    if start.startswith(_ZIP):
        return _read_archive(path)
    if start.startswith(_HDF5):
        return _read_hdf5(path)
    raise InputError(f"{path} {_unknown(start)}")


def _read_folder(path: Path) -> ModelFile:
    if (path / SAVED_MODEL).is_file():
        _files_in(path, "")
        return ModelFile(path if path.name else path.absolute(), "saved_model", "", None, {})
    if (path / "config.json").is_file() and (path / WEIGHTS).is_file():
        _refuse_links(path, ("config.json", "metadata.json", WEIGHTS, "assets"))
        named = tuple(name for name in ("config.json", "metadata.json", WEIGHTS) if (path / name).is_file())
        with _opened(path) as opened:
            return _described(path, named + _files_in(path, "assets"), opened)
    raise InputError(f"{path} is a folder, not a model file: pass the .keras or .h5 file")


def _files_in(path: Path, inside: str) -> tuple[str, ...]:
    """The files in a folder of a model and below it, by their names from the model's folder down.

    Raises:
        RefusedError: there is a link, which may lead anywhere, or there are too many files.
    """
    found: list[str] = []
    for folder, folders, files in os.walk(path / inside):
        here = Path(folder).relative_to(path)
        _refuse_links(path, [(here / name).as_posix() for name in (*folders, *files)])
        found += [(here / name).as_posix() for name in files if (path / here / name).is_file()]
        if len(found) > _MEMBERS:
            raise RefusedError(f"{path} is refused: it holds more than {_MEMBERS:,} files")
    return tuple(found)


def _refuse_links(path: Path, names: Iterable[str]) -> None:
    for name in names:
        if (path / name).is_symlink():
            raise RefusedError(
                f"{path} is refused: {name} in it is a link, which is never followed inside a model: "
                "pass a copy of the folder without links (cp -rL)"
            )


def _unknown(start: bytes) -> str:
    if not start:
        return "is empty: pass the .keras or .h5 file that model.save wrote"
    for offset, magic, what in _OTHERS:
        if start.startswith(magic, offset):
            return what
    return "is not a Keras model file (neither a .keras archive nor HDF5): pass what model.save wrote"


# --- .keras: an archive, or a folder of the same members ------------------------------------------


def _read_archive(path: Path) -> ModelFile:
    with _damage_reported(path), zipfile.ZipFile(path) as archive:
        members = _safe_members(path, archive)
        if "config.json" not in members:
            return ModelFile(path, "saved_model", "", None, {}, members)
        if WEIGHTS not in members:
            raise InputError(f"{path} is a .keras archive without {WEIGHTS}: save the model again with model.save")
        return _described(path, members, archive.open)


def _described(path: Path, members: tuple[str, ...], opened: Opened) -> ModelFile:
    config = _member(path, opened, "config.json")
    metadata = _member(path, opened, "metadata.json") if "metadata.json" in members else {}
    training = config.get("compile_config") or {}
    if not isinstance(training, dict):
        raise InputError(f"{path} is damaged: its compile_config is not a JSON object")
    return ModelFile(path, "keras", str(metadata.get("keras_version", "")), config, training, members)


@contextmanager
def _opened(path: Path) -> Iterator[Opened]:
    """A function that opens a member by its name."""
    with _damage_reported(path):
        if path.is_dir():
            yield lambda name: (path / name).open("rb")
            return
        with zipfile.ZipFile(path) as archive:
            yield archive.open


@contextmanager
def _damage_reported(path: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGED as error:
        raise InputError(f"{path} is a damaged .keras archive ({error}): save the model again") from error


def _member(path: Path, opened: Opened, name: str) -> dict[str, Any]:
    with opened(name) as member:
        content = member.read(TEXT + 1)
    if len(content) > TEXT:
        raise RefusedError(f"{path} is refused: its member {name} is longer than {TEXT:,} bytes")
    return _json(path, name, content)


def _safe_members(path: Path, archive: zipfile.ZipFile) -> tuple[str, ...]:
    members = archive.infolist()
    if len(members) > _MEMBERS:
        raise RefusedError(f"{path} is refused: it holds more than {_MEMBERS:,} members")
    names = tuple(info.filename for info in members)
    if "config.json" not in names and not any(Path(name).name == SAVED_MODEL for name in names):
        raise InputError(f"{path} {_other_archive(names)}")
    seen: set[str] = set()
    for info in members:
        problem = _member_problem(info, seen)
        if problem:
            raise RefusedError(f"{path} is refused: its member {info.filename} {problem}")
        seen.add(info.filename)
    size = sum(info.file_size for info in members)
    if size > max(EXPANSION_FLOOR, EXPANSION * path.stat().st_size):
        raise RefusedError(f"{path} is refused: its members unpack to {size:,} bytes together")
    return names


def _other_archive(names: tuple[str, ...]) -> str:
    """What a zip archive without a model is."""
    inside = {Path(name).name: name for name in names}
    if "data.pkl" in inside:
        return (
            f"is a PyTorch file: its member {inside['data.pkl']} is a pickle, which is never loaded: pass a Keras model"
        )
    models = [name for name in names if name.lower().endswith((".keras", ".h5", ".hdf5"))]
    if models:
        return f"is an archive that holds {models[0]}: unpack it and pass that file"
    if names and all(name.endswith(".npy") for name in names):
        return "holds NumPy arrays, not a model: pass the .keras or .h5 file"
    return "is a zip archive without config.json, so it is not a Keras model: pass the .keras or .h5 file"


def _member_problem(info: zipfile.ZipInfo, seen: set[str]) -> str | None:
    parts = info.filename.replace("\\", "/").split("/")
    if info.filename in seen:
        return "is in the archive twice"
    if not parts[0] or ".." in parts or ":" in info.filename:
        return "points outside the archive"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "is a link"
    if info.flag_bits & 1:
        return "is encrypted"
    if info.file_size > max(EXPANSION_FLOOR, EXPANSION * info.compress_size):
        return f"unpacks to {info.file_size:,} bytes"
    return None


@contextmanager
def unpacked(file: ModelFile) -> Iterator[ModelFile]:
    """The same file with its weights at hand; those of an archive lie, with its assets, in a temporary folder.

    Raises:
        InputError: the archive, or the HDF5 file inside it, is damaged or refused.
    """
    if file.format != "keras":
        yield file
        return
    with tempfile.TemporaryDirectory(prefix="diagnose-") as name:
        folder = Path(name)
        with _opened(file.path) as opened:
            for member in file.members:
                target = folder.joinpath(*member.replace("\\", "/").split("/"))
                if target == folder / WEIGHTS or folder / "assets" in target.parents:
                    _unpack(opened, member, target)
        _, values = scan_hdf5(folder / WEIGHTS, file.path)
        yield replace(file, weights=folder / WEIGHTS, values=values)


def _unpack(opened: Opened, member: str, target: Path) -> None:
    """Copy a member piece by piece, as a plain file whatever it says of itself; folders come with their files."""
    if member.endswith(("/", "\\")):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with opened(member) as source, target.open("wb") as copy:
        shutil.copyfileobj(source, copy, 1 << 20)


# --- HDF5 ----------------------------------------------------------------------------------------


def _read_hdf5(path: Path) -> ModelFile:
    attributes, values = scan_hdf5(path, path)
    configs = {
        name: _json(path, name, attributes[name]) if name in attributes else None
        for name in ("model_config", "training_config")
    }
    return ModelFile(
        path,
        "hdf5",
        attributes.get("keras_version", ""),
        configs["model_config"],
        configs["training_config"] or {},
        weights=path,
        values=values,
    )


@contextmanager
def understood(path: Path) -> Iterator[None]:
    """Turn Python's errors about a config that makes no sense into an error for people.

    Raises:
        InputError: a value inside the file is not of the expected kind.
    """
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise InputError(f"{path} is damaged: its description of the model makes no sense ({reason})") from error


# --- JSON ----------------------------------------------------------------------------------------


def _json(path: Path, name: str, raw: bytes | str) -> dict[str, Any]:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is damaged: its {name} is not JSON ({error})") from error
    if not isinstance(value, dict):
        raise InputError(f"{path} is damaged: its {name} is not a JSON object")
    check_levels(path, name, value)
    return value
