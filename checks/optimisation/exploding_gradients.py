"""Whether gradients grow without bound, with depth or from batch to batch."""

from collections.abc import Iterator

import numpy as np

from diagnose.checks.further_reading import BACKPROP, VANISHING_GRADIENTS
from diagnose.checks.reading import profiles
from diagnose.checks.reading.lines import line
from diagnose.checks.reading.wording import number
from diagnose.findings import Curves, Evidence, Finding, Severity, Where
from diagnose.measurements import (
    Activations,
    Array,
    Backward,
    Forward,
    Gradients,
    History,
    Initial,
    Network,
    NotMeasured,
    Unavailable,
)
from diagnose.registry import check

GROWING = 70.0  # gradient-to-weight ratio, first layer over last, in nets without normalisation; healthy: up to 1.5
HUGE = 1e3  # gradient norm over the chance-level loss (at least 1); healthy: 0.1 to 30
SPIKE = 50.0  # 99th percentile of the gradient norm over its median; healthy: below 10
AMPLIFIED = 1e2  # times the first layer's signal, as further evidence
BATCHES = 8  # fewer say nothing about spikes
STEPS = 100  # of a recorded training; fewer have no 99th percentile


@check("Exploding gradients", family="optimisation", reading=(BACKPROP, VANISHING_GRADIENTS))
def exploding_gradients(
    backward: Backward,
    forward: Forward | None,
    initial: Initial | None,
    network: Network | None,
    history: History | None,
) -> Iterator[Finding]:
    """Looks for gradients that grow with depth, are huge at the start, or spike from batch to batch.

    ## What it measures
    The norm of the whole gradient per batch, the gradient-to-weight ratio of each layer with weights, and, if a
    training was watched, the gradient norm at each step; as further evidence, the spread of the signal by layer and the
    loss of fresh weights.

    ## Why it matters
    One huge update throws the weights to where nothing can be learned: the loss jumps or becomes infinite. Typical
    reasons are large initial weights, unscaled inputs, depth without normalisation and long recurrences.

    ## How it is decided
    A gradient norm above 1,000 times the chance-level loss, at fresh weights, or at loaded weights that have not
    learned; or, in nets without normalisation, a first layer whose gradient-to-weight ratio is above 70 times the last
    one's while the signal grows 100-fold or the initial loss is 10 times too large; or, over at least 8 batches at
    fresh weights or 100 steps of a watched training, a 99th percentile above 50 times the median. It is an error if
    fresh weights already have 10 times the chance-level loss, a hint if the loaded weights show that the model learned
    anyway, else a warning.

    ## Known limits
    It explains why a model does not learn; alone, it does not make a model count as sick. With gradient clipping, the
    norms are those before clipping. Spikes late in training, where the median is near zero, are judged against the
    first tenth of the training.

    ## References
    - Pascanu, Mikolov, Bengio 2013, "On the difficulty of training recurrent neural networks", arXiv:1211.5063
    - Philipp, Song, Carbonell 2017, "The exploding gradient problem demystified", arXiv:1712.05577
    - Zhang et al. 2021, "AUTOTRAINER: An Automatic DNN Training Problem Detection and Repair System", ICSE
    """
    if isinstance(backward.fresh, Unavailable) and isinstance(backward.current, Unavailable):
        raise NotMeasured(backward.fresh.reason, backward.fresh.how)
    learned = profiles.learned(backward, initial)
    exploded = profiles.initial_loss(initial) > profiles.EXPLODED
    severity = Severity.HINT if learned else Severity.ERROR if exploded else Severity.WARNING
    grown = _size(backward, initial, severity, learned) or _depth(backward, forward, initial, network, severity)
    spiked = _spikes(backward, severity) or _watched_spikes(history)
    evidence = profiles.pictures(backward, forward)
    for found, rows, more in ((grown, _rows(backward), ()), (spiked, None, _norms(history))):
        if found is not None:
            yield Finding(*found, rows=rows, evidence=(*evidence, *more))


Found = tuple[Severity, str, Where, float, float]  # as `Finding` takes them


def _size(backward: Backward, initial: Initial | None, severity: Severity, learned: bool | None) -> Found | None:
    scale = max(1.0, sum(initial.expected) if initial is not None else 1.0)
    for weights, gradients in (("fresh", backward.fresh), ("loaded", backward.current)):
        if isinstance(gradients, Unavailable) or not gradients.global_norm:
            continue
        norm = float(np.median(gradients.global_norm))
        if norm > HUGE * scale and (weights == "fresh" or learned is False):
            times = number(norm / scale)
            message = f"at {weights} weights the gradient norm is {number(norm)}, {times} times the chance-level loss"
            return severity, message, Where(), norm, HUGE * scale
    return None


def _depth(
    backward: Backward, forward: Forward | None, initial: Initial | None, network: Network | None, severity: Severity
) -> Found | None:
    if isinstance(backward.fresh, Unavailable):
        return None
    if network is None or any(layer.normalises for layer in network.layers):
        return None  # weights before a normalisation have no scale, so the ratio means nothing
    layers = profiles.profile(backward.fresh)
    ratio = profiles.depth_ratio(layers)
    activations: Activations | Unavailable | None = forward.fresh if forward is not None else None
    _, largest = profiles.signal_change(activations)
    witnessed = largest > AMPLIFIED or profiles.initial_loss(initial) > profiles.EXPLODED
    if not (ratio > GROWING and witnessed):
        return None
    message = (
        f"at fresh weights the gradient-to-weight ratio of layer {layers[0].path}"
        f" is {number(ratio)} times that of layer {layers[-1].path}"
    )
    return severity, message, Where(layer=layers[0].path), ratio, GROWING


def _spikes(backward: Backward, severity: Severity) -> Found | None:
    gradients = backward.fresh
    if isinstance(gradients, Unavailable) or len(gradients.global_norm) < BATCHES:
        return None
    norms = np.asarray(gradients.global_norm)
    ratio = _spike(norms)
    if not ratio > SPIKE:
        return None
    message = f"at fresh weights the gradient norm of one batch in {len(norms)} is {number(ratio)} times the median"
    return severity, message, Where(), ratio, SPIKE


def _watched_spikes(history: History | None) -> Found | None:
    for steps, norms in _watched(history):
        ratio = _spike(norms)
        start = float(np.median(norms[: len(norms) // 10]))
        if ratio > SPIKE and np.percentile(norms, 99) > 10 * start:
            step = int(steps[np.argmax(norms)])
            message = (
                f"in training the gradient norm spikes to {number(ratio)} times its median, the highest at step {step}"
            )
            return Severity.WARNING, message, Where(step=step), ratio, SPIKE
    return None


def _watched(history: History | None) -> list[tuple[Array, Array]]:
    """Steps and their gradient norms, of each run with enough of them; some steps may have none."""
    runs = history.runs if history else ()
    known = [(np.flatnonzero(np.isfinite(run.gradient_norms)), run.gradient_norms) for run in runs]
    return [(steps.astype(float), norms[steps]) for steps, norms in known if len(steps) >= STEPS]


def _spike(norms: Array) -> float:
    median = float(np.median(norms))
    return float(np.percentile(norms, 99)) / median if median > 0 else 0.0


def _norms(history: History | None) -> tuple[Evidence, ...]:
    series = tuple(line(f"run {number + 1}", steps, norms) for number, (steps, norms) in enumerate(_watched(history)))
    return (Curves("Gradient norm by step", "step", "norm", series, log_y=True),) if series else ()


def _rows(backward: Backward) -> int:
    gradients = backward.fresh if isinstance(backward.fresh, Gradients) else backward.current
    return gradients.batches * gradients.batch_size if isinstance(gradients, Gradients) else 0
