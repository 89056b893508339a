"""Draws the runs of one model over time: train and dev error, state and causes on one common axis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from diagnose.comparing.comparison import Level
from diagnose.reports import story
from diagnose.reports.labels import LINE
from diagnose.reports.numbers import counted, factor, interval_text, quantity, shown_unit
from diagnose.reports.plot import ROLES
from diagnose.reports.svg import Scale, at, scale, tag

MOST = 120  # newest runs that are drawn
CAUSES = 8  # rows of causes; the rest is counted
DRAWN = ("train", "dev")
DECADE = 10  # with a larger ratio between largest and smallest error the axis is a log axis
DOTTED = 60  # with more runs only the newest has a mark
HEIGHT = 180  # px of the error plot
STRIP = 20  # px of a row of bars
WIDEST = 2.2  # percent of the axis: largest width of a bar
STATES = {"sick": ("c-flag", 1.0), "attention": ("c-warn", 0.6), "healthy": ("c-ok", 0.25), "unknown": ("c-soft", 0.1)}
GRADES = {"error": ("c-flag", 1.0), "warning": ("c-warn", 0.6), "hint": ("c-soft", 0.3), "info": ("c-soft", 0.15)}


@dataclass(frozen=True)
class Point:
    """One run. `causes`: title and severity by code."""

    date: str
    state: str
    measure: str
    unit: str
    errors: Mapping[str, Level]
    causes: Mapping[str, tuple[str, str]]


def draw(points: Sequence[Point]) -> Markup:
    """All rows on one axis. `points`: the runs of one model, oldest first."""
    shown = points[-MOST:]
    rows = [_errors(shown), _states(shown), *_causes(shown), _dates(shown)]
    cut = tag("figcaption", tag("span", f"The last {MOST} of {len(points):,} runs.")) if len(points) > MOST else ""
    return tag("figure", *(row for row in rows if row), cut, class_="trend")


def _row(name: str | Markup, content: Markup) -> Markup:
    return tag("div", tag("p", name, class_="tl"), tag("div", content, class_="tc"), class_="tr")


def _place(index: int, count: int) -> float:
    return 100 * (index + 0.5) / count


def day(text: str) -> str:
    """An ISO 8601 date as "22 Nov 2026"; any other text unchanged."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{moment.day} {moment:%b %Y}"


# --- Errors -----------------------------------------------------------------------------------------


def _errors(points: Sequence[Point]) -> Markup:
    """Train and dev error; runs with another measure or unit than the newest are gaps in the lines."""
    newest = next((point for point in reversed(points) if point.errors), None)
    if newest is None:
        return Markup("")
    same = [point if (point.measure, point.unit) == (newest.measure, newest.unit) else None for point in points]
    lines = {split: [point.errors.get(split) if point else None for point in same] for split in DRAWN}
    times = factor(newest.unit)
    ends = [end * times for line in lines.values() for level in line if level for end in _ends(level)]
    if not ends:
        return Markup("")
    up = scale(ends, log=min(ends) > 0 and max(ends) > DECADE * min(ends), zero=True)
    marks = [*_grid(up)]
    for split, line in lines.items():
        marks += _line(line, split, up, newest.unit)
    marks += _names(lines, up, times)
    area = tag("svg", *marks, role="img", aria_label=_sentence(lines, newest.unit), width="100%", height=HEIGHT)
    name = shown_unit(newest.unit) + (", log scale" if up.log else "")
    return _row(name[:1].upper() + name[1:], area)


def _ends(level: Level) -> list[float]:
    inside = [level.value] if level.value is not None else []
    return inside + ([level.interval.low, level.interval.high] if level.interval is not None else [])


def _grid(up: Scale) -> Iterator[Markup]:
    for place, text in up.ticks():
        yield tag("line", class_="grid", x1=0, x2="100%", y1=at(100 - place), y2=at(100 - place))
        yield tag("text", text, class_="tk", x=0, y=at(100 - place), dx=-8, dy=4, text_anchor="end")
    yield tag("line", class_="axis", x1=0, x2="100%", y1="100%", y2="100%")


def _line(line: Sequence[Level | None], split: str, up: Scale, unit: str) -> Iterator[Markup]:
    """The line in a nested SVG that stretches, and a mark for each run with its interval."""
    times, style = factor(unit), ROLES[split]
    placed = [
        (_place(index, len(line)), 100 - (up.place(level.value * times) or 0.0), level)
        for index, level in enumerate(line)
        if level is not None and level.value is not None
    ]
    if not placed:
        return
    path = tag("path", class_=f"ln {style}", d="M" + "L".join(f"{x:.2f} {y:.2f}" for x, y, _ in placed))
    yield tag("svg", path, viewBox="0 0 100 100", preserveAspectRatio="none", width="100%", height="100%")
    for x, y, level in placed if len(line) <= DOTTED else placed[-1:]:
        if level.interval is not None:
            ends = [100 - (up.place(end * times) or 0.0) for end in (level.interval.low, level.interval.high)]
            yield tag("line", class_=f"iv thin {style}", x1=at(x), x2=at(x), y1=at(ends[0]), y2=at(ends[1]))
        title = tag("title", f"{split}: {quantity(level.value, unit)} {interval_text(level.interval, unit)}".rstrip())
        yield tag("circle", title, class_=f"pt {style}", cx=at(x), cy=at(y), r=3)


def _names(lines: Mapping[str, Sequence[Level | None]], up: Scale, times: float) -> Iterator[Markup]:
    """The names of the splits, right of the plot at the height of their newest value, without overlap."""
    newest = {split: next((level for level in reversed(line) if level), None) for split, line in lines.items()}
    heights = [
        (HEIGHT * (1 - (up.place(level.value * times) or 0.0) / 100), split)
        for split, level in newest.items()
        if level is not None and level.value is not None
    ]
    lowest = -LINE
    for height, split in sorted(heights):
        y = max(height, lowest + LINE)
        lowest = y
        yield tag("text", split, class_=f"lb b {ROLES[split]}", x="100%", y=round(y, 1), dx=8, dy=4)


def _sentence(lines: Mapping[str, Sequence[Level | None]], unit: str) -> str:
    parts = []
    for split, line in lines.items():
        values = [level.value for level in line if level is not None and level.value is not None]
        if values:
            first, last, best = (quantity(value, unit) for value in (values[0], values[-1], min(values)))
            parts.append(f"{split} from {first} to {last}, smallest {best}")
    return "; ".join(parts) + "."


# --- States and causes ------------------------------------------------------------------------------


def _states(points: Sequence[Point]) -> Markup:
    bars = [
        (STATES.get(point.state), f"{day(point.date)}: {story.STATES.get(point.state, point.state).lower()}")
        for point in points
    ]
    counts = Counter(point.state for point in points)
    words = ", ".join(f"{counts[state]} {story.STATES[state].lower()}" for state in STATES if counts[state])
    return _row("State", _strip(bars, f"State of {counted(len(points), 'run')}: {words}."))


def _causes(points: Sequence[Point]) -> Iterator[Markup]:
    """Causes of the newest run first, then the most frequent."""
    counts = Counter(code for point in points for code in point.causes)
    newest = points[-1].causes
    titles = {code: title for point in points for code, (title, _) in point.causes.items()}
    order = sorted(counts, key=lambda code: (code not in newest, -counts[code], code))
    for code in order[:CAUSES]:
        share = f"{counts[code]} of {len(points)}"
        bars = [
            (GRADES.get(severity, GRADES["info"]), f"{day(point.date)}: {severity}")
            if (severity := point.causes.get(code, ("", ""))[1])
            else (None, "")
            for point in points
        ]
        name = tag("span", titles[code], " ", tag("span", share, class_="soft"))
        yield _row(name, _strip(bars, f"{titles[code]}: in {share} runs."))
    if len(order) > CAUSES:
        yield tag("p", f"and {counted(len(order) - CAUSES, 'cause')} more", class_="small soft")


def _strip(bars: Sequence[tuple[tuple[str, float] | None, str]], sentence: str) -> Markup:
    """A row of bars, each (colour, height from 0 to 1) or None for no bar, with its tooltip."""
    width = min(70 / len(bars), WIDEST)
    marks = [tag("line", class_="grid", x1=0, x2="100%", y1="100%", y2="100%")]
    for index, (bar, words) in enumerate(bars):
        if bar is not None:
            style, height = bar
            box = {"x": at(_place(index, len(bars)) - width / 2), "width": at(width)}
            box |= {"y": at(100 - 100 * height), "height": at(100 * height)}
            marks.append(tag("rect", tag("title", words), class_=f"bar {style}", **box))
    return tag("svg", *marks, role="img", aria_label=sentence, width="100%", height=STRIP)


def _dates(points: Sequence[Point]) -> Markup:
    """The first and the last date, and the middle one if there is room."""
    first, last = day(points[0].date), day(points[-1].date)
    if first == last:  # distinguish them by the time
        first, last = (f"{first}, {point.date[11:16]}" for point in (points[0], points[-1]))
    marks = [tag("text", first, class_="tk", x=0, y=12)]
    if len(points) > 1:
        marks.append(tag("text", last, class_="tk", x="100%", y=12, text_anchor="end"))
    if len(points) > 8:
        middle = day(points[len(points) // 2].date)
        marks.append(tag("text", middle, class_="tk opt", x="50%", y=12, text_anchor="middle"))
    return _row("", tag("svg", *marks, aria_hidden="true", width="100%", height=18))
