"""Restores the user's model and all random states bit for bit."""

import hashlib
import random
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import numpy as np

from diagnose.measuring import backend

Restore = Callable[[], None]
_PLAIN = (str, bytes, int, float, complex, type(None), type, ModuleType, FunctionType, BuiltinFunctionType, np.ndarray)
_OPAQUE = ("tensorflow.", "tensorboard.", "google.", "jax", "torch", "weakref", "threading", "_thread", "builtins")
GLOBALS = ("global_random_seed", "global_seed_generator")  # Keras's state of `set_random_seed`


@contextmanager
def guard(model: Any) -> Iterator[None]:
    """Restore the model and random states after the block, also if it fails.

    Restored are all variables of the model (weights, BatchNormalization statistics, metrics, optimizer slots,
    seed generators), the attributes of its layers and of its compiled objects (trainable flags, rates, compiled
    functions), Keras's global seed and names, and the random states of Python, NumPy and the backend.
    Objects created inside the block are not changed.
    """
    restore = [_saved_random_states(), _saved_variables(model), *map(_saved_attributes, _owners(model))]
    try:
        yield
    finally:
        for step in reversed(restore):
            step()


@contextmanager
def same_names() -> Iterator[None]:
    """Restore Keras's counters for automatic names after the block."""
    names = dict(_names())
    try:
        yield
    finally:
        counts = _names()
        counts.clear()
        counts.update(names)


def fingerprint(model: Any) -> str:
    """Return a digest of all state that `guard` restores. It is only comparable within one process."""
    digest = hashlib.sha256()
    for variable in _variables(model):
        digest.update(str(variable.name).encode() + backend.array(variable).tobytes())
    for owner in _owners(model):
        digest.update(repr(sorted(_described(owner))).encode())
    digest.update(repr((random.getstate(), backend.random_state())).encode())
    name, keys, *rest = np.random.get_state()
    digest.update(repr((name, np.asarray(keys).tobytes(), rest)).encode())
    digest.update(repr([_global(name) for name in GLOBALS] + [dict(_names())]).encode())
    generator = _global("global_seed_generator")
    if generator is not None:
        digest.update(backend.array(generator.state).tobytes())
    return digest.hexdigest()


# --- Variables --------------------------------------------------------------------------------------


def _variables(model: Any) -> list[Any]:
    """Every variable that the model leads to, once, in a fixed order.

    Keras does not list them all: the states of a stateful RNN belong to no list of variables. So this looks at the
    attributes of the model, its layers and compiled objects, and of whatever they hold.
    """
    found: list[Any] = []
    seen: set[int] = set()
    waiting: deque[Any] = deque([model])
    while waiting:
        value = waiting.popleft()
        if id(value) in seen or isinstance(value, _PLAIN):
            continue
        seen.add(id(value))
        if _is_variable(value):
            found.append(value)
        elif isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list | tuple | set | frozenset):
            waiting.extend(value)
        elif not type(value).__module__.startswith(_OPAQUE):
            waiting.extend(getattr(value, "__dict__", {}).values())
    return found


def _is_variable(value: Any) -> bool:
    """Whether this is a variable of Keras, or one of the backend that a layer holds beside Keras's."""
    import keras

    return isinstance(value, keras.Variable) or (hasattr(value, "assign") and hasattr(value, "dtype"))


def _saved_variables(model: Any) -> Restore:
    saved = [(variable, backend.array(variable)) for variable in _variables(model)]

    def restore() -> None:
        for variable, value in saved:
            variable.assign(value)

    return restore


# --- Attributes -------------------------------------------------------------------------------------


def _owners(model: Any) -> list[Any]:
    """The objects whose attributes are part of the state: layers and compiled objects."""
    optimizer = getattr(model, "optimizer", None)
    compiled = [optimizer, getattr(optimizer, "inner_optimizer", None)]
    compiled += [getattr(model, name, None) for name in ("_compile_loss", "_compile_metrics", "_loss_tracker")]
    return [*model._flatten_layers(), *(owner for owner in compiled if owner is not None)]


def _saved_attributes(owner: Any) -> Restore:
    attributes = dict(vars(owner))
    lists = {name: list(value) for name, value in attributes.items() if isinstance(value, list)}
    dicts = {name: dict(value) for name, value in attributes.items() if issubclass(type(value), dict)}
    tracker = attributes.get("_tracker")  # holds the ids of objects in the lists
    tracked = {name: set(ids) for name, ids in tracker.stored_ids.items()} if tracker is not None else {}

    def restore() -> None:
        for name in vars(owner).keys() - attributes.keys():
            object.__delattr__(owner, name)
        for name, value in attributes.items():
            if vars(owner).get(name) is not value:
                object.__setattr__(owner, name, value)
        for name, items in lists.items():
            for place in (attributes[name], getattr(attributes[name], "_storage", None)):  # TensorFlow wraps lists
                if place is not None:
                    list.__setitem__(place, slice(None), items)
        for name, entries in dicts.items():  # such as TensorFlow's names of what a checkpoint holds
            dict.clear(attributes[name])
            dict.update(attributes[name], entries)
        if tracker is not None:
            tracker.stored_ids.update(tracked)

    return restore


def _described(owner: Any) -> Iterator[tuple[str, str]]:
    for name, value in vars(owner).items():
        if isinstance(value, bool | int | float | str | None):
            yield name, repr(value)
        elif isinstance(value, list):
            yield name, repr([id(item) for item in value])
        else:
            yield name, str(id(value))


# --- Random states ----------------------------------------------------------------------------------


def _saved_random_states() -> Restore:
    python, legacy, of_backend = random.getstate(), np.random.get_state(), backend.random_state()
    globals_ = {name: _global(name) for name in GLOBALS}
    generator = globals_["global_seed_generator"]
    drawn = None if generator is None else backend.array(generator.state)
    names = dict(_names())

    def restore() -> None:
        random.setstate(python)
        np.random.set_state(legacy)
        backend.restore_random_state(of_backend)
        for name, value in globals_.items():
            _set_global(name, value)
        if generator is not None:
            generator.state.assign(drawn)
        counts = _names()
        counts.clear()
        counts.update(names)

    return restore


def _names() -> Any:
    """Keras's counters for automatic layer names, which are restored so that later names do not change."""
    from collections import defaultdict

    from keras.src.backend.common import global_state

    return global_state.get_global_attribute("object_name_uids", default=defaultdict(int), set_to_default=True)


def _global(name: str) -> Any:
    from keras.src.backend.common import global_state

    return global_state.get_global_attribute(name)


def _set_global(name: str, value: Any) -> None:
    from keras.src.backend.common import global_state

    global_state.set_global_attribute(name, value)
