"""Arguments of layers that Keras 3 does not know: left out where that changes nothing, else refused."""

import inspect
from typing import Any

from diagnose.errors import InputError
from diagnose.loading.models.containers import MODELS, place_of

Config = dict[str, Any]

_ANY: tuple[Any, ...] = ()
# Arguments that Keras 3 no longer knows, with the values at which leaving them out changes nothing (_ANY: all).
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "adjustment": (None,),
    "batch_input_shape": _ANY,
    "fused": _ANY,
    "groups": (1,),
    "implementation": _ANY,
    "input_dtype": _ANY,
    "input_length": _ANY,
    "key_shape": _ANY,
    "noise_shape": (None,),
    "num_constants": (0, None),
    "optional": (False,),
    "query_shape": _ANY,
    "ragged": (False, None),
    "renorm": (False,),
    "renorm_clipping": (None,),
    "renorm_momentum": _ANY,  # without effect unless renorm
    "rng_type": _ANY,
    "robust_masking": (False,),
    "softmax_robust_masking": (False,),
    "sparse": (False, None),
    "synchronized": _ANY,
    "time_major": (False,),
    "type_spec": (None,),
    "unroll": (False,),
    "value_range": _ANY,  # of RandomRotation up to Keras 3.5, without effect
    "value_shape": _ANY,
    "virtual_batch_size": (None,),
    "vocabulary_size": _ANY,
}
_NOTED = {"groups", "time_major"}  # worth a note when they are left out
_OF_LAMBDA = {"function_type", "module", "output_shape_type", "output_shape_module"}
# Keras 2 also wrote what a class inherits; depthwise and separable convolutions have other names for it.
_INHERITED = {"kernel_initializer", "kernel_regularizer", "kernel_constraint", "filters"}
_OF_EVERY_LAYER = {"name", "trainable", "dtype", "autocast", "activity_regularizer", "batch_shape"}


def layer_class(name: str) -> Any:
    """The class of that name in `keras.layers`, or None."""
    import keras

    found = getattr(keras.layers, name, None)
    return found if inspect.isclass(found) and issubclass(found, keras.layers.Layer) else None


def unknown_arguments(layer: Config, version: str) -> str | None:
    """Leave out arguments that the Keras 3 class does not know, where their value changes nothing."""
    config, cls = layer["config"], layer_class(layer["class_name"])
    if cls is None or layer["class_name"] in MODELS or not isinstance(config, dict):
        return None
    known = set(inspect.signature(cls.__init__).parameters)
    known |= _OF_EVERY_LAYER if "kwargs" in known else set()
    inherited = _INHERITED if layer["class_name"].startswith(("Separable", "Depthwise")) else set()
    inherited |= _OF_LAMBDA if layer["class_name"] == "Lambda" else set()
    inherited |= {"trainable"}
    dropped = [name for name in config if name not in known and (name in inherited or _neutral(name, config[name]))]
    for name in dropped:
        del config[name]
    noted = [name for name in dropped if name in _NOTED]
    return (
        f"Keras 3 does not know {noted[0]} of {layer['class_name']}, which has no effect at its value"
        if noted
        else None
    )


def _neutral(name: str, value: Any) -> bool:
    return name in _NEUTRAL and (not _NEUTRAL[name] or value in _NEUTRAL[name])


def lost_arguments(layer: Config, version: str) -> str | None:
    """Refuse the remaining arguments that Keras 3 does not know."""
    config, cls = layer["config"], layer_class(layer["class_name"])
    if cls is None or not isinstance(config, dict) or layer.get("registered_name") or layer["class_name"] in MODELS:
        return None
    inherited = (vars(base).get("__init__") for base in cls.__mro__ if "__init__" in vars(base) and base is not object)
    known = _OF_EVERY_LAYER.union(*(inspect.signature(init).parameters for init in inherited))
    known |= {"alpha"} if layer["class_name"] == "LeakyReLU" else set()
    lost = [name for name in config if name not in known]
    if lost:
        kind, name = layer["class_name"], lost[0]
        raise InputError(
            f"{place_of(layer)} is a {kind} with {name}={config[name]}, which Keras 3 does not know: "
            f"pass --custom-objects FILE.py that defines a {kind} with it"
        )
    return None
