"""Decides which remedies are tried, on what is known by then, and how much time is kept for them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace

from diagnose.checks.generalisation.avoidable_bias import avoidable_bias
from diagnose.checks.generalisation.variance import variance
from diagnose.checks.reading.remaining import Remaining
from diagnose.diagnosis import Effect
from diagnose.findings import Outcome, Severity
from diagnose.measurements import Continuation, Measurements, Repaired, RowsCurve
from diagnose.measuring.bench import Bench
from diagnose.measuring.planning import Planner, nothing
from diagnose.measuring.work import NO_WORK, Work
from diagnose.reasoning.advising import beside_repairs, may_go_on, may_improve, options
from diagnose.reasoning.causes import GATE, Role
from diagnose.reasoning.engine import Seen, confirmable, gate, suspect, worth_trying
from diagnose.reasoning.once_repaired import once_repaired
from diagnose.reasoning.payoffs import gain, lowered
from diagnose.reasoning.prescribing import DIRECT
from diagnose.reasoning.remedies.generalisation import MORE_DATA
from diagnose.reasoning.remedies.optimisation import TRAIN_LONGER
from diagnose.reasoning.verdicts import Situation, situation
from diagnose.registry import Check
from diagnose.settings import Effort
from diagnose.trials.continuing import measure_continuation
from diagnose.trials.cures import at_rate_tried, try_cures
from diagnose.trials.dev_error import WORTH, DevError, trainings_beside
from diagnose.trials.estimating import all_trials, first_trial, how_many_apply, likely_trials
from diagnose.trials.folds import may_pool
from diagnose.trials.interventions.optimizer import MORE_STEPS
from diagnose.trials.joining import AFTER, Trial
from diagnose.trials.paired import plan_of
from diagnose.trials.plan import DoesNotApply
from diagnose.trials.planning import try_remedies
from diagnose.trials.repaired import measure_repaired, on_new_rows
from diagnose.trials.rounds import HALVED, LOOKS
from diagnose.trials.rows_curve import measure_rows_curve, work_of
from diagnose.trials.train_skill import CLEAR, TrainSkill

FEW_OPTIONS = 3  # changes that are tried at standard effort on a model that needs no repair


def situation_so_far(
    measured: Measurements, outcomes: tuple[Outcome, ...], effects: tuple[Effect, ...] = ()
) -> Situation:
    """What trials depend on, as far as it is known by now."""
    return situation(suspect(outcomes, effects=effects), Seen(outcomes), False, measured, effects=effects)


def trained_on(planner: Planner, measured: Measurements, outcomes: tuple[Outcome, ...]) -> tuple[Effect, ...]:
    """The effect of a longer training, where one may help; what it reaches becomes one of the measurements."""
    now = situation_so_far(measured, outcomes)
    if now.remaining is None or not may_go_on(now):
        return ()
    found = measure_continuation(planner, now.remaining, TRAIN_LONGER.code, measured)
    if found is None:
        return ()
    measured[Continuation], effect = found
    return (effect,)


def trials_of(outcomes: Sequence[Outcome]) -> list[Trial]:
    """The trials of the remedies of what is suspected."""
    suspicions = suspect(outcomes)
    return [
        Trial(remedy.code, remedy.trial, confirmable(remedy, suspicions))
        for remedy in worth_trying(suspicions, Seen(outcomes))
        if remedy.trial is not None
    ]


def tried_repairs(
    planner: Planner,
    measured: Measurements,
    trials: Sequence[Trial],
    effects: tuple[Effect, ...],
    outcomes: tuple[Outcome, ...],
) -> tuple[tuple[Effect, ...], Trial | None]:
    """The effects on the dev error of the repair that restores most learning, of others that the first cause has, and
    of a change beside them that may do better; and the trial of the repair that brings most: it restores learning, or
    is likely to lower the dev error. None if there is none.

    A fact may leave nothing to restore on train, as a bounded output whose range only dev leaves: its repairs show on
    dev alone.

    The copy with that repair becomes one of the measurements; where a repair needs no training, the model with it.
    """
    now = situation_so_far(measured, outcomes, effects)
    others = {remedy.code for remedy in now.repair.cause.remedies} if now.repair is not None else set()
    repairs = {trial.remedy: trial for trial in trials if trial.confirms or trial.remedy in others}
    alone = [effect for effect in effects if effect.remedy in repairs and not effect.on_top_of]
    cures = sorted(
        (effect for effect in alone if effect.restores),
        key=lambda effect: (effect.remedy not in others, not repairs[effect.remedy].confirms, -effect.after),
    )
    unsure = [one for one in alone if not one.restores and one.after - one.before >= CLEAR]
    fact = now.repair is not None and now.repair.cause.role is Role.FACT
    unseen = [one for one in alone if one.restores is None] if fact else []
    compared = cures[:1] + [effect for effect in (*cures[1:], *unsure, *unseen) if effect.remedy in others]
    beside = [Trial(remedy.code, remedy.option) for remedy in beside_repairs(now) if remedy.option is not None]
    found: tuple[Effect, ...] = ()
    if may_improve(now.remaining) and (compared or beside):
        tried = {repairs[effect.remedy]: effect for effect in compared[:FEW_OPTIONS]}
        found = try_cures(planner, measured, now.remaining, tried, beside)
    on_dev = {effect.remedy: effect for effect in found}
    cures = cures or [effect for effect in compared if effect.remedy in on_dev and on_dev[effect.remedy].likely]
    at_once = {effect.remedy for effect in effects if effect.remedy in others - {*repairs} and effect.likely}
    if at_once:  # a repair that needs no training
        cures = [effect for effect in cures if effect.remedy in others]
    scored = _scored(measured, now, at_once)
    if scored is not None:
        measured[Repaired] = scored
    if not cures:
        return found, None

    def worth(effect: Effect) -> float:
        """What it brings per cost, as the report orders them."""
        if effect.remedy not in on_dev:
            return 0.0
        return lowered(on_dev[effect.remedy]) / (DIRECT if repairs[effect.remedy].confirms else 1.0)

    best = max(cures, key=worth)
    cure = at_rate_tried(repairs[best.remedy], best)
    if scored is not None:
        return found, cure
    copy = measure_repaired(planner, measured, repairs[best.remedy], best)
    if copy is None:
        return found, cure
    measured[Repaired] = copy
    brings = on_new_rows(now.remaining, copy, best) if now.remaining is not None and best.remedy not in on_dev else None
    return found if brings is None else (*found, brings), cure


def _scored(measured: Measurements, now: Situation, remedies: Collection[str]) -> Repaired | None:
    """The scores with one of these repairs of the first cause that an instrument has; None if there are none."""
    repairs = now.repair.cause.remedies if now.repair is not None else ()
    each = (one.scored(measured) for one in repairs if one.scored is not None and one.code in remedies)
    return next((copy for copy in each if copy is not None), None)


def gone_on(
    planner: Planner,
    measured: Measurements,
    outcomes: tuple[Outcome, ...],
    effects: tuple[Effect, ...],
    may: Callable[[Situation], bool],
) -> tuple[Effect, ...]:
    """The effect of a longer training that was not tried before, if the situation asks for it (`may`)."""
    now = situation_so_far(measured, outcomes, effects)
    tried = any(effect.remedy == TRAIN_LONGER.code for effect in effects)
    if now.remaining is None or tried or not may(now):
        return ()
    found = measure_continuation(planner, now.remaining, TRAIN_LONGER.code, measured)
    return () if found is None else found[1:]


def longer_repair(
    planner: Planner, measured: Measurements, outcomes: tuple[Outcome, ...], effects: tuple[Effect, ...]
) -> Trial | None:
    """The trial of a longer training where that is the repair of the first cause that was seen to lower the dev error;
    None if it is not.

    The copy with that repair becomes one of the measurements, unless one with a repair that needs no training is there.
    """
    now = situation_so_far(measured, outcomes, effects)
    effect = now.effects.get(TRAIN_LONGER.code)
    if now.repair is None or TRAIN_LONGER not in now.repair.cause.remedies or effect is None or not effect.likely:
        return None
    trial = Trial(TRAIN_LONGER.code, MORE_STEPS)
    copy = None if Repaired in measured else measure_repaired(planner, measured, trial, effect)
    if copy is not None:
        measured[Repaired] = copy
    return trial


def tried_on_dev(
    planner: Planner, measured: Measurements, outcomes: tuple[Outcome, ...], effects: tuple[Effect, ...]
) -> tuple[Effect, ...]:
    """The effects on the dev error of what may improve a model that needs no repair, or that no repair helps.

    A model that falls short of what is known to be possible gets a second round, with what lowers the smaller part of
    its error, if nothing in the first one helps. The learning curve over rows of a model that needs no repair becomes
    one of the measurements.
    """
    now = situation_so_far(measured, outcomes, effects)
    by_part = options(now, suspect(outcomes, effects=effects))
    if now.remaining is None or not any(by_part):
        return ()
    deep = planner.bench.settings.effort is Effort.DEEP
    whole = deep or gate(Seen(outcomes)).rank < Severity.WARNING.rank
    keep = work_of(planner.bench) if now.repair is None else NO_WORK
    found: tuple[Effect, ...] = ()
    for number, part in enumerate([sum(by_part, ())] if whole else by_part):
        known = {effect.remedy for effect in found}
        wanted = [Trial(r.code, r.option) for r in dict.fromkeys(part) if r.option is not None and r.code not in known]
        criterion = _judged(planner, measured, now.remaining, wanted, LOOKS[number])
        criterion = replace(criterion, earlier=len(found))
        found += try_remedies(planner, measured, wanted, criterion, criterion.tries, look=LOOKS[number], keep=keep)
        if any(gain(effect) >= WORTH for effect in found):
            break
    curve = measure_rows_curve(planner, measured, now.remaining, MORE_DATA.code) if now.repair is None else None
    if curve is None:
        return found
    measured[RowsCurve], effect = curve
    return (*found, effect)


def _judged(planner: Planner, measured: Measurements, left: Remaining, wanted: Sequence[Trial], look: str) -> DevError:
    """How changes are judged, and how many of them are tried with all seeds.

    At effort deep these are all that apply; where the budget does not allow it, half of them after a first `look`. They
    are judged on rows that are held out in turn, where rows can be held out so.
    """
    bench = planner.bench
    if bench.settings.effort is not Effort.DEEP:
        return DevError(left, FEW_OPTIONS)
    count, folds = how_many_apply(bench, measured, wanted), may_pool(bench, measured)
    if _all_fit(planner, count, look):
        return DevError(left, count, folds=folds)
    return DevError(left, max(FEW_OPTIONS, -(-count // HALVED)), folds=folds)


def _all_fit(planner: Planner, count: int, look: str) -> bool:
    """Whether so many changes can be tried with all seeds; if a plan is repeated, whether they were."""
    plan = planner.bench.settings.plan
    whole = all_trials(planner.bench, DevError, count + trainings_beside(count))
    return look not in plan if plan else planner.fits(whole)


def tried_afterwards(
    planner: Planner,
    checks: Sequence[Check],
    measured: Measurements,
    outcomes: Sequence[Outcome],
    effects: tuple[Effect, ...],
    *,
    cure: Trial,
) -> tuple[Effect, ...]:
    """The effects on the dev error, on top of the repair, of what may improve the repaired model."""
    repaired = once_repaired(checks, outcomes, situation_so_far(measured, tuple(outcomes), effects), measured)
    if repaired is None or repaired.remaining is None:
        return ()
    if isinstance(cure.intervention.change(plan_of(planner.bench, measured)), DoesNotApply):
        return ()
    codes = dict.fromkeys(remedy for part in options(repaired, ()) for remedy in part if remedy.code != cure.remedy)
    wanted = [Trial(remedy.code, remedy.option, when=AFTER) for remedy in codes if remedy.option is not None]
    if not wanted:
        return ()
    if cure.remedy != TRAIN_LONGER.code:
        wanted.append(Trial(TRAIN_LONGER.code, MORE_STEPS, when=AFTER))
    criterion = _judged(planner, measured, repaired.remaining, wanted, LOOKS[2])
    keep = work_of(planner.bench, below=cure)
    found = try_remedies(planner, measured, wanted, criterion, criterion.tries, look=LOOKS[2], below=cure, keep=keep)
    curve = measure_rows_curve(planner, measured, repaired.remaining, MORE_DATA.code, below=cure)
    return found if curve is None else (*found, curve[1])


def work_of_first_trial(bench: Bench, checks: tuple[Check, ...], measured: Measurements) -> Work:
    """The work of the first remedy's trial: longer on new rows, if nothing so far shows that the model is sick."""
    seen = Seen(check.run(measured) for check in checks if check in GATE)
    if gate(seen).rank >= Severity.WARNING.rank:
        return first_trial(bench, TrainSkill)
    return first_trial(bench, DevError) if asks_for_more(checks) else nothing(measured)


def work_of_trials(planner: Planner, checks: tuple[Check, ...], measured: Measurements) -> Work:
    """The work of the trials that the measurements so far call for; it may change with what is measured next."""
    repairs = trials_of(tuple(check.run(measured) for check in checks))
    if repairs:
        applies = planner.bench.cache.setdefault("applies", {})  # some changes go through all rows
        for trial in repairs:
            if trial.remedy not in applies:
                applies[trial.remedy] = how_many_apply(planner.bench, measured, [trial])
        return likely_trials(planner, TrainSkill, sum(applies[trial.remedy] for trial in repairs))
    return likely_trials(planner, DevError, FEW_OPTIONS if asks_for_more(checks) else 0)


def asks_for_more(checks: Iterable[Check]) -> bool:
    """Whether a model that needs no repair is examined for what may improve it."""
    return any(check in (avoidable_bias, variance) for check in checks)
