from collections.abc import Iterator
from dataclasses import dataclass
from math import log2, prod

from diagnose.checks.further_reading import LAYERS_AND_NODES, NOT_WORKING
from diagnose.checks.reading.architecture import gates, hidden_layers
from diagnose.checks.reading.objectives import train_target
from diagnose.checks.reading.wording import counted
from diagnose.findings import Bars, Finding, Severity, Where
from diagnose.measurements import Dataset, Head, Layer, Network
from diagnose.registry import check
from diagnose.subject import Task

PER_CLASS = 2.0  # units per bit of the class label; with fewer, classes must share directions
NARROW = 8.0  # times narrower than both neighbours
WIDE = 64  # units; wide enough, whatever the neighbours


@check("Hidden layers that are too narrow", family="network", needs_task=True, reading=(LAYERS_AND_NODES, NOT_WORKING))
def bottleneck(network: Network, dataset: Dataset | None) -> Iterator[Finding]:
    """Compares the width of the hidden layers with what the output has to distinguish.

    ## What it measures
    The number of units of every hidden layer that outputs a vector, compared with the number of classes or target
    values and with the neighbouring layers.

    ## Why it matters
    Later layers cannot restore what a narrow layer loses. One unit can only order the rows along a line.

    ## How it is decided
    A warning for a layer of one unit, or of fewer units than bits in the class label (log2 K). A hint below twice that,
    below the number of target values, or for fewer than 64 units if both neighbours are more than 8 times as wide.

    ## Known limits
    Autoencoders (targets of the inputs' shape) and outputs of several axes are exempt, but for layers of one unit; so
    are gates and, in networks with skip connections, the comparison with the neighbours: narrow layers are intended
    there. A few units may be enough for a few
    classes.

    ## References
    - Tishby, Zaslavsky 2015, "Deep Learning and the Information Bottleneck Principle", arXiv:1503.02406
    - Humbatova et al. 2020, "Taxonomy of Real Faults in Deep Learning Systems", arXiv:1910.11015 (suboptimal number
      of neurons)
    """
    heads = [head for place, head in enumerate(network.heads) if not _reproduces(head, place, dataset)]
    hidden = [layer for layer in hidden_layers(network) if layer.units]
    narrow = len(heads) != len(network.heads)  # on purpose
    need = _Need(
        bits=min((_bits(head) for head in heads), default=0.0),
        values=min((head.units for head in heads if head.output.task is Task.REGRESSION), default=0),
    )
    for place, layer in enumerate(hidden):
        if not _vector(layer) or gates(network, layer) or (narrow and layer.units != 1):
            continue
        verdict = _verdict(hidden, place, need, network.skips)
        if verdict is not None:
            severity, why, threshold = verdict
            yield Finding(
                severity,
                f"all information passes through {counted(layer.units or 0, 'unit')} in {layer.path}, {why}",
                where=Where(layer=layer.path),
                value=float(layer.units or 0),
                threshold=threshold,
                evidence=(_bars(hidden, network.heads),),
            )


@dataclass(frozen=True)
class _Need:
    """What a layer must encode: bits of the smallest class label, values of the smallest regression target."""

    bits: float
    values: int


def _verdict(hidden: list[Layer], place: int, need: _Need, skips: bool) -> tuple[Severity, str, float] | None:
    units, bits = hidden[place].units or 0, need.bits
    severity = Severity.HINT if skips else Severity.WARNING
    if units == 1:
        return severity, "which can only order the rows along a line", 2.0
    if units < bits:
        return severity, f"fewer than the {bits:.1f} bits of the label", bits
    if units < PER_CLASS * bits:
        return Severity.HINT, f"fewer than two for each of the {bits:.1f} bits of the label", PER_CLASS * bits
    if units < need.values:
        return Severity.HINT, f"fewer than the {need.values} values of the target", float(need.values)
    before = hidden[place].fan_in or (hidden[place - 1].units if place else None) or 0
    behind = (hidden[place + 1].units or 0) if place + 1 < len(hidden) else 0
    if units < WIDE and not skips and min(before, behind) > NARROW * units:
        return Severity.HINT, f"between {before} inputs and a layer of {behind}", min(before, behind) / NARROW
    return None


def _bits(head: Head) -> float:
    """Bits of the class label; 0 for other tasks."""
    classes = head.output.classes or head.units
    return log2(max(classes, 2)) if head.output.task is Task.MULTICLASS else 0.0


def _vector(layer: Layer) -> bool:
    known = [size for size in layer.output_shape or () if size is not None]
    return len(known) <= 1


def _reproduces(head: Head, place: int, dataset: Dataset | None) -> bool:
    """Whether the target has the shape of an input, or several axes: an autoencoder, a mask, a sequence."""
    if len(head.shape) > 1:
        return True
    target = train_target(dataset, place)
    if dataset is None or target is None:
        return False
    size = prod(target.shape)
    return size > 1 and any(prod(inputs.shape) == size for inputs in dataset.train.inputs)


def _bars(hidden: list[Layer], heads: tuple[Head, ...]) -> Bars:
    return Bars(
        "Width by layer",
        (*(layer.path for layer in hidden), *(head.layer for head in heads)),
        (*(float(layer.units or 0) for layer in hidden), *(float(head.units) for head in heads)),
        unit="units",
        log=True,
    )
