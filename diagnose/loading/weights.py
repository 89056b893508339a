"""Weights and optimizer state out of a model file, set into a model that was built from its config."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diagnose.errors import InputError
from diagnose.loading.files import WEIGHTS, ModelFile, open_hdf5

Arrays = list[NDArray[Any]]


def set_hdf5_weights(model: Any, file: ModelFile) -> None:
    """Set the weights of an HDF5 model file, layer by layer: by name, where the names agree, else in order.

    Raises:
        InputError: layers, arrays or shapes of file and model disagree.
    """
    with open_hdf5(file.path, file.path) as opened:
        group = opened.get("model_weights", opened)  # a file of weights only has them on top
        stored = {name: _names(group[name], "weight_names") for name in _names(group, "layer_names")}
        stored = {name: weights for name, weights in stored.items() if weights}
        layers = [layer for layer in model.layers if _ordered(layer)]
        if len(stored) != len(layers):
            raise InputError(f"{file.path}: it has weights for {len(stored)} layers, but its config for {len(layers)}")
        if {layer.name for layer in layers} == set(stored):
            pairs = [(layer, layer.name) for layer in layers]
        else:
            pairs = list(zip(layers, stored, strict=True))
        cudnn = _cudnn_layers(file.config)
        for layer, name in pairs:
            arrays = [np.asarray(group[name][weight]) for weight in stored[name]]
            if name in cudnn:
                arrays = _from_cudnn(arrays, cudnn[name])
            _assign(file.path, layer.name, _ordered(layer), arrays)
        _set_own_weights(model, file.path, group)


def _set_own_weights(model: Any, path: Path, group: Any) -> None:
    """Weights that belong to the model itself, not to a layer."""
    if "top_level_model_weights" not in group:
        return
    own = group["top_level_model_weights"]
    layered = {id(weight) for layer in model.layers for weight in layer.weights}
    variables = [weight for weight in _ordered(model) if id(weight) not in layered]
    _assign(path, model.name, variables, [np.asarray(own[name]) for name in _names(own, "weight_names")])


def _ordered(layer: Any) -> list[Any]:
    """The order of HDF5 files: trainable weights first."""
    return list(layer.trainable_weights) + list(layer.non_trainable_weights)


def _assign(path: Path, layer: str, variables: list[Any], arrays: Arrays) -> None:
    shapes, found = [tuple(v.shape) for v in variables], [a.shape for a in arrays]
    if shapes != found:
        raise InputError(
            f'{path}: the weights of layer "{layer}" have the shapes {found}, but its config means {shapes}'
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


# --- CuDNN layers --------------------------------------------------------------------------------


def _cudnn_layers(config: Any) -> dict[str, int]:
    """Names of the model's CuDNN layers (wrapped ones included) with their number of gates."""
    inner = config.get("config") if isinstance(config, dict) else None
    layers = inner.get("layers", []) if isinstance(inner, dict) else inner or []
    found = {}
    for layer in layers:
        wrapped = layer["config"].get("layer") if isinstance(layer.get("config"), dict) else None
        for kind in (layer.get("class_name"), wrapped.get("class_name") if isinstance(wrapped, dict) else None):
            if kind in {"CuDNNLSTM", "CuDNNGRU"}:
                found[layer.get("name") or layer["config"].get("name")] = 4 if kind == "CuDNNLSTM" else 3
    return found


def _from_cudnn(arrays: Arrays, gates: int) -> Arrays:
    """cuDNN keeps each gate's kernels transposed and two biases, which an LSTM adds up and a GRU keeps apart."""
    converted: Arrays = []
    for start in range(0, len(arrays), 3):  # a bidirectional layer has two such triples
        kernel, recurrent, bias = arrays[start : start + 3]
        kernels = [part.T.reshape(part.shape, order="F") for part in np.hsplit(kernel, gates)]
        recurrents = [part.T for part in np.hsplit(recurrent, gates)]
        biases = bias.reshape(2, -1)
        converted += [np.hstack(kernels), np.hstack(recurrents), biases.sum(axis=0) if gates == 4 else biases]
    return converted


# --- .keras --------------------------------------------------------------------------------------


def write_repaired_archive(file: ModelFile, config: str, target: Path) -> tuple[str, ...]:
    """Write a copy of a .keras file with another config and, if needed, mended names of its weight groups.

    Returns one sentence for each repair of the weights.
    """
    with zipfile.ZipFile(file.path) as source, zipfile.ZipFile(target, "w") as archive:
        archive.writestr("config.json", config)
        for name in source.namelist():
            if name == WEIGHTS:
                mended, note = _mended(file.path, source, target.with_suffix(".h5"))
                archive.write(mended, WEIGHTS)
            elif name != "config.json":
                archive.writestr(name, source.read(name))
        return note if WEIGHTS in source.namelist() else ()


def _mended(path: Path, source: zipfile.ZipFile, target: Path) -> tuple[Path, tuple[str, ...]]:
    import h5py

    with source.open(WEIGHTS) as member, open_hdf5(path, member) as old, h5py.File(target, "w") as new:
        broken = any("\\" in name for name in old)
        for name in old:
            old.copy(name, new, name.replace("\\", "/"))
    note = "its weight groups are named with backslashes (saved on Windows by an old Keras); they were renamed"
    return target, (note,) if broken else ()


# --- optimizer state -----------------------------------------------------------------------------


def optimizer_state(file: ModelFile) -> Arrays:
    """The optimizer's variables in the order of the file; empty where it has none. The first is the step count."""
    with _state_file(file) as opened:
        if file.format == "hdf5" and "optimizer_weights" in opened:
            group = opened["optimizer_weights"]
            return [np.asarray(group[name]) for name in _names(group, "weight_names")]
        for place in ("optimizer/vars", "optimizer\\vars"):
            if file.format == "keras" and place in opened:
                group = opened[place]
                return [np.asarray(group[name]) for name in sorted(group, key=int)]
    return []


@contextmanager
def _state_file(file: ModelFile) -> Iterator[Any]:
    if file.format == "hdf5":
        with open_hdf5(file.path, file.path) as opened:
            yield opened
    elif WEIGHTS in file.members:
        with (
            zipfile.ZipFile(file.path) as archive,
            archive.open(WEIGHTS) as member,
            open_hdf5(file.path, member) as opened,
        ):
            yield opened
    else:
        yield {}


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
    else:
        optimizer.iterations.assign(steps)
    return steps
