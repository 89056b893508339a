"""Several changes at once: those that only help together, and one on top of another."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from diagnose.trials.arms import Planned
from diagnose.trials.interventions.optimizer import APART, level_of, usual_rate
from diagnose.trials.plan import Change, DoesNotApply, Intervention, TrainingPlan, apply_all, rate_text

MOST = 3  # changes; with more, each has little to say
RATES = {"lower-learning-rate": "lower_rate", "raise-learning-rate": "higher_rate"}  # and the name of the rate
CHOSEN = "learning rate {}"
AFTER = "after the repair"  # when a trial is made on top of the repair of the first cause


@dataclass(frozen=True)
class Trial:
    """A remedy to try: its code, its change of a training plan, and the codes of the causes that it can confirm.

    `when`: what sets it apart from an earlier trial of the same remedy, after its title.
    """

    remedy: str
    intervention: Intervention
    confirms: frozenset[str] = frozenset()
    when: str = ""

    @property
    def title(self) -> str:
        return f"trial of {self.remedy} {self.when}".rstrip()


@dataclass(frozen=True)
class Joint:
    """Several changes at once. All plans train at the user's own rate and at the usual one, and the better one counts:
    the rate that works depends on the other changes.

    `without` are the same plans without one of the changes, by its remedy; `own_rate` is `plan` at the user's rate.
    """

    plan: TrainingPlan
    without: dict[str, TrainingPlan]
    own_rate: TrainingPlan
    changes: dict[str, str]

    def members(self, rate: float) -> dict[str, TrainingPlan]:
        """What each change is compared with, by its remedy; another `rate` than the own one counts as a change: a lower
        or a higher one, whatever that of the first step was.
        """
        own = self.own_rate.rates[0]
        if rate == float(own[0]):
            return self.without
        lower, higher = RATES
        return self.without | {lower if rate < level_of(own) else higher: self.own_rate}

    def change_of(self, remedy: str, rate: float) -> str:
        """A change as a noun phrase."""
        return self.changes.get(remedy) or CHOSEN.format(rate_text(rate))


def joined(own: TrainingPlan, wanted: Iterable[Trial]) -> Joint | None:
    """The first changes that apply, together; None if there are not two, the learning rate among them."""
    chosen: dict[str, Intervention] = {}
    plan, changes = own, {}
    for trial in wanted:
        if trial.remedy in RATES or len(chosen) == MOST:
            continue
        changed = _joins(trial.intervention, own, plan)
        if changed is None:
            continue
        chosen[trial.remedy], changes[trial.remedy] = trial.intervention, changed.changes[-1]
        plan = replace(changed, rates=own.rates, rate_name="")
    rates = _rates(own)
    if not chosen or len(chosen) + len(rates) < 3:
        return None

    def at_rates(changed: TrainingPlan, which: tuple[np.ndarray, ...], named: str) -> TrainingPlan:
        return replace(changed, rates=which, rate_name="", changes=(*changed.changes, *([named] if named else [])))

    several = "the better learning rate" if len(rates) > 1 else ""
    without = {
        remedy: at_rates(apply_all(own, [other for code, other in chosen.items() if code != remedy]), rates, several)
        for remedy in chosen
    }
    return Joint(at_rates(plan, rates, several), without, at_rates(plan, own.rates, ""), changes)


def on_top(own: TrainingPlan, first: Trial, second: Trial) -> TrainingPlan | None:
    """The second change on top of the first, at all rates of either and at the user's own, of which the best counts.

    None if they do not fit together. Two changes of the optimizer or its rate are ways to the same end.
    """
    one = _joins(first.intervention, own, own)
    both = _joins(second.intervention, own, one) if one is not None else None
    if one is None or both is None or (_changes_steps(own, one) and _changes_steps(one, both)):
        return None
    rates = [*own.rates, *one.rates, *both.rates]
    apart = [rate for at, rate in enumerate(rates) if not any(np.array_equal(rate, other) for other in rates[:at])]
    return replace(both, rates=tuple(apart), rate_name="")


def _changes_steps(before: TrainingPlan, after: TrainingPlan) -> bool:
    return after.optimizer is not before.optimizer or after.rates is not before.rates


def _joins(intervention: Intervention, own: TrainingPlan, plan: TrainingPlan) -> TrainingPlan | None:
    """The plan with one more change; None if it does not apply, or is compared with another training than the own."""
    try:
        changed = intervention.change(plan)
        alone = intervention.control(own) is own
    except Exception:  # noqa: BLE001 - a layer of the user's own may lack what every other layer has
        return None
    one_loss = isinstance(changed, TrainingPlan) and (changed.loss is plan.loss or plan.loss is None)
    return changed if isinstance(changed, TrainingPlan) and alone and one_loss else None


def _rates(own: TrainingPlan) -> tuple[np.ndarray, ...]:
    """The user's own rates, and the usual one if that is another."""
    usual, given = usual_rate(own.optimizer), level_of(own.rates[0])
    if given / APART < usual < given * APART:
        return own.rates
    return (*own.rates, np.full(own.steps, usual))


def chooses_again(users: TrainingPlan, own: TrainingPlan, plan: TrainingPlan) -> bool:
    """Whether a plan has another optimizer, or other rates, than the `own` one that has others than the user's."""
    chosen = own.rates is not users.rates  # more steps at the same rates are no choice
    if chosen and not np.isin(np.concatenate(plan.rates), np.concatenate(own.rates)).all():
        return True
    return own.optimizer is not users.optimizer and plan.optimizer is not own.optimizer


def with_repair(own: Planned, below: Trial) -> Planned:
    """The user's own training with a repair.

    Raises:
        ValueError: the repair does not apply to it.
    """
    plan = below.intervention.change(own.plan)
    if isinstance(plan, DoesNotApply):
        raise ValueError(f"the repair must apply: {plan.reason}")
    return own.then(below.intervention.change, plan, below.intervention.cost)


def both_changes(own: TrainingPlan, first: Trial, second: Trial) -> TrainingPlan | DoesNotApply:
    """The second change on top of the first."""
    return on_top(own, first, second) or DoesNotApply("the changes do not go together")


def members_of(joint: Joint, wanted: tuple[Trial, ...]) -> tuple[Planned, ...]:
    """The arms of all changes together, and of all but one."""
    own_rate = float(joint.own_rate.rates[0][0])
    every = Planned(_of_joint(wanted, lambda one: one.plan), joint.plan)
    return every, *(Planned(member_of(wanted, remedy, own_rate), plan) for remedy, plan in joint.without.items())


def member_of(wanted: tuple[Trial, ...], remedy: str, rate: float) -> Change:
    """What one of the changes is compared with, at the learning rate that was chosen."""
    return _of_joint(wanted, lambda one: one.members(rate)[remedy])


def _of_joint(wanted: tuple[Trial, ...], which: Callable[[Joint], TrainingPlan]) -> Change:
    """One of the plans of a joint trial as a function of the user's own plan."""

    def change(own: TrainingPlan) -> TrainingPlan | DoesNotApply:
        joint = joined(own, wanted)
        return DoesNotApply("the changes do not go together") if joint is None else which(joint)

    return change
