"""Weights and optimizer state out of a model file, set into a model that was built from its config."""

import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diagnose.errors import InputError
from diagnose.loading.models.containers import plain_name
from diagnose.loading.models.conversions import THEANO_NOTE, Origin, converted, is_convolution
from diagnose.loading.models.files import WEIGHTS, ModelFile
from diagnose.loading.models.hdf5 import open_hdf5
from diagnose.loading.models.keras1 import is_keras_1
from diagnose.loading.models.weight_memory import read_array

Arrays = list[NDArray[Any]]
_OLD_GROUP = "_layer_checkpoint_dependencies"
_LAYER_GROUPS = {"layers", _OLD_GROUP}


def set_hdf5_weights(model: Any, file: ModelFile) -> tuple[str, ...]:
    """Set the weights of an HDF5 model file, layer by layer: by name if the names agree, else in order.

    Returns one sentence for each conversion of weights.

    Raises:
        InputError: layers, arrays, names or shapes of file and model disagree.
    """
    with open_hdf5(file.path) as opened:
        group = opened.get("model_weights", opened)  # a file of weights only has them on top
        layer_names = _names(group, "layer_names")
        if not layer_names and not _LAYER_GROUPS.isdisjoint(opened):
            return _set_by_place(model, file.path)
        stored = {name: _names(group[name], "weight_names") for name in layer_names}
        stored = {name: weights for name, weights in stored.items() if weights}
        layers = [layer for layer in model.layers if _ordered(layer)]
        if len(stored) != len(layers):
            raise InputError(
                f"{file.path} has weights for {len(stored)} layers, but its config has {len(layers)} "
                "layers with weights"
            )
        named = {plain_name(name): name for name in stored}
        if {layer.name for layer in layers} == set(named):
            pairs = [(layer, named[layer.name]) for layer in layers]
        else:
            pairs = list(zip(layers, stored, strict=True))
        origin = _origin(file, opened, group, stored)
        for layer, name in pairs:
            arrays = [read_array(group[name][weight]) for weight in stored[name]]
            _assign(file.path, layer.name, _ordered(layer), converted(layer, arrays, origin), stored[name])
        _set_own_weights(model, file.path, group)
    finalize(model)
    return (THEANO_NOTE,) if origin.theano and any(is_convolution(layer) for layer in model._flatten_layers()) else ()


def require_all_set(model: Any, file: ModelFile) -> None:
    """Keras may skip the weights of nested containers and only warn; load them again over NaN to see which.

    Raises:
        InputError: a weight is not in the file.
    """
    import keras

    assert file.weights is not None
    numbers = [weight for weight in model.weights if keras.backend.is_float_dtype(weight.dtype)]
    for weight in numbers:
        weight.assign(keras.ops.full(weight.shape, float("nan"), weight.dtype))
    model.load_weights(file.weights)
    left = [weight.path for weight in numbers if not np.isfinite(keras.ops.convert_to_numpy(weight)).all()]
    if left:
        raise InputError(f"{file.path}: the file has no values for the weight {left[0]} and {len(left) - 1} more")


def _origin(file: ModelFile, opened: Any, group: Any, stored: dict[str, list[str]]) -> Origin:
    backend = group.attrs.get("backend", opened.attrs.get("backend", b""))
    backend = backend.decode("utf-8") if isinstance(backend, bytes) else str(backend)
    names = [name for weights in stored.values() for name in weights]
    if not backend and is_keras_1(file.keras) and not any(":" in name or name.startswith("param_") for name in names):
        backend = "theano"  # Keras 1 does not say it, but only TensorFlow ends its names in ":0"
    return Origin(keras_1=is_keras_1(file.keras), theano=backend == "theano")


def finalize(model: Any) -> None:
    """Normalization layers compute with figures that they derive from their weights."""
    for layer in model._flatten_layers():
        if hasattr(layer, "finalize_state") and layer.weights:
            layer.finalize_state()


def _set_own_weights(model: Any, path: Path, group: Any) -> None:
    """Weights that belong to the model itself, not to a layer."""
    if "top_level_model_weights" not in group:
        return
    own = group["top_level_model_weights"]
    layered = {id(weight) for layer in model.layers for weight in layer.weights}
    variables = [weight for weight in _ordered(model) if id(weight) not in layered]
    names = _names(own, "weight_names")
    _assign(path, model.name, variables, [np.asarray(own[name]) for name in names], names)


def _ordered(layer: Any) -> list[Any]:
    """The order of HDF5 files: trainable weights first."""
    return list(layer.trainable_weights) + list(layer.non_trainable_weights)


def _assign(path: Path, layer: str, variables: list[Any], arrays: Arrays, names: list[str]) -> None:
    shapes, found = [tuple(v.shape) for v in variables], [a.shape for a in arrays]
    if shapes != found:
        raise InputError(
            f'{path}: the weights of layer "{layer}" have the shapes {found}, but its config needs {shapes}'
        )
    meant, given = [v.name for v in variables], [name.split("/")[-1].split(":")[0] for name in names]
    if meant != given and sorted(meant) == sorted(given):
        raise InputError(
            f'{path}: the weights of layer "{layer}" are in the order {given}, but its config needs {meant}'
        )
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def _names(group: Any, key: str) -> list[str]:
    """A list of names kept as an attribute, in pieces where it is long."""
    if key in group.attrs:
        pieces = [group.attrs[key]]
    else:
        pieces = []
        while f"{key}{len(pieces)}" in group.attrs:
            pieces.append(group.attrs[f"{key}{len(pieces)}"])
    return [name.decode("utf-8") if isinstance(name, bytes) else str(name) for piece in pieces for name in piece]


# --- .keras --------------------------------------------------------------------------------------


def _set_by_place(model: Any, path: Path) -> tuple[str, ...]:
    """Set what `save_weights` of Keras 3 writes: weights alone, by the places of the layers, as in .keras files.

    Raises:
        InputError: they are not those of the model.
    """
    with tempfile.TemporaryDirectory(prefix="diagnose-") as folder:
        copy = Path(shutil.copyfile(path, Path(folder) / WEIGHTS))
        notes = mend_groups(copy)
        try:
            model.load_weights(copy)
        except (ValueError, KeyError) as error:
            reason = str(error).replace("\n", " ")[:200]
            raise InputError(f"{path}: its weights are not those of the model in --architecture ({reason})") from error
    return notes


def mend_groups(weights: Path) -> tuple[str, ...]:
    """Rename the groups in our copy of the weights as Keras 3 expects them; one note for each kind of change."""
    import h5py

    with h5py.File(weights, "r+") as file:
        broken = [name for name in file if "\\" in name]
        for name in broken:
            file.move(name, name.replace("\\", "/"))
        old = _renumber_layers(file)
    notes = {
        "its weight groups are named with backslashes (saved on Windows by an old Keras); they were renamed": broken,
        "its weight groups are named as in Keras 2.12 and 2.13; they were renamed": old,
    }
    return tuple(note for note, done in notes.items() if done)


def _renumber_layers(group: Any) -> bool:
    """Keras 2.12 and 2.13 kept layers in another group and counted those with weights twice: dense, dense_2."""
    found = _OLD_GROUP in group and "layers" not in group
    if found:
        group.move(_OLD_GROUP, "layers")
        kinds: dict[str, list[tuple[int, str]]] = {}
        for name in group["layers"]:
            kind, number = re.fullmatch(r"(.*?)(?:_(\d+))?", name, re.DOTALL).groups()  # type: ignore[union-attr]
            kinds.setdefault(kind, []).append((int(number or 0), name))
        for kind, names in kinds.items():
            for place, (_, name) in enumerate(sorted(names)):
                if name != (new := f"{kind}_{place}" if place else kind):
                    group["layers"].move(name, new)
    for inner in [group[name] for name in group]:
        found |= hasattr(inner, "move") and _renumber_layers(inner)
    return found


# --- optimizer state -----------------------------------------------------------------------------


def optimizer_state(file: ModelFile) -> Arrays:
    """The optimizer's variables in the order of the file; empty if it has none. The first is the step count.

    Raises:
        InputError: they are not arrays.
    """
    if file.weights is None:
        return []
    with open_hdf5(file.weights) as opened:
        group = opened.get("optimizer_weights" if file.format == "hdf5" else "optimizer/vars", {})
        try:
            names = sorted(group, key=int) if file.format == "keras" else _names(group, "weight_names") if group else []
            return [np.asarray(group[name]) for name in names]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(
                f"{file.path} is damaged: its optimizer's state cannot be read: pass --optimizer and --learning-rate"
            ) from error


def set_optimizer_state(optimizer: Any, arrays: Arrays, same_layout: bool) -> int | None:
    """Set what fits into a built optimizer and return the number of steps it has made (None: unknown).

    `same_layout` is False for files of Keras 1 and 2, whose slots come in another order: only the step count is set.
    """
    if not arrays or arrays[0].size != 1 or float(arrays[0].item()) != int(arrays[0].item()):
        return None
    steps = int(arrays[0].item())
    variables = list(optimizer.variables)
    if same_layout and [tuple(v.shape) for v in variables] == [a.shape for a in arrays]:
        for variable, array in zip(variables, arrays, strict=True):
            variable.assign(array)
        return int(optimizer.iterations)  # not the first array where mixed precision wraps the optimizer
    optimizer.iterations.assign(steps)
    return steps
