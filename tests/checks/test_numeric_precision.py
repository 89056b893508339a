"""16-bit numbers that are too small, too large or too coarse."""

from typing import Any

import numpy as np

from diagnose.checks.numerics.numeric_precision import numeric_precision
from diagnose.findings import Severity
from diagnose.measurements import Backward, LayerGradients, Network
from tests.checks import builders as b
from tests.checks.test_numerics import history, run

NAN = (("dense/kernel", 5),)
BLOWN = history(run(2.3, 9.0, float("nan"), non_finite_step=2))


def net(dtype: str = "float16", compute: str = "float16", **changes: Any) -> Network:
    hidden = b.layer("dense", dtype=dtype, compute_dtype=compute, kernel_std=0.1)
    return b.network(hidden, **{"settings": {"epsilon": 1e-7}, **changes})


def outputs_up_to(largest: float, **changes: Any) -> Any:
    return b.forward(b.one_pass(b.activations("dense", high=np.full(64, largest), **changes)))


def test_float32_is_clean() -> None:
    assert b.findings(numeric_precision, b.network(), BLOWN) == ()


def test_mixed_precision_with_a_scaled_loss_is_clean() -> None:
    assert b.findings(numeric_precision, net("float32", loss_scaled=True), outputs_up_to(40.0)) == ()
    assert b.findings(numeric_precision, net("float32", "bfloat16"), outputs_up_to(40.0), BLOWN) == ()


def test_a_small_epsilon_of_float16_weights_is_an_error_where_the_weights_are_broken() -> None:
    [finding] = b.findings(numeric_precision, net(non_finite=NAN))
    assert finding.severity is Severity.ERROR
    assert "epsilon 1e-7 of adam" in finding.message


def test_a_small_epsilon_is_a_hint_where_all_is_finite() -> None:
    assert b.severities(numeric_precision, net()) == [Severity.HINT]
    assert b.findings(numeric_precision, net(settings={"epsilon": 1e-4})) == ()


def test_float16_weights_are_an_error_where_training_blows_up() -> None:
    [finding] = b.findings(numeric_precision, net(settings={"epsilon": 1e-3}), BLOWN)
    assert finding.severity is Severity.ERROR


def test_mixed_precision_without_a_scaled_loss_is_an_error_where_training_blows_up() -> None:
    [finding] = b.findings(numeric_precision, net("float32"), BLOWN)
    assert finding.severity is Severity.ERROR
    assert "does not scale the loss" in finding.message
    assert b.findings(numeric_precision, net("float32"), outputs_up_to(40.0)) == ()


def test_activations_that_overflow_are_an_error_and_those_near_it_a_hint() -> None:
    scaled = net("float32", loss_scaled=True)
    assert b.severities(numeric_precision, scaled, outputs_up_to(np.inf, non_finite=3)) == [Severity.ERROR]
    assert b.severities(numeric_precision, scaled, outputs_up_to(3e4)) == [Severity.HINT]
    assert b.findings(numeric_precision, net("float32", "float32"), outputs_up_to(3e4)) == ()


def gradients(rms: float) -> Backward:
    return Backward(b.gradients(LayerGradients("dense", "Dense", rms, rms, rms, False)), b.MISSING)


def test_updates_below_the_rounding_error_are_a_warning_in_a_model_that_learned_little() -> None:
    coarse = net("bfloat16", "bfloat16", learning_rate=1e-5)
    bad, good = b.evaluation(b.scores("train", b.score(0.8))), b.evaluation(b.scores("train", b.score(0.05)))
    assert b.severities(numeric_precision, coarse, gradients(0.1), bad) == [Severity.WARNING]
    assert b.severities(numeric_precision, coarse, gradients(0.1), good) == [Severity.HINT]
    healthy = net("bfloat16", "bfloat16", learning_rate=1e-3)
    assert b.findings(numeric_precision, healthy, gradients(0.1), bad) == ()
