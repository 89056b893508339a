"""Reads the head of a result, which is all that the list and the trends need."""

from __future__ import annotations

import json
import math
import os
import re
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
from diagnose.subject import Task
from diagnose.upgrading import upgraded

LARGEST = 64 * 2**20  # bytes; larger files are not read
WANTED = ("schema", "subject", "settings", "state", "headline", "causes", "errors", "date")
STATES = ("sick", "attention", "healthy", "unknown")
DAMAGED = "unreadable"  # state of a file that cannot be read as a result

Stamp = tuple[int, int]  # time of the last change in ns, size in bytes


@dataclass(frozen=True)
class CauseMark:
    code: str
    title: str
    severity: str


@dataclass(frozen=True)
class Run:
    """One file of the folder. If it cannot be read, `damage` says why and the other fields are empty."""

    file: str
    stamp: Stamp
    model: str = ""
    date: str = ""  # UTC, ISO 8601
    state: str = DAMAGED
    headline: str = ""
    causes: tuple[CauseMark, ...] = ()  # by rank, without refuted ones
    measure: str = ""  # title of the errors
    unit: str = ""
    errors: dict[str, Level] = field(default_factory=dict)  # by split
    live: bool = False  # written by a running training
    parameters: int | None = None  # of the model
    folder: str = ""  # name of the folder of the model file
    architecture: str = ""  # fingerprint; of older results the number of layers and parameters
    data: str = ""  # fingerprint
    source: str = ""  # last two parts of the path of the data
    damage: str = ""

    @cached_property
    def moment(self) -> str:
        """Time of the examination, or else of the last change of the file; ISO 8601 in UTC, so that it sorts."""
        try:
            moment = datetime.fromisoformat(self.date)
            moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):  # OverflowError: in UTC, the moment is before the year 1
            moment = datetime.fromtimestamp(max(self.stamp[0], 0) / 1e9, UTC)
        return moment.isoformat(timespec="seconds")

    @property
    def title(self) -> str:
        """The model with its folder: files of the same name are told apart by it."""
        return f"{self.folder}/{self.model}" if self.folder else self.model

    @property
    def identity(self) -> tuple[str, str, str, str]:
        """What a trend follows."""
        return self.model, self.folder, self.architecture, self.data

    @cached_property
    def searched(self) -> str:
        """The text that a search looks at."""
        causes = (f"{cause.title} {cause.code}" for cause in self.causes)
        return " ".join(
            (self.file, self.title, self.source, self.state, self.headline, *causes, self.damage)
        ).casefold()


def read(path: Path, stamp: Stamp) -> Run:
    """The head of the result in a file; if it cannot be read, `damage` says why."""
    try:
        return _run(path.name, stamp, _head(text_of(path)))
    except OSError as error:
        return Run(path.name, stamp, damage=error.strerror or str(error))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, ArithmeticError, IndexError) as error:
        return Run(path.name, stamp, damage=f"not a diagnosis: {str(error)[:200] or type(error).__name__}")


def text_of(path: Path) -> str:
    """The text of a regular file of at most `LARGEST` bytes. Links are not followed.

    Raises:
        OSError: it cannot be read, or is a link.
        ValueError: it is too large, not a regular file or not UTF-8.
    """
    with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb") as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise ValueError("it is not a regular file")
        if about.st_size > LARGEST:
            raise ValueError(f"the file must not be larger than {LARGEST >> 20} MB")
        return file.read().decode("utf-8")


def _head(text: str) -> dict[str, Any]:
    """The `WANTED` values of the top level.

    `save` indents by one space, and JSON strings have no line breaks, so a line of one space and a key is always at
    the top level; the keys come in the order of `WANTED`. Reading only these takes a third of the time. A file with
    another layout is read completely.
    """
    decoder = json.JSONDecoder()
    head, end = {}, 0
    for key in WANTED:
        place = text.find(f'\n "{key}": ', end)
        if place < 0 or not text.endswith("}\n"):
            whole = json.loads(text)
            if not isinstance(whole, dict):
                raise TypeError("the JSON is not an object")
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
        parameters=subject.get("parameters") if isinstance(subject.get("parameters"), int) else None,
        **_identity(subject),
    )


def _identity(subject: dict[str, Any]) -> dict[str, str]:
    facts, prints = (
        given if isinstance(given := subject.get(name), dict) else {} for name in ("facts", "fingerprints")
    )
    places = re.split(r"[\\/]", str(facts.get("model", "")))
    size = f"{subject.get('layers')}, {subject.get('parameters')}"
    return {
        "folder": places[-2] if len(places) > 1 else "",
        "architecture": str(prints.get("architecture", size)),
        "data": str(prints.get("data", "")),
        "source": "/".join(re.split(r"[\\/]+", str(facts.get("data", "")).rstrip("\\/"))[-2:]),
    }


def _causes(causes: list[dict[str, Any]]) -> list[CauseMark]:
    standing = [cause for cause in causes if cause["state"] != "refuted"]
    standing.sort(key=lambda cause: float(cause["rank"]))
    return [CauseMark(str(cause["code"]), str(cause["title"]), str(cause["severity"])) for cause in standing]


def _error(error: dict[str, Any]) -> ErrorLevel:
    """One error, with only the fields that the viewer shows."""
    span = error.get("interval")
    return ErrorLevel(
        output=str(error["output"]),
        split=str(error["split"]),
        unit=error["unit"] if error["unit"] in {task.unit for task in Task} else "error rate",
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
