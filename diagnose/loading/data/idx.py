"""Arrays in idx files, the format of MNIST: plain or gzipped, also each in a folder of the same name."""

import gzip
import re
import struct
import zlib
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import IO

import numpy as np

from diagnose.errors import InputError
from diagnose.loading.data.arrays import EXPANSION, EXPANSION_FLOOR, mapped
from diagnose.loading.data.names import is_junk
from diagnose.loading.data.parts import Part, sort_arrays
from diagnose.loading.data.sources import Format, Source
from diagnose.loading.magic import GZIP
from diagnose.subject import Rows

_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MOST_AXES = 8  # more than any data set has: a larger number is not of this format
_NAME = re.compile(r"[-._]idx\d+(-[a-z0-9]+)?(\.gz)?$", re.IGNORECASE)


def is_idx(start: bytes) -> bool:
    """Whether the first bytes (unpacked) are those of idx: two zeros, a type and a number of axes."""
    return len(start) >= 4 and start[:2] == b"\0\0" and start[2] in _TYPES and 1 <= start[3] <= _MOST_AXES


def idx_files(entries: Sequence[Path]) -> dict[str, Path]:
    """The idx files among the entries of a folder: name without the format's ending -> file.

    Some tools unpack a file into a folder of its own name; such a folder counts as its only file.
    """
    found: dict[str, Path] = {}
    for path in sorted(entries, key=lambda entry: entry.is_dir()):
        if not _NAME.search(path.name):
            continue
        inside = [inner for inner in path.iterdir() if not is_junk(inner.name)] if path.is_dir() else [path]
        if len(inside) == 1 and inside[0].is_file():
            found.setdefault(_NAME.sub("", path.name).replace("t10k", "test"), inside[0])
    return found


def read_idx(path: Path) -> Rows:
    """One array; memory-mapped unless the file is gzipped.

    Raises:
        InputError: it is damaged.
    """
    try:
        with path.open("rb") as stream:
            return _unzipped(path) if stream.read(2) == GZIP else _mapped(path)
    except (OSError, EOFError, ValueError, zlib.error, struct.error) as error:
        raise InputError(f"{path} is a damaged idx file ({error}): fetch it again") from error


def _mapped(path: Path) -> Rows:
    with path.open("rb") as stream:
        shape, dtype = _header(stream, path)
        offset = stream.tell()
    _refuse_short(path, shape, dtype, path.stat().st_size - offset)
    return mapped(path, dtype, offset, shape, "C")


def _unzipped(path: Path) -> Rows:
    with gzip.open(path) as stream:
        shape, dtype = _header(stream, path)
        size = prod(shape) * dtype.itemsize
        if size > max(EXPANSION_FLOOR, EXPANSION * path.stat().st_size):
            raise InputError(f"{path} unpacks to {size:,} bytes: unpack it, so that it is read from the disk as needed")
        content = stream.read(size)
    _refuse_short(path, shape, dtype, len(content))
    return np.frombuffer(content, dtype).reshape(shape)


def _header(stream: IO[bytes] | gzip.GzipFile, path: Path) -> tuple[tuple[int, ...], np.dtype[np.number]]:
    start = stream.read(4)
    if not is_idx(start):
        raise InputError(f"{path} is not an idx file, although its name says so: fetch it again")
    return struct.unpack(f">{start[3]}I", stream.read(4 * start[3])), np.dtype(_TYPES[start[2]])


def _refuse_short(path: Path, shape: tuple[int, ...], dtype: np.dtype[np.number], there: int) -> None:
    if prod(shape) * dtype.itemsize > there:
        size = " x ".join(str(size) for size in shape)
        raise InputError(f"{path} is damaged: it ends before its {size} values of {dtype}: fetch it again")


# --- format --------------------------------------------------------------------------------------


def _recognises(source: Source) -> bool:
    """By the first bytes, or by the names of files, gzipped or not."""
    if source.is_folder:
        return bool(idx_files(source.entries))
    return is_idx(source.start) or (source.start.startswith(GZIP) and bool(idx_files([source.path])))


def _read(source: Source) -> dict[str, Part]:
    if not source.is_folder:
        return {"": Part({"": read_idx(source.path)}, {}, str(source.path))}
    arrays = {name: read_idx(path) for name, path in idx_files(source.entries).items()}
    return sort_arrays(arrays, source.signature, str(source.path), source.options)


IDX = Format("idx files", recognises=_recognises, read=_read)
