"""The skills of the net and of the baselines as a picture."""

from diagnose.findings import Bars
from diagnose.measurements import OutputBaseline


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
