"""What the user must add to some model files: the architecture, functions of Lambda layers, vocabularies."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from diagnose.errors import InputError
from diagnose.loading.models.containers import layers_of
from diagnose.loading.models.files import ModelFile
from diagnose.loading.models.sizes import check_levels
from diagnose.loading.options import LoadOptions

_LOOKUPS = {"TextVectorization", "StringLookup", "IntegerLookup"}


def with_architecture(file: ModelFile, architecture: Path | None) -> ModelFile:
    """The file with the config that it lacks.

    Raises:
        InputError: it is needed but not given, given but not needed, or not a config.
    """
    if file.config is not None:
        if architecture is not None:
            raise InputError(f"{file.path} holds the model itself, not weights only: leave out --architecture")
        return file
    if architecture is None:
        raise InputError(
            f"{file.path} holds weights only, without the model: pass --architecture FILE.json "
            "(what model.to_json() gives), or save the whole model with model.save()"
        )
    try:
        config = json.loads(architecture.read_text(encoding="utf-8"))
        if isinstance(config, str):  # json.dump(model.to_json(), file) encodes twice
            config = json.loads(config)
    except (OSError, ValueError) as error:
        raise InputError(f"--architecture {architecture}: {error}: pass the JSON that model.to_json() gives") from error
    if not isinstance(config, dict) or "class_name" not in config:
        raise InputError(
            f"--architecture {architecture}: it is not a model config: pass the JSON that model.to_json() gives"
        )
    # Keras 3 names the module of every class, but not its version.
    version = file.keras or str(config.get("keras_version") or ("3" if "module" in config else ""))
    check_levels(architecture, "config", config)
    return replace(file, keras=version, config=config)


def lambda_name(layer: str) -> str:
    """The name of a Lambda layer's function among the custom objects."""
    return f"lambda_of_{layer}"


def require_lambdas(file: ModelFile, functions: Mapping[str, Any]) -> None:
    """An option that names no layer is a typing error, and the layer that was meant would get no function.

    Raises:
        InputError: there is no such layer; the message names the Lambda layers of the model.
    """
    lambdas = (layer["config"] for layer in layers_of(file.config) if layer["class_name"] == "Lambda")
    there = [str(config.get("name")) for config in lambdas if isinstance(config, dict)]
    unknown = next((layer for layer in functions if layer not in there), None)
    if unknown is not None:
        raise InputError(
            f"--lambda {unknown}: there is no Lambda layer of that name in {file.path}: it has "
            f"{', '.join(there) or 'none'}"
        )


def also_missing(file: ModelFile, options: LoadOptions) -> str:
    """What else the file lacks, so that the user hears of both at once: "" if nothing."""
    if options.loss or file.training.get("loss"):
        return ""
    return "; the file has no loss either, so pass --loss, too"


def instead_of_code(config: Any) -> str:
    """What to pass if the code inside a trusted file fails: it may need its own globals, or another Python."""
    parts = [layer for layer in layers_of(config) if layer["class_name"] == "Lambda"]
    names = [str(layer["config"].get("name")) for layer in parts if isinstance(layer["config"], dict)]
    return f"; if its code fails, pass --lambda {names[0]}=FILE.py:FUNCTION" if names else ""


def name_functions(config: Any, functions: Mapping[str, Any]) -> None:
    """Replace the code of a Lambda layer by the user's function."""
    if isinstance(config, list):
        for value in config:
            name_functions(value, functions)
    elif isinstance(config, dict):
        inner = config.get("config")
        if config.get("class_name") == "Lambda" and isinstance(inner, dict) and inner.get("name") in functions:
            name = lambda_name(inner["name"])
            function = {"class_name": "function", "config": name, "module": "builtins", "registered_name": name}
            config["config"] = {"name": inner["name"], "function": function, "arguments": inner.get("arguments") or {}}
        for value in config.values():
            name_functions(value, functions)


def registered_names(config: Any, custom: Mapping[str, Any]) -> dict[str, Any]:
    """The user's classes and functions under the names they were registered under when the model was saved.

    A file with the class may lack `@keras.saving.register_keras_serializable`, under whose name the config asks for it.
    """
    if isinstance(config, list):
        return {name: found for value in config for name, found in registered_names(value, custom).items()}
    if not isinstance(config, dict):
        return {}
    found = registered_names(list(config.values()), custom)
    registered = config.get("registered_name")
    if isinstance(registered, str) and ">" in registered and registered not in custom:
        name = registered.rpartition(">")[2]
        found |= {registered: custom[name]} if name in custom else {}
    return found


def require_vocabularies(file: ModelFile) -> None:
    """Refuse layers without a vocabulary: HDF5 keeps one that was given, but not one that was learned.

    Raises:
        InputError: naming the layer.
    """
    for layer in layers_of(file.config) if file.format == "hdf5" else ():
        config = layer["config"]
        if layer["class_name"] in _LOOKUPS and isinstance(config, dict) and config.get("vocabulary") is None:
            raise InputError(
                f'{file.path}: the vocabulary of layer "{config.get("name")}" is not in the file: HDF5 does not keep '
                "what adapt learned, so save the model as .keras"
            )
