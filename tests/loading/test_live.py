"""Live objects: every form in which a program holds its rows, the splits of them, and how they fit the model."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import tensorflow as tf

from diagnose.errors import InputError
from diagnose.loading import LoadOptions, load, subject_from
from diagnose.subject import Seen, Subject, Task

pytestmark = pytest.mark.usefixtures("scanned_here")
Make = Callable[..., Any]
X = np.random.default_rng(0).normal(size=(12, 3)).astype("float32")
Y = np.arange(12) % 2
NONE = LoadOptions()


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> Any:
        return X[4 * index : 4 * index + 4], Y[4 * index : 4 * index + 4]


FORMS: dict[str, Callable[[], Any]] = {
    "arrays": lambda: (X, Y),
    "lists": lambda: (X.tolist(), Y.tolist()),
    "a list of two": lambda: [X, Y],
    "dicts": lambda: ({"numbers": X}, {"answer": Y}),
    "tensors": lambda: (tf.constant(X), tf.constant(Y)),
    "frames": lambda: (pd.DataFrame(X, columns=list("abc")), pd.Series(Y)),
    "double precision and booleans": lambda: (X.astype("float64"), Y.astype(bool)),
    "tf.data in batches": lambda: tf.data.Dataset.from_tensor_slices((X, Y)).batch(5),
    "tf.data in even batches": lambda: tf.data.Dataset.from_tensor_slices((X, Y)).batch(3, drop_remainder=True),
    "tf.data by row": lambda: tf.data.Dataset.from_tensor_slices((X, Y)),
    "PyDataset": Batches,
    "any batches": lambda: iter([(X[:6], Y[:6]), (X[6:], Y[6:])]),
}


@pytest.fixture(scope="module")
def model() -> Any:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((3,), name="numbers")
    model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid", name="answer")(inputs))
    model.compile("sgd", "binary_crossentropy")
    return model


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_rows(form: str, model: Any) -> None:
    subject = subject_from(model, FORMS[form](), options=NONE)
    np.testing.assert_array_equal(subject.train.inputs[0], X)
    np.testing.assert_array_equal(subject.train.targets[0], Y.reshape(-1, 1))
    assert subject.train.inputs[0].dtype == np.float32
    assert subject.notes == ()


def test_a_frame_with_its_target(model: Any) -> None:
    frame = pd.DataFrame(X, columns=["a", "b", "c"]).assign(label=np.where(Y == 1, "yes", "no"))
    subject = subject_from(model, frame, options=LoadOptions(target="label"))
    assert subject.feature_names == ("a", "b", "c")
    assert subject.outputs[0].class_names == ("no", "yes")
    np.testing.assert_array_equal(subject.train.targets[0][:, 0], Y)


def test_sample_weights(model: Any) -> None:
    subject = subject_from(model, (X, Y, np.arange(12.0)), options=NONE)
    assert subject.train.sample_weight is not None
    np.testing.assert_array_equal(subject.train.sample_weight, np.arange(12.0))


class Counting(keras.utils.PyDataset):  # type: ignore[misc]
    """Ten batches of four rows; remembers which were asked for."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.asked: list[int] = []

    def __len__(self) -> int:
        return 10

    def __getitem__(self, index: int) -> Any:
        self.asked.append(index)
        return np.full((4, 3), index, "float32"), np.full(4, index % 2)


def test_no_more_rows_are_taken_than_asked_for(model: Any) -> None:
    read = []

    def batches() -> Any:
        while True:
            read.append(len(read))
            yield X[:4], Y[:4], np.ones(4)

    subject = subject_from(model, batches(), options=LoadOptions(rows=10))
    assert (subject.train.rows, len(read)) == (10, 3)
    assert subject.train.sample_weight is not None and subject.train.sample_weight.shape == (10,)
    assert subject.notes[0] == (
        "train: the first 10 rows were taken out of the generator: if they are sorted, shuffle it"
    )


@pytest.mark.parametrize("rows", [50, None])
def test_endless_batches_are_cut_and_said(rows: int | None, model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diagnose.loading.data.live_batches._ENDLESS_ROWS", 50)
    endless = tf.data.Dataset.from_tensor_slices((X, Y)).repeat().batch(20)
    subject = subject_from(model, endless, options=LoadOptions(rows=rows))
    assert subject.train.rows == 50
    assert subject.notes[0].startswith("train: the first 50 rows were taken out of the ")


def test_rows_have_a_bound_in_bytes(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diagnose.loading.data.live_batches.BYTES", 100)
    assert subject_from(model, Batches(), options=NONE).train.rows == 8


def test_batches_that_can_be_indexed_are_chosen_over_the_whole(model: Any) -> None:
    data = Counting(workers=2, use_multiprocessing=False)
    subject = subject_from(model, data, options=LoadOptions(rows=12, seed=1))
    assert len(data.asked) == 3
    assert sorted(data.asked) != [0, 1, 2]
    assert subject.train.inputs[0][:, 0].tolist() == np.repeat(sorted(data.asked), 4).tolist()
    assert subject.notes == ("train: 12 rows were taken out of the Counting, in batches chosen by the seed",)


def test_shuffled_batches_keep_rows_and_labels_together(model: Any) -> None:
    data = tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(12, seed=1).batch(5)
    subject = subject_from(model, data, options=NONE)
    rows = {tuple(row): label for row, label in zip(X.tolist(), Y.tolist(), strict=True)}
    found = zip(subject.train.inputs[0].tolist(), subject.train.targets[0][:, 0].tolist(), strict=True)
    assert {tuple(row): label for row, label in found} == rows


class Loader:
    """A torch DataLoader as far as it is used: it iterates over lists of tensors and has a length."""

    def __init__(self) -> None:
        self.batch_size = 6

    def __iter__(self) -> Any:
        return iter([[Tensor(X[:6]), Tensor(Y[:6])], [Tensor(X[6:]), Tensor(Y[6:])]])

    def __len__(self) -> int:
        return 2


class Tensor:
    """A torch tensor that needs its gradient: NumPy may look at it only when it is detached and on the CPU."""

    def __init__(self, values: np.ndarray, detached: bool = False) -> None:
        self.values, self.detached = values, detached

    def detach(self) -> "Tensor":
        return Tensor(self.values, detached=True)

    def cpu(self) -> "Tensor":
        return self

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        assert self.detached
        return self.values


def test_a_loader_like_that_of_torch(model: Any) -> None:
    subject = subject_from(model, Loader(), options=NONE)
    np.testing.assert_array_equal(subject.train.inputs[0], X)


def test_the_loader_of_torch(model: Any) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed: an extra that few have beside TensorFlow")
    rows = torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(Y))
    subject = subject_from(model, torch.utils.data.DataLoader(rows, batch_size=5), options=NONE)
    np.testing.assert_array_equal(subject.train.inputs[0], X)


def test_a_dataset_of_dicts(model: Any) -> None:
    data = tf.data.Dataset.from_tensor_slices({"numbers": X, "label": Y}).batch(5)
    subject = subject_from(model, data, options=NONE)
    np.testing.assert_array_equal(subject.train.targets[0][:, 0], Y)


def test_a_dict_of_arrays(model: Any) -> None:
    subject = subject_from(model, {"x_train": X, "y_train": Y, "x_val": X[:4], "y_val": Y[:4]}, options=NONE)
    assert [(split.name, split.rows) for split in subject.splits] == [("train", 12), ("dev", 4)]


@pytest.mark.parametrize("form", ["x", "(x,)", "{name: x}"])
def test_a_dataset_of_inputs_only(form: str, rows: Make) -> None:
    model = keras.Sequential([keras.Input((6,), name="given"), keras.layers.Dense(6)])
    model.compile("adam", "mse")
    x = rows(9, 6)
    data = tf.data.Dataset.from_tensor_slices({"x": x, "(x,)": (x,), "{name: x}": {"given": x}}[form]).batch(4)
    subject = subject_from(model, data, options=NONE)
    assert subject.train.targets[0] is subject.train.inputs[0]


def failing() -> Any:
    yield X, Y
    raise KeyError("label")


UNUSABLE: dict[str, tuple[Callable[[], Any], str]] = {
    "ragged": (
        lambda: tf.data.Dataset.from_tensor_slices((tf.ragged.constant([[1.0], [2.0, 3.0]]), [0, 1])).batch(2),
        "train: it holds a ragged tensor (RaggedTensor): pad its rows to one length with .to_tensor()",
    ),
    "sparse": (
        lambda: (tf.sparse.from_dense(X), Y),
        "train: it holds a sparse tensor (SparseTensor): make it dense with tf.sparse.to_dense",
    ),
    "scipy": (
        lambda: (scipy.sparse.csr_matrix(X), Y),
        "train: it holds a sparse matrix (csr_matrix): make it dense with .toarray()",
    ),
    "uneven": (
        lambda: iter([(X, Y), (X[:, :2], Y)]),
        "train: rows of its batches have the shapes (3,) and (2,): pad or resize them to one shape",
    ),
    "unlike": (
        lambda: iter([({"numbers": X}, Y), ({"other": X}, Y)]),
        "train: its batches hold numbers and then other: each must hold the same arrays",
    ),
    "splits": (
        lambda: iter([{"x_train": X, "y_train": Y}]),
        "train: its batches hold x_train, y_train: each must be rows of one split",
    ),
    "empty": (lambda: tf.data.Dataset.from_tensor_slices((X[:0], Y[:0])).batch(2), "yields nothing"),
    "failing": (failing, "train: the generator fails with KeyError: 'label' (test_live.py, line "),
}


@pytest.mark.parametrize("case", UNUSABLE.values(), ids=UNUSABLE)
def test_what_no_dataset_may_hold(case: tuple[Callable[[], Any], str], model: Any) -> None:
    make, expected = case
    with pytest.raises(InputError, match=re.escape(expected)):
        subject_from(model, make(), options=NONE)


def test_iterating_leaves_the_random_state(model: Any) -> None:
    def drawing() -> Any:
        for _ in range(3):
            np.random.random(5)
            yield X[:4], Y[:4]

    np.random.seed(3)
    before = np.random.get_state()[1].copy()
    subject_from(model, drawing(), options=NONE)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_objects_that_are_not_data(model: Any) -> None:
    with pytest.raises(InputError, match=r"train must be \(x, y\), a dataset that yields \(x, y\), or a path, got int"):
        subject_from(model, 3, options=NONE)
    with pytest.raises(InputError, match="Python objects of several kinds"):
        subject_from(model, ([[1, "a"], [2, None]], [0, 1]), options=NONE)


def test_a_number_is_refused_as_rows(model: Any) -> None:
    with pytest.raises(InputError, match='train: the input "numbers" must be rows, got a single number'):
        subject_from(model, (np.float32(3), Y), options=NONE)


# --- splits --------------------------------------------------------------------------------------


def test_what_each_split_may_have_been_trained_on(model: Any) -> None:
    fresh = subject_from(model, (X, Y), (X, Y), (X, Y), options=NONE)
    assert [(split.name, split.seen) for split in fresh.splits] == [
        ("train", Seen.NO),
        ("dev", Seen.NO),
        ("test", Seen.NO),
    ]
    assert not fresh.trained


def test_training_rows_of_a_trained_model_are_seen(make_model: Make) -> None:
    model = make_model()
    model.fit(X, Y, verbose=0)
    subject = subject_from(model, (X, Y), (X, Y), options=NONE)
    assert (subject.train.seen, subject.dev and subject.dev.seen) == (Seen.YES, Seen.NO)
    assert subject.trained


def test_train_alone_has_no_dev(model: Any) -> None:
    subject = subject_from(model, (X, Y), options=NONE)
    assert subject.dev is None and subject.test is None


def test_without_dev_test_is_used_as_dev(model: Any) -> None:
    subject = subject_from(model, (X, Y), test=(X[:4], Y[:4]), options=NONE)
    assert subject.test is None
    assert subject.dev is not None and (subject.dev.name, subject.dev.rows) == ("dev", 4)
    assert subject.notes[0].startswith("there is no dev set, so the test set is used as the dev set")


def test_further_paths_are_further_splits(make_model: Make, tmp_path: Path) -> None:
    make_model().save(tmp_path / "m.keras")
    for name, count in (("all", 12), ("extra", 5), ("last", 3)):
        np.savez(tmp_path / f"{name}.npz", x=X[:count], y=Y[:count])
    options = LoadOptions(dev=tmp_path / "extra.npz", test=tmp_path / "last.npz")
    subject = load(tmp_path / "m.keras", tmp_path / "all.npz", options)
    assert [(split.name, split.rows) for split in subject.splits] == [("train", 12), ("dev", 5), ("test", 3)]


# --- what is fitted ------------------------------------------------------------------------------


def fitted(model: Any, x: Any, y: Any) -> Subject:
    return subject_from(model, (x, y), options=NONE)


@pytest.mark.parametrize(
    ("shape", "given", "note"),
    [
        ((28, 28, 1), (28, 28), ""),
        ((28, 28), (28, 28, 1), ""),
        ((784,), (28, 28), "rows of shape (28, 28) were read as (784,), as the model's input takes"),
        ((28, 28, 1), (784,), "rows of shape (784,) were read as (28, 28, 1), as the model's input takes"),
        ((8, 8, 3), (3, 8, 8), "rows of shape (3, 8, 8) were read as (8, 8, 3), as the model's input takes"),
        ((1,), (), ""),
    ],
)
def test_shapes_with_one_reading(shape: Any, given: Any, note: str, make_model: Make, rows: Make) -> None:
    subject = fitted(make_model(shape=shape), rows(6, *given), rows(6))
    assert subject.train.inputs[0].shape == (6, *shape)
    assert [text.removeprefix("train: ") for text in subject.notes] == ([note] if note else [])


@pytest.mark.parametrize(("shape", "given"), [((20, 3), (60,)), ((4, 6, 1), (24,)), ((3,), (4,)), ((2, 3), (3, 2))])
def test_shapes_with_none_or_several_readings(shape: Any, given: Any, make_model: Make, rows: Make) -> None:
    with pytest.raises(InputError, match="pass the data as the model was fed"):
        fitted(make_model(shape=shape), rows(6, *given), rows(6))


def test_channels_are_moved_not_reshaped(make_model: Make, rows: Make) -> None:
    images = rows(6, 3, 8, 8)
    subject = fitted(make_model(shape=(8, 8, 3)), images, rows(6))
    np.testing.assert_array_equal(subject.train.inputs[0], np.moveaxis(images, 1, -1))


@pytest.mark.parametrize("loss", ["categorical_crossentropy", "binary_crossentropy"])
def test_integer_labels_become_one_hot_where_the_loss_takes_nothing_else(loss: str, make_model: Make) -> None:
    subject = fitted(make_model(units=3, activation="softmax", loss=loss), X, np.arange(12) % 3)
    np.testing.assert_array_equal(subject.train.targets[0], np.eye(3)[np.arange(12) % 3])
    assert subject.notes == (f"train: integer labels do not fit {loss} and were read as one-hot rows",)


def test_one_hot_rows_become_labels_for_a_sparse_loss(make_model: Make) -> None:
    model = make_model(units=3, activation="softmax", loss="sparse_categorical_crossentropy")
    subject = fitted(model, X, np.eye(3)[np.arange(12) % 3])
    np.testing.assert_array_equal(subject.train.targets[0], np.arange(12) % 3)


def test_what_the_loss_could_take_in_training_is_left_as_it_is(make_model: Make) -> None:
    labels = np.arange(12) % 3
    stretched = fitted(make_model(units=3, loss="mse"), X, labels)
    assert stretched.train.targets[0].shape == (12,)
    assert stretched.outputs[0].task is Task.MULTICLASS
    assert fitted(make_model(activation="sigmoid", loss="binary_crossentropy"), X, labels).train.targets[0].max() == 2


def test_an_autoencoder_needs_no_targets(rows: Make) -> None:
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(2), keras.layers.Dense(6)])
    model.compile("adam", "mse")
    subject = subject_from(model, (rows(9, 6), None), options=NONE)
    assert subject.train.targets[0] is subject.train.inputs[0]
    assert subject.outputs[0].task is Task.REGRESSION
    assert "the inputs are the targets (autoencoder)" in subject.notes[0]
