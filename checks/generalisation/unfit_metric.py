"""Whether a compiled metric can measure the error of its output."""

from collections.abc import Iterator

from diagnose.checks.further_reading import PROJECT
from diagnose.checks.reading.wording import listed, number
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import DOES_NOT_APPLY, Evaluation, Network, NotMeasured, need
from diagnose.registry import check
from diagnose.subject import Task

OF_CLASSES = ("accuracy", "acc", "precision", "recall", "auc", "f1_score")  # names that Keras gives metrics of classes


@check("Metric that does not fit the task", family="generalisation", reading=(PROJECT,))
def unfit_metric(evaluation: Evaluation, network: Network | None) -> Iterator[Finding]:
    """Looks for metrics of classification on an output that predicts numbers.

    ## What it measures
    The names of the compiled metrics of each regression output, and their values on train.

    ## Why it matters
    Accuracy counts exact matches. A predicted number never equals its target exactly, so accuracy stays near 0 however
    good the model is, and choices made by it are made at random.

    ## How it is decided
    A hint for every regression output with a metric that Keras names after accuracy, precision, recall, AUC or F1. The
    error of the model is judged without it. Not under a cross-entropy, where Keras compares rounded values.

    ## Known limits
    A metric of your own is known by its name only.

    ## References
    - Ng 2018, "Machine Learning Yearning", chapter 8
    - Chollet 2021, "Deep Learning with Python", second edition, section 4.3
    """
    train = need(evaluation.train)
    losses = {head.output.name: head.output.loss for head in network.heads} if network is not None else {}
    numbers = [score for score in train.scores if score.task is Task.REGRESSION]
    judged = [score for score in numbers if "crossentropy" not in losses.get(score.output, "")]
    if not judged:
        raise NotMeasured("no output predicts numbers", DOES_NOT_APPLY)
    for score in judged:
        unfit = {name: value for name, value in score.metrics.items() if _counts_classes(name)}
        if unfit:
            named = listed([f"{name} {number(value)}" for name, value in unfit.items()])
            yield Finding(
                Severity.HINT,
                f"{named} on train: metrics of classes say nothing about the error of a number",
                Where(output=score.output, split="train"),
                rows=score.rows,
            )


def _counts_classes(name: str) -> bool:
    """Whether a metric has one of the names, alone, numbered or as the last word ("binary_accuracy", "auc_1")."""
    plain = name.lower().rstrip("0123456789").rstrip("_")
    return plain in OF_CLASSES or plain.endswith("_accuracy")
