"""Folders of results for the tests of the viewer."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from diagnose.diagnosis import Diagnosis
from tests.reports.examples import healthy, hostile, sick

FIRST = datetime(2026, 11, 1, 9, tzinfo=UTC)


def put(folder: Path, diagnosis: Diagnosis, model: str, day: int, live: bool = False) -> Path:
    """Save a result under the name that `diagnose` would give it, `day` days after the first."""
    date = FIRST + timedelta(days=day)
    subject, settings = diagnosis.subject | {"name": model}, diagnosis.settings | ({"live": True} if live else {})
    path = folder / f"{model}-{date:%Y%m%dT%H%M%SZ}.json"
    replace(diagnosis, subject=subject, settings=settings, date=date.isoformat()).save(path)
    if not live:
        os.utime(path, (date.timestamp(), date.timestamp()))
    return path


def several(folder: Path) -> Path:
    """Three runs of one model, a hostile result, a damaged file, and files that are not results."""
    for day, make in enumerate((sick, sick, healthy)):
        put(folder, make(), "cnn", day)
    hostile().save(folder / "hostile.json")
    (folder / "damaged.json").write_text('{"schema": 1, "sub')
    (folder / "package.json").write_text('{"name": "something else"}')
    (folder / "notes.txt").write_text("not shown")
    return folder
