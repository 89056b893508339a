"""Writes the report of a watched training into a folder: a JSON within the budget, the page when it is asked for."""

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from diagnose.diagnosis import Diagnosis
from diagnose.errors import InputError
from diagnose.live.session import Session

SECONDS = 5.0  # minimum time between two versions
COST = 0.05  # expected CPU seconds to write the first version


class Report:
    """The files of one training; none without a folder.

    While the training runs and at its end they hold what was measured within the budget. The page takes longer to
    draw than many trainings have to give: `diagnose view` draws it from the JSON, and so does `full`.
    """

    def __init__(self, out: str | Path | None) -> None:
        self._out = None if out is None else _folder(Path(out))
        self._file: Path | None = None
        self._written = 0.0
        self._open = False

    def begin(self, name: str) -> None:
        """Choose the files; another `fit` of the same model goes on with them."""
        self._open = self._out is not None
        if self._out is not None and self._file is None:
            self._file = self._out / f"{name}-{datetime.now(UTC).strftime('%Y%m%dT%H%M%SZ')}.json"

    def forget(self) -> None:
        """Leave the files as they are: another model is watched."""
        self._file = None

    def live(self, session: Session) -> None:
        """Write what is known so far, if it is due and the budget allows."""
        due = time.monotonic() - self._written >= SECONDS
        if self._file is None or not due or not session.budget.affords("report", COST):
            return
        with session.harmless(), session.budget.booked("report"):
            session.page().save(self._file)
        self._written = time.monotonic()

    def end(self, session: Session) -> None:
        """Write what is known at the end of the training, once."""
        if self._file is not None and self._open:
            self._open = False
            with session.harmless():  # the disk may be full, which must not fail the training
                session.last_look().save(self._file)

    def full(self, session: Session, diagnosis: Diagnosis) -> None:
        """Write the whole diagnosis, with its page."""
        if self._file is not None:
            with session.harmless():
                diagnosis.save(self._file)
                diagnosis.save(self._file.with_suffix(".html"))


def _folder(path: Path) -> Path:
    """Create the folder now, so that an error shows before a long training and not after it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"out must be a folder that can be created, got {path} ({error.strerror})") from error
    return path


def say(line: str) -> None:
    """Print a line between those of Keras's progress bar."""
    sys.stdout.write(f"\n{line}\n")
    sys.stdout.flush()
