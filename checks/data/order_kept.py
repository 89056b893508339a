"""Whether the rows lie in the order of their targets, and the model does worse than one that is fed at random."""

import math
from collections.abc import Iterator

from diagnose.checks.data.label_order import ALIKE, BATCHES, in_order
from diagnose.checks.further_reading import NOT_WORKING, RECIPE
from diagnose.checks.reading.wording import number, skill_text
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import Dataset, Evaluation, History, Network, NotMeasured, need
from diagnose.registry import check

BEHIND = 0.1  # skill that the model is behind the same training with shuffled rows; replays agree to about 0.05
FEWEST = 2  # replays


@check(
    "Order of the rows kept in training",
    family="data",
    needs_task=True,
    origins=("replay",),
    speaks_live=None,
    reading=(RECIPE, NOT_WORKING),
)
def order_kept(
    dataset: Dataset, history: History, evaluation: Evaluation, network: Network | None
) -> Iterator[Finding]:
    """Compares the loaded weights with replays of their training, where the rows lie in the order of their targets.

    ## What it measures
    The intraclass correlation of the targets of neighbouring training rows, as they lie in the data: 0 in random order,
    1 if all rows of a batch have the same target. And the skill on train of the loaded weights, against that of
    replays: short trainings with your own settings, of at most as many steps, whose rows are shuffled.

    ## Why it matters
    Files and folders are often sorted by class, which does no harm as long as the training shuffles them. With
    `shuffle=False`, a generator, or a `tf.data` pipeline whose buffer is smaller than a class, each batch teaches one
    class and undoes what earlier ones taught.

    ## How it is decided
    A warning if the correlation is above 0.5 and above the largest of 50 random orders of the same rows, and every
    replay ends at least 0.1 skill above the loaded weights, beyond their 95 % interval.

    ## Known limits
    That the order was kept is not seen, only that it lies there and that shuffled rows do better: another difference
    between your training and the replays (other rows, an early checkpoint) looks the same.

    ## References
    - Bottou 2012, "Stochastic Gradient Descent Tricks", section 4.1, doi:10.1007/978-3-642-35289-8_25
    """
    if network is not None and not network.trained:
        raise NotMeasured("the model was never trained", "Train the model, then examine it again.")
    if dataset.order is None or dataset.order.batches < BATCHES:
        raise NotMeasured("the order of the training rows is unknown", "Pass all training rows, in their own order.")
    if not in_order(dataset.order):
        return
    score = need(evaluation.train).scores[0]
    ends = [run.final_train_skill for run in history.of(score.output).runs]
    scale = score.constant_error if score.task.classifies else score.constant_error**2
    power = 1 if score.task.classifies else 2
    if len(ends) < FEWEST or not all(map(math.isfinite, (*ends, score.skill))) or not scale > 0:
        return
    at_most = 1 - max(score.error_interval.low, 0.0) ** power / scale
    if min(ends) - score.skill < BEHIND or min(ends) <= at_most:
        return
    yield Finding(
        Severity.WARNING,
        f"the training rows lie in the order of their targets (correlation {number(dataset.order.alike)}), and"
        f" {len(ends)} replays with shuffled rows reach a train skill of {skill_text(min(ends))} or more, where your"
        f" model has {skill_text(score.skill)}",
        where=Where(output=score.output, split="train"),
        value=dataset.order.alike,
        threshold=ALIKE,
        rows=score.rows,
    )
