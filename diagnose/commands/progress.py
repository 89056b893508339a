"""Shows on standard error what an examination does: a line that changes on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from diagnose.settings import Effort

Show = Callable[[str], None]
REFRESH = 4  # times per second, so that the seconds go on while an instrument runs


def stages(effort: Effort) -> tuple[str, ...]:
    """The titles of the instruments of this effort, in the order in which they run."""
    from diagnose.measuring.planning import INSTRUMENTS

    own = [instrument for instrument in INSTRUMENTS if instrument.effort.rank <= effort.rank]
    return tuple(instrument.title for instrument in sorted(own, key=lambda instrument: instrument.priority))


def numbered(name: str, known: tuple[str, ...]) -> str:
    """The stage with its number: "8 of 21, learning rates"; stages before and after the instruments have none."""
    return f"{known.index(name) + 1} of {len(known)}, {name}" if name in known else name


@contextlib.contextmanager
def progress(quiet: bool, effort: Effort) -> Iterator[Show]:
    """Yield the function that shows a stage by its name."""
    if quiet:
        yield lambda name: None
        return
    # Duplicated, because the log lines of TensorFlow are kept off the real one.
    with os.fdopen(os.dup(2), "w", errors="replace") as stream:
        yield from _on_terminal(stream, effort) if stream.isatty() else iter([_in_lines(stream, effort)])


def _on_terminal(stream: TextIO, effort: Effort) -> Iterator[Show]:
    from rich.console import Console

    began = time.monotonic()
    with Console(file=stream).status(Stage("starting", began), refresh_per_second=REFRESH) as status:
        yield lambda name: status.update(Stage(numbered(name, stages(effort)), began))


class Stage:
    """The line on a terminal; the seconds since the start go on."""

    def __init__(self, name: str, began: float) -> None:
        self.name = name
        self._began = began

    def __rich__(self) -> str:
        from rich.markup import escape

        return f"{escape(self.name)}, {time.monotonic() - self._began:.0f} s"


def _in_lines(stream: TextIO, effort: Effort) -> Show:
    """One line a stage, from the first instrument on: until then the only line is the error, if there is one."""
    begun = False

    def show(name: str) -> None:
        nonlocal begun
        known = stages(effort)
        begun |= name in known
        if begun:
            with contextlib.suppress(OSError):  # nobody reads on
                stream.write(f"diagnose: {numbered(name, known)}\n")
                stream.flush()

    return show
