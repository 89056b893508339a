"""Whether there are rows to evaluate the model on."""

from collections.abc import Iterator

from diagnose.checks.further_reading import PROJECT, RECIPE
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import Dataset, Evaluation, Unavailable
from diagnose.registry import check


@check("No dev set", family="process", speaks_live=None, reading=(PROJECT, RECIPE))
def no_dev_set(evaluation: Evaluation, dataset: Dataset | None) -> Iterator[Finding]:
    """Checks whether there are rows that the model was not trained on.

    ## What it measures
    Whether a dev set and a test set were given.

    ## Why it matters
    The error on training rows says nothing about new rows. Cutting a dev set from train now does not help: the loaded
    weights have seen it.

    ## How it is decided
    A hint if there is neither a dev nor a test set, a note (info) if there is only a test set. Then variance, data
    mismatch and the choice of the best epoch cannot be judged for these weights.

    ## Known limits
    It relies on what you say about which rows were trained on.

    ## References
    - Ng 2018, "Machine Learning Yearning", chapters 5 to 7
    """
    given = dataset is not None and not isinstance(dataset.dev, Unavailable)
    if given or not isinstance(evaluation.dev, Unavailable):
        return
    if isinstance(evaluation.test, Unavailable):
        message = "there is neither a dev nor a test set, so the error on new rows is unknown"
        yield Finding(Severity.HINT, message, Where(split="dev"))
    else:
        message = "there is a test set but no dev set, so every choice would be made on test"
        yield Finding(Severity.INFO, message, Where(split="dev"))
