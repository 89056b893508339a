"""Repairs on a copy of a model's config, so that Keras 3 builds the model that was saved.

Each repair is a small function on the config of one layer; it returns the sentence to show, or None if it changed
nothing that matters. `repair` applies them all to the config. Nothing here builds a layer or reads weights.
"""

import copy
import inspect
import re
from collections.abc import Callable
from typing import Any

from diagnose.errors import InputError
from diagnose.loading.models import keras1
from diagnose.loading.models.arguments import layer_class, lost_arguments, unknown_arguments
from diagnose.loading.models.containers import (
    HOMES,
    MODELS,
    container,
    layers_of,
    list_config,
    place_of,
    plain_names,
    sequential_input,
    single_output,
)
from diagnose.loading.models.graphs import is_graph, rewrite_calls, rewrite_functions

Config = dict[str, Any]

_RENAMED = {"BatchNormalizationV1": "BatchNormalization", "BatchNormalizationV2": "BatchNormalization"}
_CUDNN = {"CuDNNLSTM": "LSTM", "CuDNNGRU": "GRU"}
_RETIRED = {"ThresholdedReLU", "SyncBatchNormalization", "LocallyConnected1D", "LocallyConnected2D", "RandomCrop"}
_MASKED = {"Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "MultiHeadAttention"}
_RANDOM_SIZE = {"RandomHeight", "RandomWidth"}
_PARTS = ("initializers", "regularizers", "constraints")
_ACTIVATIONS = ("activation", "recurrent_activation")
_INTERPOLATIONS = {"gaussian", "mitchellcubic"}


def repair(config: Config, version: str) -> tuple[Config, tuple[str, ...]]:
    """Return a repaired copy of a model's config and one sentence for each kind of repair.

    Args:
        config: {"class_name", "config", ...} as the file has it.
        version: the Keras version that wrote it, "" if unknown (then it counts as one before Keras 3).

    Raises:
        InputError: Keras 3 cannot do what a layer does.
    """
    config = plain_names(copy.deepcopy(config))
    repairs = _FOR_ALL if version.startswith("3") else _BEFORE_KERAS_3
    notes: dict[str, None] = {}  # ordered, each once
    for layer in layers_of(config):
        for fix in repairs:
            note = fix(layer, version)
            if note:
                notes[note] = None
    if repairs is _BEFORE_KERAS_3 and _has_masks(config):
        notes |= dict.fromkeys(note for layer in layers_of(config) if (note := _mask_rule(layer)))
    return config, tuple(notes)


def own_objects() -> dict[str, Any]:
    """What a repaired config may name besides the public parts of Keras, by the names used there."""
    from keras.src.applications.convnext import LayerScale

    from diagnose.loading.models import channels, masks, retired, tensorflow_calls

    layers = [*retired.LAYERS.values(), *masks.LAYERS.values(), *channels.LAYERS.values()]
    parts = [*layers, retired.hard_sigmoid, tensorflow_calls.TensorFlowCall, LayerScale]
    return {f"{retired.PACKAGE}>{part.__name__}": part for part in parts}


def _ours(layer: Config) -> None:
    """Name the class of a layer as one of ours."""
    layer.update(module="diagnose", registered_name=f"diagnose>{layer['class_name']}")


# --- containers ----------------------------------------------------------------------------------


def _calls(layer: Config, version: str) -> str | None:
    if not is_graph(layer):
        return None
    note = rewrite_functions(layer)
    rewrite_calls(layer)
    return note


# --- layers --------------------------------------------------------------------------------------


def _input_layer(layer: Config, version: str) -> str | None:
    config = layer["config"]
    if layer["class_name"] != "InputLayer" or "batch_input_shape" not in config:
        return None
    config["batch_shape"] = config.pop("batch_input_shape")
    return None  # the same, under another name


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
    if layer["class_name"] in {"GRU", "GRUCell"} and "reset_after" not in layer["config"]:
        layer["config"]["reset_after"] = False  # the only form there was before Keras 2.1.3
    return None


def _hard_sigmoid(layer: Config, version: str) -> str | None:
    """Under that name, Keras 3 silently computes something else."""
    config = layer["config"]
    found = [key for key in _ACTIVATIONS if isinstance(config, dict) and config.get(key) == "hard_sigmoid"]
    for key in found:
        name = "diagnose>hard_sigmoid"
        config[key] = {"class_name": "function", "config": name, "module": "builtins", "registered_name": "function"}
    return "hard_sigmoid was read as Keras 1 and 2 define it: clip(0.2 x + 0.5, 0, 1)" if found else None


def _retired(layer: Config, version: str) -> str | None:
    """Layers that Keras 3 no longer has, or computes differently."""
    kind, config = layer["class_name"], layer["config"]
    if kind in _RANDOM_SIZE:
        layer.update(class_name="Identity", config={"name": config.get("name")})
        return f"{kind}, which changes the size of pictures in training only, is left out: Keras 3 does not have it"
    if kind not in _RETIRED:
        return None
    if kind.startswith("LocallyConnected"):
        _locally_connected(layer)
    _ours(layer)
    return f"{kind} is computed as in Keras 2: Keras 3 does not have it, or computes it differently"


def _random_crop(layer: Config, version: str) -> str | None:
    """Outside training it crops the centre, and keeps the size of the picture since Keras 3.8."""
    numbers = re.match(r"3\.(\d+)", version)
    if layer["class_name"] != "RandomCrop" or numbers is None or int(numbers[1]) >= 8:
        return None
    _ours(layer)
    return "RandomCrop is computed as before Keras 3.8, which crops the centre outside training"


def _layer_scale(layer: Config, version: str) -> str | None:
    """The one layer that Keras defines with an application (ConvNeXt), not among its layers."""
    config = layer["config"]
    if layer["class_name"] == "LayerScale" and isinstance(config, dict):
        ours = re.fullmatch(r"convnext_.*_layer_scale", str(config.get("name")))
        if ours and str(layer.get("module") or "keras").startswith(HOMES):
            _ours(layer)
            layer.pop("build_config", None)
    return None


def _locally_connected(layer: Config) -> None:
    config = layer["config"]
    for name, plain in (("padding", "valid"), ("implementation", 1), ("data_format", "channels_last")):
        if config.pop(name, plain) not in {plain, None}:
            raise InputError(
                f"{place_of(layer)} is a {layer['class_name']} whose {name} must be {plain}: "
                "replace it by a convolution and train again"
            )
    for name in ("kernel_constraint", "bias_constraint", "activity_regularizer", "batch_input_shape"):
        config.pop(name, None)  # used in training only


def _has_masks(config: Config) -> bool:
    return any(
        layer["class_name"] == "Masking" or (layer["class_name"] == "Embedding" and layer["config"].get("mask_zero"))
        for layer in layers_of(config)
    )


def _mask_rule(layer: Config) -> str | None:
    """Layers that pass masks on differently since Keras 3."""
    if layer["class_name"] not in _MASKED or layer.get("module") != "keras.layers":
        return None
    _ours(layer)
    return f"{layer['class_name']} passes on the masks of its inputs as in Keras 2"


def _boundaries(layer: Config, version: str) -> str | None:
    """Keras 2 keeps the boundaries that it learned among the weights, Keras 3 in the config."""
    config = layer["config"]
    if layer["class_name"] == "Discretization" and config.get("num_bins") and not config.get("bin_boundaries"):
        raise InputError(
            f"{place_of(layer)} is a Discretization with boundaries learned from data, which Keras 3 does not read: "
            "build it with bin_boundaries= and save the model again"
        )
    return None


def _channels_first(layer: Config, version: str) -> str | None:
    config = layer["config"]
    if not isinstance(config, dict) or config.get("data_format") != "channels_first":
        return None
    from diagnose.loading.models import channels

    if layer["class_name"] not in channels.LAYERS or layer.get("registered_name") or not channels.needed():
        return None
    _ours(layer)
    return (
        f"TensorFlow cannot compute {layer['class_name']} with channels first on a CPU; "
        "its data are transposed before and after"
    )


def _interpolation(layer: Config, version: str) -> str | None:
    way = layer["config"].get("interpolation") if isinstance(layer["config"], dict) else None
    if way in _INTERPOLATIONS and layer["class_name"] in {"UpSampling2D", "Resizing"}:
        raise InputError(
            f"{place_of(layer)} interpolates by {way}, which Keras 3 does not know: replace it by bilinear or bicubic"
        )
    return None


def _batch_normalisation_axis(layer: Config, version: str) -> str | None:
    config = layer["config"]
    if (
        layer["class_name"] in {"BatchNormalization", "SyncBatchNormalization"}
        and isinstance(config.get("axis"), list)
        and len(config["axis"]) == 1
    ):
        config["axis"] = config["axis"][0]
    return None


def _dtype_policy(layer: Config, version: str) -> str | None:
    dtype = layer["config"].get("dtype") if isinstance(layer["config"], dict) else None
    if isinstance(dtype, dict) and dtype.get("class_name") in {"Policy", "PolicyV1"}:
        name = str(dtype["config"]["name"])
        layer["config"]["dtype"] = "float32" if "infer" in name else name
    return None


def _operation(layer: Config, version: str) -> str | None:
    """HDF5 files of Keras 3 name a node of `keras.ops` by its class alone; unlike layers it is never `trainable`."""
    config = layer["config"]
    if layer.get("module") or not isinstance(config, dict) or "trainable" in config:
        return None
    import keras.src.ops as home

    for place in ("numpy", "nn", "math", "core", "image", "linalg"):
        module = getattr(home, place, None)
        found = getattr(module, layer["class_name"], None)
        if inspect.isclass(found) and found.__module__ == f"keras.src.ops.{place}":
            layer.update(module=found.__module__, registered_name=layer["class_name"])
    return None


def _module(layer: Config, version: str) -> str | None:
    """Old files name Keras's own parts without their module, or by where Keras 2 kept them."""
    import keras

    module, name = layer.get("module"), layer["class_name"]
    if ">" in str(layer.get("registered_name")) or (module and not module.startswith(HOMES)):
        return None
    if version.startswith("3") and (module or layer.get("registered_name")):
        return None
    home = "layers" if layer_class(name) else next((part for part in _PARTS if _has(keras, part, name)), None)
    if home and name not in MODELS:
        layer.update(module=f"keras.{home}", registered_name=None)
        layer.pop("build_config", None)  # in the words of Keras 2; the model's calls build its layers
    return None


def _has(keras: Any, home: str, name: str) -> bool:
    return inspect.isclass(getattr(getattr(keras, home), name, None))


_Repair = Callable[[Config, str], str | None]
_FOR_ALL: tuple[_Repair, ...] = (
    sequential_input,
    container,
    single_output,
    _input_layer,
    unknown_arguments,
    _operation,
    _random_crop,
    _layer_scale,
    _module,
    _channels_first,
)
_BEFORE_KERAS_3: tuple[_Repair, ...] = (
    keras1.join_branches,
    list_config,
    sequential_input,
    keras1.repair_layer,
    _renamed,
    _calls,
    container,
    single_output,
    _input_layer,
    _cudnn,
    _old_gru,
    _hard_sigmoid,
    _batch_normalisation_axis,
    _dtype_policy,
    _interpolation,
    _boundaries,
    _retired,
    _layer_scale,
    unknown_arguments,
    _module,
    lost_arguments,
    _channels_first,
)
