"""Models with several outputs: each output counts, and their order does not."""

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest

import diagnose
from diagnose.checks.optimisation.learning_rate_too_low import learning_rate_too_low
from diagnose.checks.optimisation.plateau import plateau
from diagnose.checks.optimisation.unbalanced_losses import unbalanced_losses
from diagnose.errors import InputError
from diagnose.findings import Severity
from diagnose.loading.histories import read_history
from diagnose.measurements import Backward, Evaluation
from diagnose.subject import Output, Task
from tests.checks.builders_training import (
    MISSING,
    baseline,
    decay,
    findings,
    gradients,
    history,
    run,
    score,
    severities,
    split,
    sweep,
)

ROWS, DEV = 600, 300
CHECKS = ("does-not-learn", "learning-rate-too-low", "unbalanced-losses", "behind-baseline")


def trips() -> tuple[Any, dict[str, Any]]:
    """Nine numbers a row; a fare around 40 with a deviation of 15, and whether the trip is late."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS + DEV, 9)).astype("float32")
    fare = 40 + 13 * x[:, 0] + 7 * x[:, 1] + rng.normal(0, 1, len(x))
    late = x[:, 4] + x[:, 5] + rng.normal(0, 0.5, len(x)) > 0
    return x, {"fare": fare.astype("float32")[:, None], "late": late.astype("int64")[:, None]}


def two_heads(names: tuple[str, ...], epochs: int) -> tuple[Any, Any, Any]:
    """The model with its outputs in this order, trained, and its rows. The layers are always made in one order."""
    keras.utils.set_random_seed(0)
    x, y = trips()
    source = keras.Input((9,))
    trunk = keras.layers.Dense(24, "relu")(source)
    heads = {name: keras.layers.Dense(1, activation, name=name)(trunk) for name, activation in HEADS.items()}
    model = keras.Model(source, [heads[name] for name in names])
    losses = {"fare": "mse", "late": "binary_crossentropy"}
    model.compile(keras.optimizers.SGD(1e-3), [losses[name] for name in names])
    train, dev = ((x[part], [y[name][part] for name in names]) for part in (slice(ROWS), slice(ROWS, None)))
    model.fit(*train, epochs=epochs, verbose=0)
    return model, train, dev


HEADS = {"fare": None, "late": "sigmoid"}


@pytest.fixture(scope="module")
def both() -> list[diagnose.Diagnosis]:
    """The diagnosis of a model whose fare drowns the other output, in both orders of the outputs."""
    return [
        diagnose.examine(*two_heads(names, 10), epochs=10, only=CHECKS)
        for names in (("fare", "late"), ("late", "fare"))
    ]


def test_an_output_that_is_drowned_is_named_and_cured(both: list[diagnose.Diagnosis]) -> None:
    for diagnosis in both:
        drowned = next(cause for cause in diagnosis.causes if cause.code == "unbalanced-losses")
        assert drowned.state == "confirmed" and drowned.severity.rank >= Severity.WARNING.rank
        root = diagnosis.causes[0]
        assert root.code == "targets-not-scaled" and "unbalanced-losses" in root.explains
        effect = next(effect for effect in diagnosis.effects if effect.remedy == "balance-losses")
        assert (effect.output, effect.restores) == ("late", True)
        assert effect.after - effect.before > 0.3


def test_the_order_of_the_outputs_does_not_matter(both: list[diagnose.Diagnosis]) -> None:
    first, second = ([(c.code, c.severity, c.state, c.rank) for c in one.causes] for one in both)
    assert first == second
    assert both[0].state == both[1].state
    wheres = [{(f.code, f.where.output, f.severity) for f in one.findings} for one in both]
    assert wheres[0] == wheres[1]


# --- the check ------------------------------------------------------------------------------------


def of_two(fare: float, late: float) -> Evaluation:
    """Errors of the two outputs on train, of a constant's 0.9."""
    scores = score(fare, output="fare"), score(late, output="late")
    return Evaluation(replace(split("train", scores[0]), scores=scores), MISSING, MISSING, MISSING)


def norms(fare: float, late: float) -> Backward:
    return Backward(MISSING, replace(gradients((1.0, 1.0)), by_output={"fare": fare, "late": late}))


def test_an_output_that_learned_nothing_beside_a_large_gradient_is_an_error() -> None:
    (found,) = findings(unbalanced_losses, norms(50.0, 0.5), of_two(0.05, 0.89))
    assert (found.severity, found.where.output, found.value) == (Severity.ERROR, "late", 100.0)
    assert severities(unbalanced_losses, norms(50.0, 0.5), of_two(0.05, 0.6)) == [Severity.WARNING]


def test_small_gradients_of_an_output_that_learned_and_equal_ones_are_fine() -> None:
    assert severities(unbalanced_losses, norms(50.0, 0.5), of_two(0.05, 0.1)) == []
    assert severities(unbalanced_losses, norms(2.0, 0.5), of_two(0.05, 0.89)) == []


# --- trainings by output --------------------------------------------------------------------------


def test_a_rate_is_judged_by_every_output() -> None:
    skills = {1e-6: (0.5, 0.5), 1e-3: (0.9, 0.9), 1e-2: (0.9, 0.9)}
    good = {1e-6: (0.9, 0.9), 1e-3: (0.9, 0.9), 1e-2: (0.9, 0.9)}
    poor = {1e-6: (0.1, 0.1), 1e-3: (0.9, 0.9), 1e-2: (0.9, 0.9)}
    rates = replace(sweep(1e-6, skills), by_output={"fare": sweep(1e-6, good), "late": sweep(1e-6, poor)})
    (found,) = findings(learning_rate_too_low, rates, of_two(0.05, 0.8))
    assert found.where.output == "late" and "training skill of late is 0.10" in found.message


def test_a_plateau_of_one_output_is_seen() -> None:
    falling, flat = history(run(decay(2.3, 0.2, 0.3))), history(run([2.3] * 13, final_train_skill=0.0))
    whole = replace(falling, by_output={"fare": falling, "late": flat})
    (found,) = findings(plateau, whole, baseline(0.1, 0.1))
    assert found.where.output == "late" and "the training loss of late falls" in found.message


def test_a_recorded_history_is_read_by_output() -> None:
    outputs = (
        Output("fare", Task.REGRESSION, "mean_squared_error"),
        Output("late", Task.BINARY, "binary_crossentropy"),
    )
    record = {
        "loss": [5.0, 4.0],
        "fare_loss": [4.0, 3.24],
        "late_loss": [1.0, 0.76],
        "val_late_loss": [1.1, 0.9],
        "late_accuracy": [0.5, 0.75],
    }
    read = read_history(record, outputs)
    assert np.isnan(read.runs[0].train_error).all()
    assert read.of("fare").runs[0].train_error.tolist() == [2.0, 1.8]
    assert read.of("late").runs[0].dev_loss.tolist() == [1.1, 0.9]
    assert read.of("late").runs[0].train_error.tolist() == [0.5, 0.25]
    assert read.of("another") is read


def test_a_finding_about_one_of_several_outputs_names_it(both: list[diagnose.Diagnosis]) -> None:
    found = next(finding for finding in both[0].findings if finding.code == "behind-baseline")
    assert found.message.startswith(f"for late, on {found.rows} dev rows")


class Subclassed(keras.Model):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__(name="subclassed")
        self.trunk, self.fare, self.late = (keras.layers.Dense(size) for size in (8, 1, 1))

    def call(self, x: Any) -> Any:
        shared = self.trunk(x)
        return [self.fare(shared), keras.ops.sigmoid(self.late(shared))]


def test_the_outputs_of_a_subclassed_model_are_compared_too() -> None:
    keras.utils.set_random_seed(0)
    x, y = trips()
    model = Subclassed()
    model.compile(keras.optimizers.SGD(1e-4), ["mse", "binary_crossentropy"])
    model.fit(x, list(y.values()), epochs=1, verbose=0)
    found = diagnose.examine(model, (x, list(y.values())), effort="quick", only=["unbalanced-losses"])
    (check,) = found.checks
    assert check.outcome == "findings" and not [gap for gap in found.coverage if "failed" in gap.why]
    assert found.findings[0].where.output == "output_2"


def test_a_subclassed_model_with_named_outputs_is_refused_with_the_reason() -> None:
    x, y = trips()
    model = Subclassed()
    model.compile("sgd", {"fare": "mse", "late": "binary_crossentropy"})
    model.build((None, 9))
    with pytest.raises(InputError, match="must return its outputs as a list to be examined, got a dict"):
        diagnose.examine(model, (x, y), effort="quick")
