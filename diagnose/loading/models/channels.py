"""Convolutions of channels-first data for TensorFlow on a CPU, which has them for channels-last data only."""

from typing import Any

import keras
from keras import ops

_register = keras.saving.register_keras_serializable("diagnose")


def needed() -> bool:
    """Whether Keras computes on a device without these convolutions."""
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return not tf.config.list_physical_devices("GPU")


class _Turned:
    """Transpose the data to channels-last and back; the weights stay as they are."""

    def convolution_op(self: Any, inputs: Any, kernel: Any) -> Any:
        outputs = ops.conv(
            ops.moveaxis(inputs, 1, -1),
            kernel,
            strides=list(self.strides),
            padding=self.padding if self.padding != "causal" else "valid",  # already padded
            dilation_rate=self.dilation_rate,
            data_format="channels_last",
        )
        return ops.moveaxis(outputs, -1, 1)


@_register
class Conv1D(_Turned, keras.layers.Conv1D):  # type: ignore[misc]
    pass


@_register
class Conv2D(_Turned, keras.layers.Conv2D):  # type: ignore[misc]
    pass


class _TransposedTurned:
    def call(self: Any, inputs: Any) -> Any:
        outputs = ops.conv_transpose(
            ops.moveaxis(inputs, 1, -1),
            self.kernel,
            strides=list(self.strides),
            output_padding=self.output_padding,
            padding=self.padding,
            dilation_rate=self.dilation_rate,
            data_format="channels_last",
        )
        outputs = outputs + self.bias if self.use_bias else outputs
        return self.activation(ops.moveaxis(outputs, -1, 1))


@_register
class Conv1DTranspose(_TransposedTurned, keras.layers.Conv1DTranspose):  # type: ignore[misc]
    pass


@_register
class Conv2DTranspose(_TransposedTurned, keras.layers.Conv2DTranspose):  # type: ignore[misc]
    pass


@_register
class Conv3DTranspose(_TransposedTurned, keras.layers.Conv3DTranspose):  # type: ignore[misc]
    pass


_LAYERS = (Conv1D, Conv2D, Conv1DTranspose, Conv2DTranspose, Conv3DTranspose)
LAYERS = {layer.__name__: layer for layer in _LAYERS}
