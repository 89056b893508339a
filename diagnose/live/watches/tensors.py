"""Losses, gradients and batches of a step as TensorFlow's tensors."""

from typing import Any

import keras
import tensorflow as tf

from diagnose.live.steps import Origin
from diagnose.measuring.probe import call, capturing
from diagnose.measuring.walking import walk

# --- Numbers -----------------------------------------------------------------------------------------


def strategy_of(model: Any) -> Any:
    return getattr(model, "distribute_strategy", None) or tf.distribute.get_strategy()


def scaled(value: Any, factor: Any = 1.0) -> Any:
    """A value of one replica scaled to the whole batch: Keras divides each replica's loss by their number."""
    factor = factor * tf.distribute.get_strategy().num_replicas_in_sync
    return value if isinstance(factor, float) and factor == 1 else value * factor


def plain_loss(loss: Any) -> Any:
    loss = tf.cast(loss, tf.float32)
    return scaled(loss if loss.shape.rank == 0 else tf.reduce_mean(loss))


def penalty_of(model: Any) -> Any:
    losses = [tf.reduce_sum(tf.cast(loss, tf.float32)) for loss in model.losses]
    return tf.add_n(losses) if losses else tf.constant(0.0)


def half_square(gradient: Any) -> Any:
    values = gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient
    return tf.nn.l2_loss(tf.cast(values, tf.float32))


def loss_scale(optimizer: Any) -> Any:
    """The factor by which the gradients that reach the optimizer are scaled."""
    dynamic = getattr(optimizer, "dynamic_scale", None)
    if dynamic is not None:
        return tf.cast(dynamic.value, tf.float32)
    return float(getattr(optimizer, "loss_scale_factor", None) or 1.0)


# --- Batches -----------------------------------------------------------------------------------------


def tensors_of(data: Any) -> tuple[Any, list[Any] | None]:
    """The structure of a batch and its tensors in flat order; None if some are sparse, ragged or scalar."""
    flat = keras.tree.flatten(data)
    tensors = [leaf for leaf in flat if leaf is not None and not isinstance(leaf, tf.experimental.Optional)]
    plain = all(isinstance(leaf, tf.Tensor) and leaf.shape.rank not in (None, 0) for leaf in tensors)
    return data if plain and len(tensors) == len(flat) else _without_none(data), tensors if plain and tensors else None


def _without_none(data: Any) -> Any:
    """(x, y, None) as (x, y): Keras appends None if there are no weights."""
    if isinstance(data, tuple):
        return tuple(part for part in data if part is not None)
    return data


def is_replicated(data: Any) -> bool:
    return any(isinstance(leaf, tf.distribute.DistributedValues) for leaf in keras.tree.flatten(data))


def local(leaf: Any) -> Any:
    return leaf.values[0] if isinstance(leaf, tf.distribute.DistributedValues) else leaf


# --- The first non-finite value ----------------------------------------------------------------------


def first_broken(model: Any, x: Any) -> Origin:
    """The first part of the model, in call order, whose output is not finite."""
    if not all(_finite(tensor) for tensor in keras.tree.flatten(x)):
        return Origin("inputs")
    parts = walk(model).parts
    broken: list[Any] = []

    def see(part: Any, _: Any, given: list[Any]) -> None:
        if not broken and not all(_finite(tensor) for tensor in given):
            broken.append(part)

    with keras.StatelessScope(), capturing(parts, see):
        call(model, x, training=True)
    if not broken:
        return Origin("loss")
    weights = broken[0].layer.weights
    return Origin("layer" if all(_finite(w.value) for w in weights) else "weights", broken[0].path)


def _finite(tensor: Any) -> bool:
    tensor = tf.convert_to_tensor(tensor)
    return not tensor.dtype.is_floating or bool(tf.reduce_all(tf.math.is_finite(tensor)))
