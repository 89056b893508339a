"""A .keras or HDF5 file that has been read becomes a model: built from its repaired config, filled with its weights."""

import json
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from diagnose.errors import BuildError, InputError, RefusedError
from diagnose.loading.custom import custom_objects, lambda_functions
from diagnose.loading.failures import describe_keras_error, place_in_errors
from diagnose.loading.models import weights
from diagnose.loading.models.containers import declared_shapes, reserve_names
from diagnose.loading.models.files import ModelFile, understood, unpacked
from diagnose.loading.models.repairs import own_objects, repair
from diagnose.loading.models.requirements import (
    also_missing,
    instead_of_code,
    lambda_name,
    name_functions,
    registered_names,
    require_lambdas,
    require_vocabularies,
    with_architecture,
)
from diagnose.loading.models.restoring import LoadedModel, restored
from diagnose.loading.models.safety import check_config
from diagnose.loading.models.sizes import check_rows, check_sizes
from diagnose.loading.models.weight_memory import weights_from_file
from diagnose.loading.options import LoadOptions
from diagnose.loading.signatures import signature_of

Notes = tuple[str, ...]
Otherwise = Callable[[ModelFile, InputError], tuple[Any, Notes]]


def load_file(file: ModelFile, options: LoadOptions, otherwise: Otherwise) -> LoadedModel:
    """Load a .keras or HDF5 file that has been read.

    Args:
        file: what was read.
        options: what the user says about the model.
        otherwise: called with the file and the error where Keras 3 cannot build the model. It returns the model and
            notes on it, or raises an error.

    Raises:
        InputError: the file is refused, or needs an option from the user.
    """
    file = with_architecture(file, options.architecture)
    check_sizes(file.path, file.config)
    with unpacked(file) as file, understood(file.path):
        custom = custom_objects(options.custom_objects)
        functions = lambda_functions(options.lambdas)
        require_lambdas(file, functions)
        require_vocabularies(file)
        custom |= registered_names(file.config, custom)
        custom |= own_objects() | {lambda_name(layer): function for layer, function in functions.items()}
        notes: Notes = ()
        try:
            config, notes = _repaired(file, functions)
            check_config(file.path, config, custom, trust=options.trust, instead=also_missing(file, options))
            model, more = _build(file, config, custom, options.trust)
            check_rows(file.path, model)
            _compare_shapes(file, model)
        except RefusedError:
            raise
        except InputError as error:
            model, more = otherwise(file, error)
        return restored(file, model, options, custom, notes + more)


def _repaired(file: ModelFile, functions: Mapping[str, Any]) -> tuple[dict[str, Any], Notes]:
    """The config as it will be built, and a note for each repair."""
    with place_in_errors(str(file.path)):
        config, notes = repair(file.config or {}, file.keras)
    name_functions(config, functions)
    config["compile_config"] = None
    return config, notes


def _build(file: ModelFile, config: dict[str, Any], custom: Mapping[str, Any], trust: bool) -> tuple[Any, Notes]:
    """Build the model from the config that was checked, and set its weights."""
    import keras

    try:
        reserve_names(config)
        with weights_from_file(file.path, file.values), keras.saving.CustomObjectScope(dict(custom)):
            if file.format == "keras":
                return _load_folder(file, config, custom, trust)
            model = keras.saving.deserialize_keras_object(config, custom_objects=dict(custom), safe_mode=not trust)
            _require_built(file, model)
            return model, weights.set_hdf5_weights(model, file)
    except InputError:
        raise
    except Exception as error:
        message = f"{file.path}: Keras cannot build the model: {describe_keras_error(error)}"
        raise BuildError(message + instead_of_code(config) if trust else message) from error


def _load_folder(file: ModelFile, config: dict[str, Any], custom: Mapping[str, Any], trust: bool) -> tuple[Any, Notes]:
    """Let Keras load the unpacked archive: from a folder it reads the weights one by one, not the file at once."""
    import keras

    assert file.weights is not None
    notes = weights.mend_groups(file.weights)
    folder = file.weights.parent
    for name, content in {"config.json": config, "metadata.json": {"keras_version": file.keras}}.items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    with warnings.catch_warnings(record=True) as caught:
        warnings.filterwarnings("always", "Skipping nested container")
        with _nothing_written():
            model = keras.saving.load_model(folder, custom_objects=dict(custom), compile=False, safe_mode=not trust)
    _require_built(file, model)
    if any("Skipping nested container" in str(warning.message) for warning in caught):
        weights.require_all_set(model, file)
    return model, notes


@contextmanager
def _nothing_written() -> Iterator[None]:
    """Keras does not note here which objects it has written.

    It notes them by address, and `Bidirectional` writes its layer's config while it is read. Where an object has
    meanwhile gone and a layer lies at its address, the two directions would be one layer.
    """
    from keras.src.backend.common import global_state
    from keras.src.saving import serialization_lib

    def record(written: Any, config: dict[str, Any]) -> None:
        global_state.set_global_attribute("shared_objects/id_to_config_map", None)
        note(written, config)

    note = serialization_lib.record_object_after_serialization
    serialization_lib.record_object_after_serialization = record
    try:
        yield
    finally:
        serialization_lib.record_object_after_serialization = note


def _require_built(file: ModelFile, model: Any) -> None:
    if not model.built:
        raise InputError(
            f"{file.path}: the file does not say the shape of the model's input: build the model before saving it"
        )


def _compare_shapes(file: ModelFile, model: Any) -> None:
    """A model that is built with another input shape than its file declares would give wrong answers silently."""
    declared = declared_shapes(file.config or {})
    built = tuple(port.shape for port in signature_of(model).inputs)
    if declared and built != tuple(shape[1:] for shape in declared):
        raise InputError(f"{file.path}: Keras builds inputs of the shapes {built}, but the file declares {declared}")
