"""Renders the comparison of two results as a self-contained HTML page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import groupby
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from diagnose.comparing.comparison import CauseChange, Comparison, ErrorChange, Level
from diagnose.comparing.differences import Difference
from diagnose.diagnosis import Diagnosis
from diagnose.findings import Severity
from diagnose.reports import figures, numbers, story
from diagnose.reports.labels import CHARACTER, NARROW
from diagnose.reports.plot import ROLES, figure, frame, x_axis
from diagnose.reports.svg import Scale, at, scale, tag
from diagnose.reports.templating import environment, finished, policy, source

CHANGES = {"gone": "Gone", "new": "New", "still": "Still there", "not-checked": "No longer checked"}
DIRECTIONS = {"better": "better", "worse": "worse", "within-noise": "within noise", "unknown": "unknown"}
ROW = 58  # px per split in the figure
APART = 9  # px between the middle of a row and the marks of old and new


def render(comparison: Comparison, old: Diagnosis, new: Diagnosis, bar: str = "", allow: str = "") -> str:
    """Two diagnoses side by side and the changes between them, as one page.

    The viewer passes a `bar` to show at the top and an `allow` for its own address (see `templating.policy`).
    """
    style = source("figures.css") + source("page.css") + source("comparison.css")
    page = (
        _environment()
        .get_template("comparison.html.j2")
        .render(
            c=comparison,
            sides=(("Old", comparison.old), ("New", comparison.new)),
            style=Markup(style),
            policy=policy(style, allow=allow),
            bar=bar,
            figures=[dumbbells(errors) for _, errors in groupby(comparison.errors, key=lambda error: error.title)],
            curves=[*_pairs(old, new)],
            tool=new.tool,
        )
    )
    return finished(page)


@cache
def _environment() -> Environment:
    made = environment()
    made.globals.update(changes=CHANGES, directions=DIRECTIONS, level=level, moved=moved, severity=severity)
    made.globals.update(grave=(Severity.ERROR, Severity.WARNING), shown=shown)
    return made


def level(of: Level, unit: str) -> tuple[str, str]:
    """An error and its interval as text: ("18.2 %", "[17.0, 19.4]")."""
    value = (
        numbers.quantity(of.value, unit) if numbers.factor(unit) != 1 else numbers.rounded_like(of.value, of.interval)
    )
    return value, numbers.interval_text(of.interval, unit)


def moved(error: ErrorChange) -> tuple[str, str]:
    """The change in an error and its interval as text: ("−6.1 points", "[−7.3, −4.9]")."""
    if error.difference is None:
        return "–", ""
    rate = numbers.factor(error.unit) != 1
    size = numbers.decimals(error.difference * 100) if rate else numbers.rounded_like(error.difference, error.interval)
    sign = "+" if error.difference > 0 else ""
    return f"{sign}{size}{' points' if rate else ''}", numbers.interval_text(error.interval, error.unit)


def severity(cause: CauseChange, side: str) -> str:
    """Severity and state of a cause on one side ("old" or "new") as text."""
    grade, state = (cause.old_severity, cause.old_state) if side == "old" else (cause.new_severity, cause.new_state)
    return f"{grade}, {state}" if grade else "–"


def shown(difference: Difference, side: str) -> str:
    """One side ("old" or "new") of a difference as text."""
    value: Any = difference.old if side == "old" else difference.new
    if isinstance(value, bool):
        return "yes" if value else "no"
    return story.words(value)


# --- Errors, old and new ----------------------------------------------------------------------------


def dumbbells(errors: Iterator[ErrorChange] | Sequence[ErrorChange]) -> Markup:
    """One row per split: the old error as a ring, the new one as a dot, each with its interval."""
    rows = list(errors)
    unit = rows[0].unit
    times = numbers.factor(unit)
    sides = [side for row in rows for side in (row.old, row.new) if side.value is not None]
    ends = [end * times for side in sides for end in _ends(side)]
    along = scale(ends, zero=True)
    marks = x_axis(along, numbers.shown_unit(unit), room=200.0)
    for index, row in enumerate(rows):
        y = 100 * (index + 0.5) / len(rows)
        marks += _names(row, y)
        for side, shape, offset in ((row.old, "ho", -APART), (row.new, "pt", APART)):
            marks += _mark(side, unit, along, f"{shape} {ROLES[row.split]}", (y, offset))
    sentence = "; ".join(_sentence(row) for row in rows) + "."
    note = "Rings: old. Dots: new. Lines: 95 % intervals."
    return figure(rows[0].title, note, frame(marks, sentence, ROW * len(rows), "wide tight"))


def _ends(side: Level) -> list[float]:
    inside = [side.value or 0.0]
    return inside + ([side.interval.low, side.interval.high] if side.interval is not None else [])


def _names(row: ErrorChange, y: float) -> list[Markup]:
    style = {"better": "c-ok", "worse": "c-flag"}.get(row.direction, "c-soft")
    verdict = DIRECTIONS[row.direction]
    return [
        tag("line", class_="grid", x1=0, x2="100%", y1=at(y), y2=at(y)),
        tag("text", row.split, class_=f"b {ROLES[row.split]}", x=0, y=at(y), dx=-12, dy=-2, text_anchor="end"),
        tag("text", verdict, class_=style, x=0, y=at(y), dx=-12, dy=13, text_anchor="end"),
    ]


def _mark(side: Level, unit: str, along: Scale, style: str, place: tuple[float, int]) -> list[Markup]:
    """One error at `place`: the row in percent, and the offset from it in px."""
    if side.value is None:
        return []
    times, (y, offset) = numbers.factor(unit), place
    shape, colour = style.split()
    low, high = (along.place(end * times) or 0.0 for end in (min(_ends(side)), max(_ends(side))))
    text, span = level(side, unit)
    title = tag("title", f"{'old' if shape == 'ho' else 'new'}: {text} {span}")
    room = high + (len(text) * CHARACTER + 12) / NARROW * 100
    x, dx, anchor = (at(high), 9, None) if room <= 100 else (at(low), -9, "end")
    words = f"lb {'c-soft' if shape == 'ho' else f'b {colour}'}"
    parts = (
        tag("line", class_=f"iv {colour}", x1=at(low), x2=at(high), y1=at(y), y2=at(y)),
        tag("circle", title, class_=style, cx=at(along.place(side.value * times) or 0.0), cy=at(y), r=4.5),
        tag("text", text, class_=words, x=x, dx=dx, y=at(y), dy=4, text_anchor=anchor),
    )
    return [tag("g", *parts, transform=f"translate(0 {offset})")]


def _sentence(row: ErrorChange) -> str:
    old, new = (" ".join(level(side, row.unit)).strip() for side in (row.old, row.new))
    change, span = moved(row)
    return f"{row.split}: old {old}, new {new}, {' '.join((change, span)).strip()}, {DIRECTIONS[row.direction]}"


def _pairs(old: Diagnosis, new: Diagnosis) -> Iterator[tuple[Markup | None, Markup | None]]:
    """The curves of both results; those with the same title side by side."""
    before, after = (
        {shown.evidence.title: shown.evidence for shown in side.figures if shown.section == "curves"}
        for side in (old, new)
    )
    for title in dict.fromkeys((*after, *before)):
        yield tuple(figures.draw(side[title]) if title in side else None for side in (before, after))  # type: ignore[misc]
