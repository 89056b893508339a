"""The errors of the result: skill and constant prediction are those that the checks judge by."""

from diagnose.describing.errors import _level
from diagnose.subject import Output, Task
from tests.checks.builders_training import regression, score


def test_a_split_has_one_skill_for_page_and_checks_and_its_own_constant_beside_it() -> None:
    numbers = Output("out", Task.REGRESSION, "mean_squared_error")
    judged = regression(0.9, own_constant_error=4.0)
    shifted = _level(numbers, "dev", judged, None)
    assert (shifted.skill, shifted.constant_error) == (judged.skill, judged.constant_error)
    assert shifted.own_constant_error == 4.0
    classes = Output("out", Task.MULTICLASS, "sparse_categorical_crossentropy", classes=10)
    judged = score(0.2, own_constant_error=0.4)
    assert _level(classes, "dev", judged, None).skill == judged.skill
