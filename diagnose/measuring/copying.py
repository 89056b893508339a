"""Copies of the user's model: same architecture, own variables, loaded or fresh weights."""

import random
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diagnose.measurements import NotMeasured
from diagnose.measuring import backend

READ = 64  # steps at which a schedule is read to find its highest rate, and its mean
REBUILD = (
    "Make get_config of the model and its layers return all constructor arguments, or pass a function that makes a "
    "fresh model: --factory FILE.py:FUNCTION."
)

OWN_METHODS = ("train_step", "test_step", "compute_loss")

KEPT = "the layers of a model that a factory makes cannot be exchanged"
FUNCTIONAL = "Build the model with the functional API."

Factory = Callable[[], Any]  # makes a fresh model of the architecture of the user's
Weights = list[NDArray[Any]]
Edit = Callable[[Any, Any], Any]  # the user's layer, its copy -> the layer of the copied model


def copy_model(model: Any, seed: int, edit: Edit | None = None, factory: Factory | None = None) -> Any:
    """Return an uncompiled copy of a Sequential or Functional `model` with fresh weights drawn from `seed`.

    Layers are rebuilt from their class and config, so custom layers need no registration, and Lambda functions are
    passed as objects, never as bytecode. `edit` may replace layers of the copy. With a `factory` the copy is what that
    makes, and its layers cannot be replaced.

    Raises:
        NotMeasured: the model is subclassed, or its config does not reproduce it; or the factory fails.
    """
    import keras

    if factory is not None:
        return _made(model, seed, edit, factory)

    if not isinstance(model, keras.Sequential) and not hasattr(model, "_inputs_struct"):
        raise NotMeasured("the model is subclassed and cannot be rebuilt from its config", REBUILD)

    def rebuild(layer: Any) -> Any:
        copy = _copy_layer(layer, draw)
        return edit(layer, copy) if edit else copy

    state = random.getstate()
    random.seed(seed)  # layers draw default seeds while they are built
    draw = random.Random(seed)
    try:
        with uncompiled(model), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # Keras has already warned the user about this model
            copy = keras.models.clone_model(model, clone_function=rebuild, recursive=True)
        _copy_trainable_flags(model, copy)
        lost = [step for step in OWN_METHODS if own_method(model, step) and not own_method(copy, step)]
        if lost:
            raise NotMeasured(f"the model is subclassed, and a copy would not have its {lost[0]}", REBUILD)
        if edit is None:
            _compare_weights(model, copy)
    except NotMeasured:
        raise
    except Exception as error:  # third-party layers may raise anything
        raise NotMeasured(f"the model cannot be rebuilt from its config ({brief(error)})", REBUILD) from error
    finally:
        random.setstate(state)
    return copy


def _made(model: Any, seed: int, edit: Edit | None, factory: Factory) -> Any:
    import keras

    if edit is not None:
        raise NotMeasured(KEPT, FUNCTIONAL)
    keras.utils.set_random_seed(seed)
    try:
        copy = factory()
    except Exception as error:  # the user's own function may raise anything
        raise NotMeasured(f"the factory fails ({brief(error)})", "Mend the function of --factory.") from error
    _copy_trainable_flags(model, copy)
    _compare_weights(model, copy)
    return copy


def compile_like(copy: Any, model: Any, exact_targets: bool = False, loss_weights: Any = None) -> None:
    """Compile `copy` with the loss objects of `model` and a new optimizer with the same settings.

    Keras's compile config is not used, as it loses unregistered losses. Metrics are left out, as they have state.
    `exact_targets` removes label smoothing from the losses. `loss_weights` replaces those of `model`.
    """
    import keras

    settings = dict(model._compile_config.config) if getattr(model, "_compile_config", None) else {}
    loss = settings.get("loss", model.loss)
    if exact_targets:
        loss = keras.tree.map_structure(_without_smoothing, loss)
    copy.compile(
        optimizer=new_optimizer(model.optimizer),
        loss=loss,
        loss_weights=settings.get("loss_weights") if loss_weights is None else loss_weights,
        jit_compile=False,
    )


def new_optimizer(optimizer: Any) -> Any:
    """Return an optimizer of the same class and settings, with fresh state and a plain variable as learning rate."""
    inner = getattr(optimizer, "inner_optimizer", None)
    if inner is not None:  # a LossScaleOptimizer
        return type(optimizer)(new_optimizer(inner))
    config = {**optimizer.get_config(), "learning_rate": learning_rates(optimizer, 1)[0]}
    return type(optimizer).from_config(config)


def learning_rates(optimizer: Any, steps: int) -> NDArray[np.float64]:
    """Return the learning rates of the first `steps` steps, with schedules evaluated: [steps]."""
    return learning_rates_at(optimizer, range(steps))


def learning_rates_at(optimizer: Any, steps: Sequence[int]) -> NDArray[np.float64]:
    """Return the learning rates at these steps (from 0), with schedules evaluated: [steps]."""
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    schedule = optimizer._learning_rate
    if hasattr(schedule, "assign"):
        import keras

        rate = keras.ops.convert_to_numpy(optimizer.learning_rate)  # float() fails on a variable of several replicas
        return np.full(len(steps), float(rate))
    return np.array([float(schedule(step)) for step in steps])


def peak_rate(optimizer: Any, steps: int) -> float:
    """Return the highest learning rate of the first `steps` steps; a schedule is read at up to `READ` of them."""
    return float(_read(optimizer, steps).max())


def mean_rate(optimizer: Any, steps: int) -> float:
    """Return the mean learning rate of the first `steps` steps; a schedule is read at up to `READ` of them."""
    return float(_read(optimizer, steps).mean())


def _read(optimizer: Any, steps: int) -> NDArray[np.float64]:
    read = np.unique(np.linspace(0, max(steps - 1, 0), READ).astype(int))
    return learning_rates_at(optimizer, read.tolist())


def reinitialize(model: Any, seed: int) -> None:
    """Re-initialise every variable of `model` in place, with the initializers of its layers.

    Raises:
        NotMeasured: the initializer of a trainable variable cannot be found.
    """
    draw = random.Random(seed)
    for layer in model._flatten_layers(include_self=True):
        for variable in [*layer._trainable_variables, *layer._non_trainable_variables]:
            initializer = _initializer(layer, variable.name)
            if initializer is not None:
                variable.assign(_reseeded(initializer, draw)(variable.shape, dtype=variable.dtype))
            elif variable.trainable:
                raise NotMeasured(
                    f"the initializer of weight {variable.name} of layer {layer.name} is unknown",
                    f"Store it on the layer as {variable.name}_initializer.",
                )


def values(variables: list[Any]) -> Weights:
    """Return copies of the values of Keras variables."""
    return [backend.array(variable) for variable in variables]


def assign(variables: list[Any], new: Weights) -> None:
    """Set Keras variables to values returned by `values`."""
    for variable, value in zip(variables, new, strict=True):
        variable.assign(value)


def seed_generators(model: Any, seed: int) -> None:
    """Set the state of every seed generator in `model` (dropout, augmentation) from `seed`."""
    states = [v for v in model.non_trainable_variables if v.name == "seed_generator_state"]
    for number, variable in enumerate(states):
        variable.assign(np.array([seed & 0x7FFFFFFF, number], dtype=str(variable.dtype)))


def preserved_weights(model: Any) -> tuple[frozenset[int], tuple[str, ...]]:
    """Return the positions in `model.weights` that fresh weights do not replace, and the pretrained layers' paths.

    These are the weights of frozen layers, of nested `keras.applications` models and of preprocessing layers that were
    adapted to data. The last kind does not count as pretrained.
    """
    preserved: set[int] = set()
    pretrained: list[str] = []
    for layer in model._flatten_layers(include_self=False):
        adapted = hasattr(layer, "adapt")
        frozen = not layer.trainable and not layer.trainable_variables
        if not layer.weights or not (adapted or frozen or _is_application(layer)):
            continue
        preserved.update(id(weight) for weight in layer.weights)
        if not adapted:
            pretrained.append(layer.path)
    return frozenset(i for i, weight in enumerate(model.weights) if id(weight) in preserved), tuple(pretrained)


def own_method(model: Any, name: str) -> bool:
    """Whether the model's class has its own `train_step`, `test_step` or `compute_loss`."""
    return not getattr(type(model), name).__module__.startswith("keras.")


def augments(layer: Any) -> bool:
    """Whether a layer changes rows at random while it trains, and nothing of their shape."""
    name = type(layer).__name__
    return name.startswith("Random") and name != "RandomCrop" and not layer.weights


def without_augmentation(layer: Any, copy: Any) -> Any:
    """Return the identity for an augmentation layer, else the copy."""
    import keras

    return keras.layers.Identity(name=layer.name) if augments(layer) else copy


def disable_regularization(model: Any, dropout: bool = True, penalties: bool = True) -> None:
    """Disable dropout, noise and penalties of `model` in place."""
    for layer in model._flatten_layers():
        for attribute in ("rate", "dropout", "recurrent_dropout", "stddev") if dropout else ():
            if isinstance(getattr(layer, attribute, None), float | int):
                with suppress(AttributeError):  # an RNN's rate is read-only: it belongs to the cell
                    setattr(layer, attribute, 0.0)
        if penalties and getattr(layer, "activity_regularizer", None) is not None:
            layer.activity_regularizer = None
    for variable in model.trainable_variables if penalties else ():
        variable.regularizer = None


def token_inputs(model: Any) -> frozenset[int]:
    """Return the positions of inputs that feed an embedding."""
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
    """Replace every "seed" in a layer's config; explicit seeds would make all fresh weights the same."""
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


def _copy_trainable_flags(model: Any, copy: Any) -> None:
    """Copy the trainable flags of nested models, which are not in their config."""
    originals, copies = list(model._flatten_layers()), list(copy._flatten_layers())
    if len(originals) == len(copies):
        for original, twin in zip(originals, copies, strict=True):
            twin.trainable = original.trainable


def _compare_weights(model: Any, copy: Any) -> None:
    for kind in ("weights", "trainable_variables"):
        ours, theirs = ([w.shape for w in getattr(m, kind)] for m in (copy, model))
        if ours != theirs:
            raise NotMeasured("the model cannot be rebuilt from its config: the copy has other weights", REBUILD)


@contextmanager
def uncompiled(model: Any) -> Iterator[None]:
    """Make `clone_model` skip the compile config, which fails for unregistered losses."""
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
    """Whether `layer` is a nested model with a name of `keras.applications` ("mobilenetv2_1.00_224")."""
    import keras

    if not isinstance(layer, keras.Model):
        return False
    names = {name.lower() for name in dir(keras.applications) if name[0].isupper()}
    return "".join(c for c in layer.name.lower() if c.isalnum()).startswith(tuple(names))


def brief(error: Exception) -> str:
    """The type of an error and the line of its message that says what is wrong; TensorFlow's may be pages long."""
    lines = [line.strip() for line in str(error).replace("\x1b[1m", "").replace("\x1b[0m", "").splitlines()]
    useful = [line for line in lines if line and not line.startswith(_FRAME)]
    return f"{type(error).__name__}: {useful[0][:200] if useful else ''}".rstrip(": ")


_FRAME = ("Exception encountered", "Graph execution error", "Detected at node", "File ", "Arguments received", "[[")
