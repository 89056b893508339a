"""Exit status of the commands: a failure prints one sentence."""

import errno
import os
import sys
from collections.abc import Callable
from contextlib import suppress

import click

from diagnose.errors import InputError

EXAMINED, FOUND, UNUSABLE, BUG, INTERRUPTED = 0, 1, 2, 3, 130
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # of a stream: files have a name
BUG_HINT = "this is a bug in diagnose; set DIAGNOSE_DEBUG=1 to see the traceback"


def ready_streams() -> None:
    """Make the standard streams usable: closed ones lead nowhere, and characters that they cannot write are replaced.

    Else the next file that is opened would take the place of a closed stream and receive what is printed.
    """
    with suppress(OSError):
        while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:
            os.set_inheritable(handle, True)
        os.close(handle)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def guarded(command: Callable[[], int | None]) -> int:
    """Run a command and return its exit status. A failure prints one sentence."""
    status: object
    try:
        status = command()
    except click.exceptions.Exit as stop:
        status = stop.exit_code
    except SystemExit as stop:
        status = stop.code
    except click.ClickException as error:
        error.show()
        status = UNUSABLE
    except InputError as error:
        click.echo(f"diagnose: {error}", err=True)
        click.echo(getattr(error, "template", ""), nl=False)  # a loader template, on stdout so that it can be saved
        status = UNUSABLE
    except (KeyboardInterrupt, click.Abort):
        click.echo("diagnose: interrupted", err=True)
        status = INTERRUPTED
    except BrokenPipeError:  # the reader has seen enough, as in `diagnose list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python flushes what is left at the very end
        status = EXAMINED
    except Exception as error:
        if isinstance(error, OSError) and error.errno in NO_ROOM and error.filename is None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # as above
            click.echo(f"diagnose: the standard output cannot be written: {error.strerror}", err=True)
            status = UNUSABLE
        elif os.environ.get("DIAGNOSE_DEBUG"):
            raise
        else:
            click.echo(f"diagnose: {type(error).__name__}: {error} ({BUG_HINT})", err=True)
            status = BUG
    return status if isinstance(status, int) else EXAMINED
