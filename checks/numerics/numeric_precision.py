"""Whether 16-bit numbers are precise and large enough for this training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from diagnose.checks.further_reading import ADAM, NOT_WORKING
from diagnose.checks.reading.explosions import most_explode
from diagnose.checks.reading.gaps import of_output
from diagnose.checks.reading.wording import counted, number, percent
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import (
    Backward,
    Baseline,
    Evaluation,
    Forward,
    History,
    Layer,
    LearningRate,
    Network,
    Score,
    Unavailable,
)
from diagnose.registry import check

NEAR = 0.1  # share of the largest number from which on the next step may overflow
LOST = 0.5  # share of the weighted layers whose updates round away
LEARNED = 0.5  # skill on train; weights that came so far got their updates
BEHIND = 0.1  # skill by which they may trail the best baseline
ADAPTIVE = frozenset(
    {"adam", "adamw", "nadam", "adamax", "rmsprop", "adagrad", "adadelta"}
)  # divide by a root + epsilon
PER_STEP = 1.0  # size of an adaptive optimizer's step, in learning rates


@dataclass(frozen=True)
class Format:
    """A 16-bit format: its largest and its smallest normal number, and the largest relative rounding error."""

    name: str
    largest: float
    smallest: float
    rounding: float


FORMATS = (Format("float16", 65504.0, 6.1e-5, 2.0**-11), Format("bfloat16", 3.4e38, 1.2e-38, 2.0**-8))


@check("Numeric precision", family="numerics", reading=(ADAM, NOT_WORKING))
def numeric_precision(
    *,
    network: Network,
    forward: Forward | None,
    backward: Backward | None,
    evaluation: Evaluation | None,
    history: History | None,
    learning_rate: LearningRate | None,
    baseline: Baseline | None,
) -> Iterator[Finding]:
    """Checks whether 16-bit numbers are precise and large enough for this model and its training.

    ## What it measures
    The data type of weights and computations by layer, the optimizer's epsilon, the largest activations, the size of an
    update compared with that of the weights, and whether weights or losses became NaN or infinite.

    ## Why it matters
    float16 holds numbers from 0.00006 (with less precision, 0.00000006) to 65,504, with 3 digits. Squared gradients of
    Adam and its epsilon of 1e-7 fall below that, so steps divide by almost 0; sums and activations overflow; gradients
    become 0 unless the loss is scaled. bfloat16 has the range of float32, but 2 digits: an update below 0.4 % of a
    weight is lost. `mixed_float16` in `fit` is fine: it keeps the weights in float32 and scales the loss.

    ## How it is decided
    In a model that has NaN or infinite weights, or whose training becomes non-finite, float16 weights are an error, and
    so are float16 computations without a scaled loss, or whose activations overflow. Without such values, float16
    weights with an epsilon below 0.00006 and activations above a tenth of the largest number are hints. 16-bit weights
    are a warning if at least half of the layers have updates that round away and the train skill is below 0.5 or 0.1
    behind the best baseline.

    ## Known limits
    The size of an update is estimated from learning rate and gradient. Custom training loops may scale the loss where
    the optimizer does not show it.

    ## References
    - Micikevicius et al. 2018, "Mixed Precision Training", arXiv:1710.03740
    - tensorflow.org, "Mixed precision" guide (loss scaling, float32 outputs)
    - Kalamkar et al. 2019, "A Study of BFLOAT16 for Deep Learning Training", arXiv:1905.12322
    """
    broken = bool(network.non_finite) or most_explode(history, learning_rate)
    for kind in FORMATS:
        stored = [layer for layer in network.layers if layer.parameters and layer.dtype == kind.name]
        computed = [layer for layer in network.layers if layer.compute_dtype == kind.name]
        if not computed and not stored:
            continue
        overflow = _overflow(kind, computed, forward, network)
        small = _epsilon(kind, stored, network, broken)
        yield from overflow
        yield from small
        if broken and kind.name == "float16" and not any(f.severity is Severity.ERROR for f in (*overflow, *small)):
            yield from _unscaled(kind, stored, computed, network)
        yield from _rounded(kind, stored, network, backward, learned=_learned(evaluation, baseline))


def _epsilon(kind: Format, stored: list[Layer], network: Network, broken: bool) -> tuple[Finding, ...]:
    epsilon = network.settings.get("epsilon")
    if not stored or network.optimizer not in ADAPTIVE or epsilon is None or epsilon >= kind.smallest:
        return ()
    message = (
        f"the weights of {counted(len(stored), 'layer')} are {kind.name}, and epsilon {number(epsilon)} of"
        f" {network.optimizer} is below its smallest normal number {number(kind.smallest)}, so that steps divide by"
        " almost 0"
    )
    where = Where(feature="epsilon")
    return (Finding(_severity(broken), message, where, value=epsilon, threshold=kind.smallest),)


def _overflow(kind: Format, computed: list[Layer], forward: Forward | None, network: Network) -> tuple[Finding, ...]:
    """Activations beyond the largest number, or near it. With broken weights they say nothing."""
    if forward is None or isinstance(forward.current, Unavailable) or network.non_finite:
        return ()
    paths = {layer.path for layer in computed}
    for layer in forward.current.layers:
        if layer.path not in paths:
            continue
        largest = max(abs(float(layer.low.min(initial=0.0))), abs(float(layer.high.max(initial=0.0))))
        if layer.non_finite or not largest <= kind.largest:
            message = (
                f"the outputs of {layer.path} overflow {kind.name}, whose largest number is {number(kind.largest)}"
            )
            return (Finding(Severity.ERROR, message, Where(layer=layer.path), threshold=kind.largest),)
        if largest > NEAR * kind.largest:
            message = (
                f"the outputs of {layer.path} reach {number(largest)}, {percent(largest / kind.largest)} of the"
                f" largest {kind.name} number"
            )
            limit = NEAR * kind.largest
            return (Finding(Severity.HINT, message, Where(layer=layer.path), value=largest, threshold=limit),)
    return ()


def _unscaled(kind: Format, stored: list[Layer], computed: list[Layer], network: Network) -> Iterator[Finding]:
    if stored:
        what = f"the weights of {counted(len(stored), 'layer')} are {kind.name}"
    elif computed and not network.loss_scaled:
        what = f"{counted(len(computed), 'layer')} compute in {kind.name} and the optimizer does not scale the loss"
    else:
        return
    where = Where(layer=(stored or computed)[0].path)
    yield Finding(Severity.ERROR, f"{what}, and training ends in NaN or infinite values", where)


def _rounded(
    kind: Format, stored: list[Layer], network: Network, backward: Backward | None, *, learned: bool
) -> Iterator[Finding]:
    """Whether updates are smaller than the rounding error of the weights."""
    rate, gradients = network.learning_rate, None if backward is None else backward.current
    kernels = [layer for layer in stored if layer.weighted and layer.kernel_std]
    if not kernels or rate is None or gradients is None or isinstance(gradients, Unavailable):
        return
    momentum = min(network.settings.get("momentum", 0.0), 0.99)
    rms = {layer.path: layer.rms for layer in gradients.layers}
    adaptive = network.optimizer in ADAPTIVE
    ratios = [
        (PER_STEP if adaptive else rms.get(layer.path, 0.0) / (1 - momentum)) * rate / (layer.kernel_std or 1.0)
        for layer in kernels
    ]
    lost = [ratio for ratio in ratios if ratio < kind.rounding]
    if len(lost) < LOST * len(kernels):
        return
    middle = sorted(lost)[len(lost) // 2]
    yield Finding(
        Severity.HINT if learned else Severity.WARNING,
        f"the weights of {len(lost)} of {counted(len(kernels), 'layer')} are {kind.name}, and their updates are about"
        f" {percent(middle)} of a weight, below its rounding error of {percent(kind.rounding)}, so that most are lost",
        Where(layer=kernels[0].path),
        value=middle,
        threshold=kind.rounding,
    )


def _learned(evaluation: Evaluation | None, baseline: Baseline | None) -> bool:
    """Whether the loaded weights do well on train, and about as well as the best baseline."""
    if evaluation is None or isinstance(evaluation.train, Unavailable):
        return False
    return all(score.skill >= max(LEARNED, _possible(baseline, score) - BEHIND) for score in evaluation.train.scores)


def _possible(baseline: Baseline | None, score: Score) -> float:
    found = of_output(baseline, score.output)
    return found.best.skill if found else 0.0


def _severity(broken: bool) -> Severity:
    return Severity.ERROR if broken else Severity.HINT
