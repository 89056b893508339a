"""Compiled functions of short trainings, for the TensorFlow backend."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diagnose.measurements import TRAINABLE, Array, NotMeasured
from diagnose.measuring.bench import Batch, Structure
from diagnose.measuring.copying import own_method
from diagnose.subject import Rows

Order = NDArray[np.int64]
Steps = Callable[[Order, Array], tuple[Array, Array]]
Change = Callable[[Any, Any], tuple[Any, Any]]  # inputs and targets of a batch, before and after
Step = Callable[[Any, Any, Any], tuple[Any, Any]]  # a batch -> loss, norm of the gradient
Prediction = Callable[[NDArray[np.int64]], list[Rows]]


def compile_steps(
    model: Any,
    optimizer: Any,
    data: Batch,
    batch_size: int,
    *,
    labelled: bool = True,
    change: Change | None = None,
) -> Steps:
    """Compile a training loop that runs many steps in one call, at one learning rate per step.

    The returned function takes row numbers [steps, batch_size] into `data` and rates [steps]; it returns the loss
    (with penalties, as in `fit`) and the global gradient norm of each step, both [steps], nan after the first step
    with a non-finite loss. It is traced once for all numbers of steps.

    `change` returns the inputs and targets of a batch as they are trained on.

    A model with a `train_step` of its own is trained by it; the loss is then what it logs, and the norm that of the
    gradients that it applies.

    Raises:
        NotMeasured: the model has no trainable weights; in the first call, its own step logs no total loss or does not
            make one step of its optimizer.
    """
    import tensorflow as tf

    if not model.trainable_variables:
        raise NotMeasured("the model has no trainable weights", TRAINABLE)
    inputs, targets, weights = _on_device(data)
    targets = targets if labelled else None  # an own step gets what `fit` gave it
    once = _own_step(model, optimizer) if own_method(model, "train_step") else _usual_step(model, optimizer)

    def step(rows: Any, rate: Any) -> tuple[Any, Any]:
        optimizer.learning_rate.assign(rate)
        x, y, weight = (_gather(part, rows) for part in (inputs, targets, weights))
        loss, norm = once(*(change(x, y) if change else (x, y)), weight)
        return tf.cast(loss, tf.float32), tf.cast(norm, tf.float32)

    signature = [tf.TensorSpec([None, batch_size], tf.int64), tf.TensorSpec([None], tf.float32)]

    def loop(order: Any, rates: Any) -> tuple[Any, Any]:
        steps = tf.shape(rates)[0]

        def body(i: Any, _: Any, losses: Any, norms: Any) -> tuple[Any, Any, Any, Any]:
            loss, norm = step(order[i], rates[i])
            return i + 1, tf.math.is_finite(loss), losses.write(i, loss), norms.write(i, norm)

        start = (0, True, tf.TensorArray(tf.float32, steps), tf.TensorArray(tf.float32, steps))
        done, _, losses, norms = tf.while_loop(lambda i, fine, *_: fine & (i < steps), body, start)
        ran = tf.range(steps) < done
        unknown = tf.fill([steps], float("nan"))
        return tf.where(ran, losses.stack(), unknown), tf.where(ran, norms.stack(), unknown)

    compiled = tf.function(loop, input_signature=signature, autograph=False)

    def run(order: Order, rates: Array) -> tuple[Array, Array]:
        losses, norms = compiled(tf.constant(order, tf.int64), tf.constant(rates, tf.float32))
        return losses.numpy().astype(np.float64), norms.numpy().astype(np.float64)

    return run


def _usual_step(model: Any, optimizer: Any) -> Step:
    """One step as Keras's own `train_step` makes it: batch -> loss, norm of the gradient."""
    import tensorflow as tf

    variables = model.trainable_variables

    def once(x: Any, y: Any, weight: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            predicted = model(x, training=True) if model._call_has_training_arg else model(x)
            loss = model._compute_loss(x=x, y=y, y_pred=predicted, sample_weight=weight, training=True)
            scaled = optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, variables)
        norm = tf.linalg.global_norm([g for g in gradients if g is not None])
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return loss, norm

    return once


def _own_step(model: Any, optimizer: Any) -> Step:
    """One step as the model's own `train_step` makes it, with `optimizer` in place of its own."""
    import keras
    import tensorflow as tf

    from diagnose.measuring.own_step import forget_metrics, logged_loss
    from diagnose.measuring.train_steps import own_train_step

    name = f"{type(model).__name__}.train_step"

    def once(x: Any, y: Any, weight: Any) -> tuple[Any, Any]:
        norms: list[Any] = []
        apply, users = optimizer.apply, model.optimizer

        def recorded(gradients: Any, trainable_variables: Any = None) -> Any:
            gradients = list(gradients)
            norms.append(tf.linalg.global_norm([g for g in gradients if g is not None]))
            return apply(gradients, trainable_variables)

        forget_metrics(model)
        optimizer.apply, model.optimizer = recorded, optimizer
        try:
            logs = own_train_step(model, keras.utils.pack_x_y_sample_weight(x, y, weight))
        finally:
            model.optimizer = users
            del optimizer.apply
        if len(norms) != 1:
            raise NotMeasured(
                f"{name} does not make one step of the model's optimizer",
                "Give it the compiled optimizer, self.optimizer, alone.",
            )
        return logged_loss(model, logs), norms[0]

    return once


def compile_prediction(model: Any, inputs: Structure, training: bool = False) -> Prediction:
    """Compile a function from row numbers of `inputs` to one array per output, by default in inference mode."""
    import keras
    import tensorflow as tf

    inputs = _tensors(inputs)

    def predict(rows: Any) -> Any:
        x = _gather(inputs, rows)
        return keras.tree.flatten(model(x, training=training) if model._call_has_training_arg else model(x))

    compiled = tf.function(predict, input_signature=[tf.TensorSpec([None], tf.int64)], autograph=False)

    def run(rows: NDArray[np.int64]) -> list[Rows]:
        return [output.numpy() for output in compiled(tf.constant(rows, tf.int64))]

    return run


def _on_device(data: Batch) -> tuple[Any, Any, Any]:
    inputs, targets, weights = data
    return _tensors(inputs), _tensors(targets), _tensors(weights)


def _tensors(structure: Structure) -> Any:
    import keras
    import tensorflow as tf

    return keras.tree.map_structure(lambda rows: None if rows is None else tf.constant(rows), structure)


def _gather(structure: Any, rows: Any) -> Any:
    import keras
    import tensorflow as tf

    return keras.tree.map_structure(lambda part: None if part is None else tf.gather(part, rows), structure)
