"""How many rows there are beside the rows held: `Split.population`, `Split.sampled`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from diagnose.loading import LoadOptions, load, subject_from
from diagnose.loading.data.parts import Part
from diagnose.loading.data.reading import read_data
from diagnose.loading.signatures import Port, Signature
from diagnose.subject import Split
from tests.loading.conventions import image

pytestmark = pytest.mark.usefixtures("scanned_here")
X = np.zeros((12, 3), "float32")
Y = np.arange(12) % 2
PICTURE = Port("image", (8, 8, 3))


def held(part: Part | Split) -> tuple[int, int | None, bool]:
    """Rows held, rows that there are, and whether these are a sample."""
    rows = part.rows if isinstance(part, Split) else len(next(iter(part.inputs.values())))
    return rows, part.population, part.sampled


# --- files ---------------------------------------------------------------------------------------


def by_class(folder: Path) -> Signature:
    for number in range(10):
        image(folder / f"{'ab'[number % 2]}/{number}.png")
    return Signature((PICTURE,), (Port("label", (2,)),))


def by_table(folder: Path) -> Signature:
    names = [f"{number}.png" for number in range(10)]
    for name in names:
        image(folder / name)
    lines = ["file,label", *(f"{name},{index % 2}" for index, name in enumerate(names)), "missing.png,0"]
    (folder / "labels.csv").write_text("\n".join(lines))
    return Signature((PICTURE,), (Port("label", (1,)),))


def with_masks(folder: Path) -> Signature:
    for number in range(10):
        image(folder / f"images/{number}.png")
        image(folder / f"masks/{number}.png", mode="1")
    return Signature((PICTURE,), (Port("mask", (8, 8, 1)),))


def texts(folder: Path) -> Signature:
    for number in range(10):
        (folder / "ab"[number % 2]).mkdir(exist_ok=True)
        (folder / "ab"[number % 2] / f"{number}.txt").write_text("words")
    return Signature((Port("text", (), "string"),), (Port("label", (1,)),))


def lines(folder: Path) -> Signature:
    (folder / "lines.txt").write_text("words\n" * 10)
    (folder / "lines_labels.txt").write_text("0\n1\n" * 5)
    return Signature((Port("text", (), "string"),), (Port("label", (1,)),))


@pytest.mark.parametrize("write", [by_class, by_table, with_masks, texts, lines])
def test_a_sample_of_files_says_how_many_there_are(write: Callable[[Path], Signature], tmp_path: Path) -> None:
    signature = write(tmp_path)
    (part,) = read_data(tmp_path, signature, LoadOptions(rows=4)).values()
    assert held(part) == (4, 10, True)
    (part,) = read_data(tmp_path, signature, LoadOptions(rows=10)).values()
    assert held(part) == (10, None, False)


def test_files_that_cannot_be_read_are_not_left_to_sample(tmp_path: Path) -> None:
    signature = by_class(tmp_path)
    (tmp_path / "a" / "0.png").write_bytes(b"damaged")
    (part,) = read_data(tmp_path, signature, LoadOptions()).values()
    assert held(part) == (9, None, False)


def test_a_split_says_it(tmp_path: Path, make_model: Callable[..., Any]) -> None:
    by_class(tmp_path / "data")
    make_model((8, 8, 3), 2, "softmax", "sparse_categorical_crossentropy").save(tmp_path / "m.keras")
    train = load(tmp_path / "m.keras", tmp_path / "data", LoadOptions(rows=4)).train
    assert (held(train), train.whole) == ((4, 10, True), False)
    train = load(tmp_path / "m.keras", tmp_path / "data", LoadOptions()).train
    assert (held(train), train.whole) == ((10, None, False), True)


# --- datasets ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model() -> Any:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, activation="sigmoid")])
    model.compile("sgd", "binary_crossentropy")
    return model


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches of five rows, the last of two."""

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> Any:
        return X[5 * index : 5 * index + 5], Y[5 * index : 5 * index + 5]


class Endless(Batches):
    @property
    def num_batches(self) -> None:
        return None

    def __getitem__(self, index: int) -> Any:
        return X, Y


class Loader:
    """A torch DataLoader as far as it is used; `length` is None where its dataset has none."""

    def __init__(self, length: int | None) -> None:
        self.batch_size, self.length = 4, length

    def __len__(self) -> int:
        if self.length is None:
            raise TypeError("object of type 'Stream' has no len()")
        return self.length

    def __iter__(self) -> Any:
        return ((X[at : at + 4], Y[at : at + 4]) for at in (0, 4, 8))


def rows() -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices((X, Y))


def forever() -> Any:
    while True:
        yield X, Y


DATASETS: dict[str, tuple[Callable[[], Any], int | None]] = {
    "tf.data by row": (rows, 12),
    "tf.data in even batches": (lambda: rows().batch(4), 12),
    "tf.data in batches of one shape": (lambda: rows().batch(5, drop_remainder=True), 10),
    "tf.data of an unknown length": (lambda: rows().filter(lambda x, y: True), None),
    "tf.data without an end": (lambda: rows().repeat().batch(4), None),
    "PyDataset without an end": (Endless, None),
    "a loader": (lambda: Loader(3), 12),
    "a loader of a stream": (lambda: Loader(None), None),
    "a generator without an end": (forever, None),
}


@pytest.mark.parametrize(("make", "population"), DATASETS.values(), ids=DATASETS)
def test_a_cut_dataset_says_what_it_knows(make: Callable[[], Any], population: int | None, model: Any) -> None:
    subject = subject_from(model, make(), options=LoadOptions(rows=6))
    assert held(subject.train) == (6, population, True)
    assert len(subject.notes) == 1 and "6 rows were taken out of the" in subject.notes[0]


def test_batches_that_were_not_read_count_as_full(model: Any) -> None:
    train = subject_from(model, Batches(), options=LoadOptions(rows=5)).train
    assert train.sampled and train.population in {12, 15}  # 12 if the short batch was among those chosen
    assert held(subject_from(model, rows().batch(5), options=LoadOptions(rows=5)).train) == (5, 15, True)


@pytest.mark.parametrize("make", [rows, lambda: rows().batch(5), Batches, lambda: Loader(3)])
def test_a_bound_that_all_rows_fit_into_cuts_nothing(make: Callable[[], Any], model: Any) -> None:
    subject = subject_from(model, make(), options=LoadOptions(rows=12))
    assert held(subject.train) == (12, None, False)
    assert subject.notes == ()


def test_a_generator_with_an_end_is_whole(model: Any) -> None:
    assert held(subject_from(model, iter([(X, Y)]), options=LoadOptions()).train) == (12, None, False)


def test_epochs_count_all_rows_and_stay_unknown_where_these_are(make_model: Callable[..., Any]) -> None:
    trained = make_model(shape=(3,), activation="sigmoid", loss="binary_crossentropy")
    trained.fit(X, Y, batch_size=4, epochs=2, verbose=0)
    options = LoadOptions(rows=4, batch_size=4)
    assert subject_from(trained, rows(), options=options).training.epochs == 2
    assert subject_from(trained, forever(), options=options).training.epochs is None
