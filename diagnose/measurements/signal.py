"""The signal in the layers: activations forward, gradients backward."""

from dataclasses import dataclass, field

import numpy as np

from diagnose.measurements.magnitudes import Magnitudes
from diagnose.measurements.needing import Array, Flags, Unavailable


@dataclass(frozen=True)
class LayerActivations:
    """Output of one layer in inference mode, per unit, over all rows and positions.

    `positive` is the share of values > 0. `never` marks units whose largest value over all rows and
    positions is <= 0 (meaningful for ReLU). `saturated` is the share of values with |a| > 0.97 (tanh) or
    outside 0.03 ... 0.97 (sigmoid), None for other activations. `varies` is the mean over units of the
    standard deviation *across rows*. `entering` is what BatchNormalization gets: the standard deviation of
    each channel over the moving one that the layer divides by; None for other layers, nan for channels that it drops.
    """

    path: str
    kind: str
    activation: str | None
    mean: Array
    std: Array
    low: Array
    high: Array
    positive: Array
    never: Flags
    saturated: Array | None
    non_finite: int = 0
    kernel_std: float | None = None  # of the layer's first kernel at these weights
    varies: float = float("nan")
    entering: Array | None = None
    magnitudes: Magnitudes | None = None  # of a sample of rows, positions and units

    @property
    def spread(self) -> float:
        """Standard deviation over all outputs of the layer (units pooled, around the overall mean)."""
        centre = float(np.mean(self.mean))
        return float(np.sqrt(np.mean(self.std**2 + (self.mean - centre) ** 2)))


@dataclass(frozen=True)
class FirstInput:
    """Input of the first trainable layer of one input path, after the preprocessing inside the model."""

    layer: str
    mean: Array  # per feature or channel
    std: Array
    max_abs: float


@dataclass(frozen=True)
class Activations:
    """One inference-mode pass over a stratified sample of training rows."""

    layers: tuple[LayerActivations, ...]
    first_inputs: tuple[FirstInput, ...]
    rows: int


@dataclass(frozen=True)
class Forward:
    """Activations at the loaded weights and at fresh ones (same architecture, re-initialised)."""

    current: Activations | Unavailable
    fresh: Activations | Unavailable


@dataclass(frozen=True)
class LayerGradients:
    """Gradient of the data loss with respect to one layer's kernel and output, median over batches.

    `relative` is |g| / |W| of the kernel (Frobenius norms; nan for a zero kernel), `rms` the root mean
    square gradient per weight, `activation_rms` the same with respect to the layer's output times the
    number of rows, which makes it independent of the batch size; nan where it could not be computed.
    `cut` marks kernels whose gradient is missing or exactly zero on all batches.
    """

    path: str
    kind: str
    relative: float
    rms: float
    activation_rms: float
    cut: bool
    magnitudes: Magnitudes | None = None  # of the gradients of single weights, over all batches; None without any


@dataclass(frozen=True)
class Gradients:
    """Train-mode gradients on `batches` seeded batches of training rows; layers in call order, weighted ones only.

    `by_output` compares the outputs of a model with several: the norm of the gradient of each output's part of the
    loss (with its loss weight) at the weights that all outputs share, median over batches, by the output's name. It is
    empty if no weights are shared.
    """

    layers: tuple[LayerGradients, ...]
    global_norm: tuple[float, ...]  # one per batch
    loss: float  # data loss, mean over batches
    batches: int
    batch_size: int
    by_output: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Backward:
    """Gradients at the loaded weights and at fresh ones."""

    current: Gradients | Unavailable
    fresh: Gradients | Unavailable

    @property
    def norms_by_output(self) -> tuple[float, ...]:
        """The norm of each output's gradient at the shared weights, from fresh weights; () if it is not known."""
        return () if isinstance(self.fresh, Unavailable) else tuple(self.fresh.by_output.values())
