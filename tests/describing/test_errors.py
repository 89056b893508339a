"""The errors of the result: each split is measured against the best constant prediction for its own rows."""

import pytest

from diagnose.describing.errors import _level
from diagnose.subject import Output, Task
from tests.checks.builders_training import regression, score


def test_skill_on_a_shifted_split_is_against_its_own_constant() -> None:
    numbers = Output("out", Task.REGRESSION, "mean_squared_error")
    shifted = _level(numbers, "dev", regression(0.9, own_constant_error=4.0), None)
    assert shifted.constant_error == 4.0
    assert shifted.skill == pytest.approx(1 - 10 / 16)  # R2 on these rows; 0.9 against the mean of train
    classes = Output("out", Task.MULTICLASS, "sparse_categorical_crossentropy", classes=10)
    assert _level(classes, "dev", score(0.2, own_constant_error=0.4), None).skill == pytest.approx(0.5)


def test_without_a_constant_of_its_own_the_skill_stays() -> None:
    numbers = Output("out", Task.REGRESSION, "mean_squared_error")
    assert _level(numbers, "dev", regression(0.9), None).skill == 0.9
    assert _level(numbers, "dev", regression(0.9, own_constant_error=0.0), None).skill == 0.9
