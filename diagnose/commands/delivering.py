"""How results reach the user: progress, files, the summary, the exit status."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import warnings
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from diagnose.errors import InputError

if TYPE_CHECKING:
    from diagnose.diagnosis import Diagnosis

EXAMINED, FOUND, UNUSABLE, OUR_FAULT, INTERRUPTED = 0, 1, 2, 3, 130


def examined(load_subject: Any, settings: Any, command: str, quiet: bool) -> Diagnosis:
    """Load and examine, with the name of the running instrument shown."""
    import time

    from diagnose.pipeline import diagnose_subject

    with _progress(quiet) as say, _silenced():
        say("starting Keras")
        start = time.perf_counter()
        subject = load_subject()
        loading = time.perf_counter() - start
        return diagnose_subject(subject, settings, say, loading_seconds=loading, command=command)


@contextlib.contextmanager
def _progress(quiet: bool) -> Iterator[Any]:
    if quiet:
        yield lambda name: None
        return
    from rich.console import Console

    # A handle of our own on the terminal: `_silenced` points the real stderr elsewhere.
    with os.fdopen(os.dup(2), "w") as terminal:
        console = Console(file=terminal)
        if not console.is_terminal:
            yield lambda name: None
            return
        with console.status("starting") as status:
            yield lambda name: status.update(f"{name} ...")


@contextlib.contextmanager
def _silenced() -> Iterator[None]:
    """Keep the log lines of TensorFlow's C++ side off the terminal; our own errors are raised, not printed."""
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


def places_of(model: Path, out: str | None, by_suffix: Mapping[str, str | None]) -> tuple[str, ...]:
    """Where to write: what was asked for, by its suffix, else a JSON and a page under `diagnosis/`."""
    asked = tuple(path for path in by_suffix.values() if path)
    for suffix, path in by_suffix.items():
        if not path or (path == "-" and suffix == ".json"):
            continue
        if Path(path).is_dir():
            raise InputError(f"{path} is a folder: pass the name of a file to write")
        if Path(path).suffix.lower() != suffix:
            raise InputError(f"{path} does not end in {suffix}: pass a file name that does")
    if asked and not out:
        return asked
    name = re.sub(r"[^\w.-]+", "_", model.stem) or "model"
    stem = Path(out or "diagnosis") / f"{name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    if Path(out or "diagnosis").is_file():
        raise InputError(f"{out or 'diagnosis'} is a file: pass the name of a folder with --out")
    return (*asked, f"{stem}.json", f"{stem}.html")


def deliver(diagnosis: Diagnosis, places: tuple[str, ...], quiet: bool, open_page: bool) -> None:
    for place in places:
        if place == "-":
            from diagnose.storing import to_json

            click.echo(to_json(diagnosis))
            continue
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        diagnosis.save(place)
    written = tuple(place for place in places if place != "-")
    if not quiet:
        from diagnose.reports import terminal

        click.echo(terminal.render(diagnosis, paths=written, colour=sys.stdout.isatty()), err="-" in places)
    if open_page:
        import webbrowser

        pages = [place for place in written if place.endswith((".html", ".htm"))]
        if pages:
            webbrowser.open(Path(pages[-1]).resolve().as_uri())


def exit_status(diagnosis: Diagnosis, fail_on: str) -> int:
    from diagnose.findings import Severity

    if diagnosis.settings.get("interrupted"):
        return INTERRUPTED
    if fail_on == "never":
        return EXAMINED
    least = Severity(fail_on).rank
    return FOUND if any(c.severity.rank >= least and c.state != "refuted" for c in diagnosis.causes) else EXAMINED
