"""The behaviour of the callback: notices, stopping, failures, several fits, the report."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import diagnose
from diagnose.errors import InputError
from diagnose.live.session import CHUNK
from tests.callback.trainings import rows


def model(optimizer: Any = "adam") -> Any:
    keras.utils.set_random_seed(0)
    made = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(8, "relu", name="hidden"), keras.layers.Dense(3, "softmax")]
    )
    made.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return made


def fit(made: Any, callback: Any, **settings: Any) -> None:
    x, y = rows()
    more = {"epochs": 2, "verbose": 0, "batch_size": 16} | settings
    made.fit(x, y, callbacks=[callback, *more.pop("callbacks", [])], **more)


def broken_model() -> Any:
    """A model whose hidden layer overflows at the fifth step, because its learning rate is far too high."""
    made = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(8, name="hidden"), keras.layers.Dense(1, name="out")]
    )
    made.compile(keras.optimizers.SGD(1e6), "mean_squared_error")
    return made


def test_reports_where_the_loss_became_non_finite_and_stops(capsys: pytest.CaptureFixture[str]) -> None:
    callback, made = diagnose.DiagnosisCallback(stop_on={"non-finite-training"}), broken_model()
    fit(made, callback, epochs=30)
    (notice,) = [notice for notice in callback.notices if notice.code == "non-finite-training"]
    assert str(notice.severity) == "error"
    assert "first seen in" in notice.message
    said = capsys.readouterr().out
    assert said.count("(non-finite-training)") == 1
    assert "training stopped because of non-finite-training" in said
    assert int(made.optimizer.iterations) < 30 * 4
    assert callback.best_weights is None or np.isfinite(callback.best_weights[0]).all()
    assert callback.diagnosis.state == "sick"
    assert callback.diagnosis.settings["stopped_by"] == "non-finite-training"


def test_keeps_weights_only_when_asked() -> None:
    asked, unasked = diagnose.DiagnosisCallback(stop_on={"plateau"}), diagnose.DiagnosisCallback()
    for callback in (asked, unasked):
        fit(made := model(), callback)
    assert unasked.best_weights is None
    assert asked.last_finite_weights is not None
    for kept, now in zip(asked.last_finite_weights, made.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, now)


class Failing(keras.callbacks.Callback):
    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch == 2:
            raise RuntimeError("error of another callback")


def endless_then_broken() -> Any:
    x, y = rows()
    yield x[:16], y[:16]
    yield x[16:32], y[16:32]
    raise KeyboardInterrupt


def _as_before(made: Any) -> bool:
    return not {"train_step", "compute_loss"} & set(vars(made)) and "apply" not in vars(made.optimizer)


def test_a_step_that_fails_leaves_nothing_in_the_model() -> None:
    callback, made = diagnose.DiagnosisCallback(), model()
    with pytest.raises(BaseException, match=r"KeyboardInterrupt|interrupt"):
        made.fit(endless_then_broken(), steps_per_epoch=5, verbose=0, callbacks=[callback])
    assert _as_before(made)
    assert callback.diagnosis.settings["interrupted"] is True
    (train,) = callback.diagnosis.subject["splits"]
    assert (train["rows"], train["population"]) == (32, None)  # the first epoch has not ended


def test_another_callback_that_fails() -> None:
    made = model()
    with pytest.raises(RuntimeError, match="another callback"), diagnose.DiagnosisCallback() as callback:
        fit(made, callback, callbacks=[Failing()])
    assert _as_before(made)
    assert callback.diagnosis.causes is not None


class OwnFunction(keras.Sequential):
    """Overrides `make_train_function`, and runs its steps in Python."""

    def make_train_function(self, force: bool = False) -> Any:
        def train(iterator: Any) -> Any:
            logs = self.train_step(next(iterator))
            assert isinstance(logs, dict)
            return logs

        if self.train_function is None or force:
            self.train_function = train
        return self.train_function


def test_a_model_that_makes_its_own_train_function() -> None:
    made = OwnFunction([keras.Input((6,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(3, "softmax")])
    made.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    callback = diagnose.DiagnosisCallback(probe=rows())
    fit(made, callback, validation_data=rows(1))
    assert _as_before(made)
    gaps = [gap.why for gap in callback.diagnosis.coverage]
    assert "the model overrides how its train_function is made" in gaps
    (run,) = callback._session._history().runs
    assert run.epochs.tolist() == [1, 2]
    assert run.train_loss[0] > run.train_loss[1]
    assert np.isfinite(run.dev_loss).all()


class Extra(keras.callbacks.Callback):
    """Takes one more step at the end of each epoch."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.model.train_on_batch(*rows(2))


def test_steps_that_another_callback_takes_are_seen() -> None:
    callback, made, plain = diagnose.DiagnosisCallback(), model(), model()
    fit(made, callback, callbacks=[Extra()])
    plain.fit(*rows(), epochs=2, verbose=0, batch_size=16, callbacks=[Extra()])
    for ours, theirs in zip(made.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    (run,) = callback._session._history().runs
    assert len(run.step_losses) == 2 * (4 + 1)


def test_several_fits_are_one_history_and_trace_once() -> None:
    callback, made = diagnose.DiagnosisCallback(), model()
    fit(made, callback)
    ours = callback._session._watch._functions["train_function"][1]
    fit(made, callback, initial_epoch=2, epochs=4)
    assert callback._session._watch._functions["train_function"][1] is ours
    (run,) = callback._session._history().runs
    assert len(run.step_losses) == 4 * 4
    assert run.epochs[-1] == 4


def test_backup_and_restore(tmp_path: Path) -> None:
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch == 1:
                raise RuntimeError("power cut")

    backup = [keras.callbacks.BackupAndRestore(tmp_path)]
    with pytest.raises(RuntimeError, match="power"):
        fit(model(), diagnose.DiagnosisCallback(), epochs=4, callbacks=[*backup, Stop()])
    callback, made = diagnose.DiagnosisCallback(), model()
    fit(made, callback, epochs=4, callbacks=backup)
    assert callback._session.record.from_start is False or len(callback._session.record.epochs) < 4
    assert callback.diagnosis.state != "unknown"


def test_writes_the_report(tmp_path: Path) -> None:
    callback, made = diagnose.DiagnosisCallback(out=tmp_path), model()
    fit(made, callback)
    (written,) = tmp_path.glob("*.json")
    first = json.loads(written.read_text())
    assert first["settings"]["live"] is False
    assert first["state"] == "unknown"  # two epochs of four steps pay for nothing
    reasons = {check["code"]: check["reason"] for check in first["checks"]}
    assert reasons["does-not-learn"] == "the share of the training's time that overhead allows did not pay for it"
    assert not written.with_suffix(".html").exists()
    assert callback.diagnosis.state != "unknown"
    assert json.loads(written.read_text())["state"] == callback.diagnosis.state
    assert written.with_suffix(".html").exists()


def test_live_page(tmp_path: Path) -> None:
    live: list[bool] = []

    class Look(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            live.extend(json.loads(file.read_text())["settings"]["live"] for file in tmp_path.glob("*.json"))

    fit(model(), diagnose.DiagnosisCallback(out=tmp_path, overhead=0.99), epochs=40, callbacks=[Look()])
    assert live
    assert all(live)


def test_the_live_page_is_there_before_the_first_epoch_ends(tmp_path: Path) -> None:
    found: list[bool] = []

    class Look(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch == 2 * CHUNK:
                found.append(any(tmp_path.glob("*.json")))

    callback = diagnose.DiagnosisCallback(out=tmp_path, overhead=0.99)
    x, y = rows()
    batches = tf.data.Dataset.from_tensor_slices((x, y)).batch(16).repeat().take(2 * CHUNK + 2)
    model().fit(batches, epochs=1, verbose=0, callbacks=[callback, Look()])
    assert found == [True]
    assert callback.diagnosis.state is not None


def test_without_the_seam_of_keras_everything_else_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diagnose.live.watching.SEAM", "_no_longer_there")
    callback, made, plain = diagnose.DiagnosisCallback(probe=rows()), model(), model()
    fit(made, callback, validation_data=rows(1))
    plain.fit(*rows(), epochs=2, verbose=0, batch_size=16, validation_data=rows(1))
    for ours, theirs in zip(made.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    (run,) = callback._session._history().runs
    assert np.isfinite(run.train_loss).all() and np.isfinite(run.dev_loss).all()
    assert callback.diagnosis.state != "unknown"
    (gap,) = [gap for gap in callback.diagnosis.coverage if gap.what == "single steps and rows as fed"]
    assert gap.why == f"needs Keras 3.12 or newer with _no_longer_there, and this is {keras.__version__}"


def test_a_model_compiled_anew_logs_what_it_logs_without_the_callback() -> None:
    def logged(*callbacks: Any) -> dict[str, list[float]]:
        made = model()
        made.fit(*rows(), epochs=1, verbose=0, validation_data=rows(1), callbacks=list(callbacks))
        made.layers[0].trainable = False
        made.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return made.fit(*rows(), epochs=2, verbose=0, validation_data=rows(1), callbacks=list(callbacks)).history

    assert logged(diagnose.DiagnosisCallback()) == logged()


def test_examines_the_network_if_the_budget_allows() -> None:
    callback, made = diagnose.DiagnosisCallback(overhead=0.99), model()
    fit(made, callback, epochs=60)
    assert any(name.startswith("look") for name in callback._session.budget.done)


def test_probe_replaces_rows_as_fed() -> None:
    x, y = rows(5)
    callback = diagnose.DiagnosisCallback(probe=(x, y))
    fit(model(), callback)
    assert callback.diagnosis.subject["splits"][0]["origin"] == "probe"


def many_rows(count: int, seed: int) -> tuple[Any, Any]:
    x = np.random.default_rng(seed).normal(size=(count, 6)).astype("float32")
    return x, (x[:, :3].argmax(axis=1)).astype("int64")


def test_a_sample_is_never_treated_as_all_rows() -> None:
    x, y = many_rows(8_000, 0)
    dev = tuple(np.concatenate(parts) for parts in zip((x[:400], y[:400]), many_rows(1_600, 1), strict=True))
    callback, made = diagnose.DiagnosisCallback(), model()
    made.fit(x, y, validation_data=dev, epochs=1, verbose=0, batch_size=2_000, callbacks=[callback])
    found = callback.diagnosis
    train, held_out = found.subject["splits"]
    assert train["rows"] <= 1_024 and train["population"] == 8_000
    assert held_out["rows"] <= 1_024 and held_out["population"] == 2_000
    checks = {check.code: check for check in found.checks}
    assert checks["missing-classes"].outcome == "skipped"
    assert "out of 8,000 rows" in checks["missing-classes"].reason and "--rows all" in checks["missing-classes"].how
    assert checks["shared-rows"].outcome in ("skipped", "findings")
    messages = [finding.message for finding in found.findings if finding.check == "batch-size"]
    assert messages == ["with batches of 2,000 from 8,000 rows, the training took only 4 steps"]
    (size,) = [finding for finding in found.findings if finding.check == "dev-set-size"]
    assert "the dev set has 2,000 rows" in size.message


def test_if_all_rows_are_kept_they_are_the_population() -> None:
    callback = diagnose.DiagnosisCallback()
    fit(model(), callback, validation_data=rows(1))
    train, dev = callback.diagnosis.subject["splits"]
    assert (train["rows"], train["population"]) == (dev["rows"], dev["population"]) == (50, 50)
    assert {check.outcome for check in callback.diagnosis.checks if check.code == "shared-rows"} == {"clean"}


def test_an_endless_dataset_has_no_number_of_rows() -> None:
    endless = tf.data.Dataset.from_tensor_slices(rows()).batch(16).repeat()
    callback = diagnose.DiagnosisCallback()
    model().fit(endless, steps_per_epoch=3, epochs=1, verbose=0, callbacks=[callback])
    (train,) = callback.diagnosis.subject["splits"]
    assert train["population"] is None


def test_a_probe_is_a_sample_of_the_rows_fed() -> None:
    x, y = rows()
    callback = diagnose.DiagnosisCallback(probe=(x[:20], y[:20]))
    fit(model(), callback)
    assert callback.diagnosis.subject["splits"][0]["population"] == 50


def test_rows_without_targets_still_give_a_diagnosis() -> None:
    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.inner = keras.layers.Dense(6)

        def call(self, inputs: Any) -> Any:
            return self.inner(inputs)

        def compute_loss(
            self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
        ) -> Any:
            return keras.ops.mean(keras.ops.square(x - y_pred))

    made, callback = Own(), diagnose.DiagnosisCallback()
    made.compile("adam")
    made.fit(rows()[0], epochs=2, verbose=0, callbacks=[callback])
    (level,) = callback.diagnosis.errors
    predicted = made.predict(rows()[0], verbose=0)
    assert level.unit == "own loss"
    assert level.error == pytest.approx(float(np.square(rows()[0] - predicted).mean()), rel=0.05)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"overhead": 0}, "overhead must be between 0 and 1, got 0"),
        ({"stop_on": {"no-such-cause"}}, "must contain codes of causes, got 'no-such-cause'"),
        ({"stop_on": "plateau"}, "must be a set of codes, got the string 'plateau'"),
    ],
)
def test_wrong_arguments(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        diagnose.DiagnosisCallback(**settings)


def test_a_folder_that_cannot_be_created_is_an_error_before_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"out must be a folder that can be created, got .*reports"):
        diagnose.DiagnosisCallback(out=tmp_path / "file" / "reports")


def test_nothing_trained_yet() -> None:
    with pytest.raises(InputError, match="nothing has been trained yet"):
        _ = diagnose.DiagnosisCallback().diagnosis


def test_an_error_of_the_callback_stops_only_the_watching(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ValueError("ours")

    monkeypatch.setattr("diagnose.live.session.examined", fail)
    callback, made = diagnose.DiagnosisCallback(overhead=0.99), model()
    fit(made, callback)
    assert capsys.readouterr().out.count("no longer watched (ValueError: ours)") == 1
    assert _as_before(made)
    assert int(made.optimizer.iterations) == 8


@pytest.mark.parametrize("stream", ["closed", "missing"])
def test_standard_output_that_cannot_be_written_does_not_end_fit(stream: str, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stdout", closed if stream == "closed" else None)

    def broken(*_: Any) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr("diagnose.live.session.Session._end_epoch", broken)
    fit(made := model(), diagnose.DiagnosisCallback())
    assert int(made.optimizer.iterations) == 8  # all steps were taken


def test_an_empty_probe_is_said() -> None:
    x, y = rows()
    callback = diagnose.DiagnosisCallback(probe=(x[:0], y[:0]))
    fit(model(), callback)
    assert any("no rows" in gap.why for gap in callback.diagnosis.coverage)


def test_of_two_callbacks_the_second_says_why_it_does_not_watch() -> None:
    first, second, made = diagnose.DiagnosisCallback(), diagnose.DiagnosisCallback(), model()
    fit(made, first, callbacks=[second])
    assert _as_before(made)
    assert len(first.diagnosis.subject["splits"]) >= 1
    assert "single steps and rows as fed" not in {gap.what for gap in first.diagnosis.coverage}
    (gap,) = [gap for gap in second.diagnosis.coverage if "another DiagnosisCallback" in gap.why]
    assert "only one" in gap.how_to_get_it


def test_a_model_with_a_long_name_gets_its_report(tmp_path: Path) -> None:
    made = model()
    made.name = "n" * 300
    callback = diagnose.DiagnosisCallback(out=tmp_path)
    fit(made, callback)
    assert callback.diagnosis.state != "unknown"  # asking for it draws the page
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".html", ".json"]
