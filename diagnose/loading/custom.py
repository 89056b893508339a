"""The user's own code: classes and functions that a model needs, from files that the user named."""

import importlib.util
import inspect
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from diagnose.errors import InputError
from diagnose.loading.failures import describe_failure


def custom_objects(path: Path | None) -> dict[str, Any]:
    """Run a Python file and return its classes and functions by name, and by the names they were registered under.

    Raises:
        InputError: the file is missing or fails.
    """
    if path is None:
        return {}
    import keras

    module = run_file(path, "--custom-objects")
    own = {name: value for name, value in vars(module).items() if inspect.isclass(value) or inspect.isfunction(value)}
    registered = {keras.saving.get_registered_name(value): value for value in own.values()}
    return registered | own


def lambda_functions(options: Iterable[str]) -> dict[str, Any]:
    """Functions for Lambda layers, by the layer's name, from options written LAYER=FILE.py:FUNCTION.

    Raises:
        InputError: an option is not of this form, or names a function that does not exist.
    """
    functions = {}
    for option in options:
        layer, _, place = option.partition("=")
        file, _, name = place.rpartition(":")
        if not layer or not file or not name:
            raise InputError(f"--lambda must be LAYER=FILE.py:FUNCTION, got {option}")
        functions[layer] = named_function(place, "--lambda", option)
    return functions


def named_function(place: str, option: str, given: str = "") -> Any:
    """Return the function that an option named as FILE.py:FUNCTION; `given` is its whole value, if that is more.

    Raises:
        InputError: the option is not of this form, the file fails, or it defines no such function.
    """
    file, _, name = place.rpartition(":")
    if not file or not name:
        raise InputError(f"{option} must be FILE.py:FUNCTION, got {place}")
    found = getattr(run_file(Path(file), option), name, None)
    if not callable(found):
        raise InputError(f"{option} {given or place}: {file} defines no function {name}")
    return found


def run_file(path: Path, option: str) -> ModuleType:
    """Run a Python file that an option named; it can import the modules beside it.

    Raises:
        InputError: it is missing, fails, or is not a Python file.
    """
    if not path.is_file():
        raise InputError(f"{option} {path}: there is no such file")
    spec = importlib.util.spec_from_file_location(f"custom_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise InputError(f"{option} must be a Python file (.py), got {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        with importing_from(path.resolve().parent):
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise InputError(f"{option} {path}: the file fails with {describe_failure(error)}") from error
    return module


@contextmanager
def importing_from(folder: Path) -> Iterator[None]:
    """Let imports find modules in this folder, after all others: a `keras.py` in it does not take Keras's place."""
    sys.path.append(str(folder))
    try:
        yield
    finally:
        del sys.path[-1 - sys.path[::-1].index(str(folder))]  # the file may have added to the path
