"""Every layer, saved under older versions of Keras 3, loads and computes what it computed there."""

import io
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from diagnose.errors import InputError
from diagnose.loading.models.choosing import load_model
from diagnose.loading.options import LoadOptions
from diagnose.loading.signatures import signature_of
from tests.loading.keras_3_layers import outputs_of

pytestmark = pytest.mark.usefixtures("scanned_here")
ARCHIVES = sorted((Path(__file__).parent / "fixtures").glob("keras-3.*.tar.xz"))


def _members(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as opened:
        return {member.name: opened.extractfile(member).read() for member in opened.getmembers()}  # type: ignore[union-attr]


def _problems(path: Path, expected: list[Any]) -> list[str]:
    """What is wrong with the outputs of the loaded model."""
    try:
        model = load_model(path, LoadOptions()).model
    except InputError as error:
        return [str(error).replace(str(path), path.stem)]
    found = []
    names = [port.name for port in signature_of(model).outputs]
    for output, wanted, name in zip(outputs_of(model), expected, names, strict=True):
        if output.shape != wanted.shape:
            found.append(f"{name}: outputs of the shape {output.shape} instead of {wanted.shape}")
        elif not np.allclose(output, wanted, atol=1e-5, rtol=1e-5):
            found.append(f"{name}: other outputs")
    return found


@pytest.mark.parametrize("archive", ARCHIVES, ids=lambda path: path.name.removesuffix(".tar.xz"))
def test_every_layer_of_an_older_keras_loads(archive: Path, tmp_path: Path) -> None:
    members = _members(archive)
    names = [name.removesuffix(".keras") for name in members if name.endswith(".keras")]
    problems, layers = [], 0
    for name in names:
        path = tmp_path / f"{name}.keras"
        path.write_bytes(members[f"{name}.keras"])
        expected = list(np.load(io.BytesIO(members[f"{name}.npz"])).values())
        problems += _problems(path, expected)
        layers += len(expected)
    assert problems == []
    assert layers >= 95


def test_there_is_an_archive_for_each_version() -> None:
    versions = [archive.name.split("-")[1].rsplit(".", 3)[0] for archive in ARCHIVES]
    assert versions == ["3.0", "3.10", "3.3", "3.5", "3.8"]
