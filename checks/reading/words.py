"""What a layer that numbers words costs: how much of what the words tell does not reach the net."""

from diagnose.checks.reading.gaps import of_output
from diagnose.checks.reading.wording import percent, skill_text
from diagnose.findings import Severity
from diagnose.measurements import Baseline, Told

NOTABLE = 0.10  # skill that a linear model loses, and that the net lacks, for a warning
FAR = 0.25  # the same for an error: the gap to a baseline that separates sick models from healthy ones


def harm(told: Told | None, baseline: Baseline | None) -> Severity | None:
    """How serious the loss is; None if the words that get through tell as much, or the net does as well as all of them.

    Two witnesses are needed: the linear model without the lost words, and the net. The loss must be above 0 at 95 %.
    """
    if told is None or not told.lost.low > 0:
        return None
    net = of_output(baseline, told.output)
    lost = told.skill - max(told.kept_skill, 0.0)
    behind = told.skill - net.net_skill if net is not None else 0.0
    if min(lost, behind) > FAR:
        return Severity.ERROR
    if min(lost, behind) > NOTABLE:
        return Severity.WARNING
    return Severity.HINT if lost > NOTABLE and net is None else None


def difference(told: Told) -> str:
    """The skill of a linear model with and without the lost words, in words."""
    return (
        f"a linear model reaches skill {skill_text(told.skill)} with all words and {skill_text(told.kept_skill)}"
        f" with what is left (on {told.rows:,} rows)"
    )


def share(value: float) -> str:
    """A share of the words of the training rows."""
    return f"{percent(value)} of the words"
