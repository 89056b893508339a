"""Both remedy lists, each item with do / don't yet / unknown and the reason.

*Machine Learning Yearning* (Andrew Ng), chapters 1, 20-28 and 40-42, and fast.ai's order of steps against
overfitting. The rules are those of its chapters: bias first; data and regularisation for variance only; while the
model is sick, only the repair."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, TypeVar

from diagnose.checks.data.class_imbalance import class_imbalance
from diagnose.checks.data.position_imbalance import position_imbalance
from diagnose.checks.generalisation.avoidable_bias import avoidable_bias
from diagnose.checks.generalisation.best_epoch import best_epoch
from diagnose.checks.generalisation.class_recall import class_recall
from diagnose.checks.generalisation.data_mismatch import data_mismatch
from diagnose.checks.generalisation.unfit_metric import unfit_metric
from diagnose.checks.generalisation.variance import variance
from diagnose.checks.network.structure_ignored import structure_ignored
from diagnose.checks.process.still_improving import levelled_off, still_improving
from diagnose.checks.reading.gaps import CO_DOMINANT, POINT
from diagnose.checks.reading.regularisers import regularisers
from diagnose.checks.reading.remaining import Remaining, remaining
from diagnose.checks.reading.wording import listed
from diagnose.diagnosis import FAST_AI, MACHINE_LEARNING_YEARNING, Effect, Verdict
from diagnose.findings import Finding, Severity
from diagnose.measurements import Baseline, Evaluation, History, Network
from diagnose.reasoning.causes import Role
from diagnose.reasoning.engine import Seen, Suspicion
from diagnose.reasoning.payoffs import gain, lowered, payoff, promise
from diagnose.reasoning.remedies import DeclaredRemedy, generalisation, network, optimisation
from diagnose.trials.dev_error import WORTH

Answer = Literal["do", "dont-yet", "unknown"]

TITLES = {
    "more-data": "More data",
    "more-diverse-data": "More diverse data",
    "train-longer": "Train longer",
    "bigger-network": "Bigger network",
    "smaller-network": "Smaller network",
    "regularize": "Regularise",
    "change-architecture": "Change the architecture",
    "augmentation": "Data augmentation",
    "generalizing-architecture": "Architectures that generalise",
    "regularization": "Regularisation",
    "reduce-complexity": "Reduce complexity",
}
BIGGER = (generalisation.BIGGER, generalisation.DEEPER)
REGULARISED = (
    generalisation.REGULARIZE,
    generalisation.DROPOUT,
    generalisation.SMOOTH_LABELS,
    generalisation.AVERAGE,
    generalisation.AVERAGE_TAIL,
)
AUGMENTED = (
    generalisation.AUGMENT,
    generalisation.MIXUP,
    generalisation.NOISE,
    generalisation.WORD_DROPOUT,
    generalisation.CUTMIX,
)
OTHERWISE_BUILT = (generalisation.ARCHITECTURE, network.NORMALISE_LAYERS, network.RESIDUAL_LINKS)
ENOUGH = 2  # ways that failed; then others are not expected to do better
WAYS: dict[str, tuple[DeclaredRemedy, ...]] = {  # to carry out an item; the first is the usual one
    "more-data": (generalisation.MORE_DATA,),
    "more-diverse-data": (generalisation.DIVERSE_DATA,),
    "train-longer": (optimisation.TRAIN_LONGER,),
    "bigger-network": BIGGER,
    "smaller-network": (generalisation.SMALLER,),
    "regularize": REGULARISED,
    "change-architecture": OTHERWISE_BUILT,
    "augmentation": AUGMENTED,
    "generalizing-architecture": OTHERWISE_BUILT,
    "regularization": REGULARISED,
    "reduce-complexity": (generalisation.SMALLER,),
}


@dataclass(frozen=True)
class Situation:
    """What the verdicts and the next steps depend on.

    `repair`: the first root disease, or None. `bias_known`: a target error was given, so that what is not found is not
    there. `remaining`: the error and the bounds of its parts. `levelled`: the end of a training that no longer
    improved, as a sentence. `standing`: what in the model trades train error for a smaller gap (`regularisers`).
    `cut`: why a part was not measured that might have shown a disease, as a clause; "" if nothing was cut.
    `effects` are the effects on the dev error of the remedies that were tried, by their codes, `repairs` those on the
    train skill: on top of another repair, if that restores learning. `untried` tells why others were not tried.
    """

    repair: Suspicion | None
    bias: Finding | None
    bias_known: bool
    variance: Finding | None
    variance_known: bool
    mismatch: Finding | None
    weak_class: Finding | None
    imbalance: Finding | None
    improving: Finding | None
    improving_known: bool
    structure: Finding | None
    images: bool
    remaining: Remaining | None = None
    levelled: str = ""
    past_best: Finding | None = None
    unfit_metric: Finding | None = None
    standing: frozenset[str] = frozenset()
    cut: str = ""
    effects: Mapping[str, Effect] = field(default_factory=dict)
    repairs: Mapping[str, Effect] = field(default_factory=dict)
    untried: Mapping[str, str] = field(default_factory=dict)

    @property
    def bias_at_most(self) -> float:
        """The largest bias that is possible, as far as it is known."""
        if self.bias_known:
            return _size(self.bias)
        return self.remaining.bias_at_most if self.remaining is not None else math.inf

    @property
    def bias_dominates(self) -> bool:
        return self.bias is not None and _size(self.bias) > _size(self.variance)

    @property
    def variance_dominates(self) -> bool:
        """Whether variance is certainly larger than any bias can be."""
        return self.variance is not None and not self.bias_dominates and _certain(self.variance) > self.bias_at_most

    @property
    def variance_matters(self) -> bool:
        """Whether variance is certainly a large part of the error, even if an unknown bias may be larger."""
        if self.variance_dominates or self.variance is None or self.bias_dominates or self.remaining is None:
            return self.variance_dominates
        return _certain(self.variance) >= CO_DOMINANT * self.remaining.whole

    @property
    def bias_open(self) -> bool:
        """Whether a bias that matters may be there, unseen because the lowest possible error is unknown."""
        return not self.bias_dominates and self.bias_at_most > max(_size(self.variance), POINT)

    @property
    def unrepaired(self) -> bool:
        """Whether no repair of the first cause lowers the dev error by what matters, as far as any can be tried.

        A repair that restores learning on top of another one is one of several that are needed: nothing is known of
        its dev error. That a baseline does better, or that nothing explains what was found, has no repair of its own.
        """
        if self.repair is None:
            return False
        tried = [r.code for r in self.repair.cause.remedies if r.code in self.effects or r.code in self.repairs]
        return all(map(self._in_vain, tried)) and (bool(tried) or self.repair.cause.role is Role.RESIDUE)

    @property
    def most_promising(self) -> str:
        """The code of the remedy whose trials left the fewest errors, where no gain is likely; "" if there is none."""
        if any(effect.likely for effect in self.effects.values()):
            return ""
        hoped = {code: lowered(effect) for code, effect in self.effects.items() if effect.seeds > 1}
        best = max(hoped, key=lambda code: hoped[code], default="")
        return best if best and hoped[best] else ""

    def outdoes_repairs(self, remedy: str) -> bool:
        """Whether it was seen to bring more on new rows than each repair of the first cause, of which some were tried
        there.
        """
        codes = {one.code for one in self.repair.cause.remedies} if self.repair is not None else set()
        repairs = [gain(effect) for code, effect in self.effects.items() if code in codes]
        brings = gain(self.effects.get(remedy))
        return remedy not in codes and bool(repairs) and brings > max(repairs)

    def _in_vain(self, remedy: str) -> bool:
        on_dev, on_train = self.effects.get(remedy), self.repairs.get(remedy)
        if on_train is not None and (on_dev is None or on_train.on_top_of):
            return on_train.restores is False
        if on_dev is None:
            return False
        one_training = on_dev.seeds == 1 and on_dev.helps is None  # which shows nothing if it lowers the error too
        if on_train is not None and on_train.restores and one_training and lowered(on_dev) >= WORTH:
            return False
        return gain(on_dev) < WORTH


def _size(finding: Finding | None) -> float:
    return abs(finding.value or 0.0) if finding is not None else 0.0


def _certain(finding: Finding) -> float:
    """The size that is certain at 95 %."""
    return finding.interval.low if finding.interval is not None else _size(finding)


def situation(
    suspicions: Sequence[Suspicion],
    seen: Seen,
    images: bool,
    measurements: Mapping[type, object],
    *,
    cut: str = "",
    effects: Iterable[Effect] = (),
    untried: Mapping[str, str] = MappingProxyType({}),
) -> Situation:
    """The situation from causes, outcomes of checks and measurements.

    Args:
        suspicions, seen, measurements: what was found.
        images: whether the inputs are images.
        effects: of all trials.
        cut, untried: see `Situation`.
    """

    def first(*findings: Finding) -> Finding | None:
        counted = [f for f in findings if f.severity is not Severity.INFO]
        return max(counted, key=_size, default=None)

    effects = tuple(effects)
    roots = (
        s
        for s in suspicions
        if s.cause.kind == "disease" and s.severity.rank >= Severity.WARNING.rank and s.explained_by is None
    )
    evaluation, network = _known(Evaluation, measurements), _known(Network, measurements)
    left = remaining(evaluation, network, _known(Baseline, measurements))
    past_best = first(*seen.of(best_epoch))
    return Situation(
        repair=next(roots, None),
        bias=first(*seen.of(avoidable_bias)),
        bias_known=left is not None and left.known,
        variance=first(*seen.of(variance)),
        variance_known=seen.examined(variance),
        mismatch=first(*seen.of(data_mismatch)),
        weak_class=first(*seen.of(class_recall)),
        imbalance=first(*seen.of(class_imbalance), *seen.of(position_imbalance)),
        improving=first(*seen.of(still_improving)),
        improving_known=seen.examined(still_improving),
        structure=first(*seen.of(structure_ignored)),
        images=images,
        remaining=left,
        levelled=levelled_off(_known(History, measurements)),
        past_best=past_best,
        unfit_metric=first(*seen.of(unfit_metric)),
        standing=regularisers(network, evaluation) if network is not None else frozenset(),
        cut=cut,
        effects={effect.remedy: effect for effect in effects if effect.on_dev},
        repairs={
            effect.remedy: effect
            for effect in sorted(effects, key=lambda effect: bool(effect.on_top_of))
            if not effect.on_dev and (effect.restores or not effect.on_top_of)
        },
        untried=untried,
    )


M = TypeVar("M")


def _known(kind: type[M], measurements: Mapping[type, object]) -> M | None:
    found = measurements.get(kind)
    return found if isinstance(found, kind) else None


def verdicts(now: Situation) -> dict[str, tuple[Verdict, ...]]:
    """Both lists, in their authors' order."""
    return {
        "machine_learning_yearning": tuple(_verdict(item, now) for item in MACHINE_LEARNING_YEARNING),
        "fast_ai": tuple(_verdict(item, now) for item in FAST_AI),
    }


def _verdict(item: str, now: Situation) -> Verdict:
    answer, because, behind = decide(item, now)
    measurements = tuple(finding.id for finding in behind if finding is not None)
    way = best_way(item, now)
    brings = payoff(way, now.effects.get(way.code), now.untried)
    return Verdict(item, TITLES[item], answer, None, because, measurements, brings, way.snippet, way.cost)


def best_way(item: str, now: Situation) -> DeclaredRemedy:
    """How to carry out an item: as usual, or in another way that did better in its trial."""
    usual, *others = WAYS[item]
    tried = [remedy for remedy in others if remedy.code in now.effects]
    return max((usual, *tried), key=lambda remedy: promise(now.effects.get(remedy.code)))


Decision = tuple[Answer, str, tuple[Finding | None, ...]]


def decide(item: str, now: Situation) -> Decision:
    """The answer for an item of the lists, the reason as sentences, and the findings behind it (None: no finding)."""
    if now.repair is not None:
        return _while_sick(item, now, now.repair)
    if now.cut:
        return "unknown", f"{now.cut[0].upper()}{now.cut[1:]}.", ()
    return _as_tried(item, _RULES[item](now), now)


def _while_sick(item: str, now: Situation, repair: Suspicion) -> Decision:
    """The decision while the model needs the repair of this first cause."""
    cause, behind, cure = repair.cause, repair.support[:1], _cure(item, now)
    if cause.idea == item or cure is not None:
        told = f" Tried: {cure.message}." if cure is not None else ""
        return "do", f"This fixes cause 1: {cause.clause}.{told}", behind
    if item == "train-longer" and cause.family == "speed":
        slow = "Cause 1 makes the training slow, and more of it is the dearer cure."
        longer = now.effects.get(optimisation.TRAIN_LONGER.code)
        if longer is not None and longer.likely:
            return "do", f"{slow} Tried: {longer.message}.", behind
        if longer is None and now.improving is not None:
            return "do", f"{slow} {_sentence(now.improving)}", (now.improving,)
    tried = _tried_while_sick(item, now)
    if tried is not None:
        return *tried, behind
    return "dont-yet", f"Fix cause 1 first: {cause.clause}.", behind


def _tried_while_sick(item: str, now: Situation) -> tuple[Answer, str] | None:
    """What trials on new rows say of an item while the model needs a repair; None if the repair comes first."""
    tried = [now.effects[way.code] for way in WAYS[item] if way.code in now.effects]
    best, most = (max(each, key=promise, default=None) for each in (tried, now.effects.values()))
    if now.unrepaired and most is not None and most.likely:
        none = "No repair of cause 1 is known to lower the dev error."
        if best is not None and best.likely:
            return "do", f"{none} Tried: {best.message}."
        return "dont-yet", f"{none} What was seen to lower it comes first: {most.message}."
    if best is not None and now.outdoes_repairs(best.remedy):
        return "do", f"Tried, and more than a repair of cause 1 brings: {best.message}."
    return None


def _cure(item: str, now: Situation) -> Effect | None:
    """The effect of a repair of the first cause that carries out an item, and was seen to lower the dev error."""
    remedies = now.repair.cause.remedies if now.repair is not None else ()
    carrying = [r.code for r in remedies if r in WAYS[item] or any(source.item == item for source in r.sources)]
    return next((now.effects[code] for code in carrying if code in now.effects and now.effects[code].likely), None)


def _as_tried(item: str, decision: Decision, now: Situation) -> Decision:
    """The decision after the ways to carry out an item were tried: what was measured overrules what is expected."""
    tried = [now.effects[remedy.code] for remedy in WAYS[item] if remedy.code in now.effects]
    if not tried:
        return decision
    best = max(tried, key=promise)
    told = f"Tried: {best.message}."
    if best.likely:
        return "do", told, decision[2]
    answer: Answer = decision[0]
    if answer == "do" and WAYS[item][0].code in now.effects:
        if best.helps is False and len(tried) >= min(len(WAYS[item]), ENOUGH):
            return "dont-yet", told, decision[2]
        whole = [effect for effect in tried if effect.seeds > 1 and not effect.forecast]
        if whole and all(lowered(effect) < WORTH for effect in whole):
            answer = "unknown"
        if all(effect.after >= effect.before for effect in tried):
            answer = "unknown"
    if answer == "dont-yet" and now.most_promising in {remedy.code for remedy in WAYS[item]}:
        return "unknown", f"No change is likely to help, and this is the most promising one. {told}", decision[2]
    return answer, f"{decision[1]} {told}", decision[2]


def _for_variance(now: Situation, do: str, dont_for_bias: str) -> Decision:
    if now.remaining is not None and now.remaining.target_met:
        return "dont-yet", "The dev error is within the target error.", ()
    if now.variance_matters:
        return "do", f"{do} {_sentence(now.variance)}", (now.variance,)
    if now.bias_dominates:
        return "dont-yet", f"{dont_for_bias} {_sentence(now.bias)}", (now.bias,)
    if not now.variance_known:
        return "unknown", "Variance cannot be measured without a dev set that training has not seen.", ()
    if now.variance is not None:
        return "unknown", f"{_sentence(now.variance)} {_open_bias(now)}", (now.variance,)
    return "dont-yet", "Variance is too small to matter, or too small to see on this dev set.", ()


def _open_bias(now: Situation) -> str:
    """What is unknown about bias, and how to get it."""
    left = now.remaining
    if left is None:
        return "The lowest possible error is unknown: pass --target-error."
    how_much = "More" if left.bias_at_least else "None or all"
    return f"{how_much} of the train error of {left.text(left.train)} may be avoidable: pass --target-error."


def _sentence(finding: Finding | None) -> str:
    if finding is None:
        return ""
    return finding.message[0].upper() + finding.message[1:] + "."


def _more_data(now: Situation) -> Decision:
    if now.variance_matters and not now.variance_dominates:  # too dear for a step that may miss the larger part
        return "unknown", f"{_sentence(now.variance)} {_open_bias(now)}", (now.variance,)
    return _for_variance(
        now,
        "More training rows are the most reliable way to close the train-dev gap.",
        "More data does not lower bias (chapter 20).",
    )


def _diverse(now: Situation) -> Decision:
    if now.mismatch is None and now.imbalance is not None:
        first = f"Weight the classes first, which needs no new rows. {_sentence(now.imbalance)}"
        return "dont-yet", first, (now.imbalance,)
    behind = now.mismatch or now.weak_class
    if behind is not None:
        return "do", f"More rows of the kind that fails would help. {_sentence(behind)}", (behind,)
    if not now.variance_known:
        return "unknown", "Without a dev set it is unknown which kinds of rows fail.", ()
    return "unknown", "Error analysis shows which kinds of rows fail (chapter 14).", ()


def _longer(now: Situation) -> Decision:
    if now.improving is not None:
        return "do", _sentence(now.improving), (now.improving,)
    if now.variance_dominates:
        return "dont-yet", "Variance is the larger part, and longer training does not lower it.", (now.variance,)
    if now.bias_at_most <= POINT:
        return "dont-yet", "The train error leaves too little to gain.", ()
    if not now.improving_known:
        return "unknown", "No training history was given, and the training could not be replayed.", ()
    if now.levelled:
        return "dont-yet", now.levelled, ()
    return "unknown", "It is unknown whether the loss was still falling at the end: pass --history FILE.", ()


def _bigger(now: Situation) -> Decision:
    if now.bias_dominates and now.standing:
        first = f"Weaken the {listed(sorted(now.standing))} in the model first: that costs a line."
        return "dont-yet", f"{first} {_sentence(now.bias)}", (now.bias,)
    if now.bias_dominates:
        return "do", f"The net does not fit its training rows well enough. {_sentence(now.bias)}", (now.bias,)
    if now.variance_dominates:
        return "dont-yet", "Variance is the larger part; a bigger net needs more regularisation first.", (now.variance,)
    if now.bias_open:
        return "unknown", _open_bias(now), ()
    if now.bias_known:
        return "dont-yet", "The train error is close to the target error.", ()
    return "dont-yet", "The train error is too small for a bias that matters.", ()


def _smaller(now: Situation) -> Decision:
    if now.variance_matters:
        return (
            "dont-yet",
            "Only for speed, or as a last resort: regularising a large net usually does better.",
            (now.variance,),
        )
    return "dont-yet", "A smaller net raises bias.", (now.bias,)


def _regularize(now: Situation) -> Decision:
    return _for_variance(
        now, "It trades a little bias for less variance.", "Regularisation raises bias, which is the larger part."
    )


def _architecture(now: Situation) -> Decision:
    if now.structure is not None and (now.bias_dominates or now.variance_matters):
        return "do", _sentence(now.structure), (now.structure,)
    return "dont-yet", "Not a first step: its effect is hard to predict (chapter 24).", ()


def _augmentation(now: Situation) -> Decision:
    answer, because, behind = _for_variance(
        now,
        "Augmented copies are extra rows at no labelling cost.",
        "Augmentation makes train harder; it does not lower bias.",
    )
    if answer == "do" and not now.images:
        return "unknown", "Only you know which changes keep the label of such rows.", behind
    return answer, because, behind


def _later(now: Situation) -> Decision:
    if now.variance_matters:
        return "dont-yet", "In this list, the steps above come first.", (now.variance,)
    return _for_variance(now, "", "This reduces variance, but bias is the larger part.")


_RULES = {
    "more-data": _more_data,
    "more-diverse-data": _diverse,
    "train-longer": _longer,
    "bigger-network": _bigger,
    "smaller-network": _smaller,
    "regularize": _regularize,
    "change-architecture": _architecture,
    "augmentation": _augmentation,
    "generalizing-architecture": _later,
    "regularization": _regularize,
    "reduce-complexity": _later,
}
