"""A class that is recognised less often than the others, from the rows to the page, at effort quick."""

import re
from typing import Any

import numpy as np
import pytest

import diagnose
from diagnose.reports.html import render

ROWS = 150  # of each class


def examined(*recalls: float) -> diagnose.Diagnosis:
    """A model that recognises these shares of the rows of its classes, and takes the rest for the next class."""
    import keras

    x, y = [], []
    for number, recall in enumerate(recalls):
        right = round(recall * ROWS)
        answers = np.r_[np.full(right, number), np.full(ROWS - right, (number + 1) % len(recalls))]
        x.append(np.eye(len(recalls), dtype="float32")[answers])
        y.append(np.full(ROWS, number))
    rows: tuple[Any, Any] = np.concatenate(x), np.concatenate(y)
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((len(recalls),)), keras.layers.Dense(len(recalls), "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(*rows, epochs=1, verbose=0)
    model.set_weights([4 * np.eye(len(recalls)), np.zeros(len(recalls))])
    return diagnose.examine(model, rows, rows, effort="quick", epochs=1)


def read(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).replace("\u00a0", " ").split())


def diverse(found: diagnose.Diagnosis) -> Any:
    return next(one for one in found.verdicts["machine_learning_yearning"] if one.item == "more-diverse-data")


@pytest.mark.parametrize("recalls", [(0.55, 0.8, 0.9, 0.9), (0.55, 0.8, 0.85), (0.6, 0.95)])
def test_a_weaker_class_that_may_be_chance_is_shown_and_never_denied(recalls: tuple[float, ...]) -> None:
    found = examined(*recalls)
    page = render(found)
    told = read(page)
    assert not re.search(r"no class|stands? out|all classes alike|classes are alike", told, re.IGNORECASE)
    table = page[page.index("Classes on dev") :]
    first = re.search(r'<th scope="row"><bdi>([^<]*)</bdi>.*?</tr>', table, re.DOTALL)
    assert first is not None and first[1] == "0"  # the weakest one first, with its recall
    assert f"{100 * round(recalls[0] * ROWS) / ROWS:.1f} %" in read(first[0])
    assert diverse(found).verdict != "do" or "class 0" in diverse(found).because


@pytest.mark.parametrize("right", [0, 1])
def test_a_class_that_is_hardly_ever_recognised_is_named_first(right: int) -> None:
    found = examined(right / ROWS, 0.9, 0.95, 0.95)
    assert found.state == "attention"
    assert {cause.code: cause.severity for cause in found.causes}["weak-slice"] == "warning"
    told = f"{'only 1' if right else 'none'} of 150 dev rows of class 0 is recognised"
    page = read(render(found))
    assert told in page.replace("None of", "none of").replace("Only 1", "only 1")
    assert found.causes[0].code == "weak-slice" and "a class has low recall" in diverse(found).because


def test_classes_that_are_alike_bring_no_weak_class() -> None:
    found = examined(0.8, 0.82, 0.85, 0.83)
    assert "weak-slice" not in {cause.code for cause in found.causes}
    assert diverse(found).verdict != "do"
