"""What tests of loading share."""

from pathlib import Path
from typing import Any

import pytest

from diagnose.loading.models import hdf5, hdf5_scan


@pytest.fixture
def scanned_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """HDF5 files are scanned in this process: starting one for each file costs a quarter of a second."""

    def scan(path: Path, shown: Path) -> dict[str, Any]:
        try:
            return hdf5_scan.scan(path)
        except hdf5_scan.RefusedError as error:
            return {"refused": str(error)}
        except Exception as error:
            raise hdf5.damaged(shown, str(error)) from error

    monkeypatch.setattr(hdf5, "_scan_apart", scan)
