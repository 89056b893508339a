"""The configs and weights of Keras 1, in the words and the order of Keras 2 and 3."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diagnose.errors import InputError

Config = dict[str, Any]
Arrays = list[NDArray[Any]]

NOTE = "the arguments of Keras 1 were read as those of Keras 2 and 3 that mean the same"
_CLASSES = {
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution3D": "Conv3D",
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "AtrousConv1D": "Conv1D",
    "AtrousConv2D": "Conv2D",
    "Deconvolution2D": "Conv2DTranspose",
    "SeparableConvolution2D": "SeparableConv2D",
    "TimeDistributedDense": "Dense",
}
_ARGUMENTS = {
    "W_constraint": "kernel_constraint",
    "W_regularizer": "kernel_regularizer",
    "atrous_rate": "dilation_rate",
    "b_constraint": "bias_constraint",
    "b_regularizer": "bias_regularizer",
    "beta_init": "beta_initializer",
    "bias": "use_bias",
    "border_mode": "padding",
    "dim_ordering": "data_format",
    "dropout_U": "recurrent_dropout",
    "dropout_W": "dropout",
    "filter_length": "kernel_size",
    "gamma_init": "gamma_initializer",
    "init": "kernel_initializer",
    "inner_activation": "recurrent_activation",
    "inner_init": "recurrent_initializer",
    "nb_filter": "filters",
    "output_dim": "units",
    "p": "rate",
    "pool_length": "pool_size",
    "sigma": "stddev",
    "stride": "strides",
    "subsample": "strides",
    "subsample_length": "strides",
    "U_regularizer": "recurrent_regularizer",
    "depthwise_init": "depthwise_initializer",
    "pointwise_init": "pointwise_initializer",
}
_ARGUMENTS_OF = {
    "Embedding": {
        "output_dim": "output_dim",
        "init": "embeddings_initializer",
        "W_regularizer": "embeddings_regularizer",
        "W_constraint": "embeddings_constraint",
    },
    "PReLU": {"init": "alpha_initializer"},
    "UpSampling1D": {"length": "size"},
}
_KERNELS = (("nb_row", "nb_col"), ("kernel_dim1", "kernel_dim2", "kernel_dim3"))
_FORGOTTEN = {"weights", "consume_less", "input_dtype", "input_length"}  # say nothing about what a layer computes
_INITIALIZERS = {"zero": "zeros", "one": "ones", "uniform": "random_uniform", "normal": "random_normal"}
_DATA_FORMATS = {"th": "channels_first", "tf": "channels_last"}
_CONSTRAINTS = {"maxnorm": "MaxNorm", "nonneg": "NonNeg", "unitnorm": "UnitNorm"}
_MERGES = {"sum": "Add", "mul": "Multiply", "ave": "Average", "max": "Maximum", "concat": "Concatenate"}


def is_keras_1(version: str) -> bool:
    """Whether a file comes from Keras 1, as files without a version do."""
    return not re.match(r"[23]", version)


def repair_layer(layer: Config, version: str) -> str | None:
    """Bring the config of one layer, in place, from Keras 1 into the words of Keras 2."""
    config = layer["config"]
    if not is_keras_1(version) or not isinstance(config, dict):
        return None
    if "layers" in config and layer["class_name"] != "Merge":
        return None
    before = (layer["class_name"], dict(config))
    layer["class_name"] = _CLASSES.get(layer["class_name"], layer["class_name"])
    if layer["class_name"] == "Merge":
        _merge(layer)
    elif layer["class_name"] == "InputLayer":
        config["dtype"] = config.pop("input_dtype", None) or config.get("dtype") or "float32"
    else:
        _input_shape(layer["class_name"], config)
        _kernel_size(config)
        _rename(layer["class_name"], config)
        _particular(layer["class_name"], config)
    return NOTE if before != (layer["class_name"], layer["config"]) else None


def _input_shape(kind: str, config: Config) -> None:
    """`input_dim` and `input_length` of a first layer are a shape; an Embedding keeps its `input_dim`."""
    width = config.get("input_dim") if kind == "Embedding" else config.pop("input_dim", None)
    if "batch_input_shape" not in config and width and kind != "Embedding":
        length = (config.get("input_length"),) if "input_length" in config else ()
        config["batch_input_shape"] = [None, *length, width]


def _kernel_size(config: Config) -> None:
    for names in _KERNELS:
        if set(names) <= set(config):
            config["kernel_size"] = [config.pop(name) for name in names]


def _rename(kind: str, config: Config) -> None:
    names = {**_ARGUMENTS, **_ARGUMENTS_OF.get(kind, {})}
    for old in list(config):
        value = config.pop(old)
        new = names.get(old, old)
        if old in _FORGOTTEN:
            continue
        if new.endswith("_initializer") and isinstance(value, str):
            value = _INITIALIZERS.get(value, value)
        elif new.endswith("_regularizer"):
            value = _regularizer(value)
        elif new.endswith("_constraint"):
            value = _constraint(value)
        elif new == "data_format":
            value = _DATA_FORMATS.get(value, value)
        config[new] = value


def _regularizer(value: Any) -> Any:
    if not isinstance(value, dict) or "class_name" in value:
        return value
    if value.get("name") == "EigenvalueRegularizer":
        raise InputError("the EigenvalueRegularizer of Keras 1 is not part of Keras 3: save the model without it")
    settings = {key: value.get(key, 0.0) for key in ("l1", "l2")}
    return _part("regularizers", "L1L2", settings)


def _constraint(value: Any) -> Any:
    if not isinstance(value, dict) or "class_name" in value:
        return value
    name = str(value.get("name"))
    settings = {"max_value" if key == "m" else str(key): setting for key, setting in value.items() if key != "name"}
    return _part("constraints", _CONSTRAINTS.get(name.lower(), name), settings)


def _part(home: str, name: str, settings: Config) -> Config:
    return {"module": f"keras.{home}", "class_name": name, "config": settings, "registered_name": None}


def _particular(kind: str, config: Config) -> None:
    """Repairs of one kind of layer."""
    if kind == "LSTM":
        config["unit_forget_bias"] = config.pop("forget_bias_init", "one") == "one"
    elif kind == "Conv2DTranspose":
        config.pop("output_shape", None)  # follows from the strides
    elif kind == "BatchNormalization" and config.pop("mode", 0) != 0:
        raise InputError(
            f'layer "{config.get("name")}" is a BatchNormalization of Keras 1 with mode 1 or 2, which later versions '
            "do not know: train the model again with mode 0"
        )
    elif kind in {"ZeroPadding2D", "Cropping2D"}:
        config[_sides(kind)] = _pairs(config.get(_sides(kind)))
    elif kind == "Embedding":
        config.pop("dropout", None)  # of whole words, in training only


def _sides(kind: str) -> str:
    return "cropping" if kind.startswith("Cropping") else "padding"


def _pairs(padding: Any) -> Any:
    """((top, bottom), (left, right)) out of [top, bottom, left, right] or a dict of them."""
    if isinstance(padding, dict):
        padding = [padding.get(f"{side}_pad", 0) for side in ("top", "bottom", "left", "right")]
    if isinstance(padding, list) and len(padding) == 4:
        return [padding[:2], padding[2:]]
    return padding


# --- Merge ---------------------------------------------------------------------------------------


def _merge(layer: Config) -> None:
    config = layer["config"]
    mode, name = config.get("mode"), config.get("name")
    if config.get("mode_type", "raw") == "raw" and mode in _MERGES:
        settings = {"axis": config.get("concat_axis", -1)} if mode == "concat" else {}
    elif config.get("mode_type", "raw") == "raw" and mode in {"dot", "cos"}:
        mode, settings = "dot", {"axes": config.get("dot_axes", -1), "normalize": mode == "cos"}
    else:
        raise InputError(
            f'layer "{name}" is a Merge of Keras 1 by a custom function, which is not in the file: '
            "build the model with a later Keras and save it again"
        )
    layer.update(class_name=_MERGES.get(mode, "Dot"), config={"name": name, **settings})


def join_branches(model: Config, version: str) -> str | None:
    """A Sequential model that begins with Merge([model, model, ...]) becomes a functional one, in place."""
    layers = _layers_of(model)
    if not branches_of(model):
        return None
    first, *rest = layers
    flat: list[Config] = []
    inputs, ends = [], []
    for branch in branches_of(model):
        begin, end = _chain(branch, flat)
        inputs.append([begin, 0, 0])
        ends.append([end, 0, 0])
    for layer in [first, *rest]:
        flat.append({**layer, "name": layer["config"]["name"], "inbound_nodes": [ends]})
        ends = [[flat[-1]["name"], 0, 0]]
    outputs = [[flat[-1]["name"], 0, 0]]
    config = {"name": model.get("name") or "model", "layers": flat, "input_layers": inputs, "output_layers": outputs}
    model.update(class_name="Model", config=config)
    return "a Sequential model over merged branches (Keras 1) was read as a functional model"


def branches_of(model: Config) -> list[Config]:
    """The models that a Sequential model of Keras 1 begins with; empty where it begins with a layer."""
    layers = _layers_of(model) if model.get("class_name") == "Sequential" else []
    merged = bool(layers) and isinstance(layers[0], dict) and layers[0].get("class_name") == "Merge"
    return layers[0]["config"].get("layers") or [] if merged else []


def _layers_of(model: Config) -> list[Config]:
    config = model["config"]
    return config if isinstance(config, list) else config.get("layers") or []


def _chain(branch: Config, flat: list[Config]) -> tuple[str, str]:
    """Append the layers of a branch; returns the names of its input and of its last layer."""
    layers = _layers_of(branch)
    shape = layers[0]["config"].get("batch_input_shape") if layers else None
    if branch.get("class_name") != "Sequential" or not shape:
        raise InputError(
            "a branch of its Merge layer must be a Sequential model with an input shape: "
            "build the model with a later Keras and save it again"
        )
    names = [layer["config"]["name"] for layer in layers]
    begin = f"{names[0]}_input"
    dtype = layers[0]["config"].get("input_dtype") or "float32"
    settings = {"name": begin, "batch_input_shape": shape, "dtype": dtype}
    flat.append({"class_name": "InputLayer", "name": begin, "config": settings, "inbound_nodes": []})
    for layer, name, source in zip(layers, names, [begin, *names], strict=False):
        flat.append({**layer, "name": name, "inbound_nodes": [[[source, 0, 0]]]})
    return begin, names[-1]


# --- weights -------------------------------------------------------------------------------------


def convert_weights(kind: str, config: Mapping[str, Any], arrays: Arrays) -> Arrays:
    """The weights of one layer as Keras 2 and 3 order them.

    Args:
        kind: the class of the layer, as it is called now.
        config: its repaired config.
        arrays: as the file has them.
    """
    if kind == "LSTM" and len(arrays) == 12:  # gates i, c, f, o: three arrays each
        return _stacked(arrays, (0, 6, 3, 9))
    if kind == "GRU" and len(arrays) == 9:
        return _stacked(arrays, (0, 3, 6))
    first = config.get("data_format") == "channels_first"
    if kind == "Conv1D" and arrays[0].ndim == 4:
        kernel = arrays[0]  # (length, 1, channels, filters), before Keras 1.2 (filters, channels, length, 1)
        if kernel.shape[:2] != (*config["kernel_size"], 1) or kernel.shape[3] != config["filters"]:
            kernel = kernel.transpose(2, 3, 1, 0)
        return [kernel[:, 0], *arrays[1:]]
    if kind in {"Conv2D", "Conv3D"} and first:
        return [np.moveaxis(arrays[0], (0, 1), (-1, -2)), *arrays[1:]]
    if kind == "Conv2DTranspose":
        return [arrays[0].transpose((2, 3, 0, 1) if first else (0, 1, 3, 2)), *arrays[1:]]
    return arrays


def _stacked(arrays: Arrays, order: tuple[int, ...]) -> Arrays:
    return [np.concatenate([arrays[start + part] for start in order], axis=-1) for part in range(3)]
