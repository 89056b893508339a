"""Parts of Keras 1 and 2 that Keras 3 no longer has, or computes differently, as parts of Keras 3.

They are registered under the package name `diagnose`, so that copies of a repaired model can be made.
"""

import math
from typing import Any

import keras
from keras import ops

PACKAGE = "diagnose"
_register = keras.saving.register_keras_serializable(PACKAGE)


@_register  # type: ignore[untyped-decorator]
def hard_sigmoid(x: Any) -> Any:
    """clip(0.2 x + 0.5, 0, 1): Keras 3 computes relu6(x + 3) / 6 under the same name."""
    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)


@_register
class ThresholdedReLU(keras.layers.Layer):  # type: ignore[misc]
    """x where x > theta, else 0."""

    def __init__(self, theta: float = 1.0, **settings: Any) -> None:
        super().__init__(**settings)
        self.theta = float(theta)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        return ops.where(inputs > self.theta, inputs, ops.zeros_like(inputs))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "theta": self.theta}


@_register
class SyncBatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]
    """Batch normalisation whose statistics are shared by all devices; on one device there is no difference."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{**settings, "synchronized": False})


@_register
class RandomCrop(keras.layers.RandomCrop):  # type: ignore[misc]
    """Outside training, Keras before 3.8 crops the centre and resizes it; later ones keep the size of the picture."""

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        if training:
            return super().transform_images(images, transformation, training=training)
        size = (self.height, self.width)
        return keras.preprocessing.image.smart_resize(images, size, data_format=self.data_format)


class _LocallyConnected(keras.layers.Layer):  # type: ignore[misc]
    """A convolution with another kernel at each place.

    `kernel` has the shape (places, inputs of one place, filters), `bias` (*places by axis, filters); data are
    channels-last, padding is valid: all that implementation 1 of Keras 2 allows.
    """

    axes: int

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        *,
        strides: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self.filters = filters
        self.kernel_size = self._per_axis(kernel_size)
        self.strides = self._per_axis(strides)
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)

    def _per_axis(self, value: Any) -> tuple[int, ...]:
        return (value,) * self.axes if isinstance(value, int) else tuple(value)

    def _places(self, shape: Any) -> tuple[int, ...]:
        """The number of places along each axis."""
        sizes = zip(shape[1:-1], self.kernel_size, self.strides, strict=True)
        return tuple((size - width) // stride + 1 for size, width, stride in sizes)

    def build(self, input_shape: Any) -> None:
        places = self._places(input_shape)
        fan_in = input_shape[-1]
        for width in self.kernel_size:
            fan_in *= width
        self.kernel = self.add_weight(
            name="kernel",
            shape=(math.prod(places), fan_in, self.filters),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
        )
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(*places, self.filters),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
            )

    def call(self, inputs: Any) -> Any:
        places = self._places(inputs.shape)
        flat = self.axes == 1
        images = ops.expand_dims(inputs, 1) if flat else inputs
        one = (1,) if flat else ()
        patches = ops.image.extract_patches(images, one + self.kernel_size, one + self.strides, padding="valid")
        patches = ops.reshape(patches, (-1, *self.kernel.shape[:2]))
        outputs = ops.reshape(ops.einsum("bpi,pif->bpf", patches, self.kernel), (-1, *places, self.filters))
        return self.activation(outputs + self.bias if self.use_bias else outputs)

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        return (input_shape[0], *self._places(input_shape), self.filters)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": keras.regularizers.serialize(self.bias_regularizer),
        }


@_register
class LocallyConnected1D(_LocallyConnected):
    """Over inputs (batch, steps, channels)."""

    axes = 1


@_register
class LocallyConnected2D(_LocallyConnected):
    """Over inputs (batch, rows, columns, channels)."""

    axes = 2


_LAYERS = (ThresholdedReLU, SyncBatchNormalization, RandomCrop, LocallyConnected1D, LocallyConnected2D)
LAYERS = {layer.__name__: layer for layer in _LAYERS}
