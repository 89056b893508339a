"""Runs an examination in a process of its own, so that a crash or a hang there does not lose what was measured.

The process that measures sends each measurement here as soon as it has it. If it dies (a crash in native code, no
memory left) or hangs, another one goes on from there: it repeats the instrument once without oneDNN, which is the
usual reason, then leaves it out, and after DEATHS deaths only concludes from what there is. The process that watches
never imports Keras.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from diagnose.commands.exiting import BUG, INTERRUPTED, guarded, ready_streams
from diagnose.journal import Entry, Journal

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from diagnose.commands.delivering import Job

DEATHS = 3  # after these, nothing more is measured
LAST = 5  # after these, nothing more is tried
GRACE = 2.0  # seconds to end after a second interrupt
BEFORE = ("starting Keras", "loading")  # stages without a model
WITHOUT_ONEDNN = "All that came after it ran without oneDNN (TF_ENABLE_ONEDNN_OPTS=0)."
OTHER_MACHINE = "Run it on a machine with more memory, or with another version of TensorFlow."
_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Death(NamedTuple):
    """The end of a measuring process: at which stage, and how, as in "was ended by SIGSEGV"."""

    stage: str
    how: str
    hung: bool = False


@dataclass(frozen=True)
class Start:
    """What a measuring process is given: what is known, as pickled entries by title, and how earlier ones ended."""

    kept: Mapping[str, bytes] = field(default_factory=dict)
    deaths: tuple[Death, ...] = ()
    stopped: bool = False  # the user has interrupted it

    @property
    def barred(self) -> dict[str, str]:
        """The stages that must not run again, and why. The stage "" stands for all."""
        twice = [death for death in self.deaths if death.hung or self._count(death.stage) > 1]
        found = {death.stage: f"its process {death.how}" for death in twice}
        if len(self.deaths) > DEATHS:
            found[""] = f"{len(self.deaths)} processes that measured have ended"
        return found

    @property
    def sentences(self) -> tuple[str, ...]:
        ended = dict.fromkeys(f"{death.stage}: the process {death.how}." for death in self.deaths)
        return (*ended, WITHOUT_ONEDNN) if ended else ()

    def _count(self, stage: str) -> int:
        return sum(death.stage == stage for death in self.deaths)


# --- the process that measures ------------------------------------------------------------------------


class SentJournal(Journal):
    """Sends what was measured to the process that watches, and knows what earlier processes have sent."""

    def __init__(self, start: Start, connection: Connection) -> None:
        self.ended = start.sentences
        self._barred = start.barred
        self._known: dict[str, Entry] = {title: pickle.loads(kept) for title, kept in start.kept.items()}
        self._connection = connection
        self.spent = sum(entry.seconds for entry in self._known.values())

    def known(self, title: str) -> Entry | None:
        return self._known.get(title)

    def barred(self, title: str) -> tuple[str, str] | None:
        why = None if title in self._known else self._barred.get(title) or self._barred.get("")
        return None if why is None else (why, OTHER_MACHINE)

    @property
    def not_loading(self) -> str:
        """Why the model is not loaded, as a clause; "" if it is to be loaded."""
        return next((f"while {stage}, {why}" for stage, why in self._barred.items() if stage in BEFORE), "")

    def begin(self, title: str, allowance: float) -> None:
        self._connection.send(("stage", title, allowance))

    def keep(self, title: str, entry: Entry) -> None:
        with contextlib.suppress(pickle.PicklingError, TypeError, AttributeError):  # it would be measured again
            self._connection.send(("kept", title, pickle.dumps(entry)))

    def ready(self) -> None:
        """Say that an interrupt is handled from now on."""
        self._connection.send(("ready", "", None))

    def stage(self, title: str) -> None:
        """Say what is done now, which may take any time."""
        self._connection.send(("stage", title, None))


def _measure(connection: Connection, job: Job, start: Start) -> None:
    """The whole examination, in the process that measures."""
    if hasattr(os, "setpgid"):  # Ctrl-C reaches the watching process only, which passes it on once
        os.setpgid(0, 0)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # forgets one that came before
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    ready_streams()
    threading.Thread(target=_end_with, args=(connection,), daemon=True).start()
    if start.deaths:
        os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
    journal = SentJournal(start, connection)
    status = guarded(lambda: job.run(journal, stopped=start.stopped))
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    connection.send(("finished", "", status))
    os._exit(status)  # no library may crash or hang on its way out


def _end_with(connection: Connection) -> None:
    """End this process when the one that watches it is gone."""
    with contextlib.suppress(EOFError, OSError):
        connection.recv()
    os._exit(BUG)


# --- the process that watches -------------------------------------------------------------------------


def examine_apart(job: Job) -> int:
    """Examine in another process and return the exit status. The files of the job are written in any case."""
    start = Start()
    with _asked() as asked:
        while True:
            watched = _Watched(job, start, asked)
            status = watched.status()
            if status is not None:
                return status
            assert watched.death is not None
            if asked.count > 1:
                _tidy(job, watched.process.pid)
                click.echo("diagnose: interrupted", err=True)
                return INTERRUPTED
            start = replace(
                start,
                kept=dict(start.kept) | watched.kept,
                deaths=(*start.deaths, watched.death),
                stopped=asked.count > 0,
            )
            _tidy(job, watched.process.pid)
            said = f"diagnose: {watched.death.stage}: the process that measures {watched.death.how}"
            if len(start.deaths) >= LAST:
                click.echo(f"{said}; this happened {LAST} times, so no report was written", err=True)
                return BUG
            if not job.quiet:
                click.echo(f"{said}; {_next(start)}", err=True)


def _next(start: Start) -> str:
    """What happens after a death."""
    if start.stopped or "" in start.barred or set(BEFORE) & set(start.barred):
        return "the report is written from what was measured before"
    if start.deaths[-1].stage in start.barred:
        return "the examination goes on without it"
    return "it is tried again without oneDNN (TF_ENABLE_ONEDNN_OPTS=0)"


class _Asked:
    """How often the user asked to stop, and the process to tell."""

    def __init__(self) -> None:
        self.count = 0
        self.since = 0.0  # of the last time
        self.process: Any = None  # once it can take an interrupt

    def handle(self, *_: object) -> None:
        self.count += 1
        self.since = time.monotonic()
        self.tell()

    def tell(self) -> None:
        if self.process is not None and self.process.is_alive() and hasattr(os, "setpgid"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, signal.SIGINT)


@contextlib.contextmanager
def _asked() -> Iterator[_Asked]:
    """Count the signals that ask to stop. Those that are ignored (nohup, &) stay so."""
    asked = _Asked()
    kept = {number: signal.getsignal(number) for number in _SIGNALS}
    taken = [number for number, handler in kept.items() if handler is not signal.SIG_IGN]
    if threading.current_thread() is threading.main_thread():
        for number in taken:
            signal.signal(number, asked.handle)
    try:
        yield asked
    finally:
        if threading.current_thread() is threading.main_thread():
            for number in taken:
                signal.signal(number, kept[number])


class _Watched:
    """One process that measures. After `status`, `kept` is what it sent, and `death` how it ended before its time."""

    def __init__(self, job: Job, start: Start, asked: _Asked) -> None:
        self.kept: dict[str, bytes] = {}
        self.death: Death | None = None
        self._asked = asked
        self._stage, self._since, self._allowance = BEFORE[0], time.monotonic(), None
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self.process = context.Process(target=_measure, args=(theirs, job, start))
        with _blocked():  # the new process starts with these signals blocked
            self.process.start()
        theirs.close()

    def status(self) -> int | None:
        """Wait for the end; the exit status, or None if the process died."""
        finished: int | None = None
        with contextlib.suppress(EOFError, OSError):
            while finished is None and self._in_time():
                if not self._connection.poll(0.2):
                    continue
                kind, title, value = self._connection.recv()
                if kind == "stage":
                    self._stage, self._since, self._allowance = title, time.monotonic(), value
                elif kind == "kept":
                    self.kept[title] = value
                    self._stage, self._allowance = title, None
                elif kind == "ready":
                    self._asked.process = self.process
                    if self._asked.count:
                        self._asked.tell()
                else:
                    finished = value
        self.process.join()
        self._asked.process = None
        self._connection.close()
        if finished is None and self.death is None:
            self.death = Death(self._stage, _ended_by(self.process.exitcode))
        return finished

    def _in_time(self) -> bool:
        """Whether it may go on; ends it if it hangs, or if the user asked twice."""
        now = time.monotonic()
        if self._asked.count > 1 and now - self._asked.since > GRACE:
            self.death = Death(self._stage, "was ended by the user")
        elif self._allowance is not None and now - self._since > self._allowance:
            self.death = Death(self._stage, f"was ended after {self._allowance:,.0f} s without a result", hung=True)
        else:
            return True
        self.process.kill()
        return False


@contextlib.contextmanager
def _blocked() -> Iterator[None]:
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    kept = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, kept)


def _ended_by(status: int | None) -> str:
    if status is None or status >= 0:
        return f"ended by itself with status {status}"
    name = signal.Signals(-status).name if -status in set(signal.Signals) else f"signal {-status}"
    return f"was ended by {name}" + (", as happens when memory runs out" if name == "SIGKILL" else "")


def _tidy(job: Job, pid: int | None) -> None:
    """Remove the temporary files of a process that died while it wrote."""
    for place in (*job.places, job.stem):
        for left in Path(place).parent.glob(f".*.{pid}"):
            with contextlib.suppress(OSError):
                left.unlink()
