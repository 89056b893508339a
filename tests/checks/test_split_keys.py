"""Groups and times that splits share, by the columns that the user names; never more than a hint."""

import pytest

from diagnose.checks.data.shared_groups import shared_groups
from diagnose.checks.data.time_order import time_order
from diagnose.findings import Severity, Skipped
from diagnose.measurements import Dataset, GroupOverlap, TimeOrder
from tests.checks import builders as b

HINT = [Severity.HINT]


def overlapping(shared: int, share: float) -> Dataset:
    overlap = GroupOverlap(groups=20, train_groups=80, shared=shared, shared_rows=share, rows=500)
    return b.dataset(b.split(), dev=b.split("dev"), groups={"dev": overlap})


def following(later: float, inside: float, split: str = "dev", rows: int = 500) -> Dataset:
    order = TimeOrder(("2024-01-01", "2024-06-30"), ("2020-01-01", "2024-03-31"), later, inside, rows)
    return b.dataset(b.split(), dev=b.split("dev"), times={split: order})


@pytest.mark.parametrize(("shared", "share", "found"), [(0, 0.0, []), (1, 0.004, []), (1, 0.01, HINT), (20, 1.0, HINT)])
def test_shared_groups(shared: int, share: float, found: list[Severity]) -> None:
    assert b.severities(shared_groups, overlapping(shared, share)) == found


def test_shared_groups_are_counted() -> None:
    (finding,) = b.findings(shared_groups, overlapping(18, 0.9))
    assert finding.message == "18 of the 20 groups on dev, with 90 % of its rows, are also in train"
    assert (finding.where.split, finding.value, finding.rows) == ("dev", 0.9, 500)


@pytest.mark.parametrize(
    ("later", "inside", "found"),
    [
        (1.0, 0.0, []),  # dev follows train
        (0.99, 0.03, []),  # a few rows at the border
        (0.5, 0.98, HINT),  # a random split
        (0.9, 0.4, HINT),  # half of dev lies within train
        (0.0, 0.0, HINT),  # dev lies before train
    ],
)
def test_time_order(later: float, inside: float, found: list[Severity]) -> None:
    assert b.severities(time_order, following(later, inside)) == found


def test_time_order_names_both_ranges() -> None:
    (finding,) = b.findings(time_order, following(0.5, 0.98))
    assert finding.message == (
        "98 % of the rows on dev lie within the time range of train "
        "(dev 2024-01-01 to 2024-06-30, train 2020-01-01 to 2024-03-31)"
    )
    (finding,) = b.findings(time_order, following(0.0, 0.0))
    assert finding.message.startswith("dev is older than train (dev 2024-01-01 to 2024-06-30")


def test_a_train_dev_split_and_few_rows_prove_nothing() -> None:
    assert b.findings(time_order, following(0.5, 0.98, split="train_dev")) == ()
    assert b.findings(time_order, following(0.5, 0.98, rows=29)) == ()


@pytest.mark.parametrize(("check", "option"), [(shared_groups, "--group"), (time_order, "--time")])
def test_without_such_a_column_the_check_is_skipped(check, option) -> None:
    outcome = check.run({Dataset: b.dataset(b.split(), dev=b.split("dev"))})
    assert isinstance(outcome, Skipped)
    assert option in outcome.how
