"""Interrupts: when Ctrl-C takes effect, so that nothing that was measured is lost and no file is half written."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM") if hasattr(signal, name))
_active: Interrupts | None = None


class Interrupts:
    """The interrupts of one examination.

    The first signal ends the block of `allowed` that is running. Outside such blocks it only sets `arrived`, and the
    next block of `allowed` does not start. A second signal (`again`) raises KeyboardInterrupt wherever it arrives.
    """

    def __init__(self) -> None:
        self.arrived = False
        self.again = False
        self._open = False

    @contextmanager
    def allowed(self) -> Iterator[None]:
        """A block that a signal ends.

        Raises:
            KeyboardInterrupt: a signal arrived, now or earlier.
        """
        if self.arrived:
            raise KeyboardInterrupt
        try:
            self._open = True
            yield
        except KeyboardInterrupt:
            self.arrived = True
            raise
        except Exception as error:  # some libraries turn an interrupt of their callbacks into an error of their own
            if self.arrived:
                raise KeyboardInterrupt from error
            raise
        finally:
            self._open = False

    def handle(self, number: int, frame: FrameType | None) -> None:
        """The handler of the signals."""
        self.again, self.arrived = self.arrived, True
        if self.again or self._open:
            self._open = False
            raise KeyboardInterrupt


@contextmanager
def interrupts() -> Iterator[Interrupts]:
    """The interrupts of the examination around this block, else of a new one.

    Only signals that raise KeyboardInterrupt are taken over, and only in the main thread: a program that handles
    Ctrl-C or SIGTERM in another way keeps its handler.
    """
    global _active  # noqa: PLW0603 - like the handlers of signals, there is one for the process
    if _active is not None or threading.current_thread() is not threading.main_thread():
        yield _active or Interrupts()
        return
    found = Interrupts()
    taken = [number for number in _SIGNALS if signal.getsignal(number) is signal.default_int_handler]
    try:
        _active = found
        for number in taken:
            signal.signal(number, found.handle)
        yield found
    finally:
        _active = None
        with suppress(KeyboardInterrupt):  # it may arrive between two of these lines
            for number in taken:
                signal.signal(number, signal.default_int_handler)
