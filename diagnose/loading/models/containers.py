"""The containers of a model's config: models inside models, their first layers, and the shapes they declare."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from diagnose.loading.models import keras1

Config = dict[str, Any]

MODELS = {"Model": "Model", "Functional": "Model", "Sequential": "Sequential"}
HOMES = ("keras", "tf_keras", "tensorflow")
_DTYPES = {"float16", "bfloat16", "float32", "float64", "int32", "int64", "uint8", "bool", "string"}


def layers_of(config: Any) -> Iterator[Config]:
    """Every layer and model inside a config, the outer ones first; layers inserted on the way are visited too."""
    if isinstance(config, dict):
        if isinstance(config.get("class_name"), str) and isinstance(config.get("config"), dict | list):
            yield config
        for value in list(config.values()):
            yield from layers_of(value)
    elif isinstance(config, list):
        for value in list(config):
            yield from layers_of(value)


def place_of(layer: Config) -> str:
    """How messages name a layer."""
    return f'layer "{layer["config"].get("name") or layer.get("name")}"'


def plain_names(config: Config) -> Config:
    """The same config with layer names that Keras 3 allows: Keras 2 allowed slashes."""
    inner = [layer["config"] for layer in layers_of(config)]
    names = {part["name"] for part in inner if isinstance(part, dict) and isinstance(part.get("name"), str)}
    plain: dict[str, str] = {}
    for name in sorted(name for name in names if "/" in name):
        plain[name] = plain_name(name)
        while plain[name] in names:
            plain[name] += "_"
        names.add(plain[name])
    return _replaced(config, plain) if plain else config


def plain_name(name: str) -> str:
    """A name without slashes."""
    return name.replace("/", "_")


def _replaced(value: Any, words: Mapping[str, str]) -> Any:
    """A copy of a nested value in which some texts are replaced by others."""
    if isinstance(value, dict):
        return {key: _replaced(inner, words) for key, inner in value.items()}
    if isinstance(value, list):
        return [_replaced(inner, words) for inner in value]
    return words.get(value, value) if isinstance(value, str) else value


def list_config(layer: Config, version: str) -> str | None:
    """Keras 1 and 2.0: the config of a Sequential model was a bare list of layers."""
    if layer["class_name"] != "Sequential" or not isinstance(layer["config"], list):
        return None
    layer["config"] = {"name": layer.get("name") or "sequential", "layers": layer["config"]}
    return "the file lists the layers of a Sequential model in the old way (before Keras 2.2.3); the list was wrapped"


def container(layer: Config, version: str) -> str | None:
    """Name models by their public class, whatever their module was."""
    module = layer.get("module")
    if layer["class_name"] in MODELS and (module is None or module.startswith(HOMES)):
        layer.update(class_name=MODELS[layer["class_name"]], module="keras", registered_name=None)
        layer.pop("build_config", None)
    return None


def single_output(layer: Config, version: str) -> str | None:
    """Unwrap lists of one input or output of a functional model, which do not fit into a Sequential model."""
    if layer["class_name"] not in MODELS or not isinstance(layer["config"], dict):
        return None
    for key in ("input_layers", "output_layers"):
        places = layer["config"].get(key)
        if isinstance(places, list) and len(places) == 1 and isinstance(places[0], list):
            layer["config"][key] = places[0]
    return None


def sequential_input(layer: Config, version: str) -> str | None:
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
    inner = first["config"] if isinstance(first["config"], dict) else {}
    name, dtype = f"{inner.get('name', 'sequential')}_input", inner.get("input_dtype") or inner.get("dtype")
    dtype = dtype if isinstance(dtype, str) and dtype in _DTYPES else "float32"
    values = {"name": name, "batch_shape": shape, "dtype": dtype}
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


def declared_shapes(config: Config) -> tuple[tuple[int | None, ...], ...]:
    """The batch shapes of a model's inputs as its (unrepaired) config declares them; else empty."""
    inner = config.get("config")
    if config.get("class_name") == "Sequential" or isinstance(inner, list):
        found = [_first_shape(part) for part in keras1.branches_of(config) or [config]]
        return tuple(tuple(shape) for shape in found if shape)
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


def reserve_names(config: Any) -> None:
    """Reserve the layer names of the file: Keras adds layers itself, such as a "concatenate" to join masks."""
    import keras

    last: dict[str, int] = {}
    for layer in layers_of(config):
        name = layer["config"].get("name") if isinstance(layer["config"], dict) else None
        if isinstance(name, str):
            prefix, number = re.fullmatch(r"(.*?)_?(\d{0,3})", name, re.DOTALL).groups()  # type: ignore[union-attr]
            last[prefix] = max(last.get(prefix, 0), int(number or 0))
    for prefix, number in last.items():
        while keras.backend.get_uid(prefix) <= number:
            pass
