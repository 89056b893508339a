"""Real data sets of other people, read for models that fit them and for models that do not."""

from pathlib import Path

import numpy as np
import pytest

from diagnose.errors import InputError
from diagnose.loading import LoadOptions
from diagnose.loading.data.reading import read_data
from diagnose.loading.fitting import fit_inputs
from diagnose.loading.signatures import Port, Signature
from diagnose.loading.text_labels import encode_text


@pytest.fixture
def data(shared: Path) -> Path:
    if not (shared / "data").is_dir():
        pytest.skip(f"{shared / 'data'} is missing: real data sets, kept beside the project")
    return shared / "data"


def takes(width: int, dtype: str = "float32") -> Signature:
    return Signature((Port("x", (width,), dtype),), (Port("out", (1,)),))


def test_arrays_as_programs_feed_them(data: Path) -> None:
    files = sorted((data / "arrays").glob("*.npz"))
    assert len(files) == 50
    for path in files:
        with np.load(path) as archive:
            shapes = {key: archive[key].shape for key in archive.files}
        signature = Signature((Port("x", shapes["x_train"][1:]),), (Port("out", shapes["y_train"][1:]),))
        parts = read_data(path, signature, LoadOptions())
        assert set(parts) == {"train", "dev"}
        for split, key in (("train", "train"), ("dev", "val")):
            (rows,), _ = fit_inputs(parts[split], signature)
            assert rows.shape == shapes[f"x_{key}"]
            assert parts[split].targets[""].shape == shapes[f"y_{key}"]


@pytest.mark.parametrize(
    ("name", "width", "target", "rows"),
    [
        ("adult", 6, "-1", {"train": 32561, "test": 16281}),
        ("heart", 8, "chd", {"train": 413, "test": 49}),
        ("pima", 8, "8", {"": 768}),
        ("autompg", 9, "MPG", {"": 392}),
        ("titanic", 5, "Survived", {"train": 891}),
        ("mnist_784.npz", 784, None, {"train": 60_000, "test": 10_000}),
    ],
)
def test_tables_that_fit(name: str, width: int, target: str | None, rows: dict[str, int], data: Path) -> None:
    parts = encode_text(dict(read_data(data / name, takes(width), LoadOptions(target=target))))
    assert {split: len(part.targets[""]) for split, part in parts.items()} == rows
    for part in parts.values():
        (inputs,), _ = fit_inputs(part, takes(width))
        assert inputs.shape[1:] == (width,)
        assert part.targets[""].dtype.kind in "iuf"


@pytest.mark.parametrize(
    ("name", "width", "target", "hint"),
    [
        ("adult", 105, "14", "one-hot columns for 1, 3, 5, 6, 7, 8, 9, 13 would give exactly 105"),
        ("heart", 9, "chd", "one number for each of famhist would give exactly 9"),
        ("heart", 10, "chd", "one-hot columns for famhist would give exactly 10"),
        ("titanic", 7, "Survived", "without PassengerId, one number for each of Sex, Embarked would give exactly 7"),
        ("pima", 8, None, "pass --target with a number from 0 to 8, or -1 for the last: the file has no header"),
        ("movie_review_polarity", 100, None, "turn the text into numbers as in training, with --loader"),
    ],
)
def test_tables_that_do_not_fit(name: str, width: int, target: str | None, hint: str, data: Path) -> None:
    with pytest.raises(InputError) as error:
        read_data(data / name, takes(width), LoadOptions(target=target))
    assert hint in str(error.value)


def test_reviews_for_a_model_of_text(data: Path) -> None:
    (part,) = read_data(data / "movie_review_polarity", takes(1, "string"), LoadOptions(rows=100)).values()
    assert part.class_names == ("neg", "pos")
    assert np.bincount(part.targets[""]).tolist() == [50, 50]
