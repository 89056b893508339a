"""Functions that differ between Keras backends; each backend has its own module."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diagnose.errors import InputError


def array(variable: Any) -> NDArray[Any]:
    """Return a copy of the value of a Keras variable; of its first replica under a distribution strategy."""
    import keras

    return np.array(keras.ops.convert_to_numpy(variable))


def random_state() -> Any:
    """Return the state of the backend's random number generators, as far as it can be read."""
    return _module().random_state()


def restore_random_state(state: Any) -> None:
    """Restore a state returned by `random_state`."""
    _module().restore_random_state(state)


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function of structures of arrays; it is retraced for new shapes only."""
    compile_: Callable[[Callable[..., Any]], Callable[..., Any]] = _module().compiled
    return compile_(function)


def trace_level() -> int:
    """Return an id of the current graph; loops and rematerialised layers have their own, with local tensors."""
    level: int = _module().trace_level()
    return level


def gradients(function: Callable[[], tuple[Any, list[Any], Any]], variables: list[Any]) -> Any:
    """Run `function() -> (scalar, tensors, anything)`; return (scalar, anything, gradients by variable, by tensor).

    A gradient is None where the scalar does not depend on it.
    """
    return _module().gradients(function, variables)


def sum_of_squares(tensor: Any) -> Any:
    """Return the sum of squares as a scalar, in one pass if the backend can."""
    return _module().sum_of_squares(tensor)


def _module() -> ModuleType:
    import keras

    name = keras.backend.backend()
    if name != "tensorflow":
        raise InputError(
            f"the Keras backend must be tensorflow, got {name}; "
            "set KERAS_BACKEND=tensorflow in the environment and run again"
        )
    from diagnose.measuring import tensorflow

    return tensorflow
