"""Whether the gradient vanishes on its way to the first layers."""

from collections.abc import Iterator
from dataclasses import dataclass

from diagnose.checks.further_reading import BOOK, VANISHING_GRADIENTS
from diagnose.checks.reading import profiles
from diagnose.checks.reading.wording import number
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import Activations, Backward, Forward, Gradients, Initial, NotMeasured, Unavailable
from diagnose.registry import check

VANISHING = 1e-3  # gradient-to-weight ratio, first layer over last; healthy nets of 2 to 20 layers: 0.16 to 17
VANISHED = 1e-5  # the same; below, no optimizer moves the first layers
STARVED = 1e-7  # RMS gradient per weight over the loss; at Adam's epsilon of 1e-7 even Adam does not move
FADED = 1e-2  # share of the last layer's activation gradient, or of the first layer's signal, as further evidence


@dataclass(frozen=True)
class Fading:
    layer: str
    message: str
    value: float
    threshold: float
    severity: Severity


@check("Vanishing gradients", family="optimisation", reading=(VANISHING_GRADIENTS, BOOK))
def vanishing_gradients(backward: Backward, forward: Forward | None, initial: Initial | None) -> Iterator[Finding]:
    """Follows the gradient from the last layer with weights to the first, at fresh and at loaded weights.

    ## What it measures
    For each layer with weights, the norm of its gradient over the norm of its weights, and the root mean square
    gradient per weight, as medians over batches; as further evidence, the spread of each layer's output and the
    gradient with respect to it.

    ## Why it matters
    Layers without a gradient keep their random weights: the rest of the net trains on what they happen to pass on.
    Saturating activations, initial weights that are too small, and depth without skip connections or normalisation each
    multiply the gradient by a factor below 1 per layer.

    ## How it is decided
    Reported if the first layer's gradient-to-weight ratio is below 1/1,000 of the last one's (error below 1/100,000),
    or if a layer's gradient per weight is below 1e-7 of the loss (error below 1e-9), and further evidence agrees: the
    gradient with respect to the activations fades to 1/100 as well, or the forward signal does. The second rule is
    needed because initial weights that are too small shrink both directions alike and leave the ratio flat. At loaded
    weights it is reported only if the loss is above half of its start, since a converged net has small gradients; at
    fresh weights it is a hint if the loaded weights show that the model learned anyway. If fresh weights have more than
    10 times the chance-level loss, the net explodes and nothing is reported here.

    ## Known limits
    It explains why a model does not learn; alone, it does not make a model count as sick. Layers are compared in call
    order, so in nets with branches the first and the last one may not lie on one path. At loaded weights, layers with a
    gradient of exactly zero are left to the checks on cut gradients and dead units.

    ## References
    - Hochreiter 1998, "The vanishing gradient problem during learning recurrent neural nets and problem solutions",
      doi:10.1142/S0218488598000094
    - Glorot, Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks", AISTATS
    - Zhang et al. 2021, "AUTOTRAINER: An Automatic DNN Training Problem Detection and Repair System", ICSE
    """
    if isinstance(backward.fresh, Unavailable) and isinstance(backward.current, Unavailable):
        raise NotMeasured(backward.fresh.reason, backward.fresh.how)
    if profiles.initial_loss(initial) > profiles.EXPLODED:
        return
    learned = profiles.learned(backward, initial)
    for weights, gradients, activations in (
        ("fresh", backward.fresh, forward.fresh if forward else None),
        ("loaded", backward.current, forward.current if forward else None),
    ):
        if isinstance(gradients, Unavailable) or (weights == "loaded" and learned is not False):
            continue
        fading = _decay(gradients, activations) or _starvation(gradients, activations, weights)
        if fading is not None:
            yield Finding(
                Severity.HINT if learned else fading.severity,
                f"at {weights} weights {fading.message}",
                Where(layer=fading.layer),
                value=fading.value,
                threshold=fading.threshold,
                rows=gradients.batches * gradients.batch_size,
                evidence=profiles.pictures(backward, forward),
            )
            return


def _decay(gradients: Gradients, activations: Activations | Unavailable | None) -> Fading | None:
    layers = profiles.profile(gradients)
    ratio = profiles.depth_ratio(layers)
    backward_ratio = profiles.activation_ratio(layers)
    smallest, _ = profiles.signal_change(activations)
    witnessed = smallest < FADED or (backward_ratio is not None and backward_ratio < FADED)
    if not (ratio < VANISHING and witnessed):
        return None
    first, last = layers[0].path, layers[-1].path
    message = f"the gradient-to-weight ratio of layer {first} is {number(ratio)} times that of layer {last}"
    return Fading(first, message, ratio, VANISHING, Severity.ERROR if ratio < VANISHED else Severity.WARNING)


def _starvation(gradients: Gradients, activations: Activations | Unavailable | None, weights: str) -> Fading | None:
    smallest, _ = profiles.signal_change(activations)
    hidden = [layer for layer in gradients.layers if layer.kind != "Embedding"][:-1]
    if weights == "loaded":
        hidden = [layer for layer in hidden if layer.rms > 0]
    if not (smallest < FADED and hidden and gradients.loss > 0):
        return None
    least = min(hidden, key=lambda layer: layer.rms)
    share = least.rms / gradients.loss
    if not share < STARVED:
        return None
    message = (
        f"the gradient per weight of layer {least.path} is {number(share)} of the loss,"
        f" and the signal fades to {number(smallest)} times that of the first layer"
    )
    return Fading(least.path, message, share, STARVED, Severity.ERROR if share < STARVED / 100 else Severity.WARNING)
