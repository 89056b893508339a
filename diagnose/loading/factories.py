"""The user's own function that returns a fresh model, where no config rebuilds it: a subclassed model."""

import contextlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from diagnose.errors import InputError
from diagnose.loading.custom import importing_from, named_function
from diagnose.loading.failures import describe_failure, describe_keras_error

Factory = Callable[[], Any]
OPTION = "--factory"


def factory_from(given: str | Factory | None, model: Any, inputs: Any) -> Factory | None:
    """Return a function that makes fresh models of the architecture of `model`, built; None if the user named none.

    Args:
        given: FILE.py:FUNCTION, or the function itself.
        model: the examined model.
        inputs: a few rows as the model takes them; None if it cannot be run on rows.

    Raises:
        InputError: the file or the function fails, or it makes another model.
    """
    if given is None:
        return None
    told, make, folder = "factory", given, None
    if isinstance(given, str):
        told, make, folder = f"{OPTION} {given}", named_function(given, OPTION), Path(given).resolve().parent
    if not callable(make):
        raise InputError(f"factory must be a function, or FILE.py:FUNCTION, got {type(given).__name__}")

    def fresh() -> Any:
        import keras

        with contextlib.redirect_stdout(sys.stderr), importing_from(folder) if folder else contextlib.nullcontext():
            try:
                made = make()
            except (Exception, SystemExit) as error:
                raise InputError(f"{told}: it fails with {describe_failure(error)}") from error
        if not isinstance(made, keras.Model):
            kind = "nothing" if made is None else type(made).__name__
            raise InputError(f"{told} must return a fresh keras.Model, got {kind}")
        if inputs is not None:
            _outputs(made, inputs, told)  # a subclassed model has no weights before its first call
        return made

    _require_same(fresh(), fresh(), model, inputs, told)
    return fresh


def _outputs(model: Any, inputs: Any, told: str) -> list[Any]:
    import keras

    try:
        return [keras.ops.convert_to_numpy(one) for one in keras.tree.flatten(model(inputs, training=False))]
    except Exception as error:
        raise InputError(f"{told}: its model cannot take these rows ({describe_keras_error(error)})") from error


def _require_same(made: Any, again: Any, model: Any, inputs: Any, told: str) -> None:
    """Require models of the same weights, and with the same weights of the same outputs, which are not one object."""
    if made is again or made is model:
        raise InputError(f"{told} must return a new model at every call, but returns the same one")
    for kind in ("weights", "trainable_variables"):
        ours, theirs = ([tuple(weight.shape) for weight in getattr(one, kind)] for one in (made, model))
        if ours != theirs:
            what = kind.replace("_variables", " weights")
            raise InputError(f"{told} must return the examined model: {_difference(ours, theirs, what)}")
    if inputs is None:
        return
    made.set_weights(model.get_weights())
    for one, other in zip(_outputs(made, inputs, told), _outputs(model, inputs, told), strict=False):
        if one.shape != other.shape or not np.allclose(one, other, rtol=1e-3, atol=1e-5, equal_nan=True):
            raise InputError(f"{told} must return the examined model: with the same weights it gives other outputs")


def _difference(ours: list[tuple[int, ...]], theirs: list[tuple[int, ...]], what: str) -> str:
    if len(ours) != len(theirs):
        return f"it has {len(ours)} {what}, not {len(theirs)}"
    one, other = next((one, other) for one, other in zip(ours, theirs, strict=True) if one != other)
    return f"one of its {what} has the shape {one}, not {other}"
