"""`python -m diagnose`, and the command `diagnose`."""

import signal
import sys
from contextlib import suppress
from pathlib import Path


def main() -> None:
    """Run the command. An interrupt during its imports ends it silently: nothing is known yet."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from diagnose.cli import main as run

    signal.signal(signal.SIGINT, signal.default_int_handler)
    run()


def _leave_working_folder() -> None:
    """Take the working folder out of the search path: a `keras.py` of the user there would hide the package."""
    with suppress(OSError):
        here = Path.cwd()
        if sys.path[:1] in ([str(here)], [""]) and Path(__file__).resolve().parents[1] != here.resolve():
            del sys.path[0]


if __name__ == "__main__":  # the process that measures imports this module, too
    _leave_working_folder()
    main()
