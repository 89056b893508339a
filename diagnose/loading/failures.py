"""Errors of the user's own code in one line: what failed, and the last line of theirs that led there."""

import re
import sysconfig
import traceback
from pathlib import Path

_LENGTH = 200  # letters of a message
_NOT_THEIRS = tuple(
    str(Path(path).resolve()) for path in {*sysconfig.get_paths().values(), str(Path(__file__).parents[1])}
)


def describe_failure(error: BaseException) -> str:
    """For example `KeyError: 'label' (loader.py, line 12)`."""
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if frame.filename.endswith(".py") and not _is_library(frame.filename)]
    place = f" ({Path(theirs[-1].filename).name}, line {theirs[-1].lineno})" if theirs else ""
    return f"{type(error).__name__}: {_message(error)}{place}"


def _is_library(file: str) -> bool:
    return str(Path(file).resolve()).startswith(_NOT_THEIRS)


def _message(error: BaseException) -> str:
    """One line of what it says: TensorFlow's errors out of a graph begin with a traceback and end with the news."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return "it says nothing more"
    telling = lines[-1] if lines[0].startswith("in user code") else lines[0]
    return re.sub(r"^\{\{.*?\}\} ", "", telling)[:_LENGTH]  # {{function_node ...}}
