"""Live models: taken as they are; a model that is not compiled, or that options recompile, is copied first."""

from typing import Any

from diagnose.errors import InputError
from diagnose.loading.failures import describe_keras_error
from diagnose.loading.models import losses, optimizers
from diagnose.loading.models.own_steps import loss_words, own_step
from diagnose.loading.models.restoring import LoadedModel, as_numbers, compile_with, has_initial_weights, training_of
from diagnose.loading.options import LoadOptions
from diagnose.loading.signatures import signature_of

Notes = tuple[str, ...]


def adopt_model(model: Any, options: LoadOptions) -> LoadedModel:
    """Take a live model.

    Raises:
        InputError: it is not a built Keras model, or has no loss.
    """
    import keras

    if not isinstance(model, keras.Model):
        raise InputError(f"the model must be a keras.Model or the path of a saved one, got {type(model).__name__}")
    own = own_step(model)
    if not model.built and not (own and model.weights):  # `fit` builds what an own step calls, not the model itself
        raise InputError("the model is not built, so it has no weights yet: call it on one batch first")
    compiled = bool(model.compiled and (own or getattr(model, "loss", None) is not None))
    iterations = int(keras.ops.convert_to_numpy(model.optimizer.iterations)) if compiled else None
    learned = bool(iterations) or not has_initial_weights(model)
    notes: Notes = ()
    if not compiled or options.loss or options.optimizer or options.learning_rate:
        model, notes = _recompiled_copy(model, options, compiled)
    signature = signature_of(model)
    names = [port.name for port in signature.outputs]
    found = _losses(getattr(model, "loss", None), names)
    if not own and isinstance(model.loss, dict) and not getattr(model, "outputs", None):
        raise InputError("a subclassed model must return its outputs as a list to be examined, got a dict of them")
    if not own and any(loss is None for loss in found):
        raise InputError("the model is compiled without a loss for one of its outputs: pass loss=")
    known = compiled or bool(options.optimizer)
    return LoadedModel(
        name=model.name,
        model=model,
        signature=signature,
        losses=tuple(loss_words(model) if loss is None else losses.describe(loss) for loss in found),
        loss_weights=as_numbers(losses.per_output(_compile_settings(model).get("loss_weights"), names)),
        training=training_of(model.optimizer if known else None, options, iterations),
        learned=learned,
        notes=notes,
        facts={"format": "live", "keras": keras.__version__},
    )


def _compile_settings(model: Any) -> dict[str, Any]:
    """What `compile` was called with; empty where the model's own `compile` takes other arguments."""
    try:
        return dict(model.get_compile_config() or {})
    except (TypeError, ValueError, NotImplementedError, AttributeError):
        return {}


def _losses(spec: Any, names: list[str]) -> list[Any]:
    """One loss per output, as an object; None where an output has no loss."""
    return [losses.find_loss(one, {}) if isinstance(one, str) else one for one in losses.per_output(spec, names)]


def _recompiled_copy(model: Any, options: LoadOptions, compiled: bool) -> tuple[Any, Notes]:
    """A copy of the model, compiled as the options say and, for the rest, as the model was."""
    import keras

    if not compiled and not options.loss:
        raise InputError("the model is not compiled, so it has no loss: compile it, or pass loss=")
    try:
        copy = keras.models.clone_model(model)
        copy.set_weights(model.get_weights())
    except Exception as error:
        raise InputError(
            f"the model cannot be copied to compile it again ({describe_keras_error(error)}): compile it first"
        ) from error
    names = [port.name for port in signature_of(copy).outputs]
    optimizer, notes = _optimizer(model, options, compiled)
    compile_with(copy, optimizer, _losses(options.loss or model.loss, names), (1.0,) * len(names))
    return copy, notes


def _optimizer(model: Any, options: LoadOptions, compiled: bool) -> tuple[Any, Notes]:
    if options.optimizer:
        return optimizers.make_optimizer(options.optimizer, options.learning_rate), ()
    if compiled:
        settings = model.optimizer.get_config()
        if options.learning_rate is not None:
            settings["learning_rate"] = options.learning_rate
        return type(model.optimizer).from_config(settings), ()
    rate = options.learning_rate or optimizers.ASSUMED_RATE
    note = f"the model is not compiled with an optimizer; copies are trained with Adam at {rate:g}"
    return optimizers.make_optimizer("adam", rate), (note,)
