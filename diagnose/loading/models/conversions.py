"""The weights of one layer, as other versions, backends and cuDNN wrote them, in the layout of Keras 3.

The built layer decides what it needs, so that layers inside wrappers and nested models are treated alike.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diagnose.errors import InputError
from diagnose.loading.models import keras1

Arrays = list[NDArray[Any]]

THEANO_NOTE = "Theano wrote the file: the kernels of its convolutions were turned by 180 degrees"
_CONVOLUTIONS = {"Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "ConvLSTM2D"}
_GATES = {"LSTM": 4, "GRU": 3}


@dataclass(frozen=True)
class Origin:
    """Who wrote a file of weights, as far as its layout depends on it."""

    keras_1: bool
    theano: bool


def is_convolution(layer: Any) -> bool:
    """Whether Theano kept the layer's kernels turned by 180 degrees."""
    return type(layer).__name__ in _CONVOLUTIONS


def converted(layer: Any, arrays: Arrays, origin: Origin) -> Arrays:
    """The arrays of one layer (trainable ones first) as the built layer of Keras 3 holds them.

    Raises:
        InputError: the layout cannot be known.
    """
    if hasattr(layer, "layers") and hasattr(layer, "inputs"):
        return _of_model(layer, arrays, origin)
    if hasattr(layer, "forward_layer"):
        half = len(arrays) // 2
        parts = ((layer.forward_layer, arrays[:half]), (layer.backward_layer, arrays[half:]))
        return [array for part, own in parts for array in converted(part, own, origin)]
    if hasattr(layer, "layer"):
        return converted(layer.layer, arrays, origin)
    kind = type(layer).__name__
    if origin.keras_1:
        arrays = keras1.convert_weights(kind, layer.get_config(), arrays)
    if origin.theano:
        arrays = _from_theano(layer, arrays)
    return _from_cudnn(arrays, _GATES[kind]) if kind in _GATES else arrays


def _of_model(model: Any, arrays: Arrays, origin: Origin) -> Arrays:
    """A nested model keeps the trainable weights of all its layers first, then the others."""
    spread = origin.keras_1 and len(arrays) > len(model.weights)
    count = sum(_stored_count(layer, spread) for layer in model.layers)
    if count + len(model.non_trainable_weights) != len(arrays):
        return arrays  # its layers hold others than the file
    trainable, fixed = iter(arrays[:count]), iter(arrays[count:])
    first: Arrays = []
    last: Arrays = []
    for layer in model.layers:
        own = [next(trainable) for _ in range(_stored_count(layer, spread))]
        others = [next(fixed) for _ in layer.non_trainable_weights]
        done = converted(layer, own + others, origin)
        first += done[: len(layer.trainable_weights)]
        last += done[len(layer.trainable_weights) :]
    return first + last


def _stored_count(layer: Any, spread: bool) -> int:
    """The number of trainable arrays in the file; Keras 1 could keep three for each gate."""
    count = len(layer.trainable_weights)
    return count * _GATES.get(type(layer).__name__, 1) if spread else count


def _from_theano(layer: Any, arrays: Arrays) -> Arrays:
    kind = type(layer).__name__
    if kind.startswith(("SeparableConv", "DepthwiseConv")):
        raise InputError(
            f'layer "{layer.name}" is a {kind} trained with Theano, whose kernels no version of Keras converts: '
            "save the model with the TensorFlow backend of its Keras"
        )
    if not is_convolution(layer):
        return arrays
    kernels = 2 if kind == "ConvLSTM2D" else 1
    axes = tuple(range(arrays[0].ndim - 2))
    return [np.flip(array, axes) for array in arrays[:kernels]] + arrays[kernels:]


def _from_cudnn(arrays: Arrays, gates: int) -> Arrays:
    """cuDNN keeps each gate's kernels transposed and two biases, which an LSTM adds up and a GRU keeps apart."""
    if len(arrays) != 3 or arrays[2].shape != (2 * gates * arrays[1].shape[0],):
        return arrays
    kernel, recurrent, bias = arrays
    kernel = _by_gate(kernel, gates, lambda part: part.T.reshape(part.shape, order="F"))
    recurrent = _by_gate(recurrent, gates, lambda part: part.T)
    biases = bias.reshape(2, -1)
    return [kernel, recurrent, biases.sum(axis=0) if gates == 4 else biases]


def _by_gate(array: NDArray[Any], gates: int, change: Callable[[NDArray[Any]], NDArray[Any]]) -> NDArray[Any]:
    return np.hstack([change(part) for part in np.hsplit(array, gates)])
