"""Files as old versions of Keras wrote them: saved by the present one, then their JSON is put back in time."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py

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
