"""HDF5 files: scanned in a separate process before this one opens them."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from diagnose.errors import InputError, RefusedError
from diagnose.loading.models import hdf5_scan

_PATIENCE = 8.0  # seconds; starting Python with h5py takes about 0.4
_RATE = 20e6  # bytes per second that even a slow disk reads


def scan_hdf5(path: Path, shown: Path) -> tuple[dict[str, str], int]:
    """The attributes that describe the model, and the number of values in all arrays.

    Args:
        path: the file.
        shown: what messages call it.

    Raises:
        InputError: it is damaged, or refused for what it holds.
    """
    answer = _scan_apart(path, shown)
    if "refused" in answer:
        raise RefusedError(f"{shown} is refused: {answer['refused']}")
    return answer["attributes"], answer["values"]


def _scan_apart(path: Path, shown: Path) -> dict[str, Any]:
    try:
        ended = subprocess.run(
            [sys.executable, "-P", hdf5_scan.__file__, str(path.absolute())],
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},  # its threads would only cost time
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE + path.stat().st_size / _RATE,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise damaged(shown, "reading it does not end") from error
    if ended.returncode < 0:
        raise damaged(shown, f"reading it ends in {signal.Signals(-ended.returncode).name}")
    if ended.returncode:
        said = ended.stderr.decode("utf-8", "replace").strip().splitlines()
        raise damaged(shown, said[-1][:300] if said else "reading it fails")
    answer: dict[str, Any] = json.loads(ended.stdout)
    return answer


def damaged(shown: Path, why: str) -> InputError:
    """The error for a file that cannot be read."""
    return InputError(f"{shown} is a damaged HDF5 file ({why}): save the model again")


@contextmanager
def open_hdf5(path: Path) -> Iterator[Any]:
    """Open a scanned HDF5 file for reading."""
    import h5py

    with h5py.File(path, "r") as file:
        yield file
