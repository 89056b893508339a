"""Whether the rows came in the order of their targets."""

from collections.abc import Iterator

import numpy as np

from diagnose.checks.further_reading import NOT_WORKING, RECIPE
from diagnose.checks.reading.wording import number
from diagnose.findings import Curves, Finding, Series, Severity
from diagnose.measurements import Array, Evaluation, Feeding, History, NotMeasured, SplitScores, Unavailable, need
from diagnose.registry import check

ALIKE = 0.5  # intraclass correlation of the targets in a batch; shuffled: within 0.05 of 0
BATCHES = 4  # fewer do not show an order
FORGOTTEN = 1.25  # loss over all rows after the last step over that of the steps; shuffled: 1 or less
UNLEARNED = 0.25  # times the constant prediction's loss: steps that stay above it have not learned
EPOCHS = 2  # before that is said: in the first one every loss is high
MATTERS = 0.1  # share of the constant prediction's loss: a smaller difference costs nothing that counts


@check(
    "Rows in the order of their targets",
    family="data",
    origins=("live",),
    speaks_live=Severity.HINT,
    reading=(RECIPE, NOT_WORKING),
)
def label_order(history: History, evaluation: Evaluation | None) -> Iterator[Finding]:
    """Compares the targets within batches with those of the whole epoch, as they were fed.

    ## What it measures
    The intraclass correlation of the targets in the batches of the first epoch: 0 where rows come in random
    order, 1 where all rows of a batch have one target; and the loss over all kept rows after the last step, over
    the mean loss of the steps of the last epoch.

    ## Why it matters
    A batch of one class asks for nothing but that class, so each step undoes what the ones before it
    learned about the others. Files are often sorted by class, and `shuffle=False`, a `tf.data` pipeline
    without `shuffle`, or one whose buffer is smaller than a class, feed them as they lie.

    ## How it is decided
    The correlation is above 0.5 and above the largest of 50 random orders of the same rows: a hint. A warning where
    the loss shows the harm: over all rows it is more than 1.25 times what it was while they were trained, and the
    difference more than a tenth of the constant prediction's loss; or the steps of the last epoch, from the second
    on, stay above a quarter of the constant prediction's loss.

    ## Known limits
    In time series, neighbours have similar targets by nature; without harm it stays a hint. Only the first epoch's
    order is seen.

    ## References
    - Bottou 2012, "Stochastic Gradient Descent Tricks", section 4.1, doi:10.1007/978-3-642-35289-8_25
    - Bengio 2012, "Practical recommendations for gradient-based training of deep architectures", arXiv:1206.5533
    """
    feeding = need(history.feeding)
    if feeding.batches < BATCHES:
        raise NotMeasured(f"fewer than {BATCHES} batches were seen", "Train with a smaller batch_size.")
    if not in_order(feeding):
        return
    harm = _forgotten(history, evaluation) or _unlearned(history)
    yield Finding(
        Severity.WARNING if harm else Severity.HINT,
        f"the rows of a batch have similar targets (intraclass correlation {number(feeding.alike)}, in random order up"
        f" to {number(max(feeding.chance, 0.0))}){harm}",
        value=feeding.alike,
        threshold=ALIKE,
        rows=feeding.rows,
        evidence=_saw(history),
    )


def in_order(feeding: Feeding | Unavailable) -> bool:
    """Whether rows are known to have come in the order of their targets."""
    return isinstance(feeding, Feeding) and feeding.alike > max(ALIKE, feeding.chance)


def _forgotten(history: History, evaluation: Evaluation | None) -> str:
    """What the order does to the loss, in words; empty where nothing shows."""
    train = evaluation.train if evaluation is not None else None
    trained = _last_epoch(history)
    if not isinstance(train, SplitScores) or not history.constant_loss or not len(trained):
        return ""
    known, while_trained = sum(score.own_loss or 0.0 for score in train.scores), float(trained.mean())
    if known < FORGOTTEN * while_trained or known - while_trained < MATTERS * history.constant_loss:
        return ""
    return f"; the loss over all of them is {number(known)} and was {number(while_trained)} as they were trained"


def _unlearned(history: History) -> str:
    """The same, where the steps themselves do not come down."""
    trained = _last_epoch(history)
    epochs = len(history.runs[0].step_losses) / max(history.steps_per_epoch or np.inf, 1)
    if not history.constant_loss or epochs < EPOCHS or not len(trained):
        return ""
    level = float(trained.mean()) / history.constant_loss
    return f"; the loss stays at {level:.2f} times the best constant prediction's" if level > UNLEARNED else ""


def _last_epoch(history: History) -> Array:
    steps = history.runs[0].step_losses
    known = steps[-(history.steps_per_epoch or len(steps)) :]
    return known[np.isfinite(known)]


def _saw(history: History) -> tuple[Curves, ...]:
    losses = _last_epoch(history)
    steps = tuple(float(step) for step in range(1, len(losses) + 1))
    line = Series("loss", steps, tuple(losses.tolist()), role="train")
    return (Curves("Loss of single steps in the last epoch", "step of the epoch", "loss", (line,)),) if steps else ()
