"""Whether the optimizer's settings are in the range that works."""

from collections.abc import Iterator

import numpy as np

from diagnose.checks.further_reading import ADAM, ADAMW
from diagnose.checks.reading.wording import counted, number
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import Backward, Network, NotMeasured, Unavailable
from diagnose.registry import check

MOMENTUM = (0.8, 0.99)  # usual range of the momentum of SGD and beta_1 of Adam; Keras's defaults: 0 and 0.9
HEAVY = 0.999  # momentum: the velocity averages over 1,000 steps and overshoots for as long
DECAY = 1e-2  # learning rate times weight decay: weights would fall to 1/e within 100 steps; usual: 1e-6 to 1e-4
EPSILON = 1e-2  # of adaptive optimizers; Keras's default 1e-7; at 1 the optimizer is a slow SGD
EPSILON_HUGE = 1.0
CLIP = 1e-2  # clipping norm over the gradient's own; below, every step is clipped to a hundredth
CLIP_TINY = 1e-3  # clipping norm, if the gradient is unknown; its usual norm at the start is 1
ADAPTIVE = frozenset({"adam", "adamw", "nadam", "adamax", "rmsprop", "adagrad", "adadelta", "lamb", "lion"})
COUPLED = frozenset({"adam", "nadam", "adamax", "rmsprop"})  # rescale an L2 penalty's gradient along with the data's


@check("Unusual optimizer settings", family="optimisation", reading=(ADAMW, ADAM))
def optimizer_settings(network: Network, backward: Backward | None) -> Iterator[Finding]:
    """Compares momentum, weight decay, clipping and epsilon with the ranges that work.

    ## What it measures
    The settings of the compiled optimizer and, for clipping, the norm of the gradient.

    ## Why it matters
    Momentum near 1 overshoots, a huge decay pulls the weights to zero faster than the data moves them, and a tiny
    clipping norm or a huge epsilon shrinks every step. Under Adam, an L2 penalty is divided by the size of the
    gradient: weights with large gradients are hardly regularised.

    ## How it is decided
    Warnings: momentum or beta_1 of at least 0.999; learning rate times weight decay above 0.01; an epsilon above 1; for
    optimizers that do not rescale the gradient, a clipping norm below 1/100 of the gradient's median norm at fresh
    weights (below 0.001 if that is unknown). Hints: SGD without momentum, momentum or beta_1 outside 0.8 to 0.99,
    epsilon above 0.01, an L2 penalty under an adaptive optimizer.

    ## Known limits
    Settings depend on each other: a momentum of 0.99 with a hundredth of the learning rate is fine, and generative
    adversarial nets use a beta_1 of 0 to 0.5. Only settings found in the file are judged.

    ## References
    - Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning", ICML
    - Loshchilov, Hutter 2019, "Decoupled Weight Decay Regularization", arXiv:1711.05101
    - Kingma, Ba 2015, "Adam: A Method for Stochastic Optimization", arXiv:1412.6980
    """
    if network.optimizer is None:
        raise NotMeasured("the optimizer is unknown", "Pass it: --optimizer O.")
    for found in (_momentum(network), _decay(network), _epsilon(network), _clipping(network, backward), _l2(network)):
        if found is not None:
            yield found


def _momentum(network: Network) -> Finding | None:
    name = "momentum" if network.optimizer == "sgd" else "beta_1"
    value = network.settings.get(name)
    if value is None or MOMENTUM[0] <= value <= MOMENTUM[1]:
        return None
    if value >= HEAVY:
        message = f"{name} is {value:.5g}: each step averages over about {1 / max(1 - value, 1e-9):,.0f} earlier ones"
        return _finding(Severity.WARNING, message, name, value, HEAVY)
    if value > MOMENTUM[1]:
        return _finding(Severity.HINT, f"{name} is {value:.4g}, above the usual 0.8 to 0.99", name, value, MOMENTUM[1])
    plain = "SGD runs without momentum" if name == "momentum" and value == 0 else f"{name} is {value:.4g}"
    return _finding(Severity.HINT, f"{plain} (usual range: 0.8 to 0.99)", name, value, MOMENTUM[0])


def _decay(network: Network) -> Finding | None:
    decay, rate = network.settings.get("weight_decay"), network.learning_rate
    if not decay or not rate or decay * rate <= DECAY:
        return None
    share = decay * rate
    message = (
        f"weight decay {number(decay)} at learning rate {number(rate)} shrinks every weight by {share:.1%} per step"
    )
    return _finding(Severity.WARNING, message, "weight_decay", share, DECAY)


def _epsilon(network: Network) -> Finding | None:
    epsilon = network.settings.get("epsilon")
    if epsilon is None or epsilon <= EPSILON or network.optimizer not in ADAPTIVE:
        return None
    severity = Severity.WARNING if epsilon > EPSILON_HUGE else Severity.HINT
    message = f"epsilon of {network.optimizer} is {number(epsilon)}, above the root mean square of a usual gradient"
    return _finding(severity, message, "epsilon", epsilon, EPSILON)


def _clipping(network: Network, backward: Backward | None) -> Finding | None:
    if network.optimizer in ADAPTIVE:
        return None  # they divide by the gradient's size, so a constant factor has no effect
    norm = _gradient_norm(backward)
    for name in ("global_clipnorm", "clipnorm"):
        limit = network.settings.get(name)
        least = CLIP * norm if norm is not None else CLIP_TINY
        if limit is not None and 0 < limit < least:
            beside = f" while the gradient norm at fresh weights is {number(norm)}" if norm is not None else ""
            message = f"{name} is {number(limit)}{beside}, so every step is shrunk"
            return _finding(Severity.WARNING, message, name, limit, least)
    return None


def _gradient_norm(backward: Backward | None) -> float | None:
    if backward is None or isinstance(backward.fresh, Unavailable) or not backward.fresh.global_norm:
        return None
    norm = float(np.median(backward.fresh.global_norm))
    return norm if np.isfinite(norm) else None


def _l2(network: Network) -> Finding | None:
    regularized = sum(layer.regularized for layer in network.layers)
    if not regularized or network.optimizer not in COUPLED:
        return None
    verb = "has a penalty" if regularized == 1 else "have penalties"
    message = f"{counted(regularized, 'layer')} {verb} in the loss, and {network.optimizer} rescales the gradient of it"
    return Finding(Severity.HINT, message, Where(feature="penalty"), value=float(regularized), threshold=0.0)


def _finding(severity: Severity, message: str, name: str, value: float, threshold: float) -> Finding:
    return Finding(severity, message, Where(feature=name), value=value, threshold=threshold)
