"""Whether a network that generates rows generates the same one each time."""

from collections.abc import Iterator
from math import prod

import numpy as np

from diagnose.checks.further_reading import NOT_WORKING, RECIPE
from diagnose.checks.reading.wording import percent
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import (
    DOES_NOT_APPLY,
    Dataset,
    Forward,
    InputStatistics,
    LayerActivations,
    Network,
    NotMeasured,
    need,
)
from diagnose.registry import check
from diagnose.subject import Task

SPREAD = 0.05  # deviation between generated rows over that of the rows fed, and over the generated rows' own size
FEW_ROWS = 20  # fewer may be alike by chance


@check("Collapsed generator", family="generalisation", speaks_live=None, reading=(NOT_WORKING, RECIPE))
def collapsed_generator(forward: Forward, dataset: Dataset, network: Network) -> Iterator[Finding]:
    """Compares how generated rows differ from each other with how the rows fed do.

    ## What it measures
    A model without a `call` of its own is run by its `train_step` on training rows. For each of its networks that ends
    in the shape of a row: the standard deviation of its outputs between rows, over that of the rows fed and over the
    root mean square of the outputs.

    ## Why it matters
    A generator that gives one row for every noise has found what the discriminator takes for real at the moment. Its
    loss looks as it should, and goes around in circles with that of the discriminator. The decoder of an autoencoder
    that gives one row for every code does not read the code.

    ## How it is decided
    An error if the outputs deviate by less than 5 % of what the rows fed deviate by, and by less than 5 % of their own
    size.

    ## Known limits
    A generator that gives a few different rows is not found. Models whose `call` takes something else than the rows
    are not run.

    ## References
    - Goodfellow 2016, "NIPS 2016 Tutorial: Generative Adversarial Networks", section 5.1.1, arXiv:1701.00160
    - Salimans et al. 2016, "Improved Techniques for Training GANs", section 3.2, arXiv:1606.03498
    """
    if any(head.output.task is not Task.OWN_LOSS for head in network.heads):
        raise NotMeasured("every output has a task, and is judged by it", DOES_NOT_APPLY)
    seen = need(forward.current)
    ends = [(layer, rows) for layer in _ends(seen.layers) if (rows := _as_rows(layer, network, dataset)) is not None]
    if not ends:
        raise NotMeasured("no network inside the model ends in the shape of a row", DOES_NOT_APPLY)
    for layer, rows in ends:
        fed, size = float(np.mean(rows.std)), float(np.sqrt(np.mean(layer.std**2 + layer.mean**2)))
        if seen.rows >= FEW_ROWS and fed > 0 and size > 0 and layer.varies < SPREAD * min(fed, size):
            yield Finding(
                Severity.ERROR,
                f"the rows that {layer.path} generates deviate by {percent(layer.varies / fed)} of what the rows fed"
                " deviate by: they are all but the same",
                Where(layer=layer.path, split="train"),
                value=layer.varies / fed,
                threshold=SPREAD,
                rows=seen.rows,
            )


def _ends(layers: tuple[LayerActivations, ...]) -> tuple[LayerActivations, ...]:
    """The last layer of each network inside the model."""
    return tuple({layer.path.split("/")[0]: layer for layer in layers if "/" in layer.path}.values())


def _as_rows(layer: LayerActivations, network: Network, dataset: Dataset) -> InputStatistics | None:
    """The input whose rows have as many numbers as the outputs of this layer; None if there is none."""
    shape = next((one.output_shape for one in network.layers if one.path == layer.path), None)
    if shape is None or None in shape[1:]:
        return None
    numbers = prod(size for size in shape[1:] if size is not None)
    fitting = (rows for rows in dataset.train.inputs if rows.kind != "text" and numbers == prod(rows.shape) > 1)
    return next(fitting, None)
