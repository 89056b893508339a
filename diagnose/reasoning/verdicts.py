"""Both remedy lists, each item with do / don't yet / unknown and the reason.

*Machine Learning Yearning* (Andrew Ng), chapters 1, 20-28 and 40-42, and fast.ai's order of steps against
overfitting. The rules are those of its chapters: bias first; data and regularisation for variance only; while the
model is sick, only the repair."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from diagnose.checks.data.class_imbalance import class_imbalance
from diagnose.checks.generalisation.avoidable_bias import avoidable_bias
from diagnose.checks.generalisation.class_recall import class_recall
from diagnose.checks.generalisation.data_mismatch import data_mismatch
from diagnose.checks.generalisation.variance import variance
from diagnose.checks.network.structure_ignored import structure_ignored
from diagnose.checks.process.still_improving import still_improving
from diagnose.diagnosis import FAST_AI, MACHINE_LEARNING_YEARNING, Verdict
from diagnose.findings import Finding, Severity
from diagnose.reasoning.engine import Seen, Suspicion
from diagnose.reasoning.remedies import DeclaredRemedy, generalisation, optimisation

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
SNIPPETS: dict[str, DeclaredRemedy] = {
    "more-data": generalisation.MORE_DATA,
    "more-diverse-data": generalisation.DIVERSE_DATA,
    "train-longer": optimisation.TRAIN_LONGER,
    "bigger-network": generalisation.BIGGER,
    "smaller-network": generalisation.SMALLER,
    "regularize": generalisation.REGULARIZE,
    "change-architecture": generalisation.ARCHITECTURE,
    "augmentation": generalisation.AUGMENT,
    "generalizing-architecture": generalisation.ARCHITECTURE,
    "regularization": generalisation.REGULARIZE,
    "reduce-complexity": generalisation.SMALLER,
}


@dataclass(frozen=True)
class Situation:
    """What the verdicts depend on. `repair`: the first root disease, or None."""

    repair: Suspicion | None
    bias: Finding | None
    bias_known: bool
    variance: Finding | None
    variance_known: bool
    mismatch: Finding | None
    weak_class: Finding | None
    improving: Finding | None
    improving_known: bool
    structure: Finding | None
    images: bool

    @property
    def bias_dominates(self) -> bool:
        return self.bias is not None and (self.variance is None or _size(self.bias) > _size(self.variance))

    @property
    def variance_dominates(self) -> bool:
        return self.variance is not None and not self.bias_dominates


def _size(finding: Finding) -> float:
    return abs(finding.value or 0.0)


def situation(suspicions: Sequence[Suspicion], seen: Seen, images: bool) -> Situation:
    def first(*findings: Finding) -> Finding | None:
        counted = [f for f in findings if f.severity is not Severity.INFO]
        return max(counted, key=_size, default=None)

    roots = (
        s
        for s in suspicions
        if s.cause.kind == "disease" and s.severity.rank >= Severity.WARNING.rank and s.explained_by is None
    )
    return Situation(
        repair=next(roots, None),
        bias=first(*seen.of(avoidable_bias)),
        bias_known=seen.examined(avoidable_bias),
        variance=first(*seen.of(variance)),
        variance_known=seen.examined(variance),
        mismatch=first(*seen.of(data_mismatch)),
        weak_class=first(*seen.of(class_recall), *seen.of(class_imbalance)),
        improving=first(*seen.of(still_improving)),
        improving_known=seen.examined(still_improving),
        structure=first(*seen.of(structure_ignored)),
        images=images,
    )


def verdicts(now: Situation) -> dict[str, tuple[Verdict, ...]]:
    """Both lists, in their authors' order."""
    return {
        "machine_learning_yearning": tuple(_verdict(item, now) for item in MACHINE_LEARNING_YEARNING),
        "fast_ai": tuple(_verdict(item, now) for item in FAST_AI),
    }


def _verdict(item: str, now: Situation) -> Verdict:
    answer, because, behind = _decide(item, now)
    measurements = tuple(finding.id for finding in behind if finding is not None)
    return Verdict(item, TITLES[item], answer, None, because, measurements, None, SNIPPETS[item].snippet)


Decision = tuple[Answer, str, tuple[Finding | None, ...]]


def _decide(item: str, now: Situation) -> Decision:
    if now.repair is not None:
        cause = now.repair.cause
        if cause.idea == item:
            return "do", f"This fixes cause 1: {cause.clause}.", now.repair.support[:1]
        return "dont-yet", f"Fix cause 1 first: {cause.clause}.", now.repair.support[:1]
    return _RULES[item](now)


def _for_variance(now: Situation, do: str, dont_for_bias: str) -> Decision:
    if now.variance_dominates:
        return "do", f"{do} {_sentence(now.variance)}", (now.variance,)
    if now.bias_dominates:
        return "dont-yet", f"{dont_for_bias} {_sentence(now.bias)}", (now.bias,)
    if not now.variance_known:
        return "unknown", "Variance cannot be measured without a dev set that training has not seen.", ()
    return "dont-yet", "Variance is too small to matter, or too small to see on this dev set.", ()


def _sentence(finding: Finding | None) -> str:
    if finding is None:
        return ""
    return finding.message[0].upper() + finding.message[1:] + "."


def _more_data(now: Situation) -> Decision:
    return _for_variance(
        now,
        "More training rows are the most reliable way to close the train-dev gap.",
        "More data does not lower bias (chapter 20).",
    )


def _diverse(now: Situation) -> Decision:
    behind = now.mismatch or now.weak_class
    if behind is not None:
        return "do", f"More rows of the kind that fails would help. {_sentence(behind)}", (behind,)
    if not now.variance_known:
        return "unknown", "Without a dev set it is unknown which kinds of rows fail.", ()
    return "unknown", "No class stands out; error analysis shows which kinds of rows fail (chapter 14).", ()


def _longer(now: Situation) -> Decision:
    if now.improving is not None:
        return "do", _sentence(now.improving), (now.improving,)
    if not now.improving_known:
        return "unknown", "No training history was given, and the training could not be replayed.", ()
    return "dont-yet", "The loss had levelled off, or longer trainings did not do better.", ()


def _bigger(now: Situation) -> Decision:
    if now.bias_dominates:
        return "do", f"The net does not fit its training rows well enough. {_sentence(now.bias)}", (now.bias,)
    if not now.bias_known:
        return "unknown", "The lowest possible error is unknown: pass --target-error, or run with baselines.", ()
    if now.variance_dominates:
        return "dont-yet", "Variance is the larger part; a bigger net needs more regularisation first.", (now.variance,)
    return "dont-yet", "The training error is close to the best known error.", ()


def _smaller(now: Situation) -> Decision:
    if now.variance_dominates:
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
    if now.structure is not None and (now.bias_dominates or now.variance_dominates):
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
    if now.variance_dominates:
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
    "regularization": _later,
    "reduce-complexity": _later,
}
