"""Delivers results to the user: progress, files, summary and exit status."""

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

EXAMINED, FOUND, UNUSABLE, BUG, INTERRUPTED = 0, 1, 2, 3, 130  # exit status


def examined(load_subject: Any, settings: Any, command: str, quiet: bool) -> Diagnosis:
    """Load and examine, and show the name of the running instrument."""
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

    # Duplicated, because `_silenced` redirects the real stderr.
    with os.fdopen(os.dup(2), "w") as terminal:
        console = Console(file=terminal)
        if not console.is_terminal:
            yield lambda name: None
            return
        with console.status("starting") as status:
            yield lambda name: status.update(f"{name} ...")


@contextlib.contextmanager
def _silenced() -> Iterator[None]:
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


def places_of(model: Path, out: str | None, by_suffix: Mapping[str, str | None]) -> tuple[str, ...]:
    """The files to write: those given by option, else a JSON and a page in the output folder.

    Args:
        out: output folder; default `diagnosis/`.
        by_suffix: the path given for each suffix; None if the option was not used.

    Raises:
        InputError: a path is a folder or has the wrong suffix, or `out` is a file.
    """
    asked = tuple(path for path in by_suffix.values() if path)
    for suffix, path in by_suffix.items():
        if not path or (path == "-" and suffix == ".json"):
            continue
        if Path(path).is_dir():
            raise InputError(f"the output must be a file, but {path} is a folder")
        if Path(path).suffix.lower() != suffix:
            raise InputError(f"the output file must end in {suffix}, got {path}")
    if asked and not out:
        return asked
    name = re.sub(r"[^\w.-]+", "_", model.stem) or "model"
    stem = Path(out or "diagnosis") / f"{name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    if Path(out or "diagnosis").is_file():
        raise InputError(f"--out must be a folder, but {out or 'diagnosis'} is a file")
    return (*asked, f"{stem}.json", f"{stem}.html")


def deliver(diagnosis: Diagnosis, places: tuple[str, ...], quiet: bool, open_page: bool) -> None:
    """Write the files, print the summary and open the page. The place "-" is standard output."""
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
    """130 if interrupted; 1 if a cause has at least the severity `fail_on` ("never": none does); else 0."""
    from diagnose.findings import Severity

    if diagnosis.settings.get("interrupted"):
        return INTERRUPTED
    if fail_on == "never":
        return EXAMINED
    least = Severity(fail_on).rank
    return FOUND if any(c.severity.rank >= least and c.state != "refuted" for c in diagnosis.causes) else EXAMINED
