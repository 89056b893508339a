"""Runs a trial at the largest size that the time budget allows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from diagnose.measurements import DOES_NOT_APPLY, NotMeasured
from diagnose.measuring.copying import brief
from diagnose.measuring.planning import Planner
from diagnose.measuring.work import Work
from diagnose.settings import Effort

T = TypeVar("T")


def run_largest(
    planner: Planner,
    title: str,
    sizes: Sequence[float],
    work: Callable[[float], Work],
    action: Callable[[float], T],
) -> T | None:
    """Run an action once and return what it found; None if that is not possible, which is recorded as missed.

    Args:
        planner: of the examination.
        title: of the trial.
        sizes: shares of the usual length to choose from, the largest first. A plan that is repeated has its own.
        work: the work of a size.
        action: the trial at a size; it may fail.
    """
    settings = planner.bench.settings
    if settings.effort is Effort.QUICK:  # coverage says so for all that needs training
        return None
    given = (settings.plan or {}).get(title)
    possible = sizes if given is None else (given,)
    size = next((size for size in possible if planner.fits(work(size))), possible[-1])
    try:
        return planner.run(title, work(size), lambda: action(size), size)
    except Exception as error:  # noqa: BLE001 - a third-party layer or optimizer may fail, or one that sees few rows
        missed = error if isinstance(error, NotMeasured) else NotMeasured(f"it failed: {brief(error)}", DOES_NOT_APPLY)
        planner.miss(title, str(missed), missed.how)
        return None
