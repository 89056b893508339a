"""Repairs on a copy of a model's config, so that Keras 3 builds what the file means.

Each repair is a small function on the config of one layer; it returns the sentence to show, or None where it had
nothing to do. `repair` walks the config with all of them. Nothing here builds a layer or reads weights.
"""

import copy
import inspect
from collections.abc import Callable, Iterator
from typing import Any

Config = dict[str, Any]

_MODELS = {"Model": "Model", "Functional": "Model", "Sequential": "Sequential"}
_RENAMED = {"BatchNormalizationV1": "BatchNormalization", "BatchNormalizationV2": "BatchNormalization"}
_CUDNN = {"CuDNNLSTM": "LSTM", "CuDNNGRU": "GRU"}
# Arguments that Keras 3 no longer knows, with the values at which leaving them out changes nothing.
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "groups": (1,),
    "time_major": (False,),
    "ragged": (False, None),
    "fused": (True, False, None),
    "renorm": (False,),
    "virtual_batch_size": (None,),
    "input_dtype": (),
    "implementation": (),
    "mode": (0,),
    "batch_input_shape": (),
    "function_type": (),  # these four: of Lambda layers
    "module": (),
    "output_shape_type": ("raw",),
    "output_shape_module": (),
}
_ANY_VALUE = {name for name, values in _NEUTRAL.items() if not values} | {"fused"}


def repair(config: Config, version: str) -> tuple[Config, tuple[str, ...]]:
    """Return a repaired copy of a model's config and one sentence for each kind of repair.

    Args:
        config: {"class_name", "config", ...} as the file has it.
        version: the Keras version that wrote it, "" where unknown.
    """
    config = copy.deepcopy(config)
    notes: dict[str, None] = {}  # ordered, each once
    for layer in _layers(config):
        for fix in _REPAIRS:
            note = fix(layer, version)
            if note:
                notes[note] = None
    return config, tuple(notes)


def _layers(config: Any) -> Iterator[Config]:
    """Every layer and model inside a config, the outer ones first; layers inserted on the way are visited too."""
    if isinstance(config, dict):
        if isinstance(config.get("class_name"), str) and isinstance(config.get("config"), dict | list):
            yield config
        for value in list(config.values()):
            yield from _layers(value)
    elif isinstance(config, list):
        for value in list(config):
            yield from _layers(value)


def layer_class(name: str) -> Any:
    """The class of that name in `keras.layers`, or None."""
    import keras

    found = getattr(keras.layers, name, None)
    return found if inspect.isclass(found) and issubclass(found, keras.layers.Layer) else None


# --- containers ----------------------------------------------------------------------------------


def _list_config(layer: Config, version: str) -> str | None:
    """Keras 1 and 2.0: the config of a Sequential model was a bare list of layers."""
    if layer["class_name"] != "Sequential" or not isinstance(layer["config"], list):
        return None
    layer["config"] = {"name": layer.get("name") or "sequential", "layers": layer["config"]}
    return "the file lists the layers of a Sequential model in the old way (before Keras 2.2.3); the list was wrapped"


def _container(layer: Config, version: str) -> str | None:
    """Models are named by their public class; what module they once lived in does not matter."""
    module = layer.get("module")
    if layer["class_name"] in _MODELS and (module is None or module.startswith(("keras", "tensorflow"))):
        layer.update(class_name=_MODELS[layer["class_name"]], module="keras", registered_name=None)
    return None


def _single_output(layer: Config, version: str) -> str | None:
    """Keras 2 wrote lists of one; Keras 3 takes them literally, and a list does not fit into a Sequential model."""
    if layer["class_name"] not in _MODELS or not isinstance(layer["config"], dict):
        return None
    for key in ("input_layers", "output_layers"):
        places = layer["config"].get(key)
        if isinstance(places, list) and len(places) == 1 and isinstance(places[0], list):
            layer["config"][key] = places[0]
    return None


def _sequential_input(layer: Config, version: str) -> str | None:
    """A Sequential model without an input layer gets one from its first layer's batch_input_shape.

    Keras 3 reads that argument as a shape without the batch axis and silently builds one axis too many.
    """
    if layer["class_name"] != "Sequential" or not layer["config"].get("layers"):
        return None
    first = layer["config"]["layers"][0]
    if not isinstance(first, dict) or first.get("class_name") == "InputLayer":
        return None
    shape = _first_shape(first)
    if shape is None:
        return None
    name = f"{first['config'].get('name', 'sequential')}_input" if isinstance(first["config"], dict) else "input"
    dtype = first["config"].get("dtype", "float32") if isinstance(first["config"], dict) else "float32"
    values = {"name": name, "batch_shape": shape, "dtype": dtype if isinstance(dtype, str) else "float32"}
    layer["config"]["layers"].insert(0, {"class_name": "InputLayer", "config": values})
    layer["config"].pop("build_input_shape", None)
    return "the file gives the input's shape with its first layer (Keras 2); an InputLayer of that shape was inserted"


def _first_shape(layer: Config) -> list[int | None] | None:
    """The batch shape that a first layer declares; for a nested model, that of its own first layer."""
    config = layer.get("config")
    if isinstance(config, list):
        return _first_shape(config[0]) if config else None
    if not isinstance(config, dict):
        return None
    if "batch_input_shape" in config:
        return list(config["batch_input_shape"])
    if "batch_shape" in config and layer.get("class_name") == "InputLayer":
        return list(config["batch_shape"])
    if isinstance(config.get("layers"), list) and len(config.get("input_layers", [0])) == 1 and config["layers"]:
        return _first_shape(config["layers"][0])
    return None


# --- layers --------------------------------------------------------------------------------------


def _input_layer(layer: Config, version: str) -> str | None:
    config = layer["config"]
    if layer["class_name"] != "InputLayer" or "batch_input_shape" not in config:
        return None
    config["batch_shape"] = config.pop("batch_input_shape")
    return None  # the same thing under another name


def _renamed(layer: Config, version: str) -> str | None:
    layer["class_name"] = _RENAMED.get(layer["class_name"], layer["class_name"])
    return None


def _cudnn(layer: Config, version: str) -> str | None:
    kind = layer["class_name"]
    if kind not in _CUDNN:
        return None
    layer["class_name"] = _CUDNN[kind]
    layer["config"].update(activation="tanh", recurrent_activation="sigmoid")
    if kind == "CuDNNGRU":
        layer["config"]["reset_after"] = True
    return f"{kind} layers were read as {_CUDNN[kind]} (tanh, sigmoid) with their weights converted"


def _old_gru(layer: Config, version: str) -> str | None:
    if layer["class_name"] == "GRU" and "reset_after" not in layer["config"]:
        layer["config"]["reset_after"] = False  # the only form there was before Keras 2.1.3
    return None


def _batch_normalisation_axis(layer: Config, version: str) -> str | None:
    config = layer["config"]
    if (
        layer["class_name"] == "BatchNormalization"
        and isinstance(config.get("axis"), list)
        and len(config["axis"]) == 1
    ):
        config["axis"] = config["axis"][0]
    return None


def _dtype_policy(layer: Config, version: str) -> str | None:
    dtype = layer["config"].get("dtype") if isinstance(layer["config"], dict) else None
    if isinstance(dtype, dict) and dtype.get("class_name") in {"Policy", "PolicyV1"}:
        layer["config"]["dtype"] = dtype["config"]["name"]
    return None


def _unknown_arguments(layer: Config, version: str) -> str | None:
    """Leave out arguments that the Keras 3 class does not know, where their value changes nothing."""
    config, cls = layer["config"], layer_class(layer["class_name"])
    if cls is None or layer["class_name"] in _MODELS or not isinstance(config, dict):
        return None
    known = _parameters(cls)
    dropped = [
        k for k, v in config.items() if k in _NEUTRAL and k not in known and (k in _ANY_VALUE or v in _NEUTRAL[k])
    ]
    for name in dropped:
        del config[name]
    telling = [name for name in dropped if name in {"groups", "time_major"}]
    return (
        f"{telling[0]} of {layer['class_name']} is unknown to Keras 3 and, at its value, without effect"
        if telling
        else None
    )


def _parameters(cls: type) -> set[str]:
    init = inspect.signature(cls.__init__)  # type: ignore[misc]
    return set(init.parameters)


def _operation(layer: Config, version: str) -> str | None:
    """HDF5 files of Keras 3 name a node of `keras.ops` by its class alone; unlike layers it is never `trainable`."""
    config = layer["config"]
    if not version.startswith("3") or layer.get("module") or not isinstance(config, dict) or "trainable" in config:
        return None
    import keras.src.ops as home

    for place in ("numpy", "nn", "math", "core", "image", "linalg"):
        module = getattr(home, place, None)
        found = getattr(module, layer["class_name"], None)
        if inspect.isclass(found) and found.__module__ == f"keras.src.ops.{place}":
            layer.update(module=found.__module__, registered_name=layer["class_name"])
    return None


def _module(layer: Config, version: str) -> str | None:
    """Old files name Keras's own layers without their module."""
    if layer.get("module") is None and not layer.get("registered_name") and layer_class(layer["class_name"]):
        layer.update(module="keras.layers", registered_name=None)
    return None


_REPAIRS: tuple[Callable[[Config, str], str | None], ...] = (
    _list_config,
    _renamed,
    _sequential_input,
    _container,
    _single_output,
    _input_layer,
    _cudnn,
    _old_gru,
    _batch_normalisation_axis,
    _dtype_policy,
    _unknown_arguments,
    _operation,
    _module,
)


def declared_shapes(config: Config) -> tuple[tuple[int | None, ...], ...]:
    """The batch shapes of a model's inputs as its (unrepaired) config declares them; empty where it does not."""
    inner = config.get("config")
    if config.get("class_name") == "Sequential" or isinstance(inner, list):
        shape = _first_shape(config)
        return (tuple(shape),) if shape else ()
    if not isinstance(inner, dict) or not isinstance(inner.get("layers"), list):
        return ()
    shapes = {layer.get("name", ""): _first_shape(layer) for layer in inner["layers"] if isinstance(layer, dict)}
    found = [shapes.get(name) for name in _leaves(inner.get("input_layers", []))]
    return tuple(tuple(shape) for shape in found if shape)


def _leaves(places: Any) -> list[str]:
    """Names of the input layers out of [["a", 0, 0], ...], ["a", 0, 0] or {"a": ["a", 0, 0]}."""
    if isinstance(places, list) and len(places) == 3 and isinstance(places[0], str):
        return [places[0]]
    values = places.values() if isinstance(places, dict) else places
    return [name for value in values if isinstance(value, list | dict) for name in _leaves(value)]
