"""Signal and gradient by depth: what the checks on vanishing and exploding gradients share."""

import numpy as np

from diagnose.findings import Bars, Evidence
from diagnose.measurements import (
    Activations,
    Backward,
    Forward,
    Gradients,
    Initial,
    LayerGradients,
    Unavailable,
)

UNLEARNED = 0.5  # share of the loss at the start; a model above it has not learned, so its gradients should not be tiny
EXPLODED = 10.0  # times the chance-level loss; a He-initialised head reaches 1.5
DEPTH = 3  # layers with weights; fewer have no profile


def profile(gradients: Gradients) -> tuple[LayerGradients, ...]:
    """The layers with a gradient to compare: embeddings (sparse by nature) and cut layers are left out."""
    return tuple(
        layer
        for layer in gradients.layers
        if layer.kind != "Embedding" and not layer.cut and np.isfinite(layer.relative) and layer.relative > 0
    )


def depth_ratio(layers: tuple[LayerGradients, ...]) -> float:
    """Gradient-to-weight ratio, first layer over last; 1 if the net is too shallow to have a profile."""
    return layers[0].relative / layers[-1].relative if len(layers) >= DEPTH else 1.0


def activation_ratio(layers: tuple[LayerGradients, ...]) -> float | None:
    """Gradient with respect to the output, first layer over last; None if it could not be taken."""
    if len(layers) < DEPTH:
        return None
    ratio = np.float64(layers[0].activation_rms) / np.float64(layers[-1].activation_rms or np.nan)
    return float(ratio) if np.isfinite(ratio) else None


def signal(activations: Activations | Unavailable | None) -> dict[str, float]:
    """How much each hidden weight layer's output varies over rows and positions, by path, in call order."""
    if activations is None or isinstance(activations, Unavailable):
        return {}
    weighted = [layer for layer in activations.layers if layer.kernel_std is not None and layer.kind != "Embedding"]
    return {layer.path: float(np.mean(layer.std)) for layer in weighted[:-1]}


def signal_change(activations: Activations | Unavailable | None) -> tuple[float, float]:
    """Smallest and largest signal of the deeper layers, relative to the first one's; (1, 1) if unknown."""
    levels = list(signal(activations).values())
    if len(levels) < DEPTH - 1 or not levels[0] > 0:
        return 1.0, 1.0
    return min(levels) / levels[0], max(levels) / levels[0]


def initial_loss(initial: Initial | None) -> float:
    """Loss of fresh weights over the chance-level loss, for the worst output; 1 if unknown."""
    if initial is None:
        return 1.0
    pairs = zip(initial.losses, initial.expected, strict=True)
    ratios = [float(np.median(losses)) / expected for losses, expected in pairs if losses and expected > 0]
    finite = [ratio if np.isfinite(ratio) else np.inf for ratio in ratios]
    return max(finite, default=1.0)


def chance_loss(backward: Backward, initial: Initial | None) -> float | None:
    """The data loss of a net that has learned nothing; None if unknown."""
    losses = [] if isinstance(backward.fresh, Unavailable) else [backward.fresh.loss]
    losses += [sum(initial.expected)] if initial is not None else []
    known = [loss for loss in losses if np.isfinite(loss) and loss > 0]
    return min(known) if known else None


def learned(backward: Backward, initial: Initial | None) -> bool | None:
    """Whether the loss of the loaded weights is well below its start; None if unknown."""
    start = chance_loss(backward, initial)
    if start is None or isinstance(backward.current, Unavailable):
        return None
    return bool(backward.current.loss < UNLEARNED * start)


def pictures(backward: Backward, forward: Forward | None) -> tuple[Evidence, ...]:
    """The gradient of every layer with weights, at fresh and at loaded weights, and the signal by layer."""
    bars: list[Evidence] = []
    for name, gradients in (("fresh", backward.fresh), ("loaded", backward.current)):
        if not isinstance(gradients, Unavailable) and (layers := profile(gradients)):
            paths = tuple(layer.path for layer in layers)
            title = f"Gradient-to-weight ratio by layer, {name} weights"
            bars.append(Bars(title, paths, tuple(layer.relative for layer in layers), log=True))
    levels = signal(forward.fresh if forward is not None else None)
    if levels:
        title = "Spread of the signal by layer, fresh weights"
        bars.append(Bars(title, tuple(levels), tuple(levels.values()), log=True))
    return tuple(bars)


def gradient_left(backward: Backward) -> float | None:
    """The median gradient norm at loaded weights over that at fresh ones; None if either is unknown."""
    if isinstance(backward.fresh, Unavailable) or isinstance(backward.current, Unavailable):
        return None
    if not backward.fresh.global_norm or not backward.current.global_norm:
        return None
    start = float(np.median(backward.fresh.global_norm))
    return float(np.median(backward.current.global_norm)) / start if start > 0 else None
