from collections.abc import Iterator

from diagnose.checks.further_reading import ARCHITECTURES, CONVOLUTIONS
from diagnose.checks.reading.architecture import after, by_path, passes
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import Dataset, InputStatistics, Layer, Network
from diagnose.registry import check

PIXELS = 256  # height x width; below it there is little structure to use
STEPS = 16  # of a sequence; a dense layer is good enough for a short window


@check("Input structure ignored", family="network", reading=(CONVOLUTIONS, ARCHITECTURES))
def structure_ignored(network: Network, dataset: Dataset) -> Iterator[Finding]:
    """Finds images and sequences that go straight into a dense layer.

    ## What it measures
    The kind of every input, and the first layer with weights after it.

    ## Why it matters
    A flattened image has lost which pixels are neighbours: the network must learn each pattern anew at each position.
    Convolutions, recurrent layers and attention have this built in and need far less data.

    ## How it is decided
    A hint if an image of at least 256 pixels or a sequence of at least 16 steps is flattened into a dense layer.

    ## Known limits
    Dense networks do well on small centred images such as digits, so this is never more than a hint. Rows that were
    flattened before they were stored cannot be told from tables.

    ## References
    - LeCun, Bottou, Bengio, Haffner 1998, "Gradient-based learning applied to document recognition"
    - Bronstein, Bruna, Cohen, Veličković 2021, "Geometric Deep Learning", arXiv:2104.13478
    """
    entries: list[Layer | None] = [layer for layer in network.layers if layer.kind == "InputLayer"]
    for inputs, entry in zip(dataset.train.inputs, entries or [None], strict=False):
        first = _first_mixing(network, entry)
        if first is not None and first.kind == "Dense" and _structured(inputs):
            yield Finding(
                Severity.HINT,
                f"{first.path} gets {inputs.name} ({' x '.join(map(str, inputs.shape))}) flattened to one long vector",
                where=Where(layer=first.path, feature=inputs.name),
            )


def _first_mixing(network: Network, entry: Layer | None) -> Layer | None:
    """The first layer with weights after an input, if the input was only flattened in between; else None."""
    way = list(after(network, entry)) if entry is not None else _from_the_start(network)
    flattened = any(layer.kind in ("Flatten", "Reshape") for layer in way)
    usual = all(passes(layer) or layer.normalises or layer.weighted for layer in way)
    return way[-1] if way and way[-1].weighted and flattened and usual else None


def _from_the_start(network: Network) -> list[Layer]:
    if not network.graph_known or not network.layers:
        return []
    first = network.layers[0]
    return [first] if first.weighted else [first, *after(network, by_path(network)[first.path])]


def _structured(inputs: InputStatistics) -> bool:
    if inputs.kind == "image" and len(inputs.shape) >= 2:
        return inputs.shape[0] * inputs.shape[1] >= PIXELS
    return inputs.kind == "sequence" and bool(inputs.shape) and inputs.shape[0] >= STEPS
