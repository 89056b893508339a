"""A model file, or a live model, becomes a built and compiled `keras.Model` and what is known of its training."""

import json
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diagnose.errors import BuildError, InputError, RefusedError
from diagnose.loading.custom import custom_objects, lambda_functions
from diagnose.loading.models import legacy, losses, optimizers, weights
from diagnose.loading.models.containers import declared_shapes, reserve_names
from diagnose.loading.models.files import ModelFile, read_model_file, understood, unpacked
from diagnose.loading.models.filling import filled_from
from diagnose.loading.models.repairs import own_objects, repair
from diagnose.loading.models.requirements import (
    lambda_name,
    name_functions,
    require_lambdas,
    require_vocabularies,
    with_architecture,
)
from diagnose.loading.models.safety import check_config
from diagnose.loading.models.sizes import check_rows, check_sizes
from diagnose.loading.options import LoadOptions
from diagnose.loading.signatures import Signature, output_keys, signature_of
from diagnose.subject import Training

NO_LOSS = (
    "the model file has no loss (it was saved without compile settings): "
    "pass --loss, for example --loss sparse_categorical_crossentropy"
)
Otherwise = Callable[[ModelFile, InputError], tuple[Any, tuple[str, ...]]]


@dataclass(frozen=True)
class LoadedModel:
    """A compiled model with one loss and weight per output, and what is known of its training.

    `learned` tells whether the weights come from training.
    """

    name: str
    model: Any
    signature: Signature
    losses: tuple[losses.LossWords, ...]
    loss_weights: tuple[float, ...]
    training: Training
    learned: bool
    notes: tuple[str, ...] = ()
    facts: dict[str, str] = field(default_factory=dict)


# --- files ---------------------------------------------------------------------------------------


def load_model(path: Path, options: LoadOptions) -> LoadedModel:
    """Load a model file of any Keras, repaired where needed, with its weights and compile settings.

    Raises:
        InputError: the file cannot be read, is refused, or needs something from the user.
    """
    file = read_model_file(path)
    if file.format == "saved_model":
        from diagnose.loading.models.saved_models import load_saved_model  # which loads a file again, by this function

        return load_saved_model(file, options)
    return load_file(file, options)


def load_file(file: ModelFile, options: LoadOptions, otherwise: Otherwise = legacy.open_whole) -> LoadedModel:
    """Load a .keras or HDF5 file that has been read.

    Where its model cannot be built here, `otherwise` raises the error, or gives the model and what to say about it.

    Raises:
        InputError: the file is refused, or needs something from the user.
    """
    file = with_architecture(file, options.architecture)
    check_sizes(file.path, file.config)
    with unpacked(file) as file, understood(file.path):
        return _load_layers(file, options, otherwise)


def _load_layers(file: ModelFile, options: LoadOptions, otherwise: Otherwise) -> LoadedModel:
    """Repair the config, look at it as it will be built, build it, and set the weights."""
    custom = custom_objects(options.custom_objects)
    functions = lambda_functions(options.lambdas)
    require_lambdas(file, functions)
    require_vocabularies(file)
    custom |= own_objects() | {lambda_name(layer): function for layer, function in functions.items()}
    notes: tuple[str, ...] = ()
    try:
        config, notes = _repaired(file)
        name_functions(config, functions)
        config["compile_config"] = None
        check_config(file.path, config, custom, trust=options.trust)
        model, more = _build(file, config, custom, options.trust)
        check_rows(file.path, model)
        _compare_shapes(file, model)
    except RefusedError:
        raise
    except InputError as error:
        model, more = otherwise(file, error)
    return restored(file, model, options, custom, notes + more)


def _repaired(file: ModelFile) -> tuple[dict[str, Any], tuple[str, ...]]:
    with _said_of(str(file.path)):
        return repair(file.config or {}, file.keras)


@contextmanager
def _said_of(place: str) -> Iterator[None]:
    """Begin the error of what does not know where it comes from with the place."""
    try:
        yield
    except InputError as error:
        raise type(error)(f"{place}: {error}") from error


def _build(
    file: ModelFile, config: dict[str, Any], custom: Mapping[str, Any], trust: bool
) -> tuple[Any, tuple[str, ...]]:
    """Build the model from the config that was looked at, and set its weights."""
    import keras

    try:
        reserve_names(config)
        with filled_from(file.path, file.values), keras.saving.CustomObjectScope(dict(custom)):
            if file.format == "keras":
                return _load_folder(file, config, custom, trust)
            model = keras.saving.deserialize_keras_object(config, custom_objects=dict(custom), safe_mode=not trust)
            _ensure_built(file, model)
            return model, weights.set_hdf5_weights(model, file)
    except InputError:
        raise
    except Exception as error:
        raise BuildError(f"{file.path}: Keras cannot build the model: {first_line(error)}") from error


def _load_folder(
    file: ModelFile, config: dict[str, Any], custom: Mapping[str, Any], trust: bool
) -> tuple[Any, tuple[str, ...]]:
    """Let Keras load the unpacked archive: from a folder it reads the weights one by one, not the file at once."""
    import keras

    assert file.weights is not None
    notes = weights.mend_groups(file.weights)
    folder = file.weights.parent
    for name, content in {"config.json": config, "metadata.json": {"keras_version": file.keras}}.items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    with warnings.catch_warnings():  # which Keras gives where it leaves weights as they were drawn
        warnings.filterwarnings("error", "Skipping nested container")
        model = keras.saving.load_model(folder, custom_objects=dict(custom), compile=False, safe_mode=not trust)
    _ensure_built(file, model)
    return model, notes


def _ensure_built(file: ModelFile, model: Any) -> None:
    if not model.built:
        raise InputError(
            f"{file.path}: the file does not tell the shape of the model's input: build the model, then save"
        )


def first_line(error: Exception) -> str:
    """The telling part of Keras's messages, which go on for pages."""
    text = str(error).replace("\x1b[1m", "").replace("\x1b[0m", "")
    text = text.rpartition("Exception encountered: ")[2]  # what a layer said, after its whole config
    lines = [line.strip() for line in text.splitlines()]
    telling = [line for line in lines if line and not line.startswith(("Exception encountered", "Arguments received"))]
    return f"{type(error).__name__}: {telling[0][:300] if telling else ''}".rstrip(": ")


def _compare_shapes(file: ModelFile, model: Any) -> None:
    """A model that was built with another input shape than its file declares would give wrong answers silently."""
    declared = declared_shapes(file.config or {})
    built = tuple(port.shape for port in signature_of(model).inputs)
    if declared and built != tuple(shape[1:] for shape in declared):
        raise InputError(f"{file.path}: Keras builds inputs of the shapes {built}, but the file declares {declared}")


def restored(
    file: ModelFile, model: Any, options: LoadOptions, custom: Mapping[str, Any], notes: tuple[str, ...]
) -> LoadedModel:
    """Compile the model as its file says, or as the options say."""
    names = [port.name for port in signature_of(model).outputs]
    specs = losses.per_output(options.loss or file.training.get("loss"), names)
    scales = losses.per_output(file.training.get("loss_weights"), names)
    model, kept, more = _with_losses(file, model, names, specs)
    notes += more
    signature = signature_of(model)
    with _said_of("--loss" if options.loss else str(file.path)):
        found = [losses.find_loss(specs[index], custom) for index in kept]
    loss_weights = _numbers([scales[index] for index in kept])
    optimizer, known, more = _file_optimizer(file, options, custom)
    _compile(model, optimizer, found, loss_weights)
    state = weights.optimizer_state(file) if known else []
    if state:  # else it takes no memory before it is used
        model.optimizer.build(model.trainable_variables)
    iterations = weights.set_optimizer_state(model.optimizer, state, same_layout=not file.old) if known else None
    if options.learning_rate is not None:
        model.optimizer.learning_rate = options.learning_rate  # the state just set holds the file's
    training = _training(model.optimizer if known else None, options, iterations)
    if _possibly_lost(file, options, iterations):
        more += (
            "the file names RMSprop with its default settings; Keras writes this, too, when a model was saved as .h5 "
            "before: if it was another optimizer, pass --optimizer and --learning-rate",
        )
    return LoadedModel(
        name=file.path.stem,
        model=model,
        signature=signature,
        losses=tuple(losses.describe(loss) for loss in found),
        loss_weights=loss_weights,
        training=training,
        learned=iterations != 0 or not has_initial_weights(model),
        notes=notes + more,
        facts={"model": str(file.path), "format": file.format, "keras": file.keras},
    )


def _with_losses(
    file: ModelFile, model: Any, names: list[str], specs: list[Any]
) -> tuple[Any, list[int], tuple[str, ...]]:
    """The model, the places of its outputs, and a note; without the outputs that the training did not see."""
    import keras

    kept = [index for index, spec in enumerate(specs) if spec is not None]
    left_out = [name for name, spec in zip(names, specs, strict=True) if spec is None]
    if not kept:
        raise InputError(f"{file.path}: {NO_LOSS}")
    if not left_out:
        return model, kept, ()
    keys = output_keys(model)
    outputs: Any = [model.outputs[index] for index in kept]
    if keys:
        outputs = dict(zip((keys[index] for index in kept), outputs, strict=True))
    note = f"the outputs {', '.join(left_out)} have no loss, so they were left out: no training looks at them"
    return keras.Model(model.input, outputs, name=model.name), kept, (note,)


def _numbers(values: list[Any]) -> tuple[float, ...]:
    return tuple(1.0 if value is None else float(value) for value in values)


def _file_optimizer(
    file: ModelFile, options: LoadOptions, custom: Mapping[str, Any]
) -> tuple[Any, bool, tuple[str, ...]]:
    """The optimizer, whether it is the user's (not assumed by us), and what to say about it."""
    if options.optimizer:
        return optimizers.make_optimizer(options.optimizer, options.learning_rate), True, ()
    config = file.training.get("optimizer_config") or file.training.get("optimizer")
    if config is None:
        rate = options.learning_rate or optimizers.ASSUMED_RATE
        note = (
            f"the file does not say how the model was optimized; where we train copies, Adam with {rate:g} is assumed"
        )
        return optimizers.make_optimizer("adam", rate), False, (note,)
    config = optimizers.without_prefix(config)
    check_config(file.path, config, custom, trust=options.trust, instead=", or --optimizer and --learning-rate")
    with _said_of(str(file.path)):
        optimizer, notes = optimizers.restore_optimizer(config, custom, options.learning_rate)
    return optimizer, True, notes


def _possibly_lost(file: ModelFile, options: LoadOptions, iterations: int | None) -> bool:
    config = file.training.get("optimizer")
    if options.optimizer or file.format != "keras" or not iterations:
        return False
    settings = config.get("config") or {} if isinstance(config, dict) else {}
    name = config.get("class_name") if isinstance(config, dict) else config
    rate = settings.get("learning_rate", 1e-3)
    return str(name).lower() == "rmsprop" and isinstance(rate, int | float) and abs(rate - 1e-3) < 1e-8


def _compile(model: Any, optimizer: Any, found: list[Any], loss_weights: tuple[float, ...]) -> None:
    """Compile with one loss per output; metrics are not needed."""
    structure: Any = found[0] if len(found) == 1 else found
    scale: Any = None if set(loss_weights) == {1.0} else list(loss_weights)
    names = output_keys(model)
    if names:
        structure, scale = dict(zip(names, found, strict=True)), scale and dict(zip(names, scale, strict=True))
    elif len(found) == 1 and scale:
        scale = scale[0]
    model.compile(optimizer=optimizer, loss=structure, loss_weights=scale, jit_compile=False, run_eagerly=False)


def _training(optimizer: Any, options: LoadOptions, iterations: int | None) -> Training:
    """What is known of the training; `optimizer` is None where it was assumed."""
    if optimizer is None:
        return Training(learning_rate=options.learning_rate, batch_size=options.batch_size, epochs=options.epochs)
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)  # the one whose loss mixed precision scales
    rate, schedule = optimizers.learning_rate(optimizer)
    return Training(
        optimizer=type(optimizer).__name__.lower(),
        learning_rate=rate,
        schedule=schedule,
        settings=optimizers.optimizer_settings(optimizer),
        batch_size=options.batch_size,
        epochs=options.epochs,
        iterations=iterations,
    )


def has_initial_weights(model: Any) -> bool:
    """Whether every bias and every batch normalisation statistic still has the value it begins with.

    One step of training moves them all off it; a model without either counts as initial.
    """
    import keras
    import numpy as np

    begins = {"bias": 0.0, "beta": 0.0, "moving_mean": 0.0, "gamma": 1.0, "moving_variance": 1.0}
    for layer in model._flatten_layers():
        for name, value in begins.items():
            variable = getattr(layer, name, None)
            initializer = getattr(layer, f"{name}_initializer", None)
            usual = type(initializer).__name__ in {"Zeros", "Ones"}
            if usual and variable is not None and not np.all(keras.ops.convert_to_numpy(variable) == value):
                return False
    return True


# --- live models ---------------------------------------------------------------------------------


def adopt_model(model: Any, options: LoadOptions) -> LoadedModel:
    """Take a live model as it is; only one that is not compiled, or that options recompile, is copied first.

    Raises:
        InputError: it is no built Keras model, or has no loss.
    """
    import keras

    if not isinstance(model, keras.Model):
        raise InputError(f"the model is a {type(model).__name__}, not a keras.Model or the path of a saved one")
    if not model.built:
        raise InputError("the model is not built, so it has no weights yet: call it on one batch first")
    compiled = bool(model.compiled and getattr(model, "loss", None) is not None)
    changes = options.loss or options.optimizer or options.learning_rate
    notes: tuple[str, ...] = ()
    iterations = int(keras.ops.convert_to_numpy(model.optimizer.iterations)) if compiled else None
    learned = bool(iterations) or not has_initial_weights(model)
    if not compiled or changes:
        model, notes = _recompiled_copy(model, options, compiled)
    signature = signature_of(model)
    names = [port.name for port in signature.outputs]
    found = [
        losses.find_loss(spec, {}) if isinstance(spec, str) else spec for spec in losses.per_output(model.loss, names)
    ]
    if any(loss is None for loss in found):
        raise InputError("the model is compiled without a loss for one of its outputs: pass loss=")
    known = compiled or bool(options.optimizer)
    return LoadedModel(
        name=model.name,
        model=model,
        signature=signature,
        losses=tuple(losses.describe(loss) for loss in found),
        loss_weights=_numbers(losses.per_output(model.get_compile_config().get("loss_weights"), names)),
        training=_training(model.optimizer if known else None, options, iterations),
        learned=learned,
        notes=notes,
        facts={"format": "live", "keras": keras.__version__},
    )


def _recompiled_copy(model: Any, options: LoadOptions, compiled: bool) -> tuple[Any, tuple[str, ...]]:
    """A copy of a live model, compiled as the options say and, for the rest, as the model was."""
    import keras

    if not compiled and not options.loss:
        raise InputError("the model is not compiled, so it has no loss: compile it, or pass loss=")
    try:
        copy = keras.models.clone_model(model)
        copy.set_weights(model.get_weights())
    except Exception as error:
        raise InputError(
            f"the model cannot be copied to compile it anew ({first_line(error)}): compile it first"
        ) from error
    names = [port.name for port in signature_of(copy).outputs]
    spec = options.loss or model.loss
    found = [losses.find_loss(s, {}) if isinstance(s, str) else s for s in losses.per_output(spec, names)]
    optimizer, notes = _live_optimizer(model, options, compiled)
    _compile(copy, optimizer, found, (1.0,) * len(names))
    return copy, notes


def _live_optimizer(model: Any, options: LoadOptions, compiled: bool) -> tuple[Any, tuple[str, ...]]:
    if options.optimizer:
        return optimizers.make_optimizer(options.optimizer, options.learning_rate), ()
    if compiled:
        settings = model.optimizer.get_config()
        if options.learning_rate is not None:
            settings["learning_rate"] = options.learning_rate
        return type(model.optimizer).from_config(settings), ()
    rate = options.learning_rate or optimizers.ASSUMED_RATE
    note = f"the model is not compiled with an optimizer; where we train copies, Adam with {rate:g} is assumed"
    return optimizers.make_optimizer("adam", rate), (note,)
