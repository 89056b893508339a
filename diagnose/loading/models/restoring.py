"""A built model becomes a loaded one: compiled as its file or the options say, with what is known of its training."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from diagnose.errors import InputError
from diagnose.loading.failures import place_in_errors
from diagnose.loading.models import losses, metrics, optimizers, weights
from diagnose.loading.models.files import ModelFile
from diagnose.loading.models.own_steps import loss_words, own_step
from diagnose.loading.models.safety import check_config
from diagnose.loading.options import LoadOptions
from diagnose.loading.signatures import Signature, output_keys, signature_of
from diagnose.subject import Training

Notes = tuple[str, ...]
NO_LOSS = "the model file has no loss (it was saved without compile settings): pass --loss, for example --loss "
_LOST_OPTIMIZER = (
    "the file names RMSprop with its default settings, which Keras also writes for a model that was saved as .h5 "
    "before: if the optimizer was another one, pass --optimizer and --learning-rate"
)


@dataclass(frozen=True)
class LoadedModel:
    """A compiled model with one loss and weight per output, and what is known of its training.

    `learned` says whether the weights come from training.
    """

    name: str
    model: Any
    signature: Signature
    losses: tuple[losses.LossWords, ...]
    loss_weights: tuple[float, ...]
    training: Training
    learned: bool
    notes: Notes = ()
    facts: dict[str, str] = field(default_factory=dict)


def restored(file: ModelFile, model: Any, options: LoadOptions, custom: Mapping[str, Any], notes: Notes) -> LoadedModel:
    """Compile the model as its file says, or as the options say.

    Raises:
        InputError: there is no loss, or the loss or the optimizer is not part of Keras.
    """
    names = [port.name for port in signature_of(model).outputs]
    if not options.loss and not file.training.get("loss"):
        own = _with_own_step(file, model, options, custom, notes)
        if own is not None:
            return own
    specs = losses.per_output(options.loss or file.training.get("loss"), names)
    scales = losses.per_output(file.training.get("loss_weights"), names)
    model, kept, left_out = _with_losses(file, model, names, specs)
    with place_in_errors("--loss" if options.loss else str(file.path)):
        found = [losses.find_loss(specs[index], custom) for index in kept]
    loss_weights = as_numbers([scales[index] for index in kept])
    optimizer, known, more = _file_optimizer(file, options, custom)
    judged, unknown = metrics.file_metrics(file, names, custom, trust=options.trust)
    judged = {kind: [each[index] for index in kept] for kind, each in judged.items()}
    compile_with(model, optimizer, found, loss_weights, judged)
    iterations = _restore_state(file, model, options) if known else None
    if _is_lost(file, options, iterations):
        more += (_LOST_OPTIMIZER,)
    return LoadedModel(
        name=file.path.stem,
        model=model,
        signature=signature_of(model),
        losses=tuple(losses.describe(loss) for loss in found),
        loss_weights=loss_weights,
        training=training_of(model.optimizer if known else None, options, iterations),
        learned=iterations != 0 or not has_initial_weights(model),
        notes=notes + left_out + more + unknown,
        facts={"model": str(file.path), "format": file.format, "keras": file.keras},
    )


def _with_own_step(
    file: ModelFile, model: Any, options: LoadOptions, custom: Mapping[str, Any], notes: Notes
) -> LoadedModel | None:
    """A model without a compiled loss that computes one in code of its own; None if it does not."""
    import keras

    optimizer, known, more = _file_optimizer(file, options, custom)
    if not own_step(model) and not known:
        return None
    keras.Model.compile(model, optimizer=optimizer, jit_compile=False)  # the class's own may take other arguments
    iterations = _restore_state(file, model, options) if known else None
    if not own_step(model):  # nor do its layers call `add_loss`, as far as the optimizer's steps tell
        return None
    signature = signature_of(model)
    return LoadedModel(
        name=file.path.stem,
        model=model,
        signature=signature,
        losses=(loss_words(model),) * len(signature.outputs),
        loss_weights=(1.0,) * len(signature.outputs),
        training=training_of(model.optimizer if known else None, options, iterations),
        learned=iterations != 0 or not has_initial_weights(model),
        notes=notes + more,
        facts={"model": str(file.path), "format": file.format, "keras": file.keras},
    )


def _with_losses(file: ModelFile, model: Any, names: list[str], specs: list[Any]) -> tuple[Any, list[int], Notes]:
    """The model without the outputs that have no loss, the indices of the outputs that are kept, and a note."""
    import keras

    kept = [index for index, spec in enumerate(specs) if spec is not None]
    left_out = [name for name, spec in zip(names, specs, strict=True) if spec is None]
    if not kept:
        raise InputError(f"{file.path}: {NO_LOSS}{_usual_loss(signature_of(model))}")
    if not left_out:
        return model, kept, ()
    keys = output_keys(model)
    outputs: Any = [model.outputs[index] for index in kept]
    if keys:
        outputs = dict(zip((keys[index] for index in kept), outputs, strict=True))
    note = f"the outputs {', '.join(left_out)} have no loss and were left out: training does not use them"
    return keras.Model(model.input, outputs, name=model.name), kept, (note,)


def _usual_loss(signature: Signature) -> str:
    """The loss that usually goes with the first output."""
    head = signature.outputs[0]
    if head.shape in [port.shape for port in signature.inputs]:
        return "mean_squared_error"
    units = head.shape[-1] if head.shape else None
    if head.activation == "sigmoid":
        return "binary_crossentropy"
    return "mean_squared_error" if units == 1 else "sparse_categorical_crossentropy"


def as_numbers(loss_weights: list[Any]) -> tuple[float, ...]:
    """Loss weights as numbers; an output without one counts once."""
    return tuple(1.0 if value is None else float(value) for value in loss_weights)


def compile_with(
    model: Any,
    optimizer: Any,
    found: list[Any],
    loss_weights: tuple[float, ...],
    judged: Mapping[str, list[list[Any]]] | None = None,
) -> None:
    """Compile with one loss per output.

    Args:
        model, optimizer: may be used already.
        found: the loss of each output.
        loss_weights: of each output.
        judged: `metrics` and `weighted_metrics` of each output, as lists.
    """
    keys = output_keys(model)

    def spread(each: list[Any]) -> Any:
        return dict(zip(keys, each, strict=True)) if keys else each[0] if len(each) == 1 else each

    model.compile(
        optimizer=optimizer,
        loss=spread(found),
        loss_weights=None if set(loss_weights) == {1.0} else spread(list(loss_weights)),
        jit_compile=False,
        run_eagerly=False,
        **{kind: spread(each) for kind, each in (judged or {}).items() if any(each)},
    )


# --- optimizer -----------------------------------------------------------------------------------


def _file_optimizer(file: ModelFile, options: LoadOptions, custom: Mapping[str, Any]) -> tuple[Any, bool, Notes]:
    """The optimizer, whether it is the user's (else it is assumed), and notes."""
    if options.optimizer:
        return optimizers.make_optimizer(options.optimizer, options.learning_rate), True, ()
    config = file.training.get("optimizer_config") or file.training.get("optimizer")
    if config is None:
        rate = options.learning_rate or optimizers.ASSUMED_RATE
        note = f"the file does not say how the model was optimized; copies are trained with Adam at {rate:g}"
        return optimizers.make_optimizer("adam", rate), False, (note,)
    config = optimizers.without_prefix(config)
    check_config(file.path, config, custom, trust=options.trust, instead=", or --optimizer and --learning-rate")
    with place_in_errors(str(file.path)):
        optimizer, notes = optimizers.restore_optimizer(config, custom, options.learning_rate)
    return optimizer, True, notes


def _restore_state(file: ModelFile, model: Any, options: LoadOptions) -> int | None:
    """Set the optimizer's state, and return the number of its steps (None: unknown)."""
    state = weights.optimizer_state(file)
    if state:  # a state that is not built takes no memory
        model.optimizer.build(model.trainable_variables)
    iterations = weights.set_optimizer_state(model.optimizer, state, same_layout=not file.old)
    if options.learning_rate is not None:
        model.optimizer.learning_rate = options.learning_rate  # the state just set holds the file's
    return iterations


def _is_lost(file: ModelFile, options: LoadOptions, iterations: int | None) -> bool:
    """Whether the optimizer of the file may be Keras's default in place of the one that trained the model."""
    config = file.training.get("optimizer")
    if options.optimizer or file.format != "keras" or not iterations:
        return False
    settings = config.get("config") or {} if isinstance(config, dict) else {}
    name = config.get("class_name") if isinstance(config, dict) else config
    rate = settings.get("learning_rate", 1e-3)
    return str(name).lower() == "rmsprop" and isinstance(rate, int | float) and abs(rate - 1e-3) < 1e-8


# --- training ------------------------------------------------------------------------------------


def training_of(optimizer: Any, options: LoadOptions, iterations: int | None) -> Training:
    """What is known of the training; `optimizer` is None if it is assumed."""
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
    """Whether every bias and every batch normalisation statistic still has its initial value.

    One step of training changes them all; a model without either counts as initial.
    """
    import keras
    import numpy as np

    initial = {"bias": 0.0, "beta": 0.0, "moving_mean": 0.0, "gamma": 1.0, "moving_variance": 1.0}
    for layer in model._flatten_layers():
        for name, value in initial.items():
            variable = getattr(layer, name, None)
            initializer = getattr(layer, f"{name}_initializer", None)
            usual = type(initializer).__name__ in {"Zeros", "Ones"}
            if usual and variable is not None and not np.all(keras.ops.convert_to_numpy(variable) == value):
                return False
    return True
