"""A remedy's snippet and its trial make the same change to layers, compile settings, rows and learning rate."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pytest

from diagnose.measuring.bench import Bench
from diagnose.measuring.copying import learning_rates
from diagnose.reasoning.remedies import REMEDIES
from diagnose.reasoning.snippets import values_of
from diagnose.settings import Settings
from diagnose.trials.paired import built, plan_of
from diagnose.trials.plan import TrainingPlan, rate_text
from tests.trials.models import ROWS, SCENES, Scene

BY_CODE = {remedy.code: remedy for remedy in REMEDIES}
CHOSEN = 1  # of several candidate rates
SURE = np.float32([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
RIGHT = np.eye(3, dtype="float32")[[0, 1]]
ROLES = ("x_train", "y_train")


@dataclass(frozen=True)
class Fit:
    """A call of fit: the model and the rows, and the named arguments."""

    given: tuple[Any, ...]
    passed: dict[str, Any]


def test_every_trial_has_a_scene() -> None:
    tried = {remedy.code for remedy in REMEDIES if remedy.trial is not None or remedy.option is not None}
    assert {scene.code for scene in SCENES} == tried


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: f"{scene.code}-{scene.labels}")
def test_the_snippet_and_the_trial_make_the_same_change(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    subject = scene.subject()
    remedy = BY_CODE[scene.code]
    intervention = remedy.trial or remedy.option
    assert intervention is not None
    with Bench(subject, Settings()) as bench:
        own = plan_of(bench, scene.measured)
        plan = intervention.change(own)
        assert isinstance(plan, TrainingPlan), plan
        ours, optimizer = built(plan, 0)
    rate = float(plan.rates[min(CHOSEN, len(plan.rates) - 1)][0])
    tried = {plan.rate_name: rate_text(rate)} if plan.rate_name else {}
    trainings: list[Fit] = []
    monkeypatch.setattr(keras.Model, "fit", lambda *given, **passed: trainings.append(Fit(given, passed)))
    theirs, rows = pasted(scene, values_of(subject, scene.measured).fill(remedy.snippet, tried))
    assert layers_of(ours) == layers_of(theirs)
    assert (layers_of(ours) != layers_of(subject.model)) is bool(plan.edits or plan.adjust or plan.around)
    assert settings(optimizer) == settings(theirs.optimizer)
    assert rate == pytest.approx(float(theirs.optimizer.learning_rate))
    lasting = learning_rates(theirs.optimizer, plan.steps)
    assert np.allclose(plan.rates[min(CHOSEN, len(plan.rates) - 1)], lasting, rtol=1e-5)
    assert loss_of(ours) == loss_of(theirs)
    (training,) = trainings  # as the user did, but for what the plan changes
    given = (rows["mixed"],) if plan.batches else tuple(rows[x] for x in ROLES)
    assert all(mine is one for mine, one in zip(training.given, (theirs, *given), strict=True))
    assert training.passed["batch_size"] == plan.batch_size
    assert training.passed["epochs"] * -(-ROWS // own.batch_size) == own.steps
    assert all(
        mine is one
        for mine, one in zip(training.passed["validation_data"], (rows["x_dev"], rows["y_dev"]), strict=True)
    )
    x, y = mixed_rows(rows) if plan.batches else (rows["x_train"], rows["y_train"])
    assert np.allclose(plan.train.inputs[0], fed(theirs, x), atol=1e-5)
    targets = y if isinstance(y, list) else [y]
    for ours_, theirs_ in zip(plan.train.targets, targets, strict=True):
        assert np.allclose(np.ravel(ours_), np.ravel(theirs_), atol=1e-5)
    weights = np.ones(1) if plan.train.sample_weight is None else plan.train.sample_weight
    assert np.allclose(weights, training.passed.get("sample_weight", np.ones(1)), atol=1e-5)


def pasted(scene: Scene, snippet: str) -> tuple[Any, dict[str, Any]]:
    """The model and the rows after the snippet has run on them."""
    subject = scene.subject()
    x, y = scene.rows()
    names = {"model": subject.model, "x_train": x, "y_train": y, "x_dev": x[:12], "y_dev": y[:12]}
    exec(compile(snippet, scene.code, "exec"), names)
    return names["model"], names


def layers_of(model: Any) -> list[Any]:
    """Class and settings of every layer, without names and seeds, and without layers that only scale the inputs."""
    described = []
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            described += layers_of(layer)
        elif not isinstance(layer, keras.layers.InputLayer | keras.layers.Normalization):
            described.append((type(layer).__name__, without(layer.get_config()), layer.trainable))
    return described


def without(config: Any) -> Any:
    if isinstance(config, dict):
        if config.get("class_name") == "DTypePolicy":
            return config["config"]["name"]
        return {key: without(value) for key, value in config.items() if key not in ("name", "seed", "build_config")}
    return config


def settings(optimizer: Any) -> Any:
    config = optimizer.get_config()
    return type(optimizer), {key: value for key, value in config.items() if key not in ("name", "learning_rate")}


def loss_of(model: Any) -> Any:
    if isinstance(model.loss, str | list):
        return model.loss, model._compile_loss._user_loss_weights
    if not isinstance(model.loss, keras.losses.Loss):
        return float(np.mean(model.loss(RIGHT, SURE)))
    return (type(model.loss), without(model.loss.get_config()))


def mixed_rows(rows: dict[str, Any]) -> tuple[Any, Any]:
    """The rows that batches are mixed from, where the snippet makes batches of its own."""
    x, y = rows["mixed"].rows
    return x, y


IN_PAIRS = [one for one in SCENES if one.code in ("mixup", "cutmix")]


@pytest.mark.parametrize("centre", [(0.5, 0.4), (0.1, 0.95)])
@pytest.mark.parametrize("scene", IN_PAIRS, ids=lambda one: f"{one.code}-{one.labels}")
def test_the_snippet_and_the_trial_mix_batches_alike(
    scene: Scene, centre: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keras.random, "beta", lambda *_, seed: keras.ops.convert_to_tensor(0.3))
    monkeypatch.setattr(keras.random, "uniform", lambda *_, seed: keras.ops.convert_to_tensor(centre))
    monkeypatch.setattr(np.random, "beta", lambda *_: 0.3)
    monkeypatch.setattr(np.random, "uniform", lambda **_: np.array(centre))
    monkeypatch.setattr(keras.Model, "fit", lambda *given, **passed: None)
    subject, remedy = scene.subject(), BY_CODE[scene.code]
    with Bench(subject, Settings()) as bench:
        plan = remedy.option.change(plan_of(bench, {}))  # type: ignore[union-attr]
    assert isinstance(plan, TrainingPlan), plan
    _, rows = pasted(scene, values_of(subject, {}).fill(remedy.snippet))
    batches = rows["mixed"]
    assert len(batches) == ROWS // scene.batch_size
    ours = plan.batches[0](
        *(one[0][batches.order[: scene.batch_size]] for one in (plan.train.inputs, plan.train.targets)), None
    )
    for one, other in zip(ours, batches[0], strict=True):
        assert np.allclose(np.ravel(one), np.ravel(other), atol=1e-5)
    assert not np.allclose(batches[0][0], scene.rows()[0][batches.order[: scene.batch_size]])


def fed(model: Any, x: Any) -> Any:
    """The inputs of the first trainable layer."""
    norm = next((layer for layer in model.layers if isinstance(layer, keras.layers.Normalization)), None)
    return x if norm is None else np.asarray(norm(x))
