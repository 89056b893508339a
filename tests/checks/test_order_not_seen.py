"""The check whether a net sees the order of tokens."""

from dataclasses import replace

import pytest

from diagnose.checks.network.order_not_seen import order_not_seen
from diagnose.findings import Interval, Severity
from diagnose.measurements import Baseline, Candidate
from tests.checks import builders as b
from tests.checks import builders_training as t


def tokens_in_order(ordered: float, bag: float, net: float, change: float | None, half: float = 0.03) -> Baseline:
    """Skills of a linear model with the order of tokens, of the best one without it, and of the net."""

    def candidate(name: str, skill: float, told: bool) -> Candidate:
        error = 0.5 * (1 - skill)
        return Candidate(name, error, Interval(error - half, error + half), 0.5, skill, 0.1, told)

    given = t.baseline(0.1, 0.4, constant=0.5).outputs[0]
    known = candidate("logistic regression on the order of tokens", ordered, True), candidate("bag", bag, False)
    return Baseline((replace(given, candidates=known, best=known[0], net_skill=net, order_change=change),), "dev", "no")


@pytest.mark.parametrize(
    ("ordered", "bag", "net", "change", "found"),
    [
        (0.9, 0.05, 0.0, 0.0, [Severity.ERROR]),
        (0.5, 0.3, 0.3, 1e-4, [Severity.WARNING]),
        (0.9, 0.05, 0.0, 0.8, []),  # it sees the order
        (0.9, 0.05, 0.85, 0.0, []),  # it does as well without
        (0.9, 0.85, 0.0, 0.0, []),  # the order tells nothing more
        (0.35, 0.25, 0.1, 0.0, []),  # the intervals overlap
    ],
)
def test_a_net_that_treats_rows_as_bags_where_the_order_decides(
    ordered: float, bag: float, net: float, change: float, found: list[Severity]
) -> None:
    assert b.severities(order_not_seen, tokens_in_order(ordered, bag, net, change)) == found
