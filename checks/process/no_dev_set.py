"""Whether there are rows on which the model can be judged at all."""

from collections.abc import Iterator

from diagnose.checks.further_reading import PROJECT, RECIPE
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import Dataset, Evaluation, Unavailable
from diagnose.registry import check


@check("No dev set", family="process", speaks_live=None, reading=(PROJECT, RECIPE))
def no_dev_set(evaluation: Evaluation, dataset: Dataset | None) -> Iterator[Finding]:
    """Looks for rows that the model was not trained on.

    ## What it measures
    Whether a dev set and a test set were given.

    ## Why it matters
    Error on rows that were trained on says nothing about new rows. A dev set cut from train now does not
    help either: the loaded weights have seen it.

    ## How it is decided
    A hint where there is neither a dev nor a test set, a note (info) where only a test set was left aside.
    Then variance, data mismatch and the choice of the best epoch cannot be judged for these weights.

    ## Known limits
    It takes the user's word for which rows were trained on.

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
        message = "there is a test set and no dev set, so every choice would be made on test"
        yield Finding(Severity.INFO, message, Where(split="dev"))
