"""The program that reads an HDF5 file first: `python hdf5_scan.py FILE`.

The HDF5 library crashes on, or never finishes, some damaged files. So this program runs in a separate process: it
visits every object, reads every attribute and array once, as loading will, and prints one JSON object:
{"refused": why}, or {"attributes": {...}, "values": how many numbers the arrays hold}. It needs only h5py and NumPy.
"""

import contextlib
import json
import sys
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np

SHOWN = ("keras_version", "model_config", "training_config")  # attributes of the file that loading asks for
# DEFLATE reaches 1032:1 at most; weights, being nearly random, hardly compress at all.
EXPANSION = 100
EXPANSION_FLOOR = 1 << 28  # bytes; below this a bomb does no harm
OBJECTS = 200_000  # a layer of Keras takes four
TEXT = 1 << 25  # bytes of one attribute; the configs of the largest published models take about 3 MB
# What HDF5 itself brings along; all else would be a plug-in, which HDF5 loads from a folder by the filter's number.
FILTERS = {
    h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32, h5py.h5z.FILTER_LZF,
}  # fmt: skip
_MEMORY = 2 << 30  # bytes of address space; arrays are read in pieces
_PIECE = 1 << 24  # bytes read at a time


class RefusedError(Exception):
    """The file could do harm; the message completes "FILE is refused: ..."."""


def scan(path: Path) -> dict[str, Any]:
    """Visit and read everything in a file.

    Raises:
        RefusedError: links, values kept elsewhere, filters of others, or far more values than bytes.
        Exception: whatever h5py raises for a damaged file.
    """
    with h5py.File(path, "r") as file:
        arrays = []
        size = 0
        _read_attributes(file)
        for item in _objects(file):
            _read_attributes(item)
            if isinstance(item, h5py.Dataset):
                size += _size(item)
                arrays.append(item)
        if size > max(EXPANSION_FLOOR, EXPANSION * path.stat().st_size):
            raise RefusedError(f"its arrays unpack to {size:,} bytes")
        for array in arrays:
            _read(array)
        attributes = {name: _text(file.attrs[name]) for name in SHOWN if name in file.attrs}
        return {"attributes": attributes, "values": sum(prod(array.shape or ()) for array in arrays)}


def _objects(file: Any) -> Iterator[Any]:
    """Every group, dataset and named type below the root, each reached by one hard link."""
    seen = {h5py.h5o.get_info(file.id).addr}
    groups = [file]
    while groups:
        group = groups.pop()
        for name in group:
            place = f"{group.name.rstrip('/')}/{name}"
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise RefusedError(f"{place} is a link to another place or file")
            item = group[name]
            address = h5py.h5o.get_info(item.id).addr
            if address in seen:
                raise RefusedError(f"{place} is a second name of something else in the file")
            seen.add(address)
            if len(seen) > OBJECTS:
                raise RefusedError(f"it holds more than {OBJECTS:,} objects")
            if isinstance(item, h5py.Group):
                groups.append(item)
            yield item


def _read_attributes(item: Any) -> None:
    for name in item.attrs:
        value = item.attrs[name]
        if (value.nbytes if isinstance(value, np.ndarray) else sys.getsizeof(value)) > TEXT:
            raise RefusedError(f"the attribute {name} of {item.name} is longer than {TEXT:,} bytes")


def _size(array: Any) -> int:
    """Bytes that reading an array takes."""
    if array.is_virtual or array.external:
        raise RefusedError(f"{array.name} reads its values from another file")
    if array.dtype.kind not in "fiub" and h5py.check_string_dtype(array.dtype) is None:
        raise RefusedError(f"{array.name} holds {array.dtype}, neither numbers nor text")
    created = array.id.get_create_plist()
    for index in range(created.get_nfilters()):
        number = created.get_filter(index)[0]
        if number not in FILTERS:
            raise RefusedError(f"{array.name} is packed by the filter {number}, which is not part of HDF5")
    return int(max(array.nbytes, array.dtype.itemsize * prod(array.chunks or ())))


def _read(array: Any) -> None:
    """Read an array of numbers in pieces; text is never asked for."""
    if array.dtype.kind not in "fiub":
        return
    if not array.shape:
        array[()]
        return
    rows = max(1, _PIECE // max(1, array.nbytes // max(1, array.shape[0])))
    for start in range(0, array.shape[0], rows):
        array[start : start + rows]


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _limit_memory() -> None:
    """A damaged size must not fill the memory; on systems without such limits, the time limit has to do."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))


if __name__ == "__main__":
    _limit_memory()
    try:
        answer = scan(Path(sys.argv[1]))
    except RefusedError as error:
        answer = {"refused": str(error)}
    except Exception as error:  # noqa: BLE001 h5py raises nearly every kind
        sys.exit(" ".join(f"{error}".split()) or type(error).__name__)
    print(json.dumps(answer))  # noqa: T201 the answer
