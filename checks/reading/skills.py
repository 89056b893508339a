"""The skills of the net and of the baselines: compared, and as a picture."""

from collections.abc import Sequence

from diagnose.checks.reading.gaps import lacking
from diagnose.findings import Bars, Severity
from diagnose.measurements import Candidate, OutputBaseline


def does_clearly_better(one: Candidate, others: Sequence[Candidate], net_skill: float) -> Severity | None:
    """How much a baseline does better than all others, and than the net; None if that is not clear.

    Args:
        one: the baseline.
        others: whose 95 % intervals of the error must lie above that of the one.
        net_skill: of the net on the same rows.
    """
    if not others or not all(one.error_interval.high < other.error_interval.low for other in others):
        return None
    return lacking(one.skill - max(0.0, net_skill, *(other.skill for other in others)))


def skill_bars(output: OutputBaseline, threshold: float | None = None) -> Bars:
    """The skill of the net and of every baseline on the same rows.

    Args:
        output: the output that they predict.
        threshold: skill that chance reaches.
    """
    return Bars(
        f"Skill for {output.output}: 0 is the constant prediction, 1 is perfect",
        ("your network", *(candidate.name for candidate in output.candidates)),
        (output.net_skill, *(candidate.skill for candidate in output.candidates)),
        unit="skill",
        threshold=threshold,
    )
