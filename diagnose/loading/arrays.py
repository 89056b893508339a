"""Arrays in .npz and .npy files. Pickled objects are refused, never unpickled; .npy is memory-mapped."""

from pathlib import Path

import numpy as np

from diagnose.errors import InputError
from diagnose.subject import Rows


def read_npz(path: Path) -> dict[str, Rows]:
    """All arrays of an archive by name.

    Raises:
        InputError: it is damaged, empty or holds pickled objects.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {key: _read(path, key, archive) for key in archive.files}
    except InputError:
        raise
    except Exception as error:  # zipfile and zlib have errors of their own for damaged files
        raise InputError(f"{path} cannot be read as .npz ({_short(error)}): save it with numpy.savez") from error
    if not arrays:
        raise InputError(f"{path} holds no arrays: save it with numpy.savez(path, x=..., y=...)")
    return arrays


def _read(path: Path, key: str, archive: object) -> Rows:
    try:
        array: Rows = archive[key]  # type: ignore[index]
    except ValueError as error:
        if "allow_pickle" in str(error):
            raise _pickled(path, f'array "{key}"') from error
        raise
    return array


def read_npy(path: Path) -> Rows:
    """One array, memory-mapped.

    Raises:
        InputError: it is damaged or holds pickled objects.
    """
    try:
        array: Rows = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        if "pickle" in str(error) or "Python objects" in str(error):
            raise _pickled(path, "array") from error
        raise InputError(f"{path} cannot be read as .npy ({_short(error)}): save it with numpy.save") from error
    return array


def _pickled(path: Path, what: str) -> InputError:
    return InputError(
        f"{path}: its {what} holds pickled Python objects, which are never loaded: "
        "save numbers or text of one type and shape"
    )


def _short(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
