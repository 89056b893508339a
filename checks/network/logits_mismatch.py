from collections.abc import Iterator

import numpy as np

from diagnose.checks.further_reading import LOSS_TABLE, RECIPE
from diagnose.checks.reading.objectives import BINARY, CATEGORICAL, DIVERGENCE, SPARSE, train_score
from diagnose.checks.reading.wording import number
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import Evaluation, Head, Initial, Network, Score
from diagnose.registry import check

TAKES_LOGITS = SPARSE | CATEGORICAL | BINARY
PROBABILITIES = frozenset({"softmax", "sigmoid"})
HIGH = 3.0  # times ln K; measured at the first step: 3.4 and 5.9 without softmax, at most 1.5 for healthy heads
PROBABLE = 0.01  # mean |sum - 1| of the outputs; below, they are probabilities
APART = 0.05  # nats between the compiled loss and the log loss of the outputs; above, a softmax is applied twice


@check("Logits and probabilities confused", family="network", needs_task=True, reading=(LOSS_TABLE, RECIPE))
def logits_mismatch(network: Network, initial: Initial | None, evaluation: Evaluation | None) -> Iterator[Finding]:
    """Compares the activation of every head with what its cross-entropy expects.

    ## What it measures
    The head's activation and the loss's `from_logits`; as further evidence, the loss of fresh weights in units of ln K,
    the sums of the outputs, and the compiled loss against the log loss of the outputs.

    ## Why it matters
    A loss that expects logits applies a softmax itself. Applied twice, it leaves almost no difference between right and
    wrong. Never applied, the loss takes the logarithm of numbers that are not probabilities.

    ## How it is decided
    No activation and `from_logits=False`: an error, unless the outputs turn out to be probabilities. Softmax or sigmoid
    and `from_logits=True`: an error. With TensorFlow Keras may use the values before the activation; then it is a
    warning, a hint if the compiled loss turns out to be right, and an error only if it turns out to be wrong.

    ## Known limits
    An activation inside a custom layer or a Lambda is seen only through the further evidence.

    ## References
    - keras.io, "Probabilistic losses" (from_logits)
    - Karpathy 2018, "most common neural net mistakes", the fourth of six: softmaxed outputs to a loss that expects
      logits
    """
    for place, head in enumerate(network.heads):
        if head.output.custom_loss:
            continue
        score, fresh = train_score(evaluation, place), _fresh(head, initial)
        if head.output.from_logits and head.output.loss in TAKES_LOGITS and head.activation in PROBABILITIES:
            yield _twice(head, network.backend, score)
        elif not head.output.from_logits and head.output.loss in TAKES_LOGITS | DIVERGENCE and _bare(head, score):
            if network.operations and score is None:
                continue  # one of them may be the softmax
            yield _never(head, fresh, score)


def _fresh(head: Head, initial: Initial | None) -> float | None:
    """Loss of fresh weights in units of ln K (median over seeds)."""
    if initial is None or head.output.name not in initial.outputs:
        return None
    place = initial.outputs.index(head.output.name)
    expected = initial.expected[place]
    return float(np.median(initial.losses[place])) / expected if expected > 0 and initial.losses[place] else None


def _bare(head: Head, score: Score | None) -> bool:
    """Whether the head has no activation, and its outputs are not known to be probabilities."""
    sums = score.row_sum_error if score is not None else None
    return head.activation == "linear" and head.output.task.classifies and not (sums is not None and sums < PROBABLE)


def _twice(head: Head, backend: str, score: Score | None) -> Finding:
    severity, witness = Severity.ERROR, ""
    if backend == "tensorflow":
        severity = Severity.WARNING
        if score is not None and score.own_loss is not None:
            repaired = abs(score.own_loss - score.loss) < APART
            severity = Severity.HINT if repaired else Severity.ERROR
            witness = (
                ", which Keras corrects with TensorFlow"
                if repaired
                else f": the loss is {number(score.own_loss)}, but the log loss of the outputs is {number(score.loss)}"
            )
    return Finding(
        severity,
        f"{head.output.name} ends in {head.activation}, and {head.output.loss} with from_logits=True applies it again"
        + witness,
        where=Where(output=head.output.name, layer=head.layer),
        value=score.own_loss if score is not None else None,
        threshold=score.loss if score is not None and score.own_loss is not None else None,
        rows=score.rows if score is not None else None,
    )


def _never(head: Head, fresh: float | None, score: Score | None) -> Finding:
    witness = ""
    if fresh is not None and fresh > HIGH:
        witness = f", and the initial loss is {number(fresh)} times the chance level"
    elif score is not None and score.row_sum_error is not None:
        witness = f", and the sum of its outputs differs from 1 by {number(score.row_sum_error)} on average"
    return Finding(
        Severity.ERROR,
        f"{head.output.name} has no activation, but {head.output.loss} with from_logits=False expects probabilities"
        + witness,
        where=Where(output=head.output.name, layer=head.layer),
        value=fresh,
        threshold=HIGH if fresh is not None else None,
        rows=score.rows if score is not None else None,
    )
