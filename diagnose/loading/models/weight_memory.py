"""The memory of a model's weights while a file fills them: not more of them than the file holds, each held once.

Keras draws random numbers for each weight and then copies the file's array over them, and TensorFlow copies it twice
more: four times the memory of the largest weight. Here the weights of Keras's own layers start as zeros, and
TensorFlow uses the array that was read as its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diagnose.errors import RefusedError

_SPARE = 1 << 22  # numbers: states, seeds and constants, which some files leave out
_LARGE = 1 << 20  # bytes; below this copies do not matter
_ALIGNMENT = 64  # bytes; TensorFlow's kernels need it
_SHARED = {"float16", "float32", "float64"}


@contextmanager
def weights_from_file(path: Path, values: int) -> Iterator[None]:
    """Build a model and fill its weights inside this context.

    All weights of layers come from `Layer.add_weight`, and all values are set by `Variable.assign`, so these two are
    replaced inside the context.

    Args:
        path: the model file, for messages.
        values: the number of values in it.

    Raises:
        RefusedError: the layers ask for more weights than the file holds; it names the layer and the shape.
    """
    import keras

    left = values + _SPARE
    refusal: RefusedError | None = None

    def add_weight(self: Any, *args: Any, **settings: Any) -> Any:
        nonlocal left, refusal
        shape: Any = args[0] if args else settings.get("shape")
        left -= prod(size for size in shape if isinstance(size, int)) if isinstance(shape, list | tuple) else 0
        if left < 0:
            refusal = RefusedError(
                f'{path} is refused: layer "{self.name}" asks for weights of the shape {tuple(shape)}, '
                f"but the file holds {values:,} numbers"
            )
            raise refusal
        if type(self).__module__.startswith("keras.") and len(args) < 2:
            settings["initializer"] = _zeros  # other layers may need values that the file does not hold
        return layer_add_weight(self, *args, **settings)

    def assign(self: Any, value: Any) -> Any:
        return variable_assign(self, _shared(value, self.dtype))

    layer_add_weight, variable_assign = keras.layers.Layer.add_weight, keras.Variable.assign
    keras.layers.Layer.add_weight, keras.Variable.assign = add_weight, assign
    try:
        yield
    except Exception as error:  # Keras wraps what its layers raise
        if refusal is not None:
            raise refusal from error
        raise
    finally:
        keras.layers.Layer.add_weight, keras.Variable.assign = layer_add_weight, variable_assign


def read_array(dataset: Any) -> NDArray[Any]:
    """Read an HDF5 dataset into memory that a backend can take over."""
    if dataset.nbytes < _LARGE:
        return np.asarray(dataset)
    array = _aligned(dataset.shape, dataset.dtype)
    dataset.read_direct(array)
    return array


def _zeros(shape: tuple[int, ...], dtype: str, **_: Any) -> Any:
    """An initializer whose zeros take no memory before they are replaced."""
    import keras

    if keras.backend.backend() != "tensorflow" or dtype not in _SHARED:
        return keras.ops.zeros(shape, dtype)
    zeros = _shared(_aligned(shape, np.dtype(dtype)), dtype)
    return keras.ops.convert_to_tensor(zeros)


def _aligned(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """An array of zeros at an address that TensorFlow's kernels can use."""
    size = prod(shape) * dtype.itemsize
    memory = np.zeros(size + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)


def _shared(value: Any, dtype: str) -> Any:
    """A large array as a tensor in the same memory, if the backend can do that; else the value as it is."""
    import keras

    large = isinstance(value, np.ndarray) and value.nbytes >= _LARGE and value.dtype.name == dtype in _SHARED
    if not large or keras.backend.backend() != "tensorflow":
        return value
    import tensorflow as tf

    if not value.flags.c_contiguous or not value.flags.writeable or value.ctypes.data % _ALIGNMENT:
        value, given = _aligned(value.shape, value.dtype), value
        value[...] = given
    return tf.experimental.dlpack.from_dlpack(value.__dlpack__())
