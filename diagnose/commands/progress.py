"""Shows on standard error what an examination does: a line that changes on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from diagnose.stages import Progress, Stage, silent

if TYPE_CHECKING:
    from rich.status import Status

REFRESH = 4  # times per second, so that the seconds go on while a stage runs
COARSE = 10  # from so many seconds on they are told in steps of 5
LONG = 120  # from so many seconds on the time is told in minutes


@contextlib.contextmanager
def progress(quiet: bool) -> Iterator[Progress]:
    """Yield the function that shows a stage as it begins."""
    if quiet:
        yield silent
        return
    # Duplicated, because the log lines of TensorFlow are kept off the real one.
    with os.fdopen(os.dup(2), "w", errors="replace") as stream:
        yield from _on_terminal(stream) if stream.isatty() else iter([_in_lines(stream)])


def told(stage: Stage, passed: float = 0.0) -> str:
    """The stage in words, `passed` seconds after it began: "8 of 21, learning rates, about 40 s left"."""
    place = f"{stage.number} of {stage.of}, " if stage.of else ""
    left = (stage.seconds_left or 0.0) - passed
    return f"{place}{stage.name}" + (f", about {_rounded(left)} left" if left >= 1 else "")


def _rounded(seconds: float) -> str:
    if seconds >= LONG:
        return f"{seconds / 60:.0f} min"
    return f"{5 * round(seconds / 5) if seconds >= COARSE else round(seconds)} s"


def _on_terminal(stream: TextIO) -> Iterator[Progress]:
    from rich.console import Console

    began = time.monotonic()
    with Console(file=stream).status(Line(Stage("starting"), began), refresh_per_second=REFRESH) as status:
        yield _shown_in(status, began)


def _shown_in(status: Status, began: float) -> Progress:
    return lambda stage: status.update(Line(stage, began))


class Line:
    """The line on a terminal. The seconds since `began`, when all began, go on."""

    def __init__(self, stage: Stage, began: float) -> None:
        self._stage, self._began = stage, began
        self._since = time.monotonic()

    def __rich__(self) -> str:
        from rich.markup import escape

        now = time.monotonic()
        return f"{escape(told(self._stage, now - self._since))} ({now - self._began:.0f} s so far)"


def _in_lines(stream: TextIO) -> Progress:
    """One line a stage, from the first of several on: until then the only line is the error, if there is one."""
    begun = False

    def show(stage: Stage) -> None:
        nonlocal begun
        begun |= stage.of > 0
        if begun:
            with contextlib.suppress(OSError):  # nobody reads on
                stream.write(f"diagnose: {told(stage)}\n")
                stream.flush()

    return show
