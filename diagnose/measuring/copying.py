"""Copies of a user's model: same architecture, own variables, weights loaded or fresh."""

import random
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diagnose.measurements import NotMeasured
from diagnose.measuring import backend

REBUILD = "Let get_config of the model and its layers return all arguments of the constructor."

Weights = list[NDArray[Any]]
Edit = Callable[[Any, Any], Any]  # the user's layer, its copy -> what stands in the copy of the model


def copy_model(model: Any, seed: int, edit: Edit | None = None) -> Any:
    """Return an uncompiled copy of a Sequential or Functional `model` with fresh weights drawn from `seed`.

    Layers are rebuilt from their own class and config, so unregistered custom layers need no registration, and
    Lambda functions are passed on as objects, never through bytecode. `edit` may return another layer for some.

    Raises:
        NotMeasured: the architecture cannot be rebuilt (subclassed, a config that lies, other layers than before).
    """
    import keras

    if not isinstance(model, keras.Sequential) and not hasattr(model, "_inputs_struct"):
        raise NotMeasured("the model is subclassed and cannot be rebuilt from its configuration", REBUILD)

    def rebuild(layer: Any) -> Any:
        copy = _copy_layer(layer, draw)
        return edit(layer, copy) if edit else copy

    state = random.getstate()
    random.seed(seed)  # whatever draws a default seed while it is built
    draw = random.Random(seed)
    try:
        with _uncompiled(model), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # the user has seen what Keras says of this model
            copy = keras.models.clone_model(model, clone_function=rebuild, recursive=True)
        _bring_flags(model, copy)
        if edit is None:
            _compare_weights(model, copy)
    except NotMeasured:
        raise
    except Exception as error:  # third-party layers may raise anything from their config
        raise NotMeasured(f"the model cannot be rebuilt from its configuration ({_brief(error)})", REBUILD) from error
    finally:
        random.setstate(state)
    return copy


def compile_like(copy: Any, model: Any, exact_targets: bool = False) -> None:
    """Compile `copy` with the very loss objects of `model` and a new optimizer of the same settings.

    The round trip of Keras's compile config loses unregistered losses; metrics are left out, they carry state.
    `exact_targets` takes label smoothing out of the losses.
    """
    import keras

    settings = dict(model._compile_config.config) if getattr(model, "_compile_config", None) else {}
    loss = settings.get("loss", model.loss)
    if exact_targets:
        loss = keras.tree.map_structure(_without_smoothing, loss)
    copy.compile(
        optimizer=new_optimizer(model.optimizer),
        loss=loss,
        loss_weights=settings.get("loss_weights"),
        jit_compile=False,
    )


def new_optimizer(optimizer: Any) -> Any:
    """Return an optimizer of the same class and settings, its state fresh and its rate a plain variable."""
    inner = getattr(optimizer, "inner_optimizer", None)
    if inner is not None:  # loss scaling around the optimizer proper
        return type(optimizer)(new_optimizer(inner))
    config = {**optimizer.get_config(), "learning_rate": learning_rates(optimizer, 1)[0]}
    return type(optimizer).from_config(config)


def learning_rates(optimizer: Any, steps: int) -> NDArray[np.float64]:
    """Return the rate of each of the first `steps` steps, schedules evaluated: [steps]."""
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    schedule = optimizer._learning_rate
    if hasattr(schedule, "assign"):
        return np.full(steps, float(optimizer.learning_rate))
    return np.array([float(schedule(step)) for step in range(steps)])


def draw_again(model: Any, seed: int) -> None:
    """Re-initialise every variable of `model` in place from the initializers its layers keep.

    Raises:
        NotMeasured: some trainable variable has no initializer that can be found.
    """
    draw = random.Random(seed)
    for layer in model._flatten_layers(include_self=True):
        for variable in [*layer._trainable_variables, *layer._non_trainable_variables]:
            initializer = _initializer(layer, variable.name)
            if initializer is not None:
                variable.assign(_reseeded(initializer, draw)(variable.shape, dtype=variable.dtype))
            elif variable.trainable:
                raise NotMeasured(
                    f"it is unknown how weight {variable.name} of layer {layer.name} starts",
                    f"Keep its initializer on the layer as {variable.name}_initializer.",
                )


def values(variables: list[Any]) -> Weights:
    """Return copies of the values of Keras variables."""
    return [backend.array(variable) for variable in variables]


def assign(variables: list[Any], kept: Weights) -> None:
    """Set Keras variables to values that `values` returned."""
    for variable, value in zip(variables, kept, strict=True):
        variable.assign(value)


def seed_generators(model: Any, seed: int) -> None:
    """Set the state of every seed generator in `model` (dropout, augmentation) from `seed`."""
    states = [v for v in model.non_trainable_variables if v.name == "seed_generator_state"]
    for number, variable in enumerate(states):
        variable.assign(np.array([seed & 0x7FFFFFFF, number], dtype=str(variable.dtype)))


def kept_weights(model: Any) -> tuple[frozenset[int], tuple[str, ...]]:
    """Return which weights of `model` stay as loaded when it starts afresh, and the pretrained layers' paths.

    Kept are the positions, in `model.weights`, of frozen layers, of nested `keras.applications` models and of
    preprocessing layers that were adapted to data. The last kind is not counted as pretrained.
    """
    kept: set[int] = set()
    pretrained: list[str] = []
    for layer in model._flatten_layers(include_self=False):
        adapted = hasattr(layer, "adapt")
        frozen = not layer.trainable and not layer.trainable_variables
        if not layer.weights or not (adapted or frozen or _is_application(layer)):
            continue
        kept.update(id(weight) for weight in layer.weights)
        if not adapted:
            pretrained.append(layer.path)
    return frozenset(i for i, weight in enumerate(model.weights) if id(weight) in kept), tuple(pretrained)


def own_loop(model: Any) -> str | None:
    """Say why short trainings of `model` would not be its own training; None where they are."""
    step = type(model).train_step
    if not step.__module__.startswith("keras."):
        return f"{type(model).__name__} trains by its own train_step"
    return None


def without_augmentation(layer: Any, copy: Any) -> Any:
    """Return what stands for `layer` where no augmentation is wanted: the identity, or its copy."""
    import keras

    name = type(layer).__name__
    augments = name.startswith("Random") and name != "RandomCrop" and not layer.weights
    return keras.layers.Identity(name=layer.name) if augments else copy


def calm(model: Any, dropout: bool = True, penalties: bool = True) -> None:
    """Switch dropout and noise, and penalties, of `model` off, in place."""
    for layer in model._flatten_layers():
        for attribute in ("rate", "dropout", "recurrent_dropout", "stddev") if dropout else ():
            if isinstance(getattr(layer, attribute, None), float | int):
                with suppress(AttributeError):  # an RNN shows its cell's rate, which is set at the cell
                    setattr(layer, attribute, 0.0)
        if penalties and getattr(layer, "activity_regularizer", None) is not None:
            layer.activity_regularizer = None
    for variable in model.trainable_variables if penalties else ():
        variable.regularizer = None


def takes_numbers(model: Any, place: int) -> bool:
    """Whether input number `place` is read as numbers, not as tokens by an embedding."""
    return place not in token_inputs(model)


def token_inputs(model: Any) -> frozenset[int]:
    """Places of the inputs that feed an embedding."""
    import keras

    embeddings = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.Embedding)]
    nodes = [node for layer in embeddings for node in layer._inbound_nodes]
    fed = {id(tensor) for node in nodes for tensor in node.input_tensors}
    inputs = getattr(model, "inputs", None) or []
    places = {place for place, tensor in enumerate(inputs) if id(tensor) in fed}
    first = next((layer for layer in getattr(model, "layers", []) if layer.weights), None)
    if not places and len(inputs) <= 1 and isinstance(first, keras.layers.Embedding):
        places = {0}
    return frozenset(places)


def _without_smoothing(loss: Any) -> Any:
    import keras

    config = loss.get_config() if isinstance(loss, keras.losses.Loss) else {}
    return type(loss).from_config({**config, "label_smoothing": 0.0}) if config.get("label_smoothing") else loss


def _copy_layer(layer: Any, draw: random.Random) -> Any:
    import keras

    if isinstance(layer, keras.layers.Lambda):
        copy = keras.layers.Lambda(
            layer.function,
            output_shape=layer._output_shape,
            mask=layer.mask,
            arguments=layer.arguments,
            name=layer.name,
            dtype=layer.dtype_policy,
        )
    else:
        copy = type(layer).from_config(_with_seeds(layer.get_config(), draw))
    return copy


def _with_seeds(config: Any, draw: random.Random) -> Any:
    """Give every "seed" in a layer's config a new value: equal explicit seeds would make all starts the same."""
    if isinstance(config, dict):
        return {
            key: draw.randrange(1 << 30) if key == "seed" and _plain_seed(value) else _with_seeds(value, draw)
            for key, value in config.items()
        }
    if isinstance(config, list | tuple):
        return type(config)(_with_seeds(value, draw) for value in config)
    return config


def _plain_seed(value: object) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool))


def _bring_flags(model: Any, copy: Any) -> None:
    """Bring over the trainable flags of nested models, which their config does not hold."""
    originals, copies = list(model._flatten_layers()), list(copy._flatten_layers())
    if len(originals) == len(copies):
        for original, twin in zip(originals, copies, strict=True):
            twin.trainable = original.trainable


def _compare_weights(model: Any, copy: Any) -> None:
    for kind in ("weights", "trainable_variables"):
        ours, theirs = ([w.shape for w in getattr(m, kind)] for m in (copy, model))
        if ours != theirs:
            raise NotMeasured("the model cannot be rebuilt from its configuration (other layers or weights)", REBUILD)


@contextmanager
def _uncompiled(model: Any) -> Iterator[None]:
    """Keep `clone_model` from a round trip of the compile config, which fails for unregistered losses."""
    compiled = [part for part in model._flatten_layers() if getattr(part, "compiled", False)]
    try:
        for part in compiled:
            part.compiled = False
        yield
    finally:
        for part in compiled:
            part.compiled = True


def _initializer(layer: Any, name: str) -> Any:
    for attribute in (f"{name}_initializer", name.replace("_kernel", "") + "_initializer"):
        if callable(found := getattr(layer, attribute, None)):
            return found
    return None


def _reseeded(initializer: Any, draw: random.Random) -> Any:
    config = initializer.get_config()
    return type(initializer).from_config(_with_seeds(config, draw)) if "seed" in config else initializer


def _is_application(layer: Any) -> bool:
    """Whether `layer` is a nested model named like one of `keras.applications` ("mobilenetv2_1.00_224")."""
    import keras

    if not isinstance(layer, keras.Model):
        return False
    names = {name.lower() for name in dir(keras.applications) if name[0].isupper()}
    return "".join(c for c in layer.name.lower() if c.isalnum()).startswith(tuple(names))


def _brief(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0][:200] if text else ''}"
