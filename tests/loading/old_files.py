"""Files as old versions of Keras wrote them: saved by the present one, then their JSON is put back in time."""

import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from diagnose.loading.models.restoring import LoadedModel

Make = Callable[..., Any]
Edit = Callable[[dict[str, Any]], None]


def edit_hdf5(path: Path, model: Edit | None = None, training: Edit | None = None, version: str = "2.3.1") -> Path:
    """Change the model's or the training's config inside an HDF5 file."""
    with h5py.File(path, "r+") as file:
        file.attrs["keras_version"] = version
        for name, change in (("model_config", model), ("training_config", training)):
            if change is not None:
                config = json.loads(file.attrs[name])
                change(config)
                file.attrs[name] = json.dumps(config).encode()
    return path


def first_layer_shape(config: dict[str, Any]) -> None:
    """Keras 2: no InputLayer; the first layer has the batch shape, and types are bare names."""
    first, second = config["config"]["layers"][:2]
    second["config"]["batch_input_shape"] = first["config"]["batch_shape"]
    del config["config"]["layers"][0]
    config["config"].pop("build_input_shape", None)
    for layer in config["config"]["layers"]:
        layer["config"]["dtype"] = "float32"


def edit_archive(path: Path, change: Edit | None = None, version: str = "3.15.0", **members: bytes) -> Path:
    """Change the config of a .keras archive, or add members to it."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(content["config.json"])
    if change is not None:
        change(config)
    content["config.json"] = json.dumps(config).encode()
    content["metadata.json"] = json.dumps({"keras_version": version}).encode()
    content |= {name.replace("__", "/"): value for name, value in members.items()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, value in content.items():
            archive.writestr(name, value)
    return path


def write_hdf5(
    path: Path,
    config: dict[str, Any],
    weights: Mapping[str, Sequence[Any]],
    *,
    version: str = "",
    backend: str = "tensorflow",
    named: bool = True,
) -> Path:
    """Write a model file from nothing, as Keras 1 did; its TensorFlow gives names that end in ":0", Theano does not.

    Args:
        path: the file to write.
        config: {"class_name", "config"} of the model.
        weights: the arrays of each layer, in the order of the file.
        version: the Keras version, "" for none (before Keras 1.2).
        backend: decides the names of the weights; Keras 1 does not say more of it.
        named: whether the backend names weights at all.
    """
    training = {"loss": "mse", "optimizer_config": {"class_name": "SGD", "config": {"lr": 0.1}}}
    with h5py.File(path, "w") as file:
        if version:
            file.attrs["keras_version"] = version.encode()
        file.attrs["model_config"] = json.dumps(config).encode()
        file.attrs["training_config"] = json.dumps(training).encode()
        top = file.create_group("model_weights")
        top.attrs["layer_names"] = [name.encode() for name in weights]
        for layer, arrays in weights.items():
            end = ":0" if backend == "tensorflow" else ""
            names = [f"{layer}_w{i}{end}" if named else f"param_{i}" for i in range(len(arrays))]
            group = top.create_group(layer)
            group.attrs["weight_names"] = np.array([name.encode() for name in names], dtype="S32")
            for name, array in zip(names, arrays, strict=True):
                group[name] = array
    return path


def fitted(model: Any, rows: Make, steps: int = 3) -> Any:
    """The model after some steps of training."""
    x = rows(8, *model.input_shape[1:])
    y = np.zeros((8, *model.output_shape[1:]), dtype="float32")
    model.fit(x, y, batch_size=8, epochs=steps, verbose=0)
    return model


def same(loaded: LoadedModel, model: Any, rows: Make) -> bool:
    """Whether both models give the same outputs."""
    x = rows(5, *model.input_shape[1:])
    return np.allclose(loaded.model(x), model(x), atol=1e-6)
