"""How much of the input one value of a layer's output can see, followed along the graph."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from diagnose.measurements import Layer

Field = tuple[int | None, ...]  # along height and width, or time; None: all of it

GLOBAL = re.compile(r"^(Global\w+Pooling\dD|Flatten)$|LSTM|GRU|RNN|Attention")
TRANSPOSED = re.compile(r"Conv\dDTranspose|UpSampling\dD")
POINTWISE = re.compile(  # each place of the output sees the same place of the input
    r"^(Dense|EinsumDense|Embedding|Activation|ReLU|LeakyReLU|PReLU|ELU|Softmax|Rescaling|Normalization|Discretization"
    r"|Add|Average|Concatenate|Maximum|Minimum|Multiply|Subtract|ZeroPadding\dD|Cropping\dD|Masking|Identity"
    r"|ActivityRegularization|\w*Dropout\w*|Gaussian\w+|\w*Normalization|Random\w+)$"
)


@dataclass(frozen=True)
class _Reach:
    """Along one axis: how many input places one value sees, and how many lie between neighbouring values."""

    size: float
    step: float
    whole: int | None  # places of the input, None where they vary

    @property
    def seen(self) -> int | None:
        """The places, None for all of them."""
        return None if math.isinf(self.size) or (self.whole and self.size >= self.whole) else round(self.size)


Reaches = tuple[_Reach, ...]


def receptive_fields(layers: Sequence[Layer]) -> dict[str, Field]:
    """By path, the input places that one value of the layer's output depends on, along each axis of its input.

    Axes are those between rows and channels: height and width of images, time of sequences. None stands for the whole
    axis (after flattening, global pooling, recurrence, attention, or windows that grew past it). Layers without such
    axes and those whose way back to the input is not known (no graph, a custom layer) are left out.

    Args:
        layers: in call order, so that what feeds a layer stands before it.
    """
    reaches: dict[str, Reaches] = {}
    for layer in layers:
        found = _reach(layer, reaches)
        if found:
            reaches[layer.path] = found
    return {path: tuple(reach.seen for reach in found) for path, found in reaches.items()}


def _reach(layer: Layer, before: Mapping[str, Reaches]) -> Reaches:
    """Of one layer; empty where it is not known."""
    places = layer.output_shape[1:-1] if layer.output_shape else ()
    fed = [before.get(path, ()) for path in layer.inbound]
    if not any(fed):
        starts = layer.kind in ("InputLayer", "Embedding", "Reshape")
        return tuple(_Reach(1, 1, size) for size in places) if starts else ()
    joined = _joined(fed)
    if GLOBAL.search(layer.kind):
        return tuple(_Reach(math.inf, 1, reach.whole) for reach in joined)
    if layer.strides and len(layer.strides) == len(joined):
        return tuple(_windowed(layer, axis, reach) for axis, reach in enumerate(joined))
    if all(math.isinf(reach.size) for reach in joined):
        return joined
    return joined if POINTWISE.match(layer.kind) and len(places) == len(joined) else ()


def _joined(fed: Sequence[Reaches]) -> Reaches:
    """What merged branches see together: along each axis the farthest of them."""
    axes = zip_longest(*(reaches for reaches in fed if reaches))
    return tuple(max((r for r in axis if r is not None), key=lambda reach: (reach.size, reach.step)) for axis in axes)


def _windowed(layer: Layer, axis: int, reach: _Reach) -> _Reach:
    """After a convolution, a pooling or an upsampling along one axis.

    Source: Araujo, Norris, Sim 2019, "Computing Receptive Fields of Convolutional Neural Networks", Distill.
    """
    window, stride, dilation = (
        values[axis] if axis < len(values) else 1 for values in (layer.kernel_size, layer.strides, layer.dilation)
    )
    if TRANSPOSED.search(layer.kind):
        more = math.ceil(((window - 1) * dilation + 1) / stride) - 1
        return _Reach(reach.size + more * reach.step, reach.step / stride, reach.whole)
    return _Reach(reach.size + (window - 1) * dilation * reach.step, reach.step * stride, reach.whole)
