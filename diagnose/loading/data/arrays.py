"""Arrays in .npz and .npy files: uncompressed ones are memory-mapped, pickled objects are never unpickled."""

import mmap
import os
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np

from diagnose.errors import InputError
from diagnose.loading.data.parts import Part, sort_arrays
from diagnose.loading.data.sources import Format, Source, file_format
from diagnose.subject import Rows

# Zeros and one-hot rows shrink by a factor of a few hundred, so a large factor alone is harmless: it counts only from
# a size on that would fill the memory, and the way out is to save without compression.
EXPANSION = 100
EXPANSION_FLOOR = 1 << 30  # bytes
# 50,000 single rows out of 10 GB: 30 s and 2.8 GB of mapped pages with their neighbours, 2 s and 0.4 GB without.
SAMPLED = 1 << 28  # bytes
SUFFIXES = {".npz", ".npy"}
_ZIP = b"PK"
_NPY = b"\x93NUMPY"
_LOCAL_HEADER = struct.Struct("<26xHH")  # of a zip member: the lengths of its name and of its extra field


@dataclass(frozen=True)
class _Header:
    """The header of an array, which comes before its numbers."""

    shape: tuple[int, ...]
    order: Literal["C", "F"]
    dtype: np.dtype[Any]

    @property
    def bytes(self) -> int:
        return prod(self.shape) * self.dtype.itemsize


def read_npz(path: Path) -> dict[str, Rows]:
    """All arrays of an archive by name; members that are not compressed are memory-mapped.

    Raises:
        InputError: it is damaged, empty, holds pickled objects, or unpacks to more than memory should hold.
    """
    with _readable(path, ".npz", "numpy.savez"), zipfile.ZipFile(path) as archive:
        members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
        names = [info.filename.removesuffix(".npy") for info in members]
        if len(set(names)) != len(names):
            raise InputError(f"{path} is refused: its archive names one array twice")
        _refuse_bombs(path, members)
        others = archive.namelist()
        arrays = {name: _member(path, archive, info) for name, info in zip(names, members, strict=True)}
    if not arrays:
        raise InputError(f"{path} {_no_arrays(others)}")
    return arrays


def _no_arrays(members: list[str]) -> str:
    """What an archive without arrays is, and what to do with it."""
    if "[Content_Types].xml" in members:
        return "is an Excel workbook: save its sheet as CSV"
    if "config.json" in members:
        return "is a Keras model, not data: pass the model first, then the data"
    if members:
        return f"is an archive that holds {members[0]}, not arrays: unpack it and pass what is inside"
    return "holds no arrays: save it with numpy.savez(path, x=..., y=...)"


def read_npy(path: Path) -> Rows:
    """One array, memory-mapped.

    Raises:
        InputError: it is damaged or holds pickled objects.
    """
    with _readable(path, ".npy", "numpy.save"), path.open("rb") as stream:
        header = _header(stream, path, "its array")
        _refuse_short(path, header, path.stat().st_size - stream.tell())
        return mapped(path, header.dtype, stream.tell(), header.shape, header.order)


@contextmanager
def _readable(path: Path, kind: str, function: str) -> Iterator[None]:
    """Turn the errors for damaged files into one: zipfile, zlib and NumPy each have their own."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise InputError(f"{path} cannot be read as {kind} ({reason}): save it with {function}") from error


def _refuse_bombs(path: Path, members: list[zipfile.ZipInfo]) -> None:
    unpacked = sum(info.file_size for info in members if info.compress_type != zipfile.ZIP_STORED)
    bomb = unpacked > EXPANSION_FLOOR and unpacked > EXPANSION * path.stat().st_size
    if bomb or unpacked > _memory() / 2:
        raise InputError(
            f"{path} is compressed and unpacks to {unpacked:,} bytes: save it with numpy.savez, "
            "which does not compress, so that it is read from the disk as needed"
        )


def _memory() -> float:
    """The memory of this machine in bytes; infinite if the system does not say."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):
        return float("inf")


def _member(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Rows:
    with archive.open(info) as stream:
        header = _header(stream, path, f'its array "{info.filename.removesuffix(".npy")}"')
        start = stream.tell()
    _refuse_short(path, header, info.file_size - start)
    if info.compress_type == zipfile.ZIP_STORED:
        return mapped(path, header.dtype, _data_offset(path, info) + start, header.shape, header.order)
    with archive.open(info) as stream:
        array: Rows = np.lib.format.read_array(stream, allow_pickle=False)
    return array


def _data_offset(path: Path, info: zipfile.ZipInfo) -> int:
    with path.open("rb") as stream:
        stream.seek(info.header_offset)
        name, extra = _LOCAL_HEADER.unpack(stream.read(_LOCAL_HEADER.size))
    return int(info.header_offset + _LOCAL_HEADER.size + name + extra)


def _header(stream: IO[bytes], path: Path, what: str) -> _Header:
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(stream)
    if dtype.hasobject:
        raise InputError(
            f"{path}: {what} holds pickled Python objects, which are never loaded: "
            "save numbers or text of one type and shape"
        )
    if dtype.names is not None:
        raise InputError(f"{path}: {what} holds records ({', '.join(dtype.names[:12])}): save one array for each field")
    return _Header(shape, "F" if fortran else "C", dtype)


def _refuse_short(path: Path, header: _Header, there: int) -> None:
    if min(header.shape, default=0) < 0 or header.dtype.itemsize == 0 or header.bytes > there:
        raise InputError(
            f"{path} is damaged: an array of {header.dtype} with the shape {header.shape} needs "
            f"{header.bytes:,} bytes, but there are {max(there, 0):,}: save it again"
        )


def mapped(path: Path, dtype: np.dtype[Any], offset: int, shape: tuple[int, ...], order: Literal["C", "F"]) -> Rows:
    """An array on the disk. Single rows are read from a large one, so the system must not fetch their neighbours."""
    if not prod(shape):  # an empty file cannot be mapped
        return np.empty(shape, dtype)
    array = np.memmap(path, dtype, "r", offset, shape, order)
    if array.nbytes > SAMPLED and hasattr(mmap, "MADV_RANDOM"):
        array._mmap.madvise(mmap.MADV_RANDOM)  # type: ignore[attr-defined]
    return array


# --- formats -------------------------------------------------------------------------------------


def _read_archive(source: Source) -> dict[str, Part]:
    return sort_arrays(read_npz(source.path), source.signature, str(source.path), source.options)


def _read_array_files(source: Source) -> dict[str, Part]:
    """One array is the inputs; the arrays of a folder are told apart by the names of their files."""
    if not source.is_folder:
        return {"": Part({"": read_npy(source.path)}, {}, str(source.path))}
    arrays = {path.stem: read_npy(path) for path in source.files(".npy")}
    return sort_arrays(arrays, source.signature, str(source.path), source.options)


NPZ = file_format(
    "NumPy archives",
    begins=lambda source: source.start.startswith(_ZIP),
    read=_read_archive,
    suffixes=(".npz",),
    example="train.npz (with x and y)",
)
NPY = Format(
    "NumPy arrays",
    recognises=lambda source: source.start.startswith(_NPY) or bool(source.files(".npy")),
    read=_read_array_files,
    suffixes=(".npy",),
    example="x_train.npy and y_train.npy",
)
