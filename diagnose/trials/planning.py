"""Runs the trials of remedies that fit into the time budget."""

from __future__ import annotations

from collections.abc import Iterable

from diagnose.diagnosis import Effect
from diagnose.measurements import DOES_NOT_APPLY, Measurements
from diagnose.measuring.planning import NO_TRAINING, Planner
from diagnose.measuring.work import NO_WORK, Work
from diagnose.settings import Effort
from diagnose.trials.arms import Criterion
from diagnose.trials.combinations import Combinations
from diagnose.trials.dev_error import DevError
from diagnose.trials.joining import Trial
from diagnose.trials.paired import plan_of
from diagnose.trials.rounds import LOOKS, Rounds
from diagnose.trials.train_skill import TrainSkill

TRIALS = "trials of remedies"


def try_remedies(
    planner: Planner,
    measured: Measurements,
    wanted: Iterable[Trial],
    criterion: DevError | None = None,
    most: int | None = None,
    *,
    look: str = LOOKS[0],
    below: Trial | None = None,
    keep: Work = NO_WORK,
) -> tuple[Effect, ...]:
    """Try remedies on copies of the model, in the given order, each against the same training without the change.

    They are judged by the train skill, or by a `criterion` of the error on new rows, of which `most` limits how many
    are tried, the most promising after a first `look`. What eases several causes, so that its success does not tell
    which it is, comes last. With `below`, a repair, both trainings have that change: its effects are on top of it.
    `keep` is the work that comes after them, for which more seeds leave the time.

    A trial that fails, or does not fit into the time budget, is listed under coverage. `planner.untried` tells why each
    remedy without an effect was not tried, unless on top of a repair: also that it does not apply to this model.
    """
    wanted = tuple(sorted(wanted, key=lambda trial: not trial.confirms))
    if not wanted:
        return ()
    bench = planner.bench
    why = ""
    if bench.settings.effort is Effort.QUICK:
        why = NO_TRAINING
    elif bench.fine_tuned:
        why = "the initial weights of the fine-tuned layers are unknown"
        planner.miss(TRIALS, why, DOES_NOT_APPLY)
    if why:
        planner.untried |= {trial.remedy: why for trial in wanted}
        return ()
    skill = TrainSkill()
    sizes = _sizes(planner, wanted, criterion or skill)

    def sized(size: float) -> Combinations | Rounds:
        own = plan_of(bench, measured, (criterion or skill).steps(bench, size))
        if criterion is None:
            return Combinations(planner, measured, own, size, skill, below=below)
        count = len(wanted) if most is None else most
        return Rounds(planner, measured, own, size, criterion, below=below, most=count, look=look, keep=keep)

    each = map(sized, sizes)
    chosen = next(trials for trials in each if trials.size == sizes[-1] or trials.first_fits(wanted))
    chosen.lend_first(wanted)
    effects = tuple(chosen.run(wanted))
    chosen.say_what_is_not_kept()
    return effects


def _sizes(planner: Planner, wanted: tuple[Trial, ...], criterion: Criterion) -> tuple[float, ...]:
    """The sizes to choose from; if a plan is repeated, its own."""
    given = planner.bench.settings.plan or {}
    known = {given[trial.title] for trial in wanted if trial.title in given}
    return tuple(size for size in criterion.sizes if size in known) or criterion.sizes
