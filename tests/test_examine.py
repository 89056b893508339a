"""The pipeline on live objects: the model does not change, and the diagnosis is complete."""

import random
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits

import diagnose
from diagnose.diagnosis import State
from diagnose.measuring.state import fingerprint
from diagnose.reasoning.causes import CAUSES


@pytest.fixture(scope="module")
def rows() -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype("float32")
    return (x[:1300], y[:1300]), (x[1300:], y[1300:])


def net(rate: float = 1e-3, epochs: int = 15, data: Any = None) -> Any:
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(48, activation="relu"),
            keras.layers.Dropout(0.1),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(*data, epochs=epochs, verbose=0)
    return model


def test_the_model_and_random_states_do_not_change(rows: Any) -> None:
    train, dev = rows
    model = net(data=train)
    before = fingerprint(model)
    states = random.getstate(), np.random.get_state()[1].tobytes()  # type: ignore[union-attr,index]
    diagnosis = diagnose.examine(model, train, dev, epochs=15, budget=60)
    assert fingerprint(model) == before
    assert (random.getstate(), np.random.get_state()[1].tobytes()) == states  # type: ignore[union-attr,index]
    assert diagnosis.state is State.HEALTHY
    assert not [cause for cause in diagnosis.causes if cause.severity in ("warning", "error")]


def test_a_clear_fault_comes_first_with_its_remedy(rows: Any) -> None:
    train, dev = rows
    diagnosis = diagnose.examine(net(rate=1.0, data=train), train, dev, epochs=15)
    assert diagnosis.state is State.SICK
    assert diagnosis.causes[0].code == "learning-rate-too-high"
    assert diagnosis.remedies[0].code == "lower-learning-rate"
    items = {verdict.item: verdict.verdict for verdict in diagnosis.verdicts["machine_learning_yearning"]}
    assert items["more-data"] == items["bigger-network"] == "dont-yet"
    explained = {identifier for cause in diagnosis.causes for identifier in cause.explains}
    grave = {finding.id for finding in diagnosis.findings if finding.severity in ("warning", "error")}
    assert grave <= explained


def test_without_a_dev_set_variance_is_not_judged(rows: Any) -> None:
    """Loaded weights are never evaluated on a dev set that we split off."""
    train, _ = rows
    diagnosis = diagnose.examine(net(data=train), train, effort="quick")
    outcomes = {check.code: check.outcome for check in diagnosis.checks}
    assert outcomes["variance"] == "skipped"
    items = {verdict.item: verdict.verdict for verdict in diagnosis.verdicts["machine_learning_yearning"]}
    assert items["more-data"] == items["regularize"] == "unknown"


def test_effort_quick_does_not_train_and_reports_it(rows: Any) -> None:
    train, dev = rows
    diagnosis = diagnose.examine(net(data=train, epochs=1), train, dev, effort="quick")
    assert not {"baselines", "learning rates", "overfit one batch"} & set(diagnosis.timing)
    assert any("quick" in coverage.why for coverage in diagnosis.coverage)


def test_an_interrupt_gives_a_partial_diagnosis(rows: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from diagnose.measuring import baseline

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(baseline, "baseline", interrupt)
    train, dev = rows
    model = net(data=train)
    before = fingerprint(model)
    diagnosis = diagnose.examine(model, train, dev)
    assert fingerprint(model) == before
    assert diagnosis.settings["interrupted"]
    assert {"baselines", "replay"} <= {c.what for c in diagnosis.coverage if "interrupted" in c.why}
    diagnosis.save(tmp_path / "partial.html")
    assert "interrupted" in (tmp_path / "partial.html").read_text()


def test_only_and_skip_select_checks(rows: Any) -> None:
    train, dev = rows
    model = net(data=train, epochs=1)
    only = diagnose.examine(model, train, dev, effort="quick", only=["input-scale", "variance"])
    assert [check.code for check in only.checks] == ["input-scale", "variance"]
    skipped = diagnose.examine(model, train, dev, effort="quick", skip=["variance"])
    assert "variance" not in {check.code for check in skipped.checks}


def test_explain_covers_every_cause() -> None:
    from diagnose.commands.explain import explanation

    for cause in CAUSES:
        assert cause.about in explanation(cause.code)
