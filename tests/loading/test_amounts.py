"""Loading is bounded by amount: a small file or folder must not take minutes or gigabytes."""

import json
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from diagnose.errors import InputError
from diagnose.loading.data import images, listing, tables
from diagnose.loading.data.listing import list_images
from diagnose.loading.data.reading import read_data
from diagnose.loading.models import files
from diagnose.loading.models.files import read_model_file
from diagnose.loading.options import LoadOptions
from diagnose.loading.signatures import Port, Signature

PICTURES = Signature((Port("x", (8, 8, 3)),), (Port("y", (2,), activation="softmax"),))


def numbers(count: int) -> Signature:
    return Signature((Port("x", (count,)),), (Port("y", (1,), activation="sigmoid"),))


def test_a_config_of_a_million_values(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", json.dumps({"class_name": "Sequential", "more": [0] * 1_000_000}))
        archive.writestr("model.weights.h5", b"")
    with pytest.raises(InputError, match="more than 500,000 values"):
        read_model_file(path)


def test_a_gene_expression_table_of_8000_columns(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(6, 8_000)).round(3)
    header = ",".join(f"ENSG{place:011d}" for place in range(8_000))
    lines = [",".join(map(str, row)) + f",{place % 2}" for place, row in enumerate(rows)]
    (tmp_path / "genes.csv").write_text("\n".join([header + ",label", *lines]))
    (part,) = read_data(tmp_path / "genes.csv", numbers(8_000), LoadOptions(target="label")).values()
    assert np.allclose(part.inputs[""], rows)
    assert part.feature_names[:2] == ("ENSG00000000000", "ENSG00000000001")


def test_more_columns_than_any_table_has(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(
        "\n".join([",".join(f"c{place}" for place in range(100_001))] + ["1," * 100_000 + "1"] * 2)
    )
    with pytest.raises(InputError, match="more than 100,000 columns: pass the rows as an array"):
        read_data(tmp_path / "x.csv", numbers(4), LoadOptions(target="c0"))
    with pytest.raises(InputError, match="more than 100,000 columns: pass the rows as an array"):
        tables._named(pd.DataFrame(np.zeros((1, 100_001))), "the frame")


def test_more_folders_than_data_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "FOLDERS", 3)
    for name in "abcd":
        (tmp_path / name).mkdir()
    with pytest.raises(InputError, match="leads to more than 3 folders: pass the folder of the data only"):
        list_images(tmp_path)


@pytest.mark.parametrize("packed", [True, False])
def test_more_files_than_a_model_has(packed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.keras"
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(path)
    if not packed:
        with zipfile.ZipFile(path) as archive:
            archive.extractall(tmp_path / "m")
        path = tmp_path / "m"
        (path / "assets").mkdir()
        for name in "abc":
            (path / "assets" / name).touch()
    monkeypatch.setattr(files, "_MEMBERS", 2)
    with pytest.raises(InputError, match=r"is refused: it holds more than 2 (files|members)"):
        read_model_file(path)


def test_folders_that_are_linked_across_each_other_are_listed_once(tmp_path: Path) -> None:
    for outer in "abcdefgh":
        (tmp_path / outer).mkdir()
        Image.new("RGB", (4, 4)).save(tmp_path / outer / "1.png")
        for inner in "abcdefgh":
            (tmp_path / outer / f"to_{inner}").symlink_to(tmp_path / inner)
    (tmp_path / "up").symlink_to("/")
    assert list_images(tmp_path).count == 8


def test_a_folder_of_links_to_other_folders_is_read(tmp_path: Path) -> None:
    for name in ("cats", "dogs"):
        (tmp_path / "elsewhere" / name).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(tmp_path / "elsewhere" / name / "1.png")
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data" / name).symlink_to(tmp_path / "elsewhere" / name)
    (part,) = read_data(tmp_path / "data", PICTURES, LoadOptions()).values()
    assert part.class_names == ("cats", "dogs")


def test_folders_in_a_ring(tmp_path: Path) -> None:
    for name, other in (("x", "y"), ("y", "x")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "next").symlink_to(tmp_path / other)
    with pytest.raises(InputError, match="its folders lead back to themselves or too deep"):
        read_data(tmp_path / "x", numbers(4), LoadOptions())


def test_pictures_that_are_too_large_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "PIXELS", 1_000_000)
    for name in ("cats", "dogs"):
        (tmp_path / name).mkdir()
        for number in range(3):
            Image.new("L", (8, 8)).save(tmp_path / name / f"{number}.png")
    Image.new("L", (1_001, 1_000)).save(tmp_path / "cats" / "large.png")
    (part,) = read_data(tmp_path, PICTURES, LoadOptions()).values()
    assert any("cats/large.png (more than 1 million pixels)" in note for note in part.notes)


def test_pictures_wait_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    decoding = images._Decoding()
    with decoding.share(images._AT_ONCE // 2), decoding.share(images._AT_ONCE // 2):
        assert decoding._left == 0
    with decoding.share(images._AT_ONCE * 2):
        assert decoding._left == 0
    assert decoding._left == images._AT_ONCE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An unpacked model."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        archive.extractall(tmp_path / "m")
    (tmp_path / "m" / "assets").mkdir()
    assert read_model_file(tmp_path / "m").config is not None
    return tmp_path / "m"


@pytest.mark.parametrize("name", ["config.json", "metadata.json", "model.weights.h5", "assets/words.txt", "assets"])
def test_links_in_a_model_folder_are_refused(name: str, folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    if (folder / name).exists():
        (folder / name).rename(outside)
    else:
        outside.write_text("secret")
    (folder / name).symlink_to(outside)
    with pytest.raises(InputError, match=f"{name} in it is a link"):
        read_model_file(folder)


def test_links_in_a_saved_model_are_refused(tmp_path: Path) -> None:
    (tmp_path / "m" / "assets").mkdir(parents=True)
    (tmp_path / "m" / "saved_model.pb").write_bytes(b"")
    (tmp_path / "m" / "assets" / "words").symlink_to("/etc/hostname")
    with pytest.raises(InputError, match="assets/words in it is a link"):
        read_model_file(tmp_path / "m")


def test_a_name_of_a_million_letters_is_cut() -> None:
    error: Any = InputError(f'layer "{"a" * 1_000_000}" is unknown: rename it')
    assert len(str(error)) < 300
    assert str(error).endswith("rename it")
