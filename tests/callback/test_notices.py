"""The chance of a wrong notice in a whole training, on simulated curves; `benchmarks.quality.notices` draws more."""

from tests.wards.simulated import curves, told


def test_healthy_trainings_get_no_notice_and_those_that_go_wrong_do() -> None:
    healthy = [(curve.kind, told(curve)) for curve in curves(48, seed=11)]
    assert [kind for kind, notices in healthy if any(notice.taken_back is None for notice in notices)] == []
    assert sum(bool(notices) for _, notices in healthy) <= 1
    sick = [(curve.kind, told(curve)) for curve in curves(16, seed=12, sick=True)]
    climbing = [notices for kind, notices in sick if kind == "climbs"]
    assert sum(bool(notices) for notices in climbing) >= 0.9 * len(climbing)
    assert any(notices for kind, notices in sick if kind == "never falls")
