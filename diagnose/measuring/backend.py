"""The seam between the instruments and Keras's backend: one thin module per backend, chosen here."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diagnose.errors import InputError


def array(variable: Any) -> NDArray[Any]:
    """A copy of the value of a Keras variable; of its first replica where a strategy mirrors it."""
    import keras

    return np.array(keras.ops.convert_to_numpy(variable))


def random_state() -> Any:
    """The state of the backend's own random numbers, as far as it can be read."""
    return _module().random_state()


def restore_random_state(state: Any) -> None:
    """Put back what `random_state` returned."""
    _module().restore_random_state(state)


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function of structures of arrays; it is traced again only for other shapes."""
    compile_: Callable[[Callable[..., Any]], Callable[..., Any]] = _module().compiled
    return compile_(function)


def trace_level() -> int:
    """What differs inside the body of a loop, a scan or a rematerialised layer: tensors must not leave those."""
    level: int = _module().trace_level()
    return level


def gradients(function: Callable[[], tuple[Any, list[Any], Any]], variables: list[Any]) -> Any:
    """Run `function() -> (scalar, tensors, anything)`; return (scalar, anything, gradients by variable, by tensor).

    A gradient is None where the scalar does not depend on it.
    """
    return _module().gradients(function, variables)


def sum_of_squares(tensor: Any) -> Any:
    """Sum of squares as a scalar, in one pass where the backend can."""
    return _module().sum_of_squares(tensor)


def _module() -> ModuleType:
    import keras

    name = keras.backend.backend()
    if name != "tensorflow":
        raise InputError(
            f"Keras runs on the {name} backend, which cannot be examined yet; "
            "set KERAS_BACKEND=tensorflow in the environment and run again"
        )
    from diagnose.measuring import tensorflow

    return tensorflow
