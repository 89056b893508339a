"""The metrics that a model file was compiled with."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from diagnose.loading import LoadOptions, subject_from
from diagnose.subject import Subject

X = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
Y = (X[:, 0] > 0).astype(int)


def net(outputs: tuple[str, ...], **settings: Any) -> Any:
    x = keras.Input((3,))
    heads = {name: keras.layers.Dense(1, activation="sigmoid", name=name)(x) for name in outputs}
    model = keras.Model(x, heads if len(heads) > 1 else next(iter(heads.values())))
    model.compile("sgd", "binary_crossentropy", **settings)
    return model


def loaded(path: Path, y: Any = Y) -> Subject:
    return subject_from(path, (X, y), None, None, options=LoadOptions())


@keras.saving.register_keras_serializable("own")
def share_of_ones(truth: Any, predicted: Any) -> Any:
    return keras.ops.mean(predicted)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_they_come_back_from_a_file(tmp_path: Path, suffix: str) -> None:
    given = ["accuracy", keras.metrics.AUC(name="auc"), keras.metrics.binary_accuracy]
    net(("only",), metrics=given, weighted_metrics=["mae"]).save(tmp_path / f"m{suffix}")
    compiled = loaded(tmp_path / f"m{suffix}").model._compile_metrics
    assert [getattr(metric, "name", metric) for metric in compiled._user_metrics][:2] == ["accuracy", "auc"]
    assert len(compiled._user_metrics) == 3
    assert len(compiled._user_weighted_metrics) == 1


def test_those_of_several_outputs_stay_with_theirs(tmp_path: Path) -> None:
    net(("a", "b"), metrics={"a": ["mae", "mse"], "b": "accuracy"}).save(tmp_path / "m.keras")
    compiled = loaded(tmp_path / "m.keras", {"a": Y, "b": Y}).model._compile_metrics
    assert {name: len(own) for name, own in compiled._user_metrics.items()} == {"a": 2, "b": 1}


def test_one_that_keras_does_not_know_is_left_out_with_a_note(tmp_path: Path) -> None:
    net(("only",), metrics=["accuracy", share_of_ones]).save(tmp_path / "m.keras")
    subject = loaded(tmp_path / "m.keras")
    assert subject.model._compile_metrics._user_metrics == ["accuracy"]
    assert any("share_of_ones" in note for note in subject.notes)
