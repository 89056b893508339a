"""The next steps for a model that needs no repair, each with its ground in the situation."""

from collections.abc import Iterator, Mapping, Sequence

from diagnose.diagnosis import Verdict
from diagnose.reasoning.causes import CAUSES
from diagnose.reasoning.engine import Suspicion
from diagnose.reasoning.remedies import DeclaredRemedy, generalisation, optimisation
from diagnose.reasoning.verdicts import SNIPPETS, Situation

# The list item that each remedy carries out: it is advised only if the verdict on that item is "do".
ITEM_OF = {remedy.code: item for item, remedy in reversed(SNIPPETS.items())}
BIAS = next(cause for cause in CAUSES if cause.code == "high-bias")


def steps(
    now: Situation, suspicions: Sequence[Suspicion], verdicts: Mapping[str, Sequence[Verdict]]
) -> tuple[DeclaredRemedy, ...]:
    """The remedies to advise, in the order of the directions; the order by cost is left to `prescribing`."""
    return tuple(dict.fromkeys(_steps(now, suspicions, verdicts)))


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
            if remedy.lessens:
                advised = remedy.lessens in now.standing and _no_gap_to_close(now)
            else:
                advised = answers.get(ITEM_OF.get(remedy.code, "")) == "do"
            if advised:
                yield remedy
    yield from (remedy for item, remedy in SNIPPETS.items() if answers[item] == "do")
    if now.unfit_metric is not None:
        yield generalisation.FIT_METRIC
    if now.bias_open and evaluated:
        yield generalisation.TARGET_ERROR


def _no_gap_to_close(now: Situation) -> bool:
    """Whether regularisation costs more than it brings: bias is larger than variance, or there is no variance."""
    return now.bias_dominates or (now.bias_open and now.variance_known and now.variance is None)
