from collections.abc import Iterator

from diagnose.checks.further_reading import NOT_WORKING, RECIPE
from diagnose.checks.reading.wording import number
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import Dataset, InputStatistics, SplitStatistics
from diagnose.registry import check


@check("Tokens outside the vocabulary", family="data", reading=(RECIPE, NOT_WORKING))
def token_range(dataset: Dataset) -> Iterator[Finding]:
    """Compares the token ids that feed an embedding with the size of its table.

    ## What it measures
    Smallest and largest token id of every split, and the number of rows of the embedding.

    ## Why it matters
    A token id outside the table has no vector. Depending on the backend and the device, the result is a crash, a vector
    of zeros, or silently another token's vector.

    ## How it is decided
    A negative token id, or one at or above the embedding's `input_dim`, is an error.

    ## Known limits
    Only sampled rows are seen. Padding and unknown-word tokens are legitimate and not judged.

    ## References
    - keras.io, "Embedding layer" (input_dim: maximum integer index + 1)
    - tensorflow.org, "tf.gather" (out-of-bound indices: an error on CPU, zeros on GPU)
    """
    for split in dataset.splits:
        for inputs in split.inputs:
            if inputs.kind == "tokens" and inputs.vocabulary is not None and inputs.low.size:
                yield from _outside(inputs, inputs.vocabulary, split)


def _outside(inputs: InputStatistics, vocabulary: int, split: SplitStatistics) -> Iterator[Finding]:
    low, high = float(inputs.low.min()), float(inputs.high.max())
    if low >= 0 and high < vocabulary:
        return
    yield Finding(
        Severity.ERROR,
        f"the token ids of {inputs.name} on {split.name} run from {number(low)} to {number(high)}, "
        f"but its embedding only covers 0 to {vocabulary - 1:,}",
        where=Where(split=split.name, feature=inputs.name),
        value=high if high >= vocabulary else low,
        threshold=float(vocabulary - 1) if high >= vocabulary else 0.0,
        rows=split.rows_used,
    )
