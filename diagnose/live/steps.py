"""Data recorded for single training steps."""

from dataclasses import dataclass
from typing import Literal

from diagnose.measurements import Array


@dataclass(frozen=True)
class Steps:
    """Single steps, oldest first, one value each: [steps]; nan if unknown.

    `loss` is what `fit` minimises, including `penalty`. `norm` is the norm of the whole gradient before clipping,
    without the loss scale of mixed precision. Under a distribution strategy, `loss` is the mean over the replicas and
    `norm` the root mean square.
    """

    loss: Array
    penalty: Array
    norm: Array


@dataclass(frozen=True)
class Origin:
    """Where the first non-finite value appeared: the inputs, a layer's output, a layer's weights, or the loss."""

    kind: Literal["inputs", "layer", "weights", "loss"]
    layer: str = ""

    def __str__(self) -> str:
        named = {"inputs": "the inputs", "loss": "the loss (the outputs are finite)"}
        return named.get(self.kind) or f"{'the weights' if self.kind == 'weights' else 'the output'} of {self.layer}"
