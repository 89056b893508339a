"""The one error a user can cause, and what can be tried after one kind of it."""


class InputError(Exception):
    """Something the user passed cannot be used.

    The message is one clear sentence: what is wrong, where (the file, the layer, the option), and
    what to pass instead. The command prints it and exits with status 2; it never shows a traceback.
    Names come from files that nobody vouches for: line ends and control characters in them are shown as blanks.
    """

    def __init__(self, message: str) -> None:
        super().__init__("".join(letter if letter.isprintable() else " " for letter in message))


class BuildError(InputError):
    """Keras 3 cannot build a model that nothing else is wrong with; tf-keras may."""


class RefusedError(InputError):
    """The file could do harm, so no other way of opening it is tried either."""
