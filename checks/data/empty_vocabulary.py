from collections.abc import Iterator

from diagnose.checks.further_reading import NOT_WORKING, RECIPE
from diagnose.checks.reading.wording import counted
from diagnose.checks.reading.words import lost, share
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import Baseline, LookupLayer, Network, Words
from diagnose.registry import check


@check("Empty or too small vocabulary", family="data", reading=(RECIPE, NOT_WORKING))
def empty_vocabulary(network: Network, words: Words | None, baseline: Baseline | None) -> Iterator[Finding]:
    """Looks for layers that number words, categories or integers by a vocabulary that does not cover the data.

    ## What it measures
    The number of entries of every `TextVectorization`, `StringLookup` and `IntegerLookup` layer in the model, without
    those for padding and unknown words. For the layers that take an input of the model: the share of the words of
    sampled training rows that are unknown to it (`Hashing`: that share a bin with another word), and the skill of a
    linear model on held-out rows with all words, and with those that the layer tells apart.

    ## Why it matters
    Such a layer takes its vocabulary from `adapt`, or as an argument. All words that are not in it become the same
    one: without a vocabulary, all texts of one length look the same; with few entries, or those of other texts, most.

    ## How it is decided
    An error for a layer without an entry. Else the vocabulary counts if the linear model does worse without the unknown
    words (95 %, paired by row) and the net lacks as much: an error if both are more than 0.25 of skill behind the
    linear model with all words, a warning above 0.1. A hint if the net cannot be compared. A large share of unknown
    words that tell nothing is no fault.

    ## Known limits
    Words are counted, so that a loss that only shows in their order is not seen. Layers behind another layer, and ids
    that were made before the model, are not judged.

    ## References
    - keras.io, "TextVectorization layer" (adapt, max_tokens)
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
    for lookup in words.layers if words is not None else ():
        if lookup.entries:
            yield from lost(lookup.by_vocabulary, baseline, lookup.path, f"{share(lookup.unknown)} {_fate(lookup)}")


def _fate(layer: LookupLayer) -> str:
    """What becomes of the words that are lost."""
    if layer.kind == "Hashing":
        return f"share one of the {counted(layer.entries, 'bin')} of {layer.path} with another"
    return (
        f"are unknown to {layer.path} ({layer.kind}), whose vocabulary has {counted(layer.entries, 'entry', 'entries')}"
    )
