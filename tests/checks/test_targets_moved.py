"""The check of masks and tags that were moved without their inputs."""

from dataclasses import replace

import pytest

from diagnose.checks.data.targets_moved import targets_moved
from diagnose.findings import Severity
from diagnose.intervals import wilson
from diagnose.measurements import Baseline, Moved
from tests.checks import builders as b
from tests.checks import builders_training as t

ERROR, WARNING = Severity.ERROR, Severity.WARNING


def fitting(train: float, dev: float, rows: int = 200) -> Baseline:
    """Shares of the rows of both splits that fit better upside down."""
    moved = tuple(
        Moved(split, "mirrored upside down", share, wilson(share * rows, rows), rows)
        for split, share in (("dev", dev), ("train", train))
    )
    return Baseline((replace(t.baseline(0.1, 0.2).outputs[0], moved=moved),), "dev", "no")


@pytest.mark.parametrize(
    ("train", "dev", "rows", "found"),
    [
        (0.6, 0.0, 200, [ERROR]),
        (0.25, 0.02, 200, [WARNING]),
        (0.05, 0.0, 200, []),
        (0.2, 0.0, 30, []),  # too few rows
        (0.3, 0.2, 200, []),  # the classifier errs on both
    ],
)
def test_rows_that_fit_better_after_a_move(train: float, dev: float, rows: int, found: list[Severity]) -> None:
    findings = b.findings(targets_moved, fitting(train, dev, rows))
    assert [finding.severity for finding in findings] == found
    assert all(finding.where.split == "train" and "mirrored upside down" in finding.message for finding in findings)


def test_a_dev_set_alone_can_be_moved() -> None:
    (finding,) = b.findings(targets_moved, fitting(0.0, 0.9))
    assert finding.where.split == "dev" and finding.message.startswith("the targets of 90 % of 200 dev rows")
