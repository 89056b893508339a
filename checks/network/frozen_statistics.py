"""Whether a frozen base gets values of the size that it was trained on."""

from collections.abc import Iterator

import numpy as np

from diagnose.checks.further_reading import NOT_WORKING, RECIPE
from diagnose.checks.reading.wording import number
from diagnose.findings import Finding, Severity, Table, Where
from diagnose.measurements import Forward, Network, need
from diagnose.registry import check

FACTOR = 10.0  # of the spread, either way; rows of another domain differ by up to about 3
FEWEST = 4  # channels; the median of fewer says little
SHOWN = 6  # layers in the evidence


@check("Frozen layers fed with values of another size", family="network", reading=(RECIPE, NOT_WORKING))
def frozen_statistics(forward: Forward, network: Network) -> Iterator[Finding]:
    """Compares what enters frozen BatchNormalization with the statistics that it keeps from its own training.

    ## What it measures
    For each channel of a frozen BatchNormalization, in inference mode on training rows: the standard deviation of what
    enters over the moving one. It is about 1 on the rows that the base was trained on. The first such layer counts,
    unless layers that learn come before it.

    ## Why it matters
    The features of a pretrained base only mean something for inputs prepared as in its training. The usual slip is
    pixels between 0 and 255 for a base that expects -1 to 1, or the other way round: the head then learns from what
    random filters would give, and overfits.

    ## How it is decided
    A warning if the median channel of the first frozen layer (of at least four channels) is more than 10 times wider or
    narrower than in the training of the base.

    ## Known limits
    A shift of the inputs, or a factor of two (0 to 1 for -1 to 1), stays below that. A base without BatchNormalization
    keeps no statistics to compare with.

    ## References
    - keras.io, "Keras Applications" (each model expects its own preprocess_input)
    - Ioffe, Szegedy 2015, "Batch Normalization", arXiv:1502.03167
    """
    layers = {layer.path: layer for layer in need(forward.current).layers}
    kept: list[tuple[str, float]] = []
    for layer in network.layers:
        if layer.trainable and layer.weighted and not kept:
            return
        found = layers.get(layer.path)
        if found is None or found.entering is None or layer.trainable:
            continue
        known = found.entering[np.isfinite(found.entering)]
        if known.size >= FEWEST:
            kept.append((layer.path, float(np.median(known))))
    if not kept or 1 / FACTOR <= kept[0][1] <= FACTOR:
        return
    first, wider = kept[0]
    yield Finding(
        Severity.WARNING,
        f"what enters {first} spreads {number(wider)} times as far as in the training of this frozen layer",
        where=Where(layer=first),
        value=wider,
        threshold=FACTOR if wider > 1 else 1 / FACTOR,
        rows=need(forward.current).rows,
        evidence=(
            Table(
                "Spread of what enters frozen BatchNormalization, over the moving one",
                ("layer", "median channel"),
                tuple((path, value) for path, value in kept[:SHOWN]),
            ),
        ),
    )
