"""Whether the rows were fed in the order of their targets."""

from collections.abc import Iterator

import numpy as np

from diagnose.checks.further_reading import NOT_WORKING, RECIPE
from diagnose.checks.reading.wording import number
from diagnose.findings import Curves, Finding, Series, Severity
from diagnose.measurements import Array, Evaluation, Feeding, History, NotMeasured, SplitScores, Unavailable, need
from diagnose.registry import check

ALIKE = 0.5  # intraclass correlation of the targets in a batch; shuffled: within 0.05 of 0
BATCHES = 4  # fewer do not show an order
FORGOTTEN = 1.25  # loss on all rows after the last step, over the mean loss of the steps; shuffled: 1 or less
UNLEARNED = 0.25  # times the constant prediction's loss: steps that stay above it have not learned
EPOCHS = 2  # at least; in the first epoch every loss is high
MATTERS = 0.1  # share of the constant prediction's loss: a smaller difference does not matter


@check(
    "Rows fed in the order of their targets",
    family="data",
    needs_task=True,
    origins=("live",),
    speaks_live=Severity.HINT,
    reading=(RECIPE, NOT_WORKING),
)
def label_order(history: History, evaluation: Evaluation | None) -> Iterator[Finding]:
    """Compares the targets within batches with those of the whole epoch, in the order they were fed.

    ## What it measures
    The intraclass correlation of the targets in the batches of the first epoch: 0 if the rows come in random order, 1
    if all rows of a batch have the same target; and the loss on all kept rows after the last step, over the mean loss
    of the steps of the last epoch.

    ## Why it matters
    A batch of one class pulls the model towards that class only, so each step undoes what earlier steps learned about
    the others. Files are often sorted by class, and `shuffle=False`, a `tf.data` pipeline without `shuffle`, or one
    whose buffer is smaller than a class keep that order.

    ## How it is decided
    A hint if the correlation is above 0.5 and above the largest of 50 random orders of the same rows. A warning if the
    loss shows harm: the loss on all rows is more than 1.25 times what it was during training, and the difference is
    more than a tenth of the constant prediction's loss; or the steps of the last epoch, from the second epoch on, stay
    above a quarter of the constant prediction's loss.

    ## Known limits
    In time series, neighbouring rows have similar targets by nature; without harm this stays a hint. Only the order of
    the first epoch is seen.

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
        evidence=_step_losses(history),
    )


def in_order(feeding: Feeding | Unavailable) -> bool:
    """Whether rows are known to have been fed in the order of their targets."""
    return isinstance(feeding, Feeding) and feeding.alike > max(ALIKE, feeding.chance)


def _forgotten(history: History, evaluation: Evaluation | None) -> str:
    """The harm that the order does to the loss, in words; empty if there is no sign of any."""
    train = evaluation.train if evaluation is not None else None
    trained = _last_epoch(history)
    if not isinstance(train, SplitScores) or not history.constant_loss or not len(trained):
        return ""
    known, while_trained = sum(score.own_loss or 0.0 for score in train.scores), float(trained.mean())
    if known < FORGOTTEN * while_trained or known - while_trained < MATTERS * history.constant_loss:
        return ""
    return f"; the loss on all rows is {number(known)}, but was {number(while_trained)} during the last epoch"


def _unlearned(history: History) -> str:
    """The same for steps whose loss does not come down."""
    trained = _last_epoch(history)
    epochs = len(history.runs[0].step_losses) / max(history.steps_per_epoch or np.inf, 1)
    if not history.constant_loss or epochs < EPOCHS or not len(trained):
        return ""
    level = float(trained.mean()) / history.constant_loss
    return f"; the loss stays at {level:.2f} times that of the best constant prediction" if level > UNLEARNED else ""


def _last_epoch(history: History) -> Array:
    steps = history.runs[0].step_losses
    known = steps[-(history.steps_per_epoch or len(steps)) :]
    return known[np.isfinite(known)]


def _step_losses(history: History) -> tuple[Curves, ...]:
    losses = _last_epoch(history)
    steps = tuple(float(step) for step in range(1, len(losses) + 1))
    line = Series("loss", steps, tuple(losses.tolist()), role="train")
    return (Curves("Loss of single steps in the last epoch", "step of the epoch", "loss", (line,)),) if steps else ()
