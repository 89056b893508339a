from collections.abc import Iterator

import numpy as np

from diagnose.checks.further_reading import ADVICE, NOT_WORKING
from diagnose.checks.reading.architecture import by_path
from diagnose.checks.reading.wording import listed, number
from diagnose.findings import Bars, Finding, Severity, Where
from diagnose.measurements import (
    Dataset,
    FirstInput,
    Flags,
    Forward,
    Indices,
    InputStatistics,
    Network,
    Unavailable,
    need,
)
from diagnose.registry import check

UNEVEN = 100.0  # ratio of standard deviations between features
TABLE = 50  # features; up to here each counts as a separate quantity, above as pixels or counts in one unit
COIN = 0.01  # relative distance of a variance from that of zeros and ones
SHOWN = 12  # features in the evidence, the largest and the smallest


@check("Features on very different scales", family="data", reading=(NOT_WORKING, ADVICE))
def uneven_feature_scales(forward: Forward, network: Network | None, dataset: Dataset | None) -> Iterator[Finding]:
    """Compares the spread of the features as they enter the first trainable layer.

    ## What it measures
    The standard deviation of every feature that enters the first layer with weights: the largest over the smallest in a
    table of up to 50 features, the largest over the median above that.

    ## Why it matters
    A feature with a hundred times the spread of the others has a hundred times their gradient. No single learning rate
    suits both: the large features make training unstable before the small ones have any effect.

    ## How it is decided
    A ratio above 100 is a warning. Features that never change and columns of zeros and ones are left out (a rare flag
    has a small spread by nature). So are images, tokens and first layers that normalise.

    ## Known limits
    Wide inputs are assumed to be pixels or counts in one unit, where rarely used features have a small spread without
    harm. There, only a dominating feature is found.

    ## References
    - LeCun, Bottou, Orr, Müller 1998, "Efficient BackProp", section 4.3
    - Ng 2018, *Deep Learning Specialization*, course 2, week 1 (normalising inputs)
    """
    activations = forward.current if not isinstance(forward.current, Unavailable) else need(forward.fresh)
    layers = by_path(network) if network is not None else {}
    for first in activations.first_inputs:
        layer = layers.get(first.layer)
        if layer is not None and (layer.kind == "Embedding" or layer.normalises):
            continue
        source = _source(first, dataset, len(activations.first_inputs))
        if source is None or source.kind in ("dense", "sequence"):
            yield from _judge(first, source, activations.rows)


def _source(first: FirstInput, dataset: Dataset | None, paths: int) -> InputStatistics | None:
    """The model input that feeds a first layer; None unless the model has one input and one first layer."""
    if dataset is None or paths != 1 or len(dataset.train.inputs) != 1:
        return None
    return dataset.train.inputs[0]


def _judge(first: FirstInput, source: InputStatistics | None, rows: int) -> Iterator[Finding]:
    varies = first.std > 0
    counted = np.flatnonzero(varies & ~_flags(first, source))
    if counted.size < 2:
        return
    std = first.std[counted]
    table = varies.sum() <= TABLE
    small = np.min(std) if table else np.median(std)
    ratio = float(np.max(std) / small)
    if ratio <= UNEVEN:
        return
    order = counted[np.argsort(-std, kind="stable")]
    names = _names(first, source)
    large = [names[i] for i in order if first.std[i] > UNEVEN * small]
    yield Finding(
        Severity.WARNING,
        f"the spread of {listed(large)} is up to {number(ratio)} times that of "
        f"{names[order[-1]] if table else 'the median feature'} at the input of {first.layer}",
        where=Where(layer=first.layer, feature=large[0]),
        value=ratio,
        threshold=UNEVEN,
        rows=rows,
        evidence=(_bars(first, order, names),),
    )


def _flags(first: FirstInput, source: InputStatistics | None) -> Flags:
    """Columns of zeros and ones, recognised by their variance: mean (1 - mean)."""
    if source is None or source.low.size != first.std.size:
        return np.zeros(first.std.size, dtype=bool)
    coin = np.isclose(source.std**2, source.mean * (1 - source.mean), rtol=COIN)
    return np.asarray((source.low == 0) & (source.high == 1) & coin)


def _names(first: FirstInput, source: InputStatistics | None) -> tuple[str, ...]:
    if source is not None and len(source.feature_names) == first.std.size:
        return source.feature_names
    return tuple(f"feature {i + 1}" for i in range(first.std.size))


def _bars(first: FirstInput, order: Indices, names: tuple[str, ...]) -> Bars:
    shown = order if order.size <= SHOWN else np.concatenate([order[: SHOWN // 2], order[-SHOWN // 2 :]])
    return Bars(
        f"Spread of the features entering {first.layer}",
        tuple(names[i] for i in shown),
        tuple(float(first.std[i]) for i in shown),
        unit="standard deviation",
        log=True,
    )
