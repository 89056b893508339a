"""Building a model whose weights a file will fill: no more of them than the file holds, and none held twice.

Keras draws random numbers for each weight and then copies the file's array over, TensorFlow twice more on the way:
four times the memory of the largest weight. Here weights of Keras's own layers begin as zeros, and TensorFlow takes
the array that was read as its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diagnose.errors import RefusedError

_SPARE = 1 << 22  # numbers: states, seeds and constants, which not every file keeps
_LARGE = 1 << 20  # bytes; below this copies do not matter
_ALIGNMENT = 64  # bytes; TensorFlow's kernels need it
_SHARED = {"float16", "float32", "float64"}


@contextmanager
def filled_from(path: Path, values: int) -> Iterator[None]:
    """Build and fill a model inside this context.

    All weights of layers come from `Layer.add_weight` and all values through `Variable.assign`, so these two are
    replaced meanwhile.

    Args:
        path: the model file, for messages.
        values: the count of numbers that it holds.

    Raises:
        RefusedError: the layers ask for more weights than that; names the layer and the shape.
    """
    import keras

    left = values + _SPARE
    refusal: RefusedError | None = None

    def add_weight(self: Any, *args: Any, **settings: Any) -> Any:
        nonlocal left, refusal
        shape = args[0] if args else settings.get("shape")
        left -= prod(size for size in shape if isinstance(size, int)) if isinstance(shape, list | tuple) else 0
        if left < 0:
            refusal = RefusedError(
                f'{path} is refused: layer "{self.name}" asks for weights of the shape {tuple(shape)}, '
                f"but the file holds {values:,} numbers"
            )
            raise refusal
        if type(self).__module__.startswith("keras.") and len(args) < 2:
            settings["initializer"] = "zeros"  # others may keep what the file does not
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
    memory = np.empty(dataset.nbytes + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    array = memory[start : start + dataset.nbytes].view(dataset.dtype).reshape(dataset.shape)
    dataset.read_direct(array)
    return array


def _shared(value: Any, dtype: str) -> Any:
    """A large array as a tensor over the same memory, where the backend can do that; else the value as it is."""
    import h5py
    import keras

    if isinstance(value, h5py.Dataset):
        value = read_array(value)
    if keras.backend.backend() != "tensorflow" or not isinstance(value, np.ndarray) or value.nbytes < _LARGE:
        return value
    fits = value.flags.c_contiguous and value.flags.writeable and value.ctypes.data % _ALIGNMENT == 0
    if not fits or value.dtype.name != dtype or dtype not in _SHARED:
        return value
    import tensorflow as tf

    return tf.experimental.dlpack.from_dlpack(value.__dlpack__())
