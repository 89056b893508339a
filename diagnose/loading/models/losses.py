"""Losses: from a file, an option or a live model to Keras objects, and to the words of a `Subject`."""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from diagnose.errors import InputError
from diagnose.loading.models.containers import plain_name

_EXAMPLE = "for example --loss sparse_categorical_crossentropy"
_OLD_NAMES = {
    "cosine_proximity": "cosine_similarity",
    "huber_loss": "huber",
    "kullback_leibler_divergence": "kl_divergence",
    "logcosh": "log_cosh",
}


@dataclass(frozen=True)
class LossWords:
    """How a `Subject` speaks of a loss: its canonical name, whether it takes logits, whether it is the user's own."""

    name: str
    from_logits: bool = False
    custom: bool = False


def find_loss(spec: Any, custom: Mapping[str, Any]) -> Any:
    """Turn one loss as written in a file or an option into a Keras loss object or function.

    Args:
        spec: a name or alias ("mse"), or a serialised object ({"class_name", "config"}).
        custom: the user's own objects by name.

    Raises:
        InputError: no such loss; names it and what to pass.
    """
    import keras

    name = _written_name(spec)
    if name in custom:
        found = custom[name]
        return found() if inspect.isclass(found) else found
    try:
        if isinstance(spec, dict) and spec["class_name"] not in {"function", "LossFunctionWrapper"}:
            return _loss_object(spec)
        return keras.losses.get(name)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(
            f"the loss {name} is not part of Keras: "
            f"pass --custom-objects FILE.py that defines it, or --loss, {_EXAMPLE}"
        ) from error


def _written_name(spec: Any) -> str:
    """The bare name; functions may be written as {"class_name": "function", "config": name}, or in a wrapper."""
    if isinstance(spec, dict) and spec.get("class_name") == "LossFunctionWrapper":
        inner = spec.get("config") or {}
        spec = inner.get("fn") or inner.get("name")
    if isinstance(spec, dict):
        spec = spec.get("config") if spec.get("class_name") == "function" else spec.get("class_name")
    name = str(spec).rsplit(">", 1)[-1]
    return _OLD_NAMES.get(name, name)


def _loss_object(spec: dict[str, Any]) -> Any:
    """A loss class with those of its settings that Keras 3 knows ("auto" was the default reduction)."""
    import keras

    cls = getattr(keras.losses, _written_name(spec))
    if not inspect.isclass(cls) or not issubclass(cls, keras.losses.Loss):
        raise ValueError(f"{spec['class_name']} is not a loss")
    settings = dict(spec.get("config") or {})
    if settings.get("reduction") in {"auto", None}:
        settings.pop("reduction", None)
    known = inspect.signature(cls.__init__).parameters
    return cls(**{name: value for name, value in settings.items() if name in known})


def per_output(spec: Any, names: Sequence[str]) -> list[Any]:
    """Spread what `model.compile` takes (one, a list, a dict by output) over the outputs, in their order."""
    if isinstance(spec, dict) and "class_name" not in spec:
        named = {plain_name(str(name)): one for name, one in spec.items()}  # as the layers of the outputs are called
        return [named.get(plain_name(name)) for name in names]
    if isinstance(spec, list | tuple):
        return list(spec) if len(spec) == len(names) else [None] * len(names)
    return [spec] * len(names)


def describe(loss: Any) -> LossWords:
    """Name a Keras loss object or function as a `Subject` does."""
    import keras

    function = getattr(loss, "fn", loss)  # Keras's loss classes wrap a function
    own = function if inspect.isfunction(function) else type(loss)
    name = own.__name__ if inspect.isfunction(own) else _snake(type(loss).__name__)
    known = getattr(keras.losses, own.__name__, None) is own or getattr(
        keras.losses, type(loss).__name__, None
    ) is type(loss)
    settings = loss.get_config() if known and hasattr(loss, "get_config") else {}
    logits = settings.get("from_logits", getattr(loss, "from_logits", False))
    return LossWords(name, bool(logits), custom=not known)


def as_keras_computes(loss: Any) -> Callable[[Any, Any], Any]:
    """Return the losses before the mean over rows, of (targets, predictions), as `fit` computes them.

    Keras aligns the ranks of targets and predictions for functions, and leaves them to the class for loss classes.
    """
    import keras
    from keras.src.losses.losses import LossFunctionWrapper  # what `compile` makes of a function

    wrapped = loss if isinstance(loss, keras.losses.Loss) else LossFunctionWrapper(loss)

    def losses(targets: Any, predicted: Any) -> Any:
        dtype = wrapped.dtype
        return wrapped.call(
            keras.ops.convert_to_tensor(targets, dtype=dtype), keras.ops.convert_to_tensor(predicted, dtype=dtype)
        )

    return losses


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
