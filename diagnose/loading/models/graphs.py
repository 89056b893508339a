"""Functional models of Keras 1 and 2: the calls of their layers, written as Keras 3 writes them.

Keras 2 lists a call as [[layer, node, tensor, keywords], ...] with further tensors hidden among the keywords, counts
the calls of a nested model from 1, and gives a recurrent layer's initial state as further inputs.
"""

import inspect
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from diagnose.errors import InputError

Config = dict[str, Any]
Reference = tuple[str, int, int]

_CONSTANT = "_CONSTANT_VALUE"
_CALLS = {"TFOpLambda", "SlicingOpLambda"}
_STATEFUL = {"RNN", "SimpleRNN", "LSTM", "GRU", "Bidirectional", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"}
_STATEFUL |= {"CuDNNLSTM", "CuDNNGRU"}


def is_graph(layer: Config) -> bool:
    """Whether a config is that of a functional model."""
    config = layer.get("config")
    return isinstance(config, dict) and "input_layers" in config and isinstance(config.get("layers"), list)


def rewrite_calls(model: Config) -> None:
    """Rewrite all calls inside one functional model, in place; those that Keras 3 wrote are left as they are."""
    layers = [layer for layer in model["config"]["layers"] if isinstance(layer, dict)]
    begins = _first_calls(model, layers)

    def tensor(name: str, call: int, index: int) -> Config:
        return _tensor(name, call - begins.get(name, 0), index)

    for layer in layers:
        nodes = layer.get("inbound_nodes", [])
        layer["inbound_nodes"] = [_call(layer, node, tensor) if isinstance(node, list) else node for node in nodes]
    functional = {layer["name"] for layer in layers if is_graph(layer)}
    for key in ("input_layers", "output_layers"):
        # Here Keras 3, too, counts the calls of a functional model from 1.
        shift = {name: begin - (name in functional) for name, begin in begins.items()}
        model["config"][key] = _shifted(model["config"].get(key), shift)


def rewrite_functions(model: Config) -> str | None:
    """Replace, in place, the calls of TensorFlow functions in one functional model by our layers.

    Raises:
        InputError: `keras.ops` does not have the function.
    """
    from diagnose.loading.models.tensorflow_calls import FUNCTIONS

    done = False
    for layer in model["config"]["layers"]:
        if layer.get("class_name") not in _CALLS:
            continue
        function, nodes = layer["config"].get("function"), layer.get("inbound_nodes", [])
        if function not in FUNCTIONS or len(nodes) != 1 or not _takes(FUNCTIONS[function], nodes[0]):
            raise InputError(
                f'layer "{layer.get("name")}" calls tf.{function} in an unknown way: '
                "build the model with layers or keras.ops instead and save it again"
            )
        layer["inbound_nodes"] = [_function_layer(layer, function, nodes[0])]
        done = True
    return "calls of TensorFlow functions were read as the functions of keras.ops that mean the same" if done else None


def _arguments(node: list[Any]) -> tuple[Any, Config]:
    """The first argument of a function and those of the others that were given."""
    first, arguments = read_call(node)
    return first, {name: value for name, value in arguments.items() if name != "name" and value is not None}


def _takes(function: Callable[..., Any], node: list[Any]) -> bool:
    first, arguments = _arguments(node)
    try:
        inspect.signature(function).bind(first, **arguments)
    except TypeError:
        return False
    return True


def _function_layer(layer: Config, function: str, node: list[Any]) -> list[Any]:
    """Turn a layer into one that calls a function; returns the call with its tensors alone."""
    first, arguments = _arguments(node)
    tensors: list[Any] = []

    def place(*reference: Any) -> Config:
        tensors.append([*reference, {}])
        return {"tensor": len(tensors) - 1}

    settings = {
        "name": layer["config"].get("name"),
        "dtype": layer["config"].get("dtype", "float32"),
        "function": function,
        "first": replace_references(first, place),
        "arguments": replace_references(arguments, place),
    }
    layer.update(
        class_name="TensorFlowCall", module="diagnose", registered_name="diagnose>TensorFlowCall", config=settings
    )
    return tensors


def _call(layer: Config, node: list[Any], tensor: Callable[..., Config]) -> Config:
    """One call as {"args", "kwargs"}."""
    inputs, keywords = read_call(node)
    args = replace_references(inputs, tensor)
    kwargs = {key: replace_references(value, tensor) for key, value in keywords.items() if value is not None}
    if layer.get("class_name") == "TensorFlowCall" and len(inputs) == 3 and is_reference(inputs):
        args = [args]  # it takes a list, even of one
    if layer.get("class_name") in _STATEFUL and isinstance(args, list):
        args, *state = args
        kwargs.setdefault("initial_state", state)
    return {"args": [args], "kwargs": kwargs}


def read_call(node: list[Any]) -> tuple[Any, Config]:
    """The inputs of a call as Keras 2 lists it, with [layer, node, tensor] for tensors, and its keywords."""
    keywords: Config = {}

    def without_keywords(entry: Any) -> Any:
        if _is_entry(entry):
            keywords.update(entry[3] if len(entry) == 4 else {})
            return entry[2] if entry[0] == _CONSTANT else list(entry[:3])
        if isinstance(entry, dict):
            return {key: without_keywords(value) for key, value in entry.items()}
        return [without_keywords(value) for value in entry] if isinstance(entry, list) else entry

    wrapped = isinstance(node, list) and len(node) == 1 and not _is_entry(node)
    return without_keywords(node[0] if wrapped else node), keywords


def _is_entry(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) in {3, 4}
        and isinstance(value[0], str)
        and isinstance(value[1], int)
        and (value[0] == _CONSTANT or isinstance(value[2], int))
    )


def is_reference(value: Any) -> bool:
    """Whether a value refers to a tensor: [layer, node, tensor]."""
    return isinstance(value, list) and len(value) == 3 and isinstance(value[0], str) and _is_entry(value)


def replace_references(value: Any, replace: Callable[..., Any]) -> Any:
    """A copy of a nested value in which every reference [layer, node, tensor] is `replace(layer, node, tensor)`."""
    if is_reference(value):
        return replace(*value)
    if isinstance(value, dict):
        return {key: replace_references(inner, replace) for key, inner in value.items()}
    return [replace_references(inner, replace) for inner in value] if isinstance(value, list) else value


def _tensor(layer: str, call: int, index: int) -> Config:
    """A tensor as Keras 3 writes it; only the history is read when a model is built."""
    history = {"shape": [], "dtype": "float32", "keras_history": [layer, call, index]}
    return {"class_name": "__keras_tensor__", "config": history}


def _first_calls(model: Config, layers: list[Config]) -> dict[str, int]:
    """The number of the first call, 0 or 1, of each nested model.

    Most were called once when they were built; the highest number used says whether the file counts that call.
    """
    used: dict[str, list[int]] = {}
    for name, call, _ in _references([layer.get("inbound_nodes", []) for layer in layers]):
        used.setdefault(name, []).append(call)
    for name, call, _ in _references(model["config"].get("output_layers", [])):
        used.setdefault(name, []).append(call)
    calls = Counter({layer.get("name"): len(layer.get("inbound_nodes", [])) for layer in layers})
    nested = {layer.get("name") for layer in layers if is_model(layer)}
    return {
        name: int(min(numbers) > 0 or max(numbers) == calls[name]) for name, numbers in used.items() if name in nested
    }


def is_model(layer: Config) -> bool:
    """Whether a config is that of a model (which may be used as a layer)."""
    config = layer.get("config")
    inner = config.get("layers") if isinstance(config, dict) else config
    return isinstance(inner, list)


def _references(value: Any) -> Iterator[Reference]:
    if _is_entry(value):
        yield value[0], value[1], value[2]
        value = value[3:]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for one in inner:
        yield from _references(one)


def _shifted(places: Any, begins: dict[str, int]) -> Any:
    """The model's inputs or outputs; Keras 2 wrote lists of one, which Keras 3 would take literally."""
    if isinstance(places, list) and len(places) == 1 and isinstance(places[0], list):
        places = places[0]
    return replace_references(places, lambda name, call, index: [name, call - begins.get(name, 0), index])
