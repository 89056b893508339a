"""The TensorFlow backend; the functions are documented in `diagnose.measuring.backend`."""

from collections.abc import Callable
from typing import Any


def random_state() -> Any:
    """The eager context's seed, the generator of its op seeds, and the global generator, if it exists."""
    from tensorflow.python.eager import context
    from tensorflow.python.ops import stateful_random_ops

    eager, generator = context.context(), stateful_random_ops.global_generator
    drawn = None if generator is None else generator.state.numpy().tobytes()
    op_seeds = getattr(eager, "_rng", None)
    return eager._seed, None if op_seeds is None else op_seeds.getstate(), generator, drawn


def restore_random_state(state: Any) -> None:
    import numpy as np
    from tensorflow.python.eager import context
    from tensorflow.python.ops import stateful_random_ops

    seed, op_seeds, generator, drawn = state
    eager = context.context()
    eager._seed = seed
    if op_seeds is not None:
        eager._rng.setstate(op_seeds)
    elif hasattr(eager, "_rng"):  # no seed had been set
        del eager._rng
    stateful_random_ops.global_generator = generator
    if generator is not None:
        generator.state.assign(np.frombuffer(drawn, dtype=generator.state.dtype.as_numpy_dtype))


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    import tensorflow as tf

    traced: Callable[..., Any] = tf.function(function, reduce_retracing=True, autograph=False)
    return traced


def trace_level() -> int:
    import tensorflow as tf

    return 0 if tf.executing_eagerly() else id(tf.compat.v1.get_default_graph())


def gradients(function: Callable[[], tuple[Any, list[Any], Any]], variables: list[Any]) -> Any:
    import tensorflow as tf

    with tf.GradientTape() as tape:
        scalar, tensors, more = function()
    found = tape.gradient(scalar, [variable.value for variable in variables] + tensors)
    found = [None if gradient is None else tf.convert_to_tensor(gradient) for gradient in found]
    return scalar, more, found[: len(variables)], found[len(variables) :]


def sum_of_squares(tensor: Any) -> Any:
    import tensorflow as tf

    return 2 * tf.nn.l2_loss(tf.cast(tensor, tf.float32))
