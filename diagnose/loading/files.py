"""Reading a model file without building anything: its format, its configs, and whether it is safe to open.

The format is told by the first bytes, never by the suffix: a zip archive holds a Keras 3 model, HDF5 a model of
Keras 1 to 3. Nothing of the file is run, and nothing is ever written to it.
"""

import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

from diagnose.errors import InputError

WEIGHTS = "model.weights.h5"
_HDF5 = b"\x89HDF\r\n\x1a\n"
_ZIP = b"PK\x03\x04"
_LFS = b"version https://git-lfs"
# DEFLATE reaches 1032:1 at most and Keras stores members uncompressed; weights are never mostly zeros.
_EXPANSION = 100
_EXPANSION_FLOOR = 1 << 28  # bytes; below this a bomb does no harm


@dataclass(frozen=True)
class ModelFile:
    """What a model file says of itself.

    `config` is {"class_name", "config", ...} of the model, None for a file of weights only; `training` the compile
    settings as saved ({} where there are none), `build` the saved build settings.
    """

    path: Path
    format: Literal["keras", "hdf5"]
    keras: str  # the version that wrote it, "" where it does not say
    config: dict[str, Any] | None
    training: dict[str, Any]
    members: tuple[str, ...] = ()

    @property
    def old(self) -> bool:
        """Written before Keras 3."""
        return not self.keras.startswith("3")


def read_model_file(path: Path) -> ModelFile:
    """Read the configs of a model file.

    Raises:
        InputError: the file is missing, no model file, damaged, or built to do harm.
    """
    if not path.exists():
        raise InputError(f"{path}: there is no such model file")
    if path.is_dir():
        raise InputError(_folder(path))
    with path.open("rb") as stream:
        start = stream.read(64)
    if start.startswith(_ZIP):
        return _read_archive(path)
    if start.startswith(_HDF5):
        return _read_hdf5(path)
    raise InputError(_unknown(path, start))


def _folder(path: Path) -> str:
    if (path / "saved_model.pb").exists():
        return (
            f"{path} is a SavedModel folder, which Keras 3 cannot load: load it in the program that made it and save it"
            ' with model.save("model.keras")'
        )
    return f"{path} is a folder, not a model file: pass the .keras or .h5 file"


def _unknown(path: Path, start: bytes) -> str:
    if not start:
        return f"{path} is empty: pass the .keras or .h5 file that model.save wrote"
    if start.startswith(_LFS):
        return f"{path} is a Git LFS pointer, not the model itself: fetch it with git lfs pull"
    return f"{path} is no Keras model file (neither a .keras archive nor HDF5): pass what model.save wrote"


# --- .keras --------------------------------------------------------------------------------------


def _read_archive(path: Path) -> ModelFile:
    try:
        with zipfile.ZipFile(path) as archive:
            members = _safe_members(path, archive)
            config = _json(path, "config.json", archive.read("config.json"))
            metadata = _json(path, "metadata.json", archive.read("metadata.json")) if "metadata.json" in members else {}
    except (zipfile.BadZipFile, EOFError, OSError, RuntimeError, NotImplementedError) as error:
        raise InputError(f"{path} is a damaged .keras archive ({error}): save the model again") from error
    training = config.get("compile_config") or {}
    version = str(metadata.get("keras_version", ""))
    return ModelFile(path, "keras", version, config, training, members)


def _safe_members(path: Path, archive: zipfile.ZipFile) -> tuple[str, ...]:
    names = archive.namelist()
    if "config.json" not in names:
        raise InputError(f"{path} is a zip archive without config.json, so no Keras model: pass the .keras or .h5 file")
    if len(set(names)) != len(names):
        raise InputError(f"{path} is refused: its archive names one member twice")
    for info in archive.infolist():
        parts = Path(info.filename.replace("\\", "/")).parts
        if info.filename.startswith("/") or ".." in parts or ":" in info.filename:
            raise InputError(f"{path} is refused: its member {info.filename} points outside the archive")
        if info.file_size > _EXPANSION_FLOOR and info.file_size > _EXPANSION * max(1, info.compress_size):
            raise InputError(f"{path} is refused: its member {info.filename} unpacks to {info.file_size:,} bytes")
    return tuple(names)


# --- HDF5 ----------------------------------------------------------------------------------------


def _read_hdf5(path: Path) -> ModelFile:
    with open_hdf5(path, path) as file:
        version = _text(file.attrs.get("keras_version", ""))
        config = file.attrs.get("model_config")
        training = file.attrs.get("training_config")
        return ModelFile(
            path,
            "hdf5",
            version,
            _json(path, "model_config", config) if config is not None else None,
            _json(path, "training_config", training) if training is not None else {},
        )


@contextmanager
def open_hdf5(path: Path, source: Path | IO[bytes]) -> Iterator[Any]:
    """Open HDF5 for reading and refuse it where it points outside itself or unpacks to far more than it holds.

    `path` names the file in messages; `source` is what is opened (a path, or a member of an archive).

    Raises:
        InputError: it is damaged or refused.
    """
    import h5py

    try:
        file = h5py.File(source, "r")
    except OSError as error:
        raise InputError(f"{path} is a damaged HDF5 file ({error}): save the model again") from error
    with file:
        _refuse_links(path, file)
        yield file


def _refuse_links(path: Path, file: Any) -> None:
    """Visit every link; external and soft links, external storage and virtual datasets are refused."""
    import h5py

    size = 0
    groups = [file]
    while groups:
        group = groups.pop()
        for name in group:
            link = group.get(name, getlink=True)
            place = f"{group.name.rstrip('/')}/{name}"
            if not isinstance(link, h5py.HardLink):
                raise InputError(f"{path} is refused: {place} is a link to another place or file")
            item = group[name]
            if isinstance(item, h5py.Group):
                groups.append(item)
            elif isinstance(item, h5py.Dataset):
                if item.is_virtual or item.external:
                    raise InputError(f"{path} is refused: {place} reads its values from another file")
                size += item.nbytes
    stored = path.stat().st_size
    if size > _EXPANSION_FLOOR and size > _EXPANSION * stored:
        raise InputError(f"{path} is refused: its arrays unpack to {size:,} bytes")


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _json(path: Path, name: str, raw: Any) -> dict[str, Any]:
    try:
        value = json.loads(_text(raw))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is damaged: its {name} is no JSON ({error})") from error
    if not isinstance(value, dict):
        raise InputError(f"{path} is damaged: its {name} is no JSON object")
    return value
