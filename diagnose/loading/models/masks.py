"""Layers of Keras 3 that pass masks on as they did in Keras 2; needed only in models that have masks.

Joined inputs: Keras 2 keeps a step that is valid in all masked inputs, Keras 3 one that is valid in any, and has no
mask at all where one input has none. Attention: Keras 3 takes the mask away from the layer's inputs.
"""

from typing import Any

import keras
from keras import ops
from keras.src.backend import get_keras_mask, set_keras_mask  # public only as an attribute of tensors

_register = keras.saving.register_keras_serializable("diagnose")


class _Joined:
    """compute_mask of all layers that join their inputs element by element."""

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        found = [one for one in mask or () if one is not None]
        return ops.all(ops.stack(found), axis=0) if found else None


@_register
class Add(_Joined, keras.layers.Add):  # type: ignore[misc]
    pass


@_register
class Subtract(_Joined, keras.layers.Subtract):  # type: ignore[misc]
    pass


@_register
class Multiply(_Joined, keras.layers.Multiply):  # type: ignore[misc]
    pass


@_register
class Average(_Joined, keras.layers.Average):  # type: ignore[misc]
    pass


@_register
class Maximum(_Joined, keras.layers.Maximum):  # type: ignore[misc]
    pass


@_register
class Minimum(_Joined, keras.layers.Minimum):  # type: ignore[misc]
    pass


@_register
class Concatenate(keras.layers.Concatenate):  # type: ignore[misc]
    """Where features are joined, a step is valid if it is so in all inputs; joined steps keep their own."""

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        if all(one is None for one in mask or ()):
            return None
        masks = [
            ops.ones_like(x, dtype="bool") if one is None else ops.expand_dims(one, -1) if one.ndim < x.ndim else one
            for x, one in zip(inputs, mask, strict=True)
        ]
        return ops.all(ops.concatenate(masks, axis=self.axis), axis=-1)


@_register
class MultiHeadAttention(keras.layers.MultiHeadAttention):  # type: ignore[misc]
    def call(
        self,
        query: Any,
        value: Any,
        key: Any = None,
        *,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        **settings: Any,
    ) -> Any:
        masks = [(tensor, get_keras_mask(tensor)) for tensor in (query, value, key) if tensor is not None]
        outputs = super().call(
            query, value, key, query_mask=query_mask, value_mask=value_mask, key_mask=key_mask, **settings
        )
        for tensor, mask in masks:
            if mask is not None:
                set_keras_mask(tensor, mask)
        return outputs


_LAYERS = (Add, Subtract, Multiply, Average, Maximum, Minimum, Concatenate, MultiHeadAttention)
LAYERS = {layer.__name__: layer for layer in _LAYERS}
