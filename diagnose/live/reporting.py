"""Writes the report of a watched training into a folder: a JSON within the budget, the page when it is asked for."""

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from diagnose.diagnosis import Diagnosis
from diagnose.errors import InputError
from diagnose.live.session import Session
from diagnose.storing import plain_name, to_json, write_new

SECONDS = 5.0  # minimum time between two versions
COST = 0.05  # expected CPU seconds to write the first version


class Report:
    """The files of one training; none without a folder.

    While the training runs and at its end they hold what was measured within the budget. The page takes longer to
    draw than many trainings have to give: `diagnose view` draws it from the JSON, and so does `diagnosis`.
    """

    def __init__(self, out: str | Path | None) -> None:
        self._diagnosis: Diagnosis | None = None  # after the training, once it was asked for
        self._out = None if out is None else _folder(Path(out))
        self._file: Path | None = None
        self._begun = False  # whether the file exists, so that the name is ours
        self._written = 0.0
        self._open = False

    def begin(self, name: str) -> None:
        """Choose the files; another `fit` of the same model goes on with them."""
        self._diagnosis = None
        self._open = self._out is not None
        if self._out is not None and self._file is None:
            self._file = self._out / f"{plain_name(name)}-{datetime.now(UTC).strftime('%Y%m%dT%H%M%SZ')}.json"

    def forget(self) -> None:
        """Leave the files as they are: another model is watched."""
        self._file, self._begun = None, False

    def live(self, session: Session) -> None:
        """Write what is known so far, if it is due and the budget allows."""
        due = time.monotonic() - self._written >= SECONDS
        if self._file is None or not due or not session.budget.affords("report", COST):
            return
        with session.harmless(), session.budget.booked("report"):
            self._write(session.page(), self._file)
        self._written = time.monotonic()

    def end(self, session: Session) -> None:
        """Write what is known at the end of the training, once."""
        if self._file is not None and self._open:
            self._open = False
            with session.harmless():  # the disk may be full, which must not fail the training
                self._write(session.last_look(), self._file)

    def diagnosis(self, session: Session) -> Diagnosis:
        """The diagnosis of the model in its current state; after the training it is made once, and written whole."""
        if session.running:
            return session.diagnosis()
        if self._diagnosis is None:
            self._diagnosis = session.diagnosis()
            self._draw(session, self._diagnosis)
        return self._diagnosis

    def _draw(self, session: Session, diagnosis: Diagnosis) -> None:
        """Write the diagnosis with its page."""
        if self._file is not None:
            with session.harmless():
                file = self._write(diagnosis, self._file)
                diagnosis.save(file.with_name(file.name.removesuffix(".json") + ".html"))

    def _write(self, diagnosis: Diagnosis, file: Path) -> Path:
        if self._begun:
            diagnosis.save(file)
            return file
        self._file, self._begun = write_new(to_json(diagnosis), file), True  # another training may choose it as well
        return self._file


def _folder(path: Path) -> Path:
    """Create the folder now, so that an error shows before a long training and not after it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"out must be a folder that can be created, got {path} ({error.strerror})") from error
    return path


def say(line: str) -> None:
    """Print a line between those of Keras's progress bar.

    A closed, full or missing standard output must not end the user's training.
    """
    try:
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        sys.stdout.write(f"\n{line}\n".encode(encoding, "replace").decode(encoding))
        sys.stdout.flush()
    except (OSError, ValueError, AttributeError):  # AttributeError: there is no standard output
        pass
