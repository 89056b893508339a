"""The errors that a user's input can cause."""


class InputError(Exception):
    """An input of the user cannot be used.

    The message is one sentence: what is wrong, where (file, layer, option), and what to pass instead. The command
    prints it and exits with status 2, without a traceback. Line ends and control characters, which may come from
    names in untrusted files, become spaces.
    """

    def __init__(self, message: str) -> None:
        super().__init__("".join(letter if letter.isprintable() else " " for letter in message))


class BuildError(InputError):
    """Keras 3 cannot build the model; tf-keras may be able to."""


class RefusedError(InputError):
    """The file could do harm; no other way of opening it is tried."""
