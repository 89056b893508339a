"""Cures on new rows: what the repairs that restore learning bring to the dev error, each beside the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from diagnose.diagnosis import Effect
from diagnose.measurements import Measurements
from diagnose.measuring.planning import Planner
from diagnose.trials.dev_error import DevError
from diagnose.trials.joining import Trial
from diagnose.trials.plan import Change, DoesNotApply, TrainingPlan
from diagnose.trials.planning import try_remedies
from diagnose.trials.repaired import OTHER_ROWS, rates_as_tried, same_targets

if TYPE_CHECKING:
    from diagnose.checks.reading.remaining import Remaining


def try_cures(
    planner: Planner,
    measured: Measurements,
    left: Remaining,
    cures: Mapping[Trial, Effect],
    others: Sequence[Trial] = (),
) -> tuple[Effect, ...]:
    """The effects on the dev error of trainings as long as the user's own.

    Args:
        planner, measured: of the examination.
        left: the remaining error of the model.
        cures: the changes that restored learning, with what their trials showed.
        others: changes to compare them with.
    """
    again = [replace(at_rate_tried(trial, effect), when="on dev rows") for trial, effect in cures.items()]
    criterion = DevError(left, len(again) + len(others))
    found = try_remedies(planner, measured, (*again, *others), criterion)
    shown = {trial.remedy: effect for trial, effect in cures.items()}
    return tuple(
        replace(effect, what=shown[effect.remedy].what, values=shown[effect.remedy].values)
        if effect.remedy in shown
        else effect
        for effect in found
    )


def at_rate_tried(cure: Trial, effect: Effect) -> Trial:
    """The trial of a change that restored learning, at the learning rate that did; `effect` is what it showed."""
    return replace(
        cure, intervention=replace(cure.intervention, change=partial(_compared, cure.intervention.change, effect))
    )


def _compared(change: Change, effect: Effect, own: TrainingPlan) -> TrainingPlan | DoesNotApply:
    """The changed plan at the learning rate that its trial chose; it does not apply if dev errors would not compare."""
    plan = change(own)
    if isinstance(plan, DoesNotApply):
        return plan
    if not same_targets(own, plan):
        return DoesNotApply(OTHER_ROWS)
    if [output.task for output in plan.outputs] != [output.task for output in own.outputs]:
        return DoesNotApply("the repair changes the task, so that errors are not compared")
    return replace(plan, rates=(rates_as_tried(plan, effect),))
