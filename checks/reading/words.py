"""What a layer that numbers words costs: how much of what the words tell does not reach the net."""

from collections.abc import Iterator

from diagnose.checks.reading.gaps import NOTABLE, lacking, lacking_threshold, of_output
from diagnose.checks.reading.wording import percent, skill_text
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import Baseline, Told


def lost(told: Told | None, baseline: Baseline | None, path: str, what: str) -> Iterator[Finding]:
    """The finding that a layer loses words that tell the target, if it does.

    Two witnesses are needed: the linear model without the lost words, which must do worse at 95 %, and the net.

    Args:
        told: what the linear models tell.
        baseline: holds the skill of the net.
        path: of the layer.
        what: which words it loses, as a clause.
    """
    severity = None if told is None else _severity(told, baseline)
    if told is None or severity is None:
        return
    yield Finding(
        severity,
        f"{what}: a linear model reaches skill {skill_text(told.skill)} with all words and"
        f" {skill_text(told.kept_skill)} with what is left (on {told.rows:,} rows)",
        where=Where(layer=path, output=told.output),
        value=told.skill - told.kept_skill,
        unit="skill",
        threshold=lacking_threshold(severity),
        interval=told.lost,
        rows=told.rows,
    )


def share(value: float) -> str:
    """A share of the words of the training rows."""
    return f"{percent(value)} of the words"


def _severity(told: Told, baseline: Baseline | None) -> Severity | None:
    if not told.lost.low > 0:
        return None
    net, less = of_output(baseline, told.output), told.skill - max(told.kept_skill, 0.0)
    if net is None:
        return Severity.HINT if less > NOTABLE else None
    return lacking(min(less, told.skill - net.net_skill))
