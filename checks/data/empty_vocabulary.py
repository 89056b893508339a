from collections.abc import Iterator

from diagnose.checks.further_reading import NOT_WORKING, RECIPE
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import Network
from diagnose.registry import check


@check("Empty vocabulary", family="data", reading=(RECIPE, NOT_WORKING))
def empty_vocabulary(network: Network) -> Iterator[Finding]:
    """Looks for layers that number words, categories or integers by a vocabulary, and have none.

    ## What it measures
    The number of entries of every `TextVectorization`, `StringLookup` and `IntegerLookup` layer in the model, without
    those for padding and unknown words.

    ## Why it matters
    Such a layer takes its vocabulary from `adapt`, or as an argument. Without one every word is unknown, so that all
    texts of one length look the same.

    ## How it is decided
    An error for a layer without an entry.

    ## Known limits
    A vocabulary of other data than these is not found here.

    ## References
    - keras.io, "TextVectorization layer" (adapt)
    """
    for layer in network.layers:
        if layer.vocabulary == 0:
            yield Finding(
                Severity.ERROR,
                f"{layer.path} ({layer.kind}) was never adapted: its vocabulary is empty, so every word is unknown",
                where=Where(layer=layer.path),
                value=0.0,
                threshold=1.0,
            )
