"""All state that an examination could change, found without asking the code that restores it.

It follows whatever the garbage collector knows: every object that the model leads to, by any way.
"""

import gc
import random
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, MethodType, ModuleType
from typing import Any

import keras
import numpy as np
import tensorflow as tf

_ENDS = (type, ModuleType, FrameType, CodeType, BuiltinFunctionType, str, bytes, int, float, np.ndarray)
_CODE = (FunctionType, MethodType)  # their closures count, their globals lead to all modules


def everything(model: Any) -> dict[str, Any]:
    """The values of all variables by name and order, and all random states, in a form that can be compared."""
    from keras.src.backend.common import global_state
    from tensorflow.python.eager import context

    values: dict[str, Any] = {}
    for place, variable in enumerate(_variables(model)):
        values[f"{place} {variable.name}"] = np.array(keras.ops.convert_to_numpy(variable)).tobytes()
    generator = global_state.get_global_attribute("global_seed_generator")
    seeds = getattr(context.context(), "_rng", None)
    values |= {
        "python": random.getstate(),
        "numpy": repr(np.random.get_state()[1:]) + str(np.random.get_state()[1].sum()),
        "keras seed": global_state.get_global_attribute("global_random_seed"),
        "keras generator": None if generator is None else np.array(generator.state).tobytes(),
        "tensorflow seed": context.context()._seed,
        "tensorflow ops": None if seeds is None else seeds.getstate(),
        "names": sorted(keras.src.backend.common.global_state.get_global_attribute("object_name_uids", {}).items()),
        "trainable": [layer.trainable for layer in model._flatten_layers()],
        "dtype policy": keras.config.dtype_policy().name,
        "built": [layer.built for layer in model._flatten_layers()],
        "functions": [getattr(model, name, None) for name in ("train_function", "test_function", "predict_function")],
    }
    return values


def changed(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """The names of what differs."""
    return [name for name in before.keys() | after.keys() if before.get(name) != after.get(name)]


def _variables(model: Any) -> list[Any]:
    """Every variable of Keras or TensorFlow that the model leads to."""
    found: list[Any] = []
    seen: set[int] = set()
    waiting = [model]
    while waiting:
        value = waiting.pop()
        if id(value) in seen or isinstance(value, _ENDS):
            continue
        seen.add(id(value))
        if isinstance(value, keras.Variable | tf.Variable):
            found.append(value)
        elif isinstance(value, FunctionType):
            waiting.extend(value.__closure__ or ())
        elif not type(value).__module__.startswith(("tensorflow.python.eager", "tensorflow.python.framework")):
            waiting.extend(gc.get_referents(value))
    return sorted(found, key=id)
