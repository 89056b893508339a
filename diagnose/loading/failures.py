"""Errors of the user's code and of Keras, each in one line."""

import re
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from diagnose.errors import InputError

_LENGTH = 200  # letters of a message
_KERAS_LENGTH = 300  # letters of a message of Keras
_NOT_THEIRS = tuple(
    str(Path(path).resolve()) for path in {*sysconfig.get_paths().values(), str(Path(__file__).parents[1])}
)


def describe_failure(error: BaseException) -> str:
    """What failed in the user's code and where, for example `KeyError: 'label' (loader.py, line 12)`."""
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if frame.filename.endswith(".py") and not _is_library(frame.filename)]
    place = f" ({Path(theirs[-1].filename).name}, line {theirs[-1].lineno})" if theirs else ""
    return f"{type(error).__name__}: {_message(error)}{place}"


def describe_keras_error(error: Exception) -> str:
    """The line of Keras's message that says what is wrong; the whole message may be several pages long."""
    text = str(error).replace("\x1b[1m", "").replace("\x1b[0m", "")
    text = text.rpartition("Exception encountered: ")[2]  # the message of a layer follows the config of that layer
    lines = [line.strip() for line in text.splitlines()]
    useful = [line for line in lines if line and not line.startswith(("Exception encountered", "Arguments received"))]
    return f"{type(error).__name__}: {useful[0][:_KERAS_LENGTH] if useful else ''}".rstrip(": ")


@contextmanager
def place_in_errors(place: str) -> Iterator[None]:
    """Put the place (a file or an option) in front of the message of every `InputError`."""
    try:
        yield
    except InputError as error:
        raise type(error)(f"{place}: {error}") from error


def _is_library(file: str) -> bool:
    return str(Path(file).resolve()).startswith(_NOT_THEIRS)


def _message(error: BaseException) -> str:
    """One line of the message. TensorFlow's errors from a graph start with a traceback and end with the cause."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return "no message"
    useful = lines[-1] if lines[0].startswith("in user code") else lines[0]
    return re.sub(r"^\{\{.*?\}\} ", "", useful)[:_LENGTH]  # {{function_node ...}}
