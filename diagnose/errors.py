"""The one error a user can cause."""


class InputError(Exception):
    """Something the user passed cannot be used.

    The message is one clear sentence: what is wrong, where (the file, the layer, the option), and
    what to pass instead. The command prints it and exits with status 2; it never shows a traceback.
    """
