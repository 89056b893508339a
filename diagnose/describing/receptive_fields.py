"""Computes the receptive field of each layer along the graph."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from diagnose.measurements import Layer

Field = tuple[int | None, ...]  # along height and width, or time; None: the whole axis

GLOBAL = re.compile(r"^(Global\w+Pooling\dD|Flatten)$|LSTM|GRU|RNN|Attention")
TRANSPOSED = re.compile(r"Conv\dDTranspose|UpSampling\dD")
POINTWISE = re.compile(  # each output position depends on the same input position
    r"^(Dense|EinsumDense|Embedding|Activation|ReLU|LeakyReLU|PReLU|ELU|Softmax|Rescaling|Normalization|Discretization"
    r"|Add|Average|Concatenate|Maximum|Minimum|Multiply|Subtract|ZeroPadding\dD|Cropping\dD|Masking|Identity"
    r"|ActivityRegularization|\w*Dropout\w*|Gaussian\w+|\w*Normalization|Random\w+)$"
)


@dataclass(frozen=True)
class _Reach:
    """Along one axis: how many input positions one value depends on, and how many lie between neighbouring values."""

    size: float
    step: float
    whole: int | None  # length of the input axis, None if it varies

    @property
    def seen(self) -> int | None:
        """Number of positions; None for the whole axis."""
        return None if math.isinf(self.size) or (self.whole and self.size >= self.whole) else round(self.size)


Reaches = tuple[_Reach, ...]


def receptive_fields(layers: Sequence[Layer]) -> dict[str, Field]:
    """By layer path, the number of input positions that one output value depends on, along each axis.

    Axes are those between rows and channels: height and width of images, time of sequences. None means the whole axis
    (after flattening, global pooling, recurrence, attention, or windows larger than the input). Layers without such
    axes are left out, and so are layers whose path to the input is unknown (no graph, a custom layer).

    Args:
        layers: in topological order.
    """
    reaches: dict[str, Reaches] = {}
    for layer in layers:
        found = _reach(layer, reaches)
        if found:
            reaches[layer.path] = found
    return {path: tuple(reach.seen for reach in found) for path, found in reaches.items()}


def _reach(layer: Layer, before: Mapping[str, Reaches]) -> Reaches:
    """The reach of one layer along each axis; empty if unknown."""
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
    """The reach of merged branches: along each axis the largest."""
    axes = zip_longest(*(reaches for reaches in fed if reaches))
    return tuple(max((r for r in axis if r is not None), key=lambda reach: (reach.size, reach.step)) for axis in axes)


def _windowed(layer: Layer, axis: int, reach: _Reach) -> _Reach:
    """The reach along one axis after a convolution, pooling or upsampling.

    Source: Araujo, Norris, Sim 2019, "Computing Receptive Fields of Convolutional Neural Networks", Distill.
    """
    window, stride, dilation = (
        values[axis] if axis < len(values) else 1 for values in (layer.kernel_size, layer.strides, layer.dilation)
    )
    if TRANSPOSED.search(layer.kind):
        more = math.ceil(((window - 1) * dilation + 1) / stride) - 1
        return _Reach(reach.size + more * reach.step, reach.step / stride, reach.whole)
    return _Reach(reach.size + (window - 1) * dilation * reach.step, reach.step * stride, reach.whole)
