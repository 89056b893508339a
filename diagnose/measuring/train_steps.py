"""Runs a model's own `train_step` to see what it does, without the changes that it would make."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from diagnose.measurements import NotMeasured


def own_train_step(model: Any, data: Any) -> Any:
    """Run the model's own `train_step` in a compiled function; return what it logs.

    Raises:
        NotMeasured: it fails there.
    """
    try:
        return model.train_step(data)
    except Exception as error:  # code of the user's may raise anything, as where it only runs eagerly
        raise NotMeasured(
            f"{type(model).__name__}.train_step fails on these rows when it is compiled ({type(error).__name__})",
            "Write it so that it runs without run_eagerly.",
        ) from error


def optimizers_of(model: Any) -> list[Any]:
    """All optimizers of a model; one with its own `train_step` may have several, under names of its own."""
    import keras

    own = [value for value in vars(model).values() if isinstance(value, keras.optimizers.Optimizer)]
    compiled = getattr(model, "optimizer", None)
    return list({id(one): one for one in [compiled, *own] if one is not None}.values())


@contextmanager
def still_optimizers(see: Callable[[list[Any], list[Any]], None] | None = None) -> Iterator[None]:
    """Optimizers that change nothing, for a `train_step` that is run to see what it does.

    `see` gets the gradients that they would apply, and their variables.
    """
    import keras

    def still(optimizer: Any, grads: Any, trainable_variables: Any = None) -> Any:
        if see:
            see(list(grads), list(trainable_variables or optimizer._trainable_variables))
        return optimizer.iterations

    classes = [keras.optimizers.Optimizer, keras.optimizers.LossScaleOptimizer]
    kept = [vars(one).get("apply") for one in classes]
    try:
        for one in classes:
            one.apply = still
        yield
    finally:
        for one, apply in zip(classes, kept, strict=True):
            if apply is None:
                del one.apply
            else:
                one.apply = apply
