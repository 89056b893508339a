"""A memory-mapped array of 10 GB costs what is read of it, not what it is long."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROWS, FEATURES = 2_600_000, 1_000  # 10.4 GB of float32
GROWTH = 300 << 20  # bytes of memory that loading may take
LOAD = """
import resource, sys
from pathlib import Path
import keras
from diagnose.loading import LoadOptions, load

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

model, first, *folders = map(Path, sys.argv[1:])
load(model, first, LoadOptions())
for folder in folders:
    before = peak()
    print(load(model, folder, LoadOptions()).train.rows, peak() - before)
"""


def sparse_npy(path: Path, dtype: str, *shape: int) -> None:
    """An array of zeros that takes no room on the disk."""
    with path.open("wb") as stream:
        header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(stream, header)
        stream.truncate(stream.tell() + int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize)
    if path.stat().st_blocks * 512 > 1 << 20:
        path.unlink()
        pytest.skip("the file system of the temporary folder keeps no sparse files")


@pytest.fixture
def model(tmp_path: Path, make_model: Callable[..., Any]) -> Path:
    make_model((FEATURES,), activation="sigmoid", loss="binary_crossentropy").save(tmp_path / "m.keras")
    return tmp_path / "m.keras"


@pytest.mark.skipif(sys.platform == "win32", reason="peak memory is read with the resource module")
def test_loading_costs_no_more_than_what_is_read(model: Path, tmp_path: Path) -> None:
    sizes = {"small": ("float32", 100), "as the model": ("float32", ROWS)}
    sizes |= {"narrower": ("uint8", 4 * ROWS), "wider": ("float64", ROWS // 2)}
    for name, (dtype, count) in sizes.items():
        (tmp_path / name).mkdir()
        sparse_npy(tmp_path / name / "x_train.npy", dtype, count, FEATURES)
        sparse_npy(tmp_path / name / "y_train.npy", "int64", count)
    command = [sys.executable, "-c", LOAD, str(model), *(str(tmp_path / name) for name in sizes)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-3:]
    found = [tuple(map(int, line.split())) for line in lines]
    assert [rows for rows, _ in found] == [rows for _, rows in list(sizes.values())[1:]]
    assert all(growth < GROWTH for _, growth in found), found
