"""A small file must not take the machine's memory or time, nor a large one more than its share."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from diagnose.errors import RefusedError
from diagnose.loading.models.choosing import load_model
from diagnose.loading.models.files import read_model_file
from diagnose.loading.options import LoadOptions
from tests.loading.old_files import edit_archive, edit_hdf5

pytestmark = pytest.mark.usefixtures("scanned_here")
Make = Callable[..., Any]


@pytest.fixture(params=["m.keras", "m.h5"])
def saved(request: pytest.FixtureRequest, tmp_path: Path, make_model: Make) -> Path:
    make_model().save(tmp_path / request.param)
    return tmp_path / request.param


def units(config: dict[str, Any]) -> None:
    config["config"]["layers"][1]["config"]["units"] = 10**9


def wide(config: dict[str, Any]) -> None:
    config["config"]["layers"][1]["config"]["units"] = 1 << 22


def batch(config: dict[str, Any]) -> None:
    config["config"]["layers"][0]["config"]["batch_shape"] = [10**6, 10**6]


def ngrams(config: dict[str, Any]) -> None:
    part = {"class_name": "TextVectorization", "module": "keras.layers", "config": {"name": "text", "ngrams": 10**9}}
    config["config"]["layers"].insert(1, part)


def long_rows(config: dict[str, Any]) -> None:
    part = {"class_name": "RepeatVector", "module": "keras.layers", "config": {"name": "often", "n": 1 << 24}}
    pool = {"class_name": "GlobalMaxPooling1D", "module": "keras.layers", "config": {"name": "pool"}}
    again = {"class_name": "RepeatVector", "module": "keras.layers", "config": {"name": "again", "n": 1 << 24}}
    reshape = {"class_name": "Flatten", "module": "keras.layers", "config": {"name": "flat"}}
    config["config"]["layers"] += [part, reshape, again, pool]


def many(config: dict[str, Any]) -> None:
    part = {"class_name": "ReLU", "module": "keras.layers", "config": {}}
    config["config"]["layers"] += [part] * 10_001


SIZES = {
    units: ' is refused: layer "{}" has units 1,000,000,000, more than 16,777,216',
    wide: 'layer "{}" asks for weights of the shape (3, 4194304), but the file holds ',
    batch: 'has the batch_shape [1000000, 1000000], 1,000,000,000,000 numbers',
    ngrams: 'layer "text" has ngrams 1,000,000,000, more than 16,777,216',
    long_rows: 'layer "again" gives 281,474,976,710,656 numbers for one row',
    many: "its config calls more than 5,000 layers",
}  # fmt: skip


@pytest.mark.parametrize("attack", SIZES, ids=lambda attack: attack.__name__)
def test_what_a_small_file_may_not_ask_for(attack: Callable[[Any], None], saved: Path) -> None:
    hidden = json.loads(json.dumps(_config(saved)))["config"]["layers"][1]["config"]["name"]
    if saved.suffix == ".h5":
        edit_hdf5(saved, attack, version="3.15.0")
    else:
        edit_archive(saved, attack)
    with pytest.raises(RefusedError) as error:
        load_model(saved, LoadOptions())
    assert str(error.value).startswith(f"{saved} is refused: ")
    assert SIZES[attack].format(hidden) in str(error.value)


def _config(path: Path) -> dict[str, Any]:
    config = read_model_file(path).config
    assert config is not None
    return config


def test_weights_are_those_of_the_file(saved: Path, rows: Make) -> None:
    """Building makes zeros of them first; see `weight_memory`."""
    expected = keras.saving.load_model(saved)
    loaded = load_model(saved, LoadOptions()).model
    np.testing.assert_array_equal(loaded(rows(5, 3)), expected(rows(5, 3)))
    assert type(loaded.layers[0].kernel_initializer).__name__ == "GlorotUniform"
    fresh = keras.layers.Dense(3)
    fresh.build((None, 4))
    assert np.any(fresh.kernel.numpy() != 0)


def test_large_weights_are_taken_over_whole(tmp_path: Path) -> None:
    """Above a megabyte, the backend keeps the memory that was read."""
    rows = np.random.default_rng(0).normal(size=(4, 600)).astype("float32")
    model = keras.Sequential([keras.Input((600,)), keras.layers.Dense(500, "relu"), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(rows, rows[:, :1], verbose=0)
    for suffix in (".keras", ".h5"):
        path = tmp_path / f"m{suffix}"
        model.save(path)
        loaded = load_model(path, LoadOptions()).model
        np.testing.assert_array_equal(loaded(rows), model(rows))
        loaded.fit(rows, rows[:, :1], verbose=0)  # the memory may be written to
        assert np.isfinite(loaded.layers[0].kernel.numpy()).all()
