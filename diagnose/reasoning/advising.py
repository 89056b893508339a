"""The next steps for a model that needs no repair, each with its ground in the situation."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, zip_longest
from typing import TypeGuard

from diagnose.checks.reading.gaps import POINT
from diagnose.checks.reading.remaining import Remaining
from diagnose.diagnosis import Verdict
from diagnose.reasoning.causes import CAUSES
from diagnose.reasoning.engine import Suspicion
from diagnose.reasoning.remedies import DeclaredRemedy, generalisation, optimisation
from diagnose.reasoning.verdicts import BIGGER, WAYS, Situation, best_way

# The list item that each remedy carries out: it is advised only if the verdict on that item is "do".
ITEM_OF = {remedy.code: item for item, ways in reversed(WAYS.items()) for remedy in ways}
BIAS, VARIANCE = (next(cause for cause in CAUSES if cause.code == code) for code in ("high-bias", "high-variance"))


def steps(
    now: Situation, suspicions: Sequence[Suspicion], verdicts: Mapping[str, Sequence[Verdict]]
) -> tuple[DeclaredRemedy, ...]:
    """The remedies to advise, in the order of the directions; the order by cost is left to `prescribing`.

    Of a model that needs repair only what was seen to help: if no repair does, or if it does more than each of them.
    """
    if now.repair is None:
        found = tuple(dict.fromkeys(_steps(now, suspicions, verdicts)))
        if not any(remedy.code in now.effects for remedy in found):
            best = [one for one in (*BIAS.remedies, *VARIANCE.remedies) if one.code == now.most_promising]
            return tuple(dict.fromkeys((*best, *found)))
        return found
    helping = dict.fromkeys(_seen_to_help(now))
    return tuple(remedy for remedy in helping if now.unrepaired or now.outdoes_repairs(remedy.code))


def _steps(
    now: Situation, suspicions: Sequence[Suspicion], verdicts: Mapping[str, Sequence[Verdict]]
) -> Iterator[DeclaredRemedy]:
    answers = {verdict.item: verdict.verdict for items in verdicts.values() for verdict in items}
    evaluated = now.remaining is not None
    if now.remaining is not None and now.remaining.unseen is None:
        yield generalisation.HOLD_OUT
    if now.past_best is not None:
        yield optimisation.KEEP_BEST
    directions = [s.cause for s in suspicions if s.cause.kind == "direction"]
    for cause in (*directions, *([BIAS] if now.bias_open and evaluated and BIAS not in directions else [])):
        for remedy in cause.remedies:
            if _is_advised(remedy, answers, now):
                yield remedy
    yield from _seen_to_help(now)
    yield from (best_way(item, now) for item in WAYS if answers[item] == "do")
    if now.unfit_metric is not None:
        yield generalisation.FIT_METRIC
    if now.bias_open and evaluated:
        yield generalisation.TARGET_ERROR


def options(now: Situation, suspicions: Sequence[Suspicion]) -> tuple[tuple[DeclaredRemedy, ...], ...]:
    """The remedies to try where nothing is to be repaired, or no repair helps: for each part of the error, the larger
    first; before them those of `suspicions`, as a hint says more of this model than a direction.

    Where variance is the larger part, those of bias come in turn with its own: a better rate or a bigger net lower the
    dev error of such models as often (docs/accuracy.md).

    None where rows have many positions: their error falls for a model that predicts the largest class everywhere.
    """
    if (now.repair is not None and not now.unrepaired) or not may_improve(now.remaining):
        return ()
    ordered = [BIAS, VARIANCE] if now.bias_dominates or now.variance is None else [VARIANCE, BIAS]
    hinted = [s.cause for s in suspicions if s.cause.kind == "disease" and s.state != "refuted"]
    *hints, first, second = (
        [remedy for remedy in cause.remedies if _is_open(remedy, now)] for cause in (*hinted, *ordered)
    )
    if ordered[0] is VARIANCE:
        first = [remedy for pair in zip_longest(first, second) for remedy in pair if remedy is not None]
    return tuple(map(tuple, (chain(*hints, first), second)))


def _is_open(remedy: DeclaredRemedy, now: Situation) -> bool:
    """Whether it can be tried on new rows, was not tried before, and weakens only what is there."""
    if remedy.option is None or remedy.code in {*now.repairs, *now.effects}:
        return False
    return not remedy.lessens or remedy.lessens in now.standing


def may_go_on(now: Situation) -> bool:
    """Whether a longer training may lower the dev error: where nothing else is in the way."""
    if not may_improve(now.remaining) or (now.repair is not None and now.repair.cause.idea != "train-longer"):
        return False
    return now.improving is not None or not now.variance_dominates


def may_go_on_instead(now: Situation) -> bool:
    """Whether a longer training is another cure of the first cause, which is dearer, so that it is tried last."""
    repair = now.repair
    return repair is not None and may_improve(now.remaining) and optimisation.TRAIN_LONGER in repair.cause.remedies


def may_go_on_anyway(now: Situation) -> bool:
    """Whether a longer training can be tried where variance is the larger part, which it seldom lowers."""
    return now.repair is None and may_improve(now.remaining)


def beside_repairs(now: Situation) -> tuple[DeclaredRemedy, ...]:
    """What is tried beside the repairs of a model that learns slowly: a net that is too small looks the same."""
    slow = now.repair is not None and now.repair.cause.family == "speed"
    return tuple(remedy for remedy in BIGGER if slow and _is_open(remedy, now))


def may_improve(left: Remaining | None) -> TypeGuard[Remaining]:
    """Whether an error on unseen rows is left that trials can measure."""
    if left is None or left.unseen is None or left.train.positions is not None:
        return False
    return not left.target_met and left.whole >= POINT


def _is_advised(remedy: DeclaredRemedy, answers: Mapping[str, str], now: Situation) -> bool:
    tried = now.effects.get(remedy.code)
    if tried is not None and (tried.likely or tried.helps is False or tried.after >= tried.before):
        return tried.likely
    if remedy.lessens:
        return remedy.lessens in now.standing and _no_gap_to_close(now)
    item = ITEM_OF.get(remedy.code, "")
    return answers.get(item) == "do" and remedy is best_way(item, now)


def _seen_to_help(now: Situation) -> Iterator[DeclaredRemedy]:
    """The remedies of which a trial on new rows showed a likely gain, whatever part of the error it comes from."""
    for remedy in (*BIAS.remedies, *VARIANCE.remedies):
        tried = now.effects.get(remedy.code)
        if remedy.option is not None and tried is not None and tried.likely:
            yield remedy


def _no_gap_to_close(now: Situation) -> bool:
    """Whether regularisation costs more than it brings: bias is larger than variance, or there is no variance."""
    return now.bias_dominates or (now.bias_open and now.variance_known and now.variance is None)
