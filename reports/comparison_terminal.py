"""Renders the comparison of two results for the terminal."""

import textwrap
from collections.abc import Iterator

from diagnose.comparing.comparison import CauseChange, Comparison, ErrorChange
from diagnose.comparing.differences import Difference
from diagnose.reports import story
from diagnose.reports.comparison import CHANGES, DIRECTIONS, level, moved, severity, shown
from diagnose.reports.numbers import cut

COLOURS = {"gone": "32", "better": "32", "new": "31", "worse": "31"}
VALUE = 60  # characters shown of a value
VERDICTS = {"do": "do", "dont-yet": "don't yet", "unknown": "unknown"}


def render(comparison: Comparison, width: int = 80, colour: bool = False) -> str:
    """The comparison in about one screen of text.

    `width` is in characters; `colour` only adds ANSI colours. Control characters in names are replaced, so that no
    name can control the terminal.
    """
    blocks = [
        [*_summary(comparison, width)],
        [*_errors(comparison, width, colour)],
        [_cause(cause, colour) for change in CHANGES for cause in comparison.causes if cause.change == change],
        [
            _flat(f"{item.title} ({_list(item.list)}): {VERDICTS[item.old]} → {VERDICTS[item.new]}")
            for item in comparison.verdicts
        ],
        [_flat(_difference(row)) for row in comparison.changed],
        [_flat(f"{_difference(row)} ({row.why})") for row in comparison.unfair],
    ]
    titles = ("", "Errors", "Causes", "Verdicts that changed", "Model and training", "Compare with care")
    lines: list[str] = []
    for title, block in zip(titles, blocks, strict=True):
        if block:
            lines += ["", title, *block] if title else block
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _list(code: str) -> str:
    """The name of a list of remedies, without its subtitle."""
    return story.LISTS[code][0].split(",")[0] if code in story.LISTS else code


def _flat(text: str) -> str:
    """One indented line without control characters."""
    return "  " + " ".join(story.clean(text).split())


def _summary(comparison: Comparison, width: int) -> Iterator[str]:
    yield from textwrap.wrap(comparison.summary, width)
    for word, side in (("old", comparison.old), ("new", comparison.new)):
        parts = (cut(side.model, 40), story.date(side.date), side.place)
        yield _flat(f"{word}: {story.STATES[side.state].lower()}, {', '.join(part for part in parts if part)}")


def _errors(comparison: Comparison, width: int, colour: bool) -> Iterator[str]:
    titles = {error.title for error in comparison.errors}
    for error in comparison.errors:
        of = f" ({cut(error.title, 40)})" if len(titles) > 1 else ""
        word = _paint(DIRECTIONS[error.direction], error.direction, colour)
        yield f"{_flat(error.split + of):<11}  {_levels(error)}  {word}"
    if comparison.errors:
        yield from textwrap.wrap(comparison.method, width, initial_indent="  ", subsequent_indent="  ")


def _levels(error: ErrorChange) -> str:
    old, new = (" ".join(level(side, error.unit)).strip() for side in (error.old, error.new))
    change = " ".join(moved(error)).strip()
    return f"{old} → {new}" + (f"  {change}" if error.difference is not None else "")


def _cause(cause: CauseChange, colour: bool) -> str:
    word = _paint(f"{CHANGES[cause.change].lower():<11}", cause.change, colour)
    grade = severity(cause, "old" if cause.new_severity is None else "new")
    note = f"; {cause.note}" if cause.note else ""
    return f"  {word}{_flat(f'{cut(cause.title, VALUE)} ({grade}{note}) {cause.code}')}"


def _difference(row: Difference) -> str:
    return f"{row.what}: {cut(shown(row, 'old'), VALUE)} → {cut(shown(row, 'new'), VALUE)}"


def _paint(text: str, code: str, colour: bool) -> str:
    return f"\033[1;{COLOURS[code]}m{text}\033[0m" if colour and code in COLOURS else text
