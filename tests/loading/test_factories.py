"""`--factory`: the user's own function that makes a fresh model, so that a subclassed one can be copied."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import diagnose
from diagnose.errors import InputError
from diagnose.loading import LoadOptions, load, subject_from
from diagnose.measuring.bench import Bench
from diagnose.settings import Settings

SIDE, CLASSES, ROWS = 8, 3, 240
SOURCE = """
import keras

@keras.saving.register_keras_serializable("own")
class Net(keras.Model):
    def __init__(self, units=32, **kwargs):
        super().__init__(**kwargs)
        self.flat = keras.layers.Flatten()
        self.hidden = keras.layers.Dense(units, activation="relu")
        self.out = keras.layers.Dense(3, activation="softmax")

    def call(self, x):
        return self.out(self.hidden(self.flat(x)))

only = Net()

def make():
    print("made")
    import beside_it
    return Net(beside_it.UNITS)

def wider():
    return Net(48)

def same():
    return only

def nothing():
    pass

def failing():
    raise KeyError("units")

def deeper():
    return keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(32, "relu"), keras.layers.Dense(3, "softmax"),
                             keras.layers.Dense(3, "softmax")])

def other():
    return keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(32, "tanh"), keras.layers.Dense(3, "softmax")])

def pictures():
    return keras.Sequential([keras.Input((9, 9, 1)), keras.layers.Flatten(), keras.layers.Dense(3, "softmax")])
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "nets.py").write_text(SOURCE)
    (tmp_path / "beside_it.py").write_text("UNITS = 32\n")
    return tmp_path / "nets.py"


def rows() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    y = np.arange(ROWS) % CLASSES
    x = rng.normal(size=(ROWS, SIDE, SIDE, 1)).astype("float32")
    x[np.arange(ROWS), y, y] += 2.5
    return x, y


def trained(source: Path, epochs: int = 0) -> Any:
    """A subclassed model whose config does not rebuild it."""
    names: dict[str, Any] = {"__name__": "nets_of_a_user"}
    exec(compile(source.read_text(), "nets.py", "exec"), names)
    keras.utils.set_random_seed(0)
    model = names["Net"]()
    x, y = rows()
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model(x[:2])
    if epochs:
        model.fit(x[:120], y[:120], epochs=epochs, batch_size=20, verbose=0)
    return model


def loaded(source: Path, factory: str | Callable[[], Any] | None) -> Any:
    x, y = rows()
    options = LoadOptions(batch_size=20, epochs=15, factory=factory)
    return subject_from(trained(source), (x[:120], y[:120]), (x[120:], y[120:]), options=options)


def test_copies_have_fresh_weights_by_seed_and_the_loaded_ones_give_the_same(source: Path) -> None:
    with Bench(loaded(source, None), Settings()) as without:
        assert not without.rebuilt
    with Bench(loaded(source, f"{source}:make"), Settings()) as bench:
        assert bench.rebuilt and bench.factory is not None
        first, again, other = (bench.weights(seed) for seed in (1, 1, 2))
        assert not np.array_equal(first[0], other[0]) and np.array_equal(first[0], again[0])
        with bench.at(None) as model:
            assert model is not bench.subject.model
            np.testing.assert_array_equal(model.get_weights()[0], bench.subject.model.get_weights()[0])
            x = rows()[0][:4]
            np.testing.assert_allclose(model(x), bench.subject.model(x), atol=1e-6)


def test_a_config_that_rebuilds_the_model_is_enough(source: Path) -> None:
    x, y = rows()
    model = keras.Sequential([keras.Input((SIDE, SIDE, 1)), keras.layers.Flatten(), keras.layers.Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")

    def make() -> Any:
        return keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(3, "softmax")])

    with Bench(subject_from(model, (x, y), options=LoadOptions(factory=make)), Settings()) as bench:
        assert bench.rebuilt and bench.factory is None


def test_trials_that_are_refused_without_a_factory_run_with_it(source: Path) -> None:
    x, y = rows()
    known: dict[str, Any] = {"batch_size": 20, "epochs": 15, "only": ["variance", "does-not-learn"]}
    splits = ((x[:120], y[:120]), (x[120:], y[120:]))
    model = trained(source, epochs=15)
    before = model.get_weights()
    refused = diagnose.examine(model, *splits, **known)
    assert "cannot be rebuilt" in {gap.what: gap.why for gap in refused.coverage}["trial of augmentation"]
    assert "augmentation" not in {effect.remedy for effect in refused.effects}
    tried = diagnose.examine(model, *splits, factory=f"{source}:make", **known)
    effects = {effect.remedy: effect for effect in tried.effects}
    assert effects["augmentation"].metric == "dev error" and effects["augmentation"].seeds in (1, 3)
    assert "trial of augmentation" not in {gap.what for gap in tried.coverage}
    assert "cannot be exchanged" in {gap.what: gap.why for gap in tried.coverage}["trial of dropout"]
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_file_of_the_users_code_opens_the_model_and_makes_its_copies(source: Path, tmp_path: Path) -> None:
    x, y = rows()
    trained(source).save(tmp_path / "net.keras")
    np.savez(tmp_path / "rows.npz", x_train=x[:120], y_train=y[:120], x_dev=x[120:], y_dev=y[120:])
    options = LoadOptions(custom_objects=source, factory=f"{source}:make")
    with Bench(load(tmp_path / "net.keras", tmp_path / "rows.npz", options), Settings()) as bench:
        assert bench.rebuilt


def test_the_factory_prints_nothing_into_the_results(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loaded(source, f"{source}:make")
    assert capsys.readouterr().out == ""


def test_no_factory_runs_that_was_not_named(source: Path) -> None:
    source.with_name("factory.py").write_text("raise SystemExit('run')")
    assert loaded(source, None).factory is None


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("nets.py", "--factory must be FILE.py:FUNCTION, got nets.py"),
        ("none.py:make", "--factory none.py: there is no such file"),
        ("nets.py:build", "--factory nets.py:build: nets.py defines no function build"),
        ("nets.py:nothing", "--factory nets.py:nothing must return a fresh keras.Model, got nothing"),
        ("nets.py:failing", "--factory nets.py:failing: it fails with KeyError: 'units' (nets.py, line 32)"),
        ("nets.py:same", "--factory nets.py:same must return a new model at every call, but returns the same one"),
        (
            "nets.py:wider",
            "--factory nets.py:wider must return the examined model: one of its weights has the shape (64, 48), not "
            "(64, 32)",
        ),
        ("nets.py:deeper", "--factory nets.py:deeper must return the examined model: it has 6 weights, not 4"),
        (
            "nets.py:other",
            "--factory nets.py:other must return the examined model: with the same weights it gives other outputs",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(
    named: str, message: str, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(source.parent)
    with pytest.raises(InputError) as caught:
        loaded(source, named)
    assert str(caught.value) == message


def test_a_model_for_other_rows_is_refused(source: Path) -> None:
    with pytest.raises(InputError, match=r"^--factory .*:pictures: its model cannot take these rows \("):
        loaded(source, f"{source}:pictures")


def test_what_is_no_function_is_refused(source: Path) -> None:
    with pytest.raises(InputError, match=r"^factory must be a function, or FILE.py:FUNCTION, got int$"):
        loaded(source, 7)  # type: ignore[arg-type]
