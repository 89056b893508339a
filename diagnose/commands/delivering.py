"""Delivers results to the user: progress, files, summary and exit status."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from diagnose.commands.exiting import EXAMINED, FOUND, INTERRUPTED
from diagnose.commands.progress import progress
from diagnose.errors import InputError
from diagnose.stages import Progress, Stage
from diagnose.storing import encodable, plain_name
from diagnose.where import HERE, Where

if TYPE_CHECKING:
    from diagnose.commands.apart import SentJournal
    from diagnose.commands.repairing import Repair
    from diagnose.diagnosis import Diagnosis
    from diagnose.interrupting import Interrupts
    from diagnose.settings import Settings
    from diagnose.subject import Subject


@dataclass(frozen=True)
class Job:
    """An examination from the command line. It is sent to the process that measures.

    Args:
        name: of the model, if it cannot be loaded.
        load: returns the subject; a function of a module, or a partial of one.
        settings: of the examination.
        command: the command line.
        places: files to write; "-" is standard output.
        stem: a JSON file and a page of this name are also written, under the next free name if it is taken; "": none.
        quiet, open_page, fail_on: as the options of these names.
        guide: returns what to print below the summary, given the page.
        repair: what to apply then.
        where: the trials run, and where their results are kept.
    """

    name: str
    load: Callable[[], Subject]
    settings: Settings
    command: str
    places: tuple[str, ...] = ()
    stem: str = ""
    quiet: bool = False
    open_page: bool = False
    fail_on: str = "never"
    guide: Callable[[str], str] | None = None
    repair: Repair | None = None
    where: Where = HERE

    def run(self, journal: SentJournal, stopped: bool) -> int:
        """Examine, write and print; return the exit status. An interrupt ends the measuring only.

        Args:
            journal: keeps what was measured.
            stopped: whether the user has interrupted an earlier process.
        """
        from diagnose.interrupting import interrupts

        with interrupts() as stop:
            journal.ready()
            with progress(self.quiet) as show, silenced():

                def say(stage: Stage) -> None:
                    journal.stage(stage.name)
                    show(stage)

                diagnosis = self._examined(journal, stop, stopped, say)
            journal.stage("writing the report")
            deliver(diagnosis, self)
            if self.repair is not None and not stop.arrived:
                journal.stage("training the repaired model")
                self.repair.run(self, diagnosis)
            return INTERRUPTED if stop.arrived else exit_status(diagnosis, self.fail_on)

    def _examined(self, journal: SentJournal, stop: Interrupts, stopped: bool, say: Progress) -> Diagnosis:
        import time

        from diagnose.pipeline import diagnose_subject, not_loaded

        missing, how = journal.not_loading, "Pass another file, or another version of TensorFlow."
        if not missing:
            say(Stage("loading"))
            start = time.perf_counter()
            try:
                with stop.allowed():
                    subject = self.load()
                stop.arrived |= stopped
                seconds = time.perf_counter() - start
                return diagnose_subject(
                    subject,
                    self.settings,
                    say,
                    loading_seconds=seconds,
                    command=self.command,
                    journal=journal,
                    where=self.where,
                )
            except KeyboardInterrupt:
                if stop.again:
                    raise
                missing, how = "the examination was interrupted while loading", "Run it again without interrupting it."
        say(Stage("concluding"))
        return not_loaded(
            self.name,
            self.settings,
            missing,
            how,
            interrupted=stop.arrived,
            ended=journal.ended,
            command=self.command,
        )


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Keep the C++ log lines of TensorFlow off the terminal. Our own errors are raised, not printed."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if os.environ.get("DIAGNOSE_DEBUG"):
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 2)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        os.close(sink)


def places_of(model: Path, out: str | None, by_suffix: Mapping[str, str | None]) -> tuple[tuple[str, ...], str]:
    """The files to write by option, and the stem of a JSON file and a page in the output folder ("": none).

    Args:
        model: its path.
        out: output folder; default `diagnosis/`.
        by_suffix: the path given for each suffix; None if the option was not used.

    Raises:
        InputError: a path is a folder, has the wrong suffix or cannot be written, or `out` is a file.
    """
    asked = tuple(path for path in by_suffix.values() if path)
    for suffix, path in by_suffix.items():
        if not path or (path == "-" and suffix == ".json"):
            continue
        if Path(path).is_dir():
            raise InputError(f"the output must be a file, but {path} is a folder")
        if Path(path).suffix.lower() != suffix:
            raise InputError(f"the output file must end in {suffix}, got {path}")
        _require_writable(Path(path).parent)
    if asked and not out:
        return asked, ""
    folder = Path(out or "diagnosis")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"--out must be a folder, but {folder} is a file")
    _require_writable(folder)
    return asked, str(folder / f"{plain_name(model.stem)}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")


def _require_writable(folder: Path) -> None:
    """Refuse a folder that cannot be written to, before the long work. It is not created yet."""
    there = next((place for place in (folder, *folder.absolute().parents) if place.exists()), None)
    if there is not None and not (there.is_dir() and os.access(there, os.W_OK)):
        raise InputError(f"cannot write to {folder}: pass a folder that you may write to with --out")


def deliver(diagnosis: Diagnosis, job: Job) -> None:
    """Write the files, print the summary and open the page. The place "-" is standard output.

    Raises:
        InputError: a file cannot be written; the others are written, and the summary is printed, before.
    """
    written, failures = [], []
    for place in job.places:
        if place == "-":
            from diagnose.storing import to_json

            click.echo(encodable(to_json(diagnosis)))
            continue
        try:
            diagnosis.save(place)
            written.append(place)
        except InputError as error:
            failures.append(error)
    if job.stem:
        try:
            written += _new_pair(diagnosis, job.stem)
        except InputError as error:
            failures.append(error)
    if not job.quiet:
        from diagnose.reports import terminal

        text = terminal.render(diagnosis, paths=_pages_first(written), colour=sys.stdout.isatty())
        click.echo(encodable(text), err="-" in job.places)
    pages = [place for place in written if _is_page(place)]
    if pages and job.open_page:
        import webbrowser

        webbrowser.open(Path(pages[-1]).resolve().as_uri())
    if pages and job.guide is not None and not job.quiet:
        click.echo(job.guide(pages[-1]))
    if failures:
        raise failures[0]


def _pages_first(places: Iterable[str]) -> list[str]:
    """The addresses of the pages, which a terminal can open, then the paths of the other files."""
    pages = [place for place in places if _is_page(place)]
    return [*(Path(page).resolve().as_uri() for page in pages), *(place for place in places if place not in pages)]


def _is_page(place: str) -> bool:
    return place.endswith((".html", ".htm"))


def _new_pair(diagnosis: Diagnosis, stem: str) -> Iterator[str]:
    """Write a JSON file and a page under a name that no other result has; yield their paths."""
    from diagnose.storing import to_json, write_new

    data = write_new(to_json(diagnosis), Path(f"{stem}.json"))
    yield str(data)
    diagnosis.save(data.with_suffix(".html"))
    yield str(data.with_suffix(".html"))


def exit_status(diagnosis: Diagnosis, fail_on: str) -> int:
    """130 if interrupted; 1 if a cause has at least the severity `fail_on` ("never": none does); else 0."""
    from diagnose.findings import Severity

    if diagnosis.settings.get("interrupted"):
        return INTERRUPTED
    if fail_on == "never":
        return EXAMINED
    least = Severity(fail_on).rank
    return FOUND if any(c.severity.rank >= least and c.state != "refuted" for c in diagnosis.causes) else EXAMINED
