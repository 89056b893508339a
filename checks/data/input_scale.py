from collections.abc import Iterator

import numpy as np

from diagnose.checks.further_reading import ADVICE, NOT_WORKING
from diagnose.checks.reading.architecture import by_path, normalised_after
from diagnose.checks.reading.wording import number, whole_or
from diagnose.findings import Bars, Finding, Severity, Where
from diagnose.measurements import Activations, Array, FirstInput, Forward, Network, Unavailable, need
from diagnose.registry import check

LARGE = 50.0  # root mean square of a feature; raw 0-255 pixels and SGD at 0.01 gave NaN in the first epoch
RAISED = 10.0  # the same, worth trying to lower; 0-16 pixels did no harm under Adam
FAINT = 0.02  # root mean square over all features; 0-1 pixels divided by 255 again have 0.002
SPARSE = 20.0  # largest value over root mean square; dense values reach 5, one-hot rows and word counts hundreds
AFFECTED = 0.10  # share of the features that must be affected; a single odd column is left to uneven-feature-scales
USUAL = "0.1 to 10"  # root mean square
SHOWN = 12  # features in the evidence


@check("Scale of the inputs to the first layer", family="data", reading=(NOT_WORKING, ADVICE))
def input_scale(forward: Forward, network: Network | None) -> Iterator[Finding]:
    """Checks the size of the values that reach the first trainable layer, after all preprocessing inside the model.

    ## What it measures
    The root mean square of every feature (or channel) as it enters the first layer with weights, so Rescaling and
    Normalization layers inside the model are taken into account.

    ## Why it matters
    The gradient of the first kernel is proportional to its input. Inputs in the hundreds make the loss surface steep
    and narrow: at common learning rates the first steps overshoot, saturate units or kill them. With inputs around
    0.001, the first layer learns a thousand times more slowly.

    ## How it is decided
    A warning if more than 10 % of the features have a root mean square above 50, a hint above 10. A warning if that of
    all features together is below 0.02; not for sparse rows (one-hot, word counts,
    TF-IDF), which are small on average only: their largest value is more than 20 times the root mean square. Values
    outside -1 ... 1 are fine: standardised data has them. Embeddings are exempt, and so are first layers that normalise
    or whose output is normalised.

    ## Known limits
    The harm depends on the optimizer and the learning rate: Adam tolerates much. Features that never change are not
    counted.

    ## References
    - LeCun, Bottou, Orr, Müller 1998, "Efficient BackProp", section 4.3
    - Ioffe, Szegedy 2015, "Batch Normalization", arXiv:1502.03167
    """
    activations = forward.current if not isinstance(forward.current, Unavailable) else need(forward.fresh)
    for first in activations.first_inputs:
        if not _exempt(first, network):
            yield from _judge(first, activations)


def _exempt(first: FirstInput, network: Network | None) -> bool:
    layer = by_path(network).get(first.layer) if network is not None else None
    if network is None or layer is None:
        return False
    return layer.kind == "Embedding" or layer.normalises or normalised_after(network, layer)


def _judge(first: FirstInput, activations: Activations) -> Iterator[Finding]:
    size = np.sqrt(first.mean**2 + first.std**2)
    size = size[(first.std > 0) & np.isfinite(size)]
    if size.size == 0:
        return
    typical = float(np.sqrt(np.mean(size**2)))
    if typical < FAINT and first.max_abs < SPARSE * typical:
        yield Finding(
            Severity.WARNING,
            f"the values entering {first.layer} are far too small: their root mean square is {number(typical)} and the"
            f" largest is {number(first.max_abs)} (usual root mean square: {USUAL})",
            where=Where(layer=first.layer),
            value=typical,
            threshold=FAINT,
            rows=activations.rows,
            evidence=(_bars(first, FAINT),),
        )
        return
    for limit, severity, size_word in ((LARGE, Severity.WARNING, "far too large"), (RAISED, Severity.HINT, "large")):
        share = float(np.mean(size > limit))
        if share > AFFECTED:
            yield Finding(
                severity,
                f"{whole_or(share)} the features entering {first.layer} are {size_word} "
                f"(root mean square above {number(limit)}, usual {USUAL}; largest value {number(first.max_abs)})",
                where=Where(layer=first.layer),
                value=float(np.quantile(size, 1 - AFFECTED)),
                threshold=limit,
                rows=activations.rows,
                evidence=(_bars(first, limit),),
            )
            return


def _bars(first: FirstInput, threshold: float) -> Bars:
    size: Array = np.sqrt(first.mean**2 + first.std**2)
    order = np.argsort(-size, kind="stable")[:SHOWN]
    return Bars(
        f"Largest features entering {first.layer}",
        tuple(f"feature {i + 1}" for i in order),
        tuple(float(size[i]) for i in order),
        unit="root mean square",
        threshold=threshold,
        healthy=(0.1, RAISED),
        log=True,
    )
