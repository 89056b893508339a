"""What a model takes and gives: its inputs and outputs by name, shape and type."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class Port:
    """One input or output. `shape` is that of one row (None: any size, or, as a whole, unknown)."""

    name: str
    shape: Shape | None
    dtype: str = "float32"
    activation: str | None = None  # of outputs: the name of the last activation


@dataclass(frozen=True)
class Signature:
    """All inputs and outputs, in the model's order."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


def signature_of(model: Any) -> Signature:
    """The signature of a Keras model; shapes are None if a subclassed model does not know them."""
    outputs = _tensors(model, "outputs")
    names = _output_names(model, len(outputs) or _compiled_losses(model))
    activations = [_activation(layer) for layer in _heads(model, names)]
    shapes: list[Shape | None] = [_row(tensor.shape) for tensor in outputs] or [None] * len(names)
    tensors = _tensors(model, "inputs")
    named = zip(_input_names(model, tensors), tensors, strict=True)
    inputs = tuple(Port(name, _row(tensor.shape), str(tensor.dtype)) for name, tensor in named)
    return Signature(
        inputs or _declared_inputs(model),
        tuple(Port(n, s, activation=a) for n, s, a in zip(names, shapes, activations, strict=True)),
    )


def _compiled_losses(model: Any) -> int:
    """The number of outputs of a subclassed model, by the list of losses that it was compiled with."""
    loss = getattr(model, "loss", None)
    return len(loss) if isinstance(loss, list | tuple) and loss else 1


def of_rows(signature: Signature, rows: Mapping[str, Any]) -> Signature:
    """The same signature, with the inputs that these rows have; they are taken as they are."""
    ports = tuple(Port(name or "input", None, str(array.dtype)) for name, array in rows.items())
    return replace(signature, inputs=ports)


def packed(arrays: Sequence[Any], structure: Any, names: Sequence[str]) -> Any:
    """Arrays in the model's order, in the structure that it takes.

    Args:
        structure: of symbolic tensors; None for a subclassed model.
        names: of the inputs of a subclassed model: it takes a dict by key, unless they are those of `by_position`;
            empty: a list.
    """
    import keras

    if structure is not None and len(keras.tree.flatten(structure)) == len(arrays):
        return keras.tree.pack_sequence_as(structure, list(arrays))
    if len(arrays) == 1:
        return arrays[0]
    keyed = len(names) == len(arrays) and tuple(names) != by_position(len(arrays))
    return dict(zip(names, arrays, strict=True)) if keyed else list(arrays)


def by_position(count: int) -> tuple[str, ...]:
    """Names for inputs that have none."""
    return tuple(f"input {place + 1}" for place in range(count))


def with_outputs(signature: Signature, predictions: Sequence[Any]) -> Signature:
    """The same signature, with the shapes of its outputs taken from what the model has just returned."""
    shapes = [_row(tuple(tensor.shape)) for tensor in predictions]
    outputs = zip(signature.outputs, shapes, strict=True)
    return replace(signature, outputs=tuple(replace(port, shape=port.shape or shape) for port, shape in outputs))


def _tensors(model: Any, side: str) -> list[Any]:
    """Symbolic tensors in the model's order; empty for subclassed models."""
    return list(getattr(model, side, None) or [])


def _row(shape: Sequence[int | None]) -> Shape:
    return tuple(shape)[1:]


def _input_names(model: Any, tensors: Sequence[Any]) -> list[str]:
    """Names as `fit` knows them: the keys of a dict of inputs, whatever its tensors are called, else of the tensors."""
    given = getattr(model, "_inputs_struct", None)
    if isinstance(given, dict) and len(given) == len(tensors):  # else some values are nested
        return sorted(given)
    return [str(tensor.name).split(":")[0] for tensor in tensors]


def _declared_inputs(model: Any) -> tuple[Port, ...]:
    """A subclassed model may know the shape it was built with."""
    config = model.get_build_config() if model.built else None
    shape = (config or {}).get("input_shape")
    row = _row(shape) if isinstance(shape, list | tuple) and all(isinstance(n, int | None) for n in shape) else None
    return (Port("input", row),)


def _output_names(model: Any, count: int) -> list[str]:
    """Names as `compile` and `fit` know them: the keys of a dict of outputs, else the layers that give them."""
    keys = output_keys(model)
    if keys:
        return keys
    names = getattr(model, "output_names", None)
    if names and len(names) == count:
        return [str(name) for name in names]
    if count == 1:
        return [str(model.layers[-1].name) if _tensors(model, "outputs") and model.layers else "output"]
    return [f"output_{index + 1}" for index in range(count)]


def output_keys(model: Any) -> list[str]:
    """The keys, in the order of the outputs, of a model that returns a dict; empty for all others."""
    try:
        given = model.output
    except (AttributeError, ValueError):
        return []
    return sorted(given) if isinstance(given, dict) else []


def _heads(model: Any, names: Sequence[str]) -> list[Any]:
    """The layers that give the outputs; None if they are unknown."""
    tensors = _tensors(model, "outputs")
    if not tensors:
        return [model.layers[-1] if len(names) == 1 and model.layers else None] * len(names)
    return [getattr(getattr(tensor, "_keras_history", None), "operation", None) for tensor in tensors]


def _activation(layer: Any) -> str | None:
    """The canonical name of the activation of a layer: "softmax", "linear", ...; None if it is unknown."""
    if layer is None:
        return None
    inner = getattr(layer, "layers", None)  # a model used as a layer
    if inner:
        return _activation(inner[-1])
    function = getattr(layer, "activation", None)
    if function is None and hasattr(layer, "layer"):  # TimeDistributed and the like
        return _activation(layer.layer)
    if callable(function):
        return str(getattr(function, "__name__", type(function).__name__)).lower()
    kind = type(layer).__name__.lower()
    return kind if kind in {"softmax", "relu", "sigmoid"} else None
