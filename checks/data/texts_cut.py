from collections.abc import Iterator

from diagnose.checks.further_reading import NOT_WORKING, RECIPE
from diagnose.checks.reading.wording import counted
from diagnose.checks.reading.words import lost, share
from diagnose.findings import Finding
from diagnose.measurements import Baseline, Words
from diagnose.registry import check


@check("Texts that are cut short", family="data", reading=(RECIPE, NOT_WORKING))
def texts_cut(words: Words, baseline: Baseline | None) -> Iterator[Finding]:
    """Checks whether what a text layer cuts off would have told the target.

    ## What it measures
    For `TextVectorization` layers with an `output_sequence_length` that take an input of the model: the share of the
    words of sampled training rows behind that length, and the skill of a linear model on held-out rows with all words,
    and with those that are left.

    ## Why it matters
    The net never sees what is cut off, and no training makes up for it.

    ## How it is decided
    The length counts if the linear model does worse without the words behind it (95 %, paired by row) and the net lacks
    as much: an error if both are more than 0.25 of skill behind the linear model with all words, a warning above 0.1. A
    hint if the net cannot be compared. Cutting words that tell nothing more is no fault.

    ## Known limits
    Token ids that were cut before the model are not seen here.

    ## References
    - keras.io, "TextVectorization layer" (output_sequence_length)
    """
    for layer in words.layers:
        if layer.length:
            what = f"{layer.path} keeps the first {counted(layer.length, 'word')} of a text and drops"
            yield from lost(layer.by_length, baseline, layer.path, f"{what} {share(layer.dropped)}")
