"""Draws `Bars`: rows with a dot and its interval or with a bar from zero; many rows as a profile."""

import math
import re
from dataclasses import dataclass

from markupsafe import Markup

from diagnose.findings import Bars
from diagnose.reports.labels import CHARACTER, NARROW
from diagnose.reports.numbers import counted, cut, decimals, factor, halved, interval, number, quantity, shown_unit
from diagnose.reports.plot import ROLES, figure, frame, healthy_band, role_of, row_name, x_axis, y_axis
from diagnose.reports.svg import Scale, at, scale, tag

ROWS = 40  # more rows than this are drawn as a profile
NAME = 15  # characters of a row's name that fit left of the plot on a phone
ROW = 24  # px
TWO_LINES = 32  # px per row if some name takes two lines
ROOM = 160.0  # px left for the plot on a phone, beside names and values


@dataclass(frozen=True)
class Row:
    """One bar in the displayed unit, with its position from the top in percent, and its interval if it has a width."""

    label: str
    value: float
    low: float | None
    high: float | None
    y: float
    text: str  # the value, as written beside the mark
    whole: str  # name, value and interval, for tooltips and screen readers
    style: str


def draw(bars: Bars) -> Markup:
    """A figure with one value per label. A linear axis includes zero."""
    if not bars.values:
        return figure(bars.title, "No values.")
    rows = _rows(bars)
    along = _scale(bars, rows)
    note = _note(bars, along)
    sentence = f"{bars.title}: {'; '.join(row.whole for row in rows[:ROWS])}."
    if len(rows) > ROWS:
        return figure(bars.title, note, _profile(bars, rows, along, f"{bars.title}, {counted(len(rows), 'value')}."))
    marks = [
        *healthy_band(along, _shown_pair(bars.healthy, bars.unit)),
        *x_axis(along, _axis_name(bars), room=ROOM),
    ]
    marks += _threshold(bars, along)
    dotted = bool(bars.lows) or bars.log or bars.healthy is not None
    for row in rows:
        marks += _named(row) + (_dot(row, along) if dotted else _bar(row, along))
    style = "wide" + ("" if bars.threshold is not None else " tight") + ("" if dotted else " bars")
    height = TWO_LINES if any(len(halved(row.label, NAME)) > 1 for row in rows) else ROW
    return figure(bars.title, note, frame(marks, sentence, max(60, height * len(rows)), style))


def _axis_name(bars: Bars) -> str:
    """The unit; without one, the title up to the first comma, colon, "by" or bracket."""
    return shown_unit(bars.unit) or re.split(r",| by | \(|: ", bars.title, maxsplit=1)[0].lower()


def _rows(bars: Bars) -> list[Row]:
    times = factor(bars.unit)
    rows = []
    for index, (label, value) in enumerate(zip(bars.labels, bars.values, strict=False)):
        low = bars.lows[index] if index < len(bars.lows) else None
        high = bars.highs[index] if index < len(bars.highs) else None
        low, high = (None, None) if low == high else (low, high)
        span = f" {interval(low, high, bars.unit)}" if low is not None and high is not None else ""
        rows.append(
            Row(
                label=label,
                value=value * times,
                low=None if low is None else low * times,
                high=None if high is None else high * times,
                y=100 * (index + 0.5) / len(bars.values),
                text=decimals(value * times) if times != 1 or bars.unit == "%" else number(value),
                whole=f"{label}: {quantity(value, bars.unit)}{span}",
                style=_style(bars, label, value),
            )
        )
    return rows


def _style(bars: Bars, label: str, value: float) -> str:
    """The colour of the split named in the label; otherwise red outside the healthy range and black inside it."""
    role = role_of(label)
    if role:
        return ROLES[role]
    if bars.healthy is not None and not bars.healthy[0] <= value <= bars.healthy[1]:
        return "c-flag"
    return "c-ink" if bars.healthy is not None or bars.lows else "c-bar"


def _scale(bars: Bars, rows: list[Row]) -> Scale:
    times = factor(bars.unit)
    ends = [end for row in rows for end in (row.value, row.low, row.high) if end is not None]
    ends += [value * times for value in (bars.threshold, *(bars.healthy or ())) if value is not None]
    return scale(ends, bars.log, zero=True)


def _shown_pair(pair: tuple[float, float] | None, unit: str) -> tuple[float, float] | None:
    return None if pair is None else (pair[0] * factor(unit), pair[1] * factor(unit))


def _note(bars: Bars, along: Scale) -> str:
    parts = [f"Shaded: healthy range, {_span(bars)}."] if bars.healthy else []
    parts += ["Grey strip: exactly zero."] if along.strip else []
    return " ".join(parts)


def _span(bars: Bars) -> str:
    """The healthy range in words."""
    low, high = bars.healthy or (0.0, 0.0)
    if math.isinf(high):
        return f"{quantity(low, bars.unit)} or more"
    return f"{quantity(low)} to {quantity(high, bars.unit)}"


def _threshold(bars: Bars, along: Scale) -> list[Markup]:
    place = None if bars.threshold is None else along.place(bars.threshold * factor(bars.unit))
    if place is None:
        return []
    anchor = "end" if place > 60 else "start" if place < 25 else "middle"
    text = f"threshold {quantity(bars.threshold, bars.unit)}"
    return [
        tag("line", class_="ref", x1=at(place), x2=at(place), y1=0, y2="100%"),
        tag("text", text, class_="lb c-soft", x=at(place), y=0, dy=-7, text_anchor=anchor),
    ]


def _named(row: Row) -> list[Markup]:
    return [row_name(row.label, NAME, row.y), tag("line", class_="grid", x1=0, y1=at(row.y), x2="100%", y2=at(row.y))]


def _dot(row: Row, along: Scale) -> list[Markup]:
    place = along.place(row.value)
    if place is None:
        return [tag("text", row.text, class_="lb c-flag b", x=0, y=at(row.y), dx=8, dy=4)]
    ends = _ends(row, along, place)
    dot = tag("circle", tag("title", row.whole), class_=f"pt {row.style}", cx=at(place), cy=at(row.y), r=4)
    return [*_interval(row, ends), dot, _beside(row, *ends)]


def _ends(row: Row, along: Scale, place: float) -> tuple[float, float]:
    low = along.place(row.low) if row.low is not None else place
    high = along.place(row.high) if row.high is not None else place
    return (0.0 if low is None else low), (100.0 if high is None else high)


def _interval(row: Row, ends: tuple[float, float]) -> list[Markup]:
    if row.low is None:
        return []
    return [tag("line", class_=f"iv {row.style}", x1=at(ends[0]), x2=at(ends[1]), y1=at(row.y), y2=at(row.y))]


def _bar(row: Row, along: Scale) -> list[Markup]:
    place, zero = along.place(row.value), along.place(0.0) or 0.0
    if place is None:
        return [tag("text", row.text, class_="lb c-flag b", x=0, y=at(row.y), dx=8, dy=4)]
    left, right = min(place, zero), max(place, zero)
    bar = tag(
        "rect",
        tag("title", row.whole),
        class_=f"bar {row.style}",
        x=at(left),
        y=at(row.y),
        width=at(right - left),
        height=12,
        transform="translate(0 -6)",
    )
    return [bar, tag("text", row.text, class_="lb c-soft", x=at(right), y=at(row.y), dx=7, dy=4)]


def _beside(row: Row, left: float, right: float) -> Markup:
    """The value right of the mark, or left of it if there is no room on a phone."""
    width = (len(row.text) * CHARACTER + 12) / NARROW * 100
    if right + width <= 100 or left < width:
        return tag("text", row.text, class_=f"lb {row.style}", x=at(right), y=at(row.y), dx=8, dy=4)
    return tag("text", row.text, class_=f"lb {row.style}", x=at(left), y=at(row.y), dx=-8, dy=4, text_anchor="end")


def _profile(bars: Bars, rows: list[Row], up: Scale, sentence: str) -> Markup:
    """Many rows: their order along x, their values along y. Names appear in tooltips and at both ends."""
    marks = y_axis(up, _axis_name(bars))
    marks.append(tag("line", class_="axis", x1=0, x2="100%", y1="100%", y2="100%"))
    if bars.threshold is not None:
        place = up.place(bars.threshold * factor(bars.unit))
        if place is not None:
            marks.append(tag("line", class_="ref", x1=0, x2="100%", y1=at(100 - place), y2=at(100 - place)))
    for row in rows:
        place = up.place(row.value)
        if place is None or not math.isfinite(row.value):
            continue
        title = tag("title", row.whole)
        marks.append(tag("circle", title, class_=f"pt {row.style}", cx=at(row.y), cy=at(100 - place), r=3))
    ends = ((rows[0], 0.0, "start"), (rows[-1], 100.0, "end"))
    for row, x, anchor in ends:
        marks.append(tag("text", cut(row.label, NAME), class_="tk", x=at(x), y="100%", dy=17, text_anchor=anchor))
    return frame(marks, sentence, 200)
