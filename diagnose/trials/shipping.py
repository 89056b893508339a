"""Sends a bench to another process: the model, the rows for short trainings, and what proves that both arrived whole.

A live Keras model cannot be pickled in general: its own pickling loses classes, losses and functions of the user's. So
its architecture travels as Keras's own description of it, with the user's classes and functions beside it, and its
weights as arrays. The process that receives it compares a hash of all starting weights, and the outputs for two rows.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from diagnose.measurements import Array, NotMeasured
from diagnose.measuring import copying
from diagnose.measuring.bench import Bench
from diagnose.settings import Settings
from diagnose.subject import Subject

KERAS = ("keras.", "keras_hub.")
INSTALLED = ("site-packages", "dist-packages")
ROWS = 2  # for which the outputs are compared
NEAR = (1e-3, 1e-5)  # relative and absolute difference of outputs between kinds of processors


@dataclass(frozen=True)
class Shipment:
    """A bench on its way. `seeds` are those of the starting weights in `digest`; `outputs` are those for two rows."""

    architecture: Mapping[str, Any]
    own: Mapping[str, Any]  # the user's classes and functions, by the names that Keras uses
    trainable: tuple[bool, ...]
    weights: copying.Weights
    optimizer: Mapping[str, Any]
    loss: Any
    loss_weights: Any
    subject: Subject  # without its model, and with the rows of short trainings only
    settings: Settings
    keras: Mapping[str, str]  # its global settings
    seeds: tuple[int, ...]
    digest: str
    outputs: tuple[Array, ...]


def packed(bench: Bench, seeds: tuple[int, ...]) -> bytes:
    """Return the bench as bytes.

    Raises:
        NotMeasured: the model cannot be sent to another process.
    """
    if not bench.rebuilt:
        raise NotMeasured("the model cannot be rebuilt from its config", copying.REBUILD)
    try:
        return _pickled(_shipment(bench, seeds))
    except Exception as error:  # third-party objects may raise anything
        raise NotMeasured(
            f"the model cannot be sent to another process ({copying.brief(error)})", copying.REBUILD
        ) from error


def unpacked(data: Any) -> Bench:
    """Return the bench of `packed`, opened; it has the subject's model, and the same starting weights.

    Raises:
        NotMeasured: the model is not the one that was sent.
    """
    import pickle

    shipped: Shipment = pickle.loads(data)
    bench = Bench(replace(shipped.subject, model=_rebuilt(shipped)), shipped.settings)
    bench.__enter__()
    if not bench.rebuilt:
        raise NotMeasured("it cannot be rebuilt from its config there", copying.REBUILD)
    if digest(bench, shipped.seeds) != shipped.digest:
        bench.__exit__(None, None, None)
        raise NotMeasured("its starting weights would be others there", copying.REBUILD)
    near = zip(_outputs(bench), shipped.outputs, strict=True)
    if not all(np.allclose(ours, theirs, *NEAR, equal_nan=True) for ours, theirs in near):
        bench.__exit__(None, None, None)
        raise NotMeasured("it would give other outputs there", copying.REBUILD)
    return bench


def digest(bench: Bench, seeds: tuple[int, ...]) -> str:
    """Return a hash of the loaded weights and of the fresh ones of these seeds."""
    found = hashlib.sha256()
    for seed in (None, *seeds):
        for weight in bench.weights(seed):
            found.update(f"{weight.dtype}{weight.shape}".encode() + np.ascontiguousarray(weight).tobytes())
    return found.hexdigest()


def own_objects(model: Any) -> dict[str, Any]:
    """Return the user's classes and functions that a compiled model consists of, by the names that Keras uses."""
    import keras

    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    owners = [*model._flatten_layers(), model.optimizer, optimizer, getattr(optimizer, "_learning_rate", None)]
    parts = [part for owner in owners for part in (owner, *getattr(owner, "__dict__", {}).values())]
    found: dict[str, Any] = {}
    for part in parts:
        made = part if hasattr(part, "__name__") else type(part)
        module = getattr(made, "__module__", "") or ""
        if callable(part) and not module.startswith((*KERAS, "builtins", "tensorflow.", "numpy")):
            found |= {made.__name__: made, keras.saving.get_registered_name(made): made}
    return found


def _shipment(bench: Bench, seeds: tuple[int, ...]) -> Shipment:
    import keras

    subject, model = bench.subject, bench.subject.model
    train, dev = bench.holdout()
    population = subject.train.population or subject.train.rows
    compiled = dict(model._compile_config.config) if getattr(model, "_compile_config", None) else {}
    with copying.uncompiled(model):
        architecture = keras.saving.serialize_keras_object(model)
    return Shipment(
        architecture=architecture,
        own=own_objects(model),
        trainable=tuple(layer.trainable for layer in model._flatten_layers()),
        weights=bench.weights(None),
        optimizer=keras.saving.serialize_keras_object(model.optimizer),
        loss=_mapped(compiled.get("loss", model.loss), _taken_apart),
        loss_weights=compiled.get("loss_weights"),
        subject=replace(
            subject,
            model=None,
            train=replace(train, population=population),
            dev=dev,
            test=None,
            train_dev=None,
            history=None,
            facts={},
        ),
        settings=bench.settings,
        keras={"floatx": keras.config.floatx(), "image_data_format": keras.config.image_data_format()},
        seeds=seeds,
        digest=digest(bench, seeds),
        outputs=_outputs(bench),
    )


def _rebuilt(shipped: Shipment) -> Any:
    import keras

    keras.config.set_floatx(shipped.keras["floatx"])
    keras.config.set_image_data_format(shipped.keras["image_data_format"])
    keras.saving.get_custom_objects().update(shipped.own)  # copies of the model need them as well
    load = keras.saving.deserialize_keras_object
    model = load(dict(shipped.architecture), safe_mode=False)
    for layer, trainable in zip(model._flatten_layers(), shipped.trainable, strict=True):
        layer.trainable = trainable
    optimizer = load(dict(shipped.optimizer), safe_mode=False)
    model.compile(optimizer, _mapped(shipped.loss, _put_together), loss_weights=shipped.loss_weights)
    model.set_weights(shipped.weights)
    return model


def _outputs(bench: Bench) -> tuple[Array, ...]:
    """The outputs of the loaded weights for the first rows."""
    import keras

    train = bench.holdout()[0]
    inputs, _, _ = bench.batch(train, np.arange(min(ROWS, train.rows)))
    with bench.at(None) as model:
        return tuple(
            np.asarray(keras.ops.convert_to_numpy(one)) for one in keras.tree.flatten(model(inputs, training=False))
        )


@dataclass(frozen=True)
class _Parts:
    """A loss object: its class and its attributes, which its config may not tell in full."""

    kind: type
    attributes: Mapping[str, Any]


def _taken_apart(loss: Any) -> Any:
    import keras

    return _Parts(type(loss), dict(vars(loss))) if isinstance(loss, keras.losses.Loss) else loss


def _put_together(parts: Any) -> Any:
    if not isinstance(parts, _Parts):
        return parts
    loss: Any = object.__new__(parts.kind)
    vars(loss).update(parts.attributes)
    return loss


def _mapped(losses: Any, change: Any) -> Any:
    if isinstance(losses, dict):
        return {name: _mapped(loss, change) for name, loss in losses.items()}
    if isinstance(losses, list | tuple):
        return [_mapped(loss, change) for loss in losses]
    return change(losses)


def _pickled(shipped: Shipment) -> bytes:
    import cloudpickle

    parts = [*shipped.own.values(), shipped.loss]
    with _by_value(cloudpickle, parts):
        data: bytes = cloudpickle.dumps(shipped)
    return data


@contextmanager
def _by_value(cloudpickle: Any, parts: list[Any]) -> Iterator[None]:
    """Let the user's own modules travel: another machine does not have them."""
    flat: list[Any] = []
    for part in parts:
        _mapped(part, flat.append)
    kinds = [part.kind if isinstance(part, _Parts) else part for part in flat]
    modules = [sys.modules.get(getattr(kind, "__module__", None) or "") for kind in kinds]
    own = {module for module in modules if module is not None and _is_own(module)}
    try:
        for module in own:
            cloudpickle.register_pickle_by_value(module)
        yield
    finally:
        for module in own:
            cloudpickle.unregister_pickle_by_value(module)


def _is_own(module: Any) -> bool:
    file = getattr(module, "__file__", None) or ""
    ours = module.__name__.partition(".")[0] in ("diagnose", "keras", "__main__")
    return bool(file) and not ours and not any(place in file for place in INSTALLED)
