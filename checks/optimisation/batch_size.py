"""Whether the batch size leaves enough steps per epoch, and enough rows per step."""

from collections.abc import Iterator

from diagnose.checks.further_reading import EPOCHS, NOT_WORKING
from diagnose.checks.reading.wording import counted
from diagnose.findings import Finding, Severity
from diagnose.measurements import ALL_ROWS, Dataset, Network, NotMeasured
from diagnose.registry import check

LARGE_SET = 2_000  # rows; above, one batch per epoch is too few steps
FEW_PER_EPOCH = 10  # steps per epoch
FEW_STEPS = 500  # optimizer steps of a whole training; small nets on small data need some hundreds
NORMALISED = 4  # rows that BatchNormalization needs for its statistics, at least


@check("Extreme batch size", family="optimisation", reading=(EPOCHS, NOT_WORKING))
def batch_size(network: Network, dataset: Dataset) -> Iterator[Finding]:
    """Compares the batch size with the number of training rows and of optimizer steps.

    ## What it measures
    The batch size, the total number of training rows (not only those in a sample), and the steps that the optimizer
    took.

    ## Why it matters
    With very large batches an epoch has few steps, so the model learns little. With one row per step the gradient is so
    noisy that it needs a low learning rate, and batch normalisation cannot compute its statistics.

    ## How it is decided
    Hints: one batch per epoch with more than 2,000 rows; fewer than 10 batches per epoch in a training of fewer than
    500 steps; one row per batch. A warning: fewer than 4 rows per batch in a net with batch normalisation.

    ## Known limits
    Whether a batch size is good depends on the learning rate, which should grow with it; sizes between the extremes are
    not judged. Not judged if the batch size, or the number of training rows, is unknown.

    ## References
    - Masters, Luschi 2018, "Revisiting Small Batch Training for Deep Neural Networks", arXiv:1804.07612
    - McCandlish et al. 2018, "An Empirical Model of Large-Batch Training", arXiv:1812.06162
    - Wu, He 2018, "Group Normalization", arXiv:1803.08494
    """
    size, rows = network.batch_size, dataset.train.all_rows
    if size is None:
        raise NotMeasured(
            "the batch size of the training is unknown", "Pass the batch size used in training: --batch-size N."
        )
    normalises = any(layer.kind == "BatchNormalization" and layer.trainable for layer in network.layers)
    if normalises and size < NORMALISED <= dataset.train.rows:
        message = f"batch normalisation takes its statistics from batches of {counted(size, 'row')}"
        yield Finding(Severity.WARNING, message, value=size, threshold=NORMALISED, rows=rows)
        return
    if rows is None:
        reason = f"{dataset.train.rows:,} training rows are held, and the total is unknown"
        raise NotMeasured(reason, ALL_ROWS)
    yield from _extremes(network, size, rows)


def _extremes(network: Network, size: int, rows: int) -> Iterator[Finding]:
    if size == 1 and rows > 1:
        message = f"each of the {rows:,} rows is a batch of its own"
        yield Finding(Severity.HINT, message, value=1, threshold=2, rows=rows)
    elif size >= rows > LARGE_SET:
        message = f"all {rows:,} training rows are in one batch, so an epoch is a single step"
        yield Finding(Severity.HINT, message, value=size, threshold=rows, rows=rows)
    elif _few_steps(network, size, rows):
        steps = _steps(network, size, rows)
        message = f"with batches of {size:,} from {rows:,} rows, the training took only {steps} steps"
        yield Finding(Severity.HINT, message, value=steps, threshold=FEW_STEPS, rows=rows)


def _steps(network: Network, size: int, rows: int) -> int | None:
    if network.iterations:
        return network.iterations
    return network.epochs * -(-rows // size) if network.epochs else None


def _few_steps(network: Network, size: int, rows: int) -> bool:
    steps = _steps(network, size, rows)
    return steps is not None and steps < FEW_STEPS and size * FEW_PER_EPOCH > rows
