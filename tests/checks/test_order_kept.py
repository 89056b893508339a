"""Rows that lie in the order of their targets, and a model that shuffled ones would have done better by."""

from dataclasses import replace

import numpy as np
import pytest

from diagnose.checks.data.order_kept import order_kept
from diagnose.findings import Severity
from diagnose.measurements import Dataset, Evaluation, Feeding, History
from diagnose.measuring.row_order import order_of
from tests.checks import builders as b
from tests.checks.builders_training import evaluation, history, run, score

SORTED, MIXED = Feeding(40, 1280, 0.95, 0.01), Feeding(40, 1280, 0.004, 0.01)


def world(error: float, replayed: float, order: Feeding | None) -> tuple[Dataset, Evaluation, History]:
    """A classifier of ten classes with this train error, and the skill at the end of three replays."""
    ends = tuple(replace(run([2.3, 0.5]), final_train_skill=replayed + shift) for shift in (0.0, 0.02, 0.04))
    replays = replace(history(*ends), origin="replay")
    return replace(b.dataset(), order=order), evaluation(score(error)), replays


def test_sorted_rows_and_better_replays_are_a_warning() -> None:
    (found,) = b.findings(order_kept, *world(0.4, 0.9, SORTED))
    assert found.severity is Severity.WARNING and found.value == pytest.approx(0.95)
    assert "3 replays with shuffled rows" in found.message


@pytest.mark.parametrize(
    ("error", "replayed", "order"),
    [
        (0.05, 0.93, SORTED),  # sorted in the file, shuffled in training
        (0.4, 0.9, MIXED),  # something else keeps the model back
        (0.9, 0.05, SORTED),  # replays do no better
    ],
)
def test_one_of_both_is_clean(error: float, replayed: float, order: Feeding) -> None:
    assert b.severities(order_kept, *world(error, replayed, order)) == []


@pytest.mark.parametrize(
    ("labels", "high"),
    [(np.repeat(np.arange(10), 100), True), (np.tile(np.arange(10), 100), False), (np.linspace(0, 1, 1000), True)],
)
def test_the_order_of_a_split(labels: np.ndarray, high: bool) -> None:
    found = order_of(labels, 32, seed=0)
    assert found is not None and (found.alike > 0.8) == high


def test_few_rows_have_no_order() -> None:
    assert order_of(np.arange(40), 32, seed=0) is None
