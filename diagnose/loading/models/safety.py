"""What a model's config may name: an allow-list of Keras's own parts and of what the user brought.

Building a model calls every class and function its config names, so each of them is looked at first. Allowed are the
layers, initializers, losses and the like that Keras exports, and the names that the user's own file defines; nothing
is allowed for not being known as harmful.
"""

import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from diagnose.errors import InputError

# Part of Keras, but each runs code or reads places that the file brings along.
_RUNS_CODE = {"__lambda__", "Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"}
_NOT_MODELLING = {"deserialize", "get", "serialize"}  # exported beside activations, losses and so on
_DEFINE = "pass --custom-objects FILE.py that defines it"
# How Keras writes plain values; arrays among them hold numbers, so that their type says how much memory they take.
_VALUES = {"__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__"}
_NUMBERS = re.compile(r"(bool|bfloat16|float\d+(_e\dm\d\w*)?|u?int\d+)")
_CLASS_HOMES = (
    "layers", "models", "initializers", "regularizers", "constraints", "losses", "metrics", "optimizers",
    "optimizers.schedules", "dtype_policies", "random", "quantizers",
)  # fmt: skip
_FUNCTION_HOMES = ("activations", "initializers", "regularizers", "constraints", "losses", "metrics", "ops", "ops.nn")
_OLD_CLASSES = {"Functional", "Policy", "PolicyV1", "BatchNormalizationV1", "BatchNormalizationV2"}
_OLD_CLASSES |= {"CuDNNLSTM", "CuDNNGRU"}


def check_config(path: Path, config: Any, custom: Mapping[str, Any], *, trust: bool, instead: str = "") -> None:
    """Refuse a config that names anything but Keras's own parts and the user's.

    Args:
        path: the model file, for messages.
        config: the config, or any part of it.
        custom: what the user's own file defines, by name.
        trust: also allow the code inside the file (what `safe_mode=False` of Keras allows).
        instead: what else the user may pass, for messages.

    Raises:
        InputError: naming the layer and what to pass.
    """
    for part, layer in _parts(config, ""):
        problem = _problem(part, custom, trust)
        if problem:
            place = f'layer "{layer}"' if layer else f"its {part['class_name']}"
            raise InputError(f"{path}: {place} {problem}{instead}")


def _parts(config: Any, layer: str) -> Iterator[tuple[dict[str, Any], str]]:
    """Everything with a class_name, with the name of the layer around it."""
    if isinstance(config, dict):
        if "class_name" in config:
            inner = config.get("config")
            own = config.get("name") or (inner.get("name") if isinstance(inner, dict) else None)
            layer = own if isinstance(own, str) else layer
            yield config, layer
        for value in config.values():
            yield from _parts(value, layer)
    elif isinstance(config, list):
        for value in config:
            yield from _parts(value, layer)


def _problem(part: dict[str, Any], custom: Mapping[str, Any], trust: bool) -> str | None:
    """What is wrong with one part, None where it is allowed."""
    name, inner = part["class_name"], part.get("config")
    module, registered = part.get("module"), part.get("registered_name")
    if not all(isinstance(word, str) for word in (name, module or "", registered or "")):
        return "has a class name or module that is not text: the file is damaged"
    if name in _VALUES:
        return _value(name, inner)
    if name == "function":
        return _function(module, registered, inner, custom)
    if not name.startswith("__") and _is_custom(name, module, registered, custom):
        return None
    if name in _RUNS_CODE:
        return _code(name, part, inner, custom) if not trust or _bytecode(inner) else None
    return _class(name, module, registered, inner, trust)


def _class(name: str, module: Any, registered: Any, inner: Any, trust: bool) -> str | None:
    if name not in _OLD_CLASSES and not _is_keras_class(name, module):
        return f"is of the class {name}, which is not part of Keras 3: {_DEFINE}"
    if registered not in {None, "", name}:
        return f"is registered as {registered}, which is not part of Keras 3: {_DEFINE}"
    return None if trust else _outside(inner)


def _value(name: str, inner: Any) -> str | None:
    dtype = inner.get("dtype", "float32") if isinstance(inner, dict) else "float32"
    if name == "__bytes__" or (isinstance(dtype, str) and (dtype == "string" or _NUMBERS.fullmatch(dtype))):
        return None
    return f"holds an array of the type {dtype}, not of numbers: the file is damaged"


def _is_custom(name: str, module: Any, registered: Any, custom: Mapping[str, Any]) -> bool:
    """Whether Keras will find the user's own class: by the registered name first, and by the module if it is ours."""
    return registered in custom or (name in custom and str(module).split(".")[0] != "keras")


def _outside(inner: Any) -> str | None:
    """Lookup layers can name a file to read; a model file brings its vocabulary with it."""
    place = inner.get("vocabulary") if isinstance(inner, dict) else None
    if not isinstance(place, str):
        return None
    return f"reads its vocabulary from {place}, outside the model: pass --trust if you trust the file"


def _bytecode(inner: Any) -> bool:
    """Keras 1 and 2 wrote the bytecode of their own Python, which another Python does not survive."""
    return isinstance(inner, dict) and isinstance(inner.get("function"), list)


def _code(name: str, part: dict[str, Any], inner: Any, custom: Mapping[str, Any]) -> str | None:
    if name == "Lambda":
        return _lambda(part, inner, custom)
    if name == "__lambda__":
        return "holds Python code inside the file, which is not run: pass --trust if you trust the file"
    return f"is a {name}, which runs code of the file: pass --trust if you trust the file"


def _lambda(part: dict[str, Any], inner: Any, custom: Mapping[str, Any]) -> str | None:
    function = inner.get("function") if isinstance(inner, dict) else None
    if isinstance(function, str):
        known = function in custom
        return None if known else f"calls the function {function}: {_DEFINE}"
    if isinstance(function, dict) and function.get("class_name") == "function":
        return None  # looked at on its own
    layer = part.get("name") or (inner.get("name") if isinstance(inner, dict) else None)
    if isinstance(function, list):
        return f"is a Lambda layer in the bytecode of an old Python, never run: pass --lambda {layer}=FILE.py:FUNCTION"
    return (
        "is a Lambda layer with its code inside the file, which is not run: "
        f"pass --lambda {layer}=FILE.py:FUNCTION, or --trust if you trust the file"
    )


def _function(module: Any, registered: Any, inner: Any, custom: Mapping[str, Any]) -> str | None:
    if not isinstance(inner, str):
        return "uses a function whose name is not text: the file is damaged"
    places = {None, "", "builtins", *(f"keras.{home}" for home in _FUNCTION_HOMES)}
    ours = module in places and registered in {None, "", inner, "function"}
    if inner in custom or (ours and inner in _exported(_FUNCTION_HOMES, inspect.isfunction)):
        return None
    return f"uses the function {inner}, which is not part of Keras: {_DEFINE}"


def _is_keras_class(name: str, module: str | None) -> bool:
    """Keras looks a class up in the module that the file names; there it must be the one that Keras exports."""

    if module and module.split(".")[0] not in {"keras", "builtins", "tensorflow"}:
        return False
    found = getattr(sys.modules.get(module or ""), name, None)  # no module is imported for the asking
    known = _exported(_CLASS_HOMES, inspect.isclass)
    if found is None:
        return name in known
    return found in known.get(name, ()) or _is_operation(found)


def _is_operation(found: Any) -> bool:
    """A node of a functional model that is no layer: `keras.ops.relu(x)`, `keras.activations.relu(x)`."""
    import keras

    if not inspect.isclass(found) or not issubclass(found, keras.Operation) or issubclass(found, keras.Layer):
        return False
    return found.__module__.startswith("keras.src.")


@cache
def _exported(homes: tuple[str, ...], kind: Any) -> dict[str, list[Any]]:
    """Public objects of one kind in parts of the Keras API, by name; not every version of Keras has every part."""
    import keras

    found: dict[str, list[Any]] = {}
    for home in homes:
        module: Any = keras
        for step in home.split("."):
            module = getattr(module, step, None)
        for name, value in vars(module).items() if module else ():
            if kind(value) and name not in _RUNS_CODE | _NOT_MODELLING:
                found.setdefault(name, []).append(value)
    return found
