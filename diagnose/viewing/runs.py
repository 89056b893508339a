"""What the list and the trends need to know of a result: its head, read without the rest of the file."""

from __future__ import annotations

import json
import math
import os
import stat
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from diagnose.comparing.comparison import Level, level, measure
from diagnose.diagnosis import ErrorLevel
from diagnose.findings import Interval
from diagnose.storing import NON_FINITE
from diagnose.upgrading import upgraded

LARGEST = 64 * 2**20  # bytes of a result; a larger file is not read
WANTED = ("schema", "subject", "settings", "state", "headline", "causes", "errors", "date")
STATES = ("sick", "attention", "healthy", "unknown")
DAMAGED = "unreadable"  # the state of a file that is no result

Stamp = tuple[int, int]  # time of the last change in ns, size in bytes


@dataclass(frozen=True)
class CauseMark:
    code: str
    title: str
    severity: str


@dataclass(frozen=True)
class Run:
    """One file of the folder. `damage` says why it cannot be read; then the rest is empty."""

    file: str
    stamp: Stamp
    model: str = ""
    date: str = ""  # UTC, ISO 8601
    state: str = DAMAGED
    headline: str = ""
    causes: tuple[CauseMark, ...] = ()  # by rank, without the refuted
    measure: str = ""  # what the errors are, for people
    unit: str = ""
    errors: dict[str, Level] = field(default_factory=dict)  # by split
    live: bool = False  # written by a training that goes on
    damage: str = ""

    @cached_property
    def moment(self) -> str:
        """When it was examined: as it says, else when the file was written. ISO 8601, UTC, so that texts sort."""
        try:
            said = datetime.fromisoformat(self.date)
        except ValueError:
            said = datetime.fromtimestamp(self.stamp[0] / 1e9, UTC)
        said = said if said.tzinfo else said.replace(tzinfo=UTC)
        return said.astimezone(UTC).isoformat(timespec="seconds")

    @cached_property
    def searched(self) -> str:
        """All that a search looks at."""
        causes = (f"{cause.title} {cause.code}" for cause in self.causes)
        return " ".join((self.file, self.model, self.state, self.headline, *causes, self.damage)).casefold()


def read(path: Path, stamp: Stamp) -> Run:
    """The head of the result in a file; one that is damaged or none says so."""
    try:
        return _run(path.name, stamp, _head(text_of(path)))
    except OSError as error:
        return Run(path.name, stamp, damage=error.strerror or str(error))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        return Run(path.name, stamp, damage=f"no result of diagnose: {str(error)[:200] or type(error).__name__}")


def text_of(path: Path) -> str:
    """The text of a regular file of a bearable size; a link is not followed.

    Raises:
        OSError: it cannot be read, or is a link.
        ValueError: it is too large, no regular file, or no UTF-8.
    """
    with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb") as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise ValueError("it is no file")
        if about.st_size > LARGEST:
            raise ValueError(f"it is larger than {LARGEST >> 20} MB")
        return file.read().decode("utf-8")


def _head(text: str) -> dict[str, Any]:
    """The wanted values of the top level.

    `save` indents by one space and JSON has no line breaks inside a text, so a line of one space and a key is always
    the top level, and the keys come in the order of `WANTED`. Reading these values only takes a third of the time of
    reading all; another layout is read whole.
    """
    decoder = json.JSONDecoder()
    head, end = {}, 0
    for key in WANTED:
        place = text.find(f'\n "{key}": ', end)
        if place < 0 or not text.endswith("}\n"):
            whole = json.loads(text)
            if not isinstance(whole, dict):
                raise TypeError("the JSON is no object")
            return whole
        head[key], end = decoder.raw_decode(text, place + len(key) + 6)
    return head


def _run(file: str, stamp: Stamp, head: dict[str, Any]) -> Run:
    if not isinstance(head.get("schema"), int):
        raise TypeError('the JSON has no number "schema"')
    subject, settings = head["subject"], head.get("settings", {})
    state = str(head["state"])
    errors = [_error(error) for error in upgraded(head).get("errors", [])]
    first = [error for error in errors if error.output == errors[0].output]
    return Run(
        file=file,
        stamp=stamp,
        model=str(subject.get("name", "")) or "the model",
        date=str(head.get("date", "")),
        state=state if state in STATES else "unknown",
        headline=str(head["headline"]),
        causes=tuple(_causes(head["causes"])),
        measure=measure(errors, first[0].output) if first else "",
        unit=first[0].unit if first else "",
        errors={error.split.replace("_", "-"): level(error) for error in first},
        live=settings.get("live") is True,
    )


def _causes(causes: list[dict[str, Any]]) -> list[CauseMark]:
    standing = [cause for cause in causes if cause["state"] != "refuted"]
    standing.sort(key=lambda cause: float(cause["rank"]))
    return [CauseMark(str(cause["code"]), str(cause["title"]), str(cause["severity"])) for cause in standing]


def _error(error: dict[str, Any]) -> ErrorLevel:
    """One error, without what no page of the viewer shows of it."""
    span = error.get("interval")
    return ErrorLevel(
        output=str(error["output"]),
        split=str(error["split"]),
        unit="RMSE" if error["unit"] == "RMSE" else "error rate",
        error=_number(error["error"]),
        interval=None if span is None else Interval(_number(span["low"]), _number(span["high"])),
        rows=None,
        population=None,
        constant_error=math.nan,
        skill=math.nan,
    )


def _number(value: Any) -> float:
    if value in NON_FINITE or isinstance(value, int | float):
        return float(value)
    raise TypeError(f"{str(value)[:40]!r} is not a number")
