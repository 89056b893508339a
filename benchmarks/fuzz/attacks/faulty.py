"""The command `diagnose` with a planted fault: `DIAGNOSE_FAULT="WHERE=HOW" python -m benchmarks.fuzz.attacks.faulty`.

WHERE is the title of an instrument or trial, "loading", or another of `STAGES`. HOW is a
signal that the measuring process sends itself, "hang", "memory", "error", "exit", or "interrupt" (the watching process
gets SIGINT), "terminate" (it gets SIGTERM) or "twice" (it gets SIGINT twice). With DIAGNOSE_FAULT_MARK, that file is
made and the fault does not happen again. The process that measures imports this module too, and so has the fault.
"""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import diagnose.journal
from diagnose.commands import delivering
from diagnose.commands.apart import SentJournal
from diagnose.measuring import planning

WHERE, _, HOW = os.environ["DIAGNOSE_FAULT"].partition("=")
MARK = Path(os.environ["DIAGNOSE_FAULT_MARK"]) if "DIAGNOSE_FAULT_MARK" in os.environ else None
STAGES = ("reasoning", "concluding", "writing the report")
WATCHING = "DIAGNOSE_FAULT_WATCHING"  # the id of the watching process

HANG = 2.0  # seconds that an instrument is given


def strike() -> None:
    """Let the fault happen, unless it has happened and is to happen once."""
    if MARK is not None:
        if MARK.exists():
            return
        MARK.touch()
    watching = int(os.environ[WATCHING])
    if HOW == "hang":
        time.sleep(600)
    elif HOW == "memory":
        raise MemoryError
    elif HOW == "error":
        raise RuntimeError("planted")
    elif HOW == "exit":
        os._exit(7)
    elif HOW in {"interrupt", "terminate", "twice"}:
        number = signal.SIGTERM if HOW == "terminate" else signal.SIGINT
        for _ in range(2 if HOW == "twice" else 1):
            os.kill(watching, number)
            time.sleep(0.3)
        time.sleep(0.5 if HOW != "twice" else 30)
    else:
        os.kill(os.getpid(), signal.Signals[HOW])
        time.sleep(5)


def _struck(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*given: Any, **more: Any) -> Any:
        strike()
        return function(*given, **more)

    return call


def plant() -> None:
    """Put the fault into its place, in this process."""
    if HOW == "hang":
        diagnose.journal.ALLOWANCE, diagnose.journal.MARGIN = HANG, 0.0
    titles = {instrument.title for instrument in planning.INSTRUMENTS}
    if WHERE in titles:
        planning.INSTRUMENTS = tuple(
            replace(one, measure=_struck(one.measure)) if one.title == WHERE else one for one in planning.INSTRUMENTS
        )
    elif WHERE == "loading":
        examined = delivering.Job.run

        def run_job(self: Any, *given: Any, **more: Any) -> int:
            object.__setattr__(self, "load", _struck(self.load))
            return examined(self, *given, **more)

        delivering.Job.run = run_job  # type: ignore[method-assign]
    elif WHERE in STAGES:
        stage = SentJournal.stage

        def stage_struck(self: Any, title: str) -> None:
            stage(self, title)
            if title == WHERE:
                strike()

        SentJournal.stage = stage_struck  # type: ignore[method-assign]
    else:
        run = planning.Planner.run

        def run_struck(self: Any, title: str, work: Any, action: Any, scale: float = 1.0) -> Any:
            return run(self, title, work, _struck(action) if title == WHERE else action, scale)

        planning.Planner.run = run_struck  # type: ignore[method-assign]


plant()

if __name__ == "__main__":
    os.environ[WATCHING] = str(os.getpid())
    from diagnose.cli import main

    main()
