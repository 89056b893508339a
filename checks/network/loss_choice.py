from collections.abc import Iterator

from diagnose.checks.further_reading import LOSS_TABLE, OBJECTIVES
from diagnose.checks.reading.objectives import (
    BINARY,
    CATEGORICAL,
    CROSS_ENTROPIES,
    DISTANCES,
    HINGES,
    learned,
    train_score,
    train_target,
)
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import Dataset, Evaluation, Head, Network, Score, TargetStatistics
from diagnose.registry import check
from diagnose.subject import Task

COUNTS = frozenset({"poisson", "mean_squared_logarithmic_error"})  # defined for targets of 0 and more


@check("Loss that does not fit the task", family="network", needs_task=True, reading=(OBJECTIVES, LOSS_TABLE))
def loss_choice(network: Network, dataset: Dataset, evaluation: Evaluation | None) -> Iterator[Finding]:
    """Compares the loss of every output with its targets and its head.

    ## What it measures
    The combination of loss, head activation and kind of target, and whether the loaded model learned with it.

    ## Why it matters
    A loss assumes a distribution of the noise. Squared error on class probabilities has gradients that vanish exactly
    where the model is most wrong. A categorical loss on independent sigmoids, or a binary one on a softmax, scores the
    wrong classes in a way that does not match the head.

    ## How it is decided
    Errors, if the loss is not defined for the targets: a cross-entropy on real-valued targets, a loss for counts on
    negative targets, cosine similarity of a single value. Warnings, if it is defined but does not fit: squared or
    absolute error on class labels, categorical cross-entropy on sigmoids, binary cross-entropy on a softmax of three or
    more classes, hinge on a head that cannot be negative, percentage error on targets with zeros. A warning becomes a
    hint if the model learned anyway (train error better than the best constant prediction at 95 %).

    ## Known limits
    Custom losses are not judged. Squared error on classes can do as well as cross-entropy if it is tuned. Targets
    between 0 and 1 under binary cross-entropy count as probabilities.

    ## References
    - Nielsen 2015, *Neural Networks and Deep Learning*, chapter 3 (learning slowdown)
    - Hui, Belkin 2021, "Evaluation of Neural Architectures Trained with Square Loss vs Cross-Entropy in
      Classification Tasks", arXiv:2006.07322
    - Bishop 2006, *Pattern Recognition and Machine Learning*, section 4.3.6
    """
    for place, head in enumerate(network.heads):
        target = train_target(dataset, place)
        if head.output.custom_loss or target is None or target.low.size == 0:
            continue
        score = train_score(evaluation, place)
        undefined, costly = _undefined(head, target), _costly(head, target)
        if undefined is not None:
            yield _finding(head, Severity.ERROR, undefined, score)
        elif costly is not None:
            yield _finding(head, Severity.HINT if learned(score) else Severity.WARNING, costly, score)


def _undefined(head: Head, target: TargetStatistics) -> str | None:
    loss, low, high = head.output.loss, float(target.low.min()), float(target.high.max())
    if loss in CROSS_ENTROPIES and target.layout == "numbers" and (low < 0 or high > 1):
        return "is a loss for probabilities and classes, but its targets are real numbers"
    if loss in COUNTS and low < 0:
        return "is a loss for counts, but some of its targets are negative"
    if loss == "cosine_similarity" and head.units == 1:
        return "compares directions, but a single value has only a sign"
    return None


def _costly(head: Head, target: TargetStatistics) -> str | None:
    loss, activation, units = head.output.loss, head.activation, head.units
    labels = target.layout in ("one-hot", "multi-hot") or (
        target.layout == "integers" and set(target.classes) == {0, 1}
    )
    if loss in DISTANCES and head.output.task is not Task.REGRESSION and labels:
        return f"measures a distance between numbers, but its targets are class labels (head: {activation or 'custom'})"
    if loss in CATEGORICAL and activation == "sigmoid" and units > 1:
        return "expects one distribution over the classes, but its head has independent sigmoids"
    if loss in BINARY and activation == "softmax" and units > 2 and target.layout == "one-hot":
        return "scores every class separately, but its head is a softmax, whose outputs sum to 1"
    if loss in HINGES and activation in ("sigmoid", "softmax", "relu"):
        return f"expects -1 for the negative class, but its head ({activation}) cannot be negative"
    if loss == "mean_absolute_percentage_error" and float(target.low.min()) == 0:
        return "divides by the target, but some targets are 0"
    return None


def _finding(head: Head, severity: Severity, what: str, score: Score | None) -> Finding:
    return Finding(
        severity,
        f"the loss of {head.output.name}, {head.output.loss}, {what}",
        where=Where(output=head.output.name, layer=head.layer),
        value=score.skill if score is not None else None,
        interval=score.beats_constant_error if score is not None and severity is not Severity.ERROR else None,
        rows=score.rows if score is not None else None,
    )
