"""What a watched training shows of its single steps."""

from dataclasses import dataclass
from typing import Literal

from diagnose.measurements import Array


@dataclass(frozen=True)
class Steps:
    """Single steps, oldest first, one value each: [steps].

    `loss` is what `fit` minimises, penalties included; `norm` that of the whole gradient, before clipping, with the
    scale of mixed precision taken out; under a distribution strategy both are means over the replicas, of the norm the
    root mean square. nan: unknown.
    """

    loss: Array
    penalty: Array
    norm: Array


@dataclass(frozen=True)
class Origin:
    """What was the first to be not finite: the rows as fed, a layer's output, a layer's weights, or the loss itself."""

    kind: Literal["inputs", "layer", "weights", "loss"]
    layer: str = ""

    def __str__(self) -> str:
        named = {"inputs": "the inputs", "loss": "the loss itself, from finite outputs"}
        return named.get(self.kind) or f"{'the weights' if self.kind == 'weights' else 'the output'} of {self.layer}"
