"""What a remedy brings: the effect that was measured, or why there is none."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from diagnose.diagnosis import Effect, Payoff
from diagnose.findings import Interval
from diagnose.reasoning.remedies import DeclaredRemedy

UNMEASURED = Payoff("dev error", None, None, None, "unknown")
NO_TRIAL = "it is not tried automatically"


def payoff(remedy: DeclaredRemedy, effect: Effect | None, untried: Mapping[str, str]) -> Payoff:
    """The payoff of a remedy.

    Args:
        remedy: the remedy.
        effect: of its trial, None if it was not tried.
        untried: why remedies were not tried, by their codes.
    """
    if effect is None:
        return replace(UNMEASURED, reason=untried.get(remedy.code, "" if remedy.automated else NO_TRIAL))
    of = f" of {effect.output}" if effect.output else ""
    against = f", against {effect.control}" if effect.control else ""
    if effect.forecast:
        metric = f"{effect.metric}{of} with {effect.what}{against}"
        return Payoff(metric, effect.before, effect.after, _span(effect), "estimated")
    length = f" after {effect.steps} steps" if effect.steps else ""
    turn = " on rows held out in turn" if effect.folds else ""
    after = effect.after if effect.on_dev else min(effect.after, 1.0)
    return Payoff(f"{effect.metric}{of}{turn}{length}{against}", effect.before, after, _span(effect), "measured")


def by_remedy(effects: Iterable[Effect]) -> dict[str, Effect]:
    """The effect that counts for each remedy: on new rows before on those of train, then one that helps before another,
    alone before on top of a repair."""
    ordered = sorted(
        effects, key=lambda effect: (effect.on_dev, bool(effect.restores or effect.helps), not effect.on_top_of)
    )
    return {effect.remedy: effect for effect in ordered}


def gain(effect: Effect | None) -> float:
    """The share of the dev error that a change takes away; 0 unless that is likely."""
    return lowered(effect) if effect is not None and effect.likely else 0.0


def lowered(effect: Effect) -> float:
    """The share of the dev error that was gone after the change, however sure that is."""
    return max(0.0, 1 - effect.after / effect.before) if effect.before > 0 else 0.0


def promise(effect: Effect | None) -> tuple[int, float]:
    """Sort key of the ways to carry out an item: what was measured to help before what was not tried."""
    if effect is None:
        return 0, 0.0
    return 1 if effect.likely else -2 if effect.helps is False else -1, lowered(effect)


def _span(effect: Effect) -> Interval | None:
    """The interval of `after`, within what is possible: a skill is 1 at most, an error 0 at least."""
    if effect.interval is None:
        return None
    low, high = (effect.before + end for end in (effect.interval.low, effect.interval.high))
    if effect.on_dev:
        most = 1.0 if effect.metric == "dev error" else high
        return Interval(max(0.0, low), min(most, high), effect.interval.level)
    after = min(effect.after, 1.0)
    return Interval(max(min(0.0, after), low), min(1.0, high), effect.interval.level)
