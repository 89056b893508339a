"""`--apply`: the repaired model, its history, and the script that makes it."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits

from diagnose.applying import apply, chosen_remedies, script_of
from diagnose.commands.repairing import Files
from diagnose.diagnosis import Diagnosis, Remedy
from diagnose.errors import InputError
from diagnose.loading import LoadOptions, subject_from
from diagnose.pipeline import diagnose_subject, settings_from
from diagnose.reasoning.payoffs import UNMEASURED
from diagnose.reasoning.remedies import REMEDIES
from diagnose.reasoning.snippets import values_of
from diagnose.subject import Subject

ONLY = ("does-not-learn", "learning-rate-too-high", "constant-predictions", "variance")


def rows() -> tuple[Any, Any]:
    x, y = load_digits(return_X_y=True)
    return (x / 16).astype("float32"), y


def sick(**options: Any) -> Subject:
    """A net that SGD at 5 has not taught anything."""
    x, y = rows()
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(32, "relu"), keras.layers.Dense(10, "softmax")], name="digits"
    )
    model.compile(keras.optimizers.SGD(5.0), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x[:1300], y[:1300], epochs=4, verbose=0)
    dev = (x[1300:], y[1300:])
    known = LoadOptions(**{"epochs": 4, "batch_size": 32} | options)
    return subject_from(model, (x[:1300], y[:1300]), dev, options=known)


@pytest.fixture(scope="module")
def diagnosis() -> Diagnosis:
    settings = settings_from(effort="standard", budget=None, rows=50_000, seed=0, only=ONLY, skip=(), samples=False)
    return diagnose_subject(sick(), settings)


def test_the_remedy_cures_and_the_script_does_the_same_again(diagnosis: Diagnosis, tmp_path: Path) -> None:
    assert diagnosis.remedies[0].code == "lower-learning-rate"
    better = apply(sick(), diagnosis, ["lower-learning-rate"], seed=0)
    x, y = rows()
    assert better.model.evaluate(x[1300:], y[1300:], verbose=0)[1] > 0.7  # by chance 0.1
    assert len(better.history["val_loss"]) == 4
    files = Files(tmp_path / "new" / "better.keras")
    files.write(better)
    assert json.loads(files.history.read_text()) == better.history
    names: dict[str, Any] = {}
    exec(compile(files.script.read_text(), str(files.script), "exec"), names)
    model, history = names["better"](sick().model, x[:1300], y[:1300], x[1300:], y[1300:])
    assert history == better.history
    saved = keras.saving.load_model(files.model)
    for ours, theirs in zip(saved.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("code", "why"),
    [("nonsense", "is not a remedy of this model"), ("more-data", "remedy"), ("scale-targets", "is not a remedy")],
)
def test_what_cannot_be_applied_is_refused_by_name(diagnosis: Diagnosis, code: str, why: str) -> None:
    with pytest.raises(InputError, match=f"--apply: {code} .*{why}.*possible: lower-learning-rate"):
        chosen_remedies(diagnosis, [code])


def test_what_lies_in_the_users_own_code_is_left_to_the_user(diagnosis: Diagnosis) -> None:
    """A saved model names its loss and does not hold it: with a new one it could not be loaded."""
    [turned] = (remedy for remedy in REMEDIES if remedy.own_code)
    known = replace(diagnosis.remedies[0], code=turned.code)
    told = replace(diagnosis, remedies=(*diagnosis.remedies, known))
    with pytest.raises(InputError, match=f"{turned.code} cannot be carried out by a program; possible: lower"):
        chosen_remedies(told, [turned.code])


def test_an_unknown_length_of_the_training_is_asked_for(diagnosis: Diagnosis) -> None:
    from dataclasses import replace

    subject = sick()
    unknown = replace(subject, training=replace(subject.training, epochs=None, iterations=None))
    with pytest.raises(InputError, match="pass --epochs"):
        apply(unknown, diagnosis, ["lower-learning-rate"], seed=0)
    with pytest.raises(InputError, match="pass --dev"):
        apply(replace(subject, dev=None), diagnosis, ["lower-learning-rate"], seed=0)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "better.py").write_text("mine")
    with pytest.raises(InputError, match=r"better\.py exists"):
        Files(tmp_path / "better.keras").require_new()
    with pytest.raises(InputError, match=r"must end in \.keras"):
        Files(tmp_path / "better.h5").require_new()


def test_the_command_shows_what_changed(tmp_path: Path) -> None:
    x, y = rows()
    sick().model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "data.npz", x_train=x[:1300], y_train=y[:1300], x_dev=x[1300:], y_dev=y[1300:])
    options = ["--epochs", "4", "--only", ",".join(ONLY), "--apply", "lower-learning-rate", "--save", "better.keras"]
    command = [sys.executable, "-m", "diagnose", "model.keras", "data.npz", *options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "gone" in done.stdout and "written: better.py" in done.stdout
    assert {path.name for path in tmp_path.glob("better*")} == {"better.keras", "better.history.json", "better.py"}
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert again.returncode == 2 and "--save must name new files" in again.stderr
    half = subprocess.run(command[:-2], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert half.returncode == 2 and "must be given together" in half.stderr


def test_pretrained_layers_are_not_trained_afresh(diagnosis: Diagnosis) -> None:
    subject = sick()
    subject.model.layers[0].trainable = False
    with pytest.raises(InputError, match=r"would lose the pretrained ones of .*dense"):
        apply(subject, diagnosis, ["lower-learning-rate"], seed=0)


def test_several_remedies_train_once_with_the_arguments_of_all() -> None:
    subject = sick(epochs=3)
    values = values_of(subject, {})
    codes = ("weigh-classes", "dropout", "smaller-batches", "keep-best-weights", "restart-finite")
    declared = [next(remedy for remedy in REMEDIES if remedy.code == code) for code in codes]
    shown = [Remedy(r.code, r.title, r.why, values.fill(r.snippet), (), UNMEASURED, r.cost) for r in declared]
    script = script_of(shown, 3, 32, 0)
    assert script.count("model.fit(") == 1
    passed = "epochs=3, batch_size=8, sample_weight=weights, callbacks=[best] + [stop], verbose=0"
    assert f"x_train, y_train, validation_data=(x_dev, y_dev), {passed}" in script
    names: dict[str, Any] = {}
    exec(compile(script, "better.py", "exec"), names)
    x, y = rows()
    _, history = names["better"](subject.model, x[:64], y[:64], x[64:96], y[64:96])
    assert len(history["val_loss"]) == 3


@pytest.mark.parametrize("mixing", ["mixup", "cutmix"])
def test_mixed_rows_leave_those_of_the_user_to_other_remedies(mixing: str) -> None:
    x, y = rows()
    x = x.reshape(-1, 8, 8, 1)
    keras.utils.set_random_seed(0)
    convolution = [keras.layers.Conv2D(4, 3), keras.layers.BatchNormalization(), keras.layers.Flatten()]
    model = keras.Sequential([keras.Input((8, 8, 1)), *convolution, keras.layers.Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    options = LoadOptions(epochs=2, batch_size=32)
    values = values_of(subject_from(model, (x[:96], y[:96]), (x[96:128], y[96:128]), options=options), {})
    codes = (mixing, "stochastic-weight-averaging")
    declared = [next(remedy for remedy in REMEDIES if remedy.code == code) for code in codes]
    shown = [Remedy(r.code, r.title, r.why, values.fill(r.snippet), (), UNMEASURED, r.cost) for r in declared]
    names: dict[str, Any] = {}
    exec(compile(script_of(shown, 2, 32, 0), "better.py", "exec"), names)
    _, history = names["better"](model, x[:96], y[:96], x[96:128], y[96:128])
    assert len(history["val_loss"]) == 2


@pytest.mark.slow
def test_what_changes_no_weight_trains_nothing(tmp_path: Path) -> None:
    x, y = load_digits(return_X_y=True)
    x = x + 50  # far from the initial statistics
    keras.utils.set_random_seed(0)
    normalised = [keras.layers.Dense(32), keras.layers.BatchNormalization(momentum=0.999), keras.layers.ReLU()]
    model = keras.Sequential([keras.Input((64,)), *normalised, keras.layers.Dense(10, "softmax")])
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x[:1300], y[:1300], epochs=3, verbose=0)
    model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "data.npz", x_train=x[:1300], y_train=y[:1300], x_dev=x[1300:], y_dev=y[1300:])
    options = ["--epochs", "3", "--only", "moving-statistics", "--apply", "refresh-statistics", "--save", "new.keras"]
    command = [sys.executable, "-m", "diagnose", "model.keras", "data.npz", *options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "gone" in done.stdout and {path.name for path in tmp_path.glob("new*")} == {"new.keras", "new.py"}
    new = keras.saving.load_model(tmp_path / "new.keras")
    for before, after in zip(model.trainable_weights, new.trainable_weights, strict=True):
        np.testing.assert_array_equal(before, after)
    assert new.evaluate(x[1300:], y[1300:], verbose=0)[1] > model.evaluate(x[1300:], y[1300:], verbose=0)[1] + 0.1
