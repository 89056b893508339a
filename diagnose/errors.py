"""The errors that a user's input can cause."""

import re


class InputError(Exception):
    """An input of the user cannot be used.

    The message is one sentence: what is wrong, where (file, layer, option), and what to pass instead. The command
    prints it and exits with status 2, without a traceback. Line ends and control characters, which may come from
    names in untrusted files, become spaces; names of more than 500 letters are cut.
    """

    def __init__(self, message: str) -> None:
        printable = "".join(letter if letter.isprintable() else " " for letter in message)
        super().__init__(_LONG.sub(r"\1...", printable))


_LONG = re.compile(r"(\S{200})\S{300,}")  # a name in a hostile file may have a million letters


class BuildError(InputError):
    """Keras 3 cannot build the model; tf-keras may be able to."""


class RefusedError(InputError):
    """The file could do harm; no other way of opening it is tried."""
