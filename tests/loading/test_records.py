"""What the files beside a model and its number of steps tell of its training."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from diagnose.loading import LoadOptions, load, subject_from

ROWS, EPOCHS = 400, 3
LOSSES = {"loss": [0.9, 0.7, 0.6], "val_loss": [0.9, 0.8, 0.7]}


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """A model that was trained for three epochs of 13 steps, and its rows."""
    x = np.random.default_rng(0).normal(size=(ROWS, 3)).astype("float32")
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(x, x[:, :1], epochs=EPOCHS, verbose=0)
    (tmp_path / "here").mkdir()
    model.save(tmp_path / "here" / "net.keras")
    np.savez(tmp_path / "rows.npz", x_train=x, y_train=x[:, :1])
    return tmp_path / "here" / "net.keras"


def loaded(model: Path, **options: Any) -> Any:
    return load(model, model.parent.parent / "rows.npz", LoadOptions(**options))


def test_the_usual_batch_size_is_assumed_where_the_steps_are_whole_epochs(trained: Path) -> None:
    subject = loaded(trained)
    assert (subject.training.batch_size, subject.training.epochs) == (32, EPOCHS)
    assert any("39 steps" in note and "--batch-size" in note for note in subject.notes)


@pytest.mark.parametrize("options", [{"batch_size": 10}, {"epochs": 5}, {"history": {"loss": [1.0, 0.9]}}])
def test_what_the_user_says_speaks_against_it(trained: Path, options: dict[str, Any]) -> None:
    training = loaded(trained, **options).training
    assert training.batch_size == options.get("batch_size")


def test_a_training_that_is_no_whole_number_of_epochs_assumes_nothing() -> None:
    x = np.zeros((ROWS, 3), "float32")
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(x[:64], x[:64, :1], epochs=3, verbose=0)
    training = subject_from(model, (x, x[:, :1]), options=LoadOptions()).training
    assert (training.batch_size, training.epochs, training.iterations) == (None, None, 6)


def as_json(record: Path) -> None:
    record.write_text(json.dumps(LOSSES))


def as_csv(record: Path) -> None:
    rows = [f"{epoch},{loss}" for epoch, loss in enumerate(LOSSES["loss"])]
    record.write_text("\n".join(["epoch,loss", *rows]))


@pytest.mark.parametrize(
    ("name", "write"),
    [("net.history.json", as_json), ("net_history.csv", as_csv), ("history.json", as_json), ("training.log", as_csv)],
)
def test_a_record_beside_the_model_is_found(trained: Path, name: str, write: Callable[[Path], None]) -> None:
    write(trained.parent / name)
    subject = loaded(trained)
    assert subject.history is not None and subject.history.runs[0].train_loss.tolist() == LOSSES["loss"]
    assert any(note.startswith(f"{name}, beside the model") for note in subject.notes)


def test_a_record_that_may_be_of_another_model_is_left_alone(trained: Path) -> None:
    as_json(trained.parent / "history.json")
    (trained.parent / "other.keras").write_bytes(b"")
    assert loaded(trained).history is None


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"accuracy": [1]}', json.dumps({"loss": [1.0] * 5})])
def test_a_record_that_does_not_fit_is_left_alone(trained: Path, text: str) -> None:
    (trained.parent / "net.history.json").write_text(text)
    assert loaded(trained).history is None
