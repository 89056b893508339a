"""Draws `Curves` (lines with bands) and `Histogram` (counts between edges)."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count

from markupsafe import Markup

from diagnose.findings import Curves, Histogram, Mark, Series
from diagnose.reports.labels import CHARACTER, Box, Label, settle, trace
from diagnose.reports.numbers import cut, number, quantity
from diagnose.reports.plot import OTHERS, ROLES, axis_text, figure, frame, key, written, x_axis, y_axis
from diagnose.reports.svg import Scale, at, scale, tag

HEIGHT = 240  # px
DECADE = 8.0  # ratio of largest to smallest value below which the axis is linear
CALM = 0.05  # least span of a linear axis as a share of the values, so that noise does not look like a change
NARROWEST = 0.8  # percent of the plot: least width of a range, so that a range of one value is visible
POINTS = 240  # points per line; more would not be visible
DOTTED = 12  # lines with at most this many points show each point
NAME = 28  # characters of a direct label

COUNTED = ("epoch", "step")  # axes of whole numbers

Point = tuple[float, float]  # percent from the left, percent from the top


def draw(curves: Curves) -> Markup:
    """A figure of lines. Each line is labelled directly, or in a legend if there is no room."""
    along = replace(scale(_widths(curves), curves.log_x, exact=True), whole=curves.x_label in COUNTED)
    up = _up(curves)
    styles = [*_styles(curves.series)]
    marks = [*_ranges(curves.marks, along), *x_axis(along, curves.x_label, grid=False), *y_axis(up, curves.y_label)]
    marks += [_lines(curves.series, styles, along, up), *_points(curves, styles, along, up)]
    marks += _places(curves.marks, along, axis_text(curves.y_label, up))
    labels, unlabelled = _labels(curves, styles, along, up)
    note = "Bands: range or interval of each line." if any(s.low != s.high for s in curves.series) else ""
    plot = frame([*marks, *labels], _sentence(curves), HEIGHT, "marked" if curves.marks else "")
    return figure(curves.title, note, plot, key(unlabelled))


def _widths(curves: Curves) -> Iterator[float]:
    """All x values, including those of the marks, so that the user's own value is inside the axis."""
    for series in curves.series:
        yield from series.x
    for mark in curves.marks:
        yield mark.x
        if mark.until is not None:
            yield mark.until


def _up(curves: Curves) -> Scale:
    """The y axis: a log axis if the values span a wide range, otherwise a linear one that does not magnify noise."""
    values = [value for value in _heights(curves) if math.isfinite(value)]
    low, high = (min(values), max(values)) if values else (0.0, 0.0)
    if curves.log_y and (low <= 0 or high > DECADE * low):
        return scale(values, log=True)
    size = CALM * max(abs(low), abs(high))
    if high - low < size:
        values += [(low + high - size) / 2, (low + high + size) / 2]
    return scale(values)


def _heights(curves: Curves) -> Iterator[float]:
    for series in curves.series:
        yield from (*series.y, *series.low, *series.high)


def _styles(series: Sequence[Series]) -> Iterator[str]:
    """A class for each line: the colour of its role, dashed if a line with another name has that colour."""
    turn, seen = count(), dict[str, str]()
    for line in series:
        colour = ROLES.get(line.role) or OTHERS[next(turn) % len(OTHERS)]
        dashed = " dash" if seen.setdefault(colour, line.name) != line.name or line.role == "reference" else ""
        yield colour + dashed


def _thinned(values: Sequence[Point]) -> list[Point]:
    """At most `POINTS` points: the lowest and highest of each section, so that no peak is lost."""
    if len(values) <= POINTS:
        return list(values)
    size = math.ceil(len(values) / (POINTS // 2 - 1))
    kept = {0, len(values) - 1}
    for start in range(0, len(values), size):
        stretch = range(start, min(start + size, len(values)))
        kept |= {min(stretch, key=lambda i: values[i][1]), max(stretch, key=lambda i: values[i][1])}
    return [values[index] for index in sorted(kept)]


def _stretches(x: Sequence[float], y: Sequence[float], along: Scale, up: Scale) -> Iterator[list[Point]]:
    """The finite parts of a line; a non-finite value interrupts it."""
    part: list[Point] = []
    for across, height in zip(x, y, strict=False):
        left, rise = along.place(across), up.place(height)
        if left is None or rise is None:
            if part:
                yield _thinned(part)
            part = []
        else:
            part.append((left, 100 - rise))
    if part:
        yield _thinned(part)


def _path(points: Sequence[Point]) -> str:
    return "M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in points)


def _lines(series: Sequence[Series], styles: Sequence[str], along: Scale, up: Scale) -> Markup:
    """All bands and lines, in a nested SVG that stretches with the plot."""
    paths = []
    for line, style in zip(series, styles, strict=True):
        low = _thin_band(_stretches(line.x, line.low, along, up))
        high = _thin_band(_stretches(line.x, line.high, along, up))
        if low and high:
            paths.append(tag("path", class_=f"band {style}", d=_path([*high, *reversed(low)]) + "Z"))
        for part in _stretches(line.x, line.y, along, up):
            paths.append(tag("path", class_=f"ln {style}", d=_path(part)))
    return tag("svg", *paths, viewBox="0 0 100 100", preserveAspectRatio="none", width="100%", height="100%")


def _thin_band(parts: Iterator[list[Point]]) -> list[Point]:
    return [point for part in parts for point in part]


def _points(curves: Curves, styles: Sequence[str], along: Scale, up: Scale) -> Iterator[Markup]:
    """Points of short lines, and a cross where a line becomes non-finite."""
    for line, style in zip(curves.series, styles, strict=True):
        colour = style.split()[0]
        placed = [(x, y, along.place(x), up.place(y)) for x, y in zip(line.x, line.y, strict=False)]
        finite = [(x, y, left, 100 - rise) for x, y, left, rise in placed if left is not None and rise is not None]
        if len(line.x) <= DOTTED and line.role != "reference":
            for x, y, left, top in finite:
                title = tag("title", f"{line.name}: {number(y)} at {number(x)}")
                yield tag("circle", title, class_=f"pt {colour}", cx=at(left), cy=at(top), r=3)
        if finite and placed[-1][3] is None:
            x, _, left, top = finite[-1]
            title = tag("title", f"{line.name}: not finite after {number(x)}")
            cross = tag("path", title, class_="own", d="M-4 -4L4 4M4 -4L-4 4")
            yield tag("svg", cross, x=at(left), y=at(top), class_="free")


def _ranges(marks: Sequence[Mark], along: Scale) -> Iterator[Markup]:
    for mark in marks:
        start = along.place(mark.x)
        end = along.place(mark.until) if mark.until is not None else None
        if start is None or end is None:
            continue
        width = max(NARROWEST, abs(end - start))
        left = min(start, end, 100 - width)
        style = "okb" if mark.role in ("healthy", "") else "gut"
        yield tag("rect", tag("title", mark.label), class_=style, x=at(left), y=0, width=at(width), height="100%")


def _places(marks: Sequence[Mark], along: Scale, y_label: str) -> list[Markup]:
    """Vertical lines with names above the plot; names that would overlap move up or are dropped."""
    placed = [(mark, _mark_place(mark, along)) for mark in marks]
    known = [(mark, place) for mark, place in placed if place is not None]
    drawn = []
    for mark, place in known:
        if mark.until is None:
            style = "own" if _mark_style(mark, marks) == "c-flag" else f"ref {_mark_style(mark, marks)}"
            line = tag("line", tag("title", mark.label), class_=style, x1=at(place), x2=at(place), y1=0, y2="100%")
            drawn.append(line)
    candidates = [_above(_mark_name(mark), place) for mark, place in known]
    for (mark, _), label in zip(
        known, settle(candidates, [Box(-40, -27, len(y_label) * CHARACTER - 34, -10)]), strict=True
    ):
        if label is not None:
            drawn.append(written(label, f"b {_mark_style(mark, marks)}"))
    return drawn


def _mark_name(mark: Mark) -> str:
    """The label of a mark; the user's own value gets its number if the label has none."""
    bare = mark.role == "yours" and mark.until is None and not any(letter.isdigit() for letter in mark.label)
    return cut(f"{mark.label} {number(mark.x)}" if bare else mark.label, NAME)


def _mark_place(mark: Mark, along: Scale) -> float | None:
    start = along.place(mark.x)
    end = along.place(mark.until) if mark.until is not None else start
    return None if start is None or end is None else (start + end) / 2


def _above(text: str, place: float) -> list[Label]:
    anchors = ("start", "middle", "end") if place < 30 else ("end", "middle", "start")
    return [Label(text, place, y, anchor) for y in (-7.0, -30.0) for anchor in ("middle", *anchors)]


def _mark_style(mark: Mark, marks: Sequence[Mark]) -> str:
    """Green for healthy; the user's own value is red only if it lies outside the healthy range in the figure."""
    if mark.role == "healthy":
        return "c-ok"
    ranges = [(other.x, other.until) for other in marks if other.role == "healthy" and other.until is not None]
    if mark.role == "yours" and ranges and not any(low <= mark.x <= high for low, high in ranges):
        return "c-flag"
    return "c-ink" if mark.role == "yours" else "c-soft"


def _labels(
    curves: Curves, styles: Sequence[str], along: Scale, up: Scale
) -> tuple[list[Markup], list[tuple[str, str]]]:
    """Labels beside the lines, and (style, name) of those without room, for the legend. One label per name."""
    lines = [_pixels(line, along, up) for line in curves.series]
    obstacles = [box for line in lines for box in trace(line)]
    upright = [place for mark in curves.marks if mark.until is None and (place := along.place(mark.x)) is not None]
    obstacles += [box for place in upright for box in trace([(place, 0.0), (place, float(HEIGHT))])]
    named: dict[str, tuple[str, list[Point]]] = {}
    for series, style, line in zip(curves.series, styles, lines, strict=True):
        if series.name and line:
            named.setdefault(series.name, (style, line))
    places = settle((_along(cut(name, NAME), line) for name, (_, line) in named.items()), obstacles, HEIGHT)
    drawn = [
        written(label, f"b {style.split()[0]}")
        for (style, _), label in zip(named.values(), places, strict=True)
        if label is not None
    ]
    rest = [(style, name) for (name, (style, _)), label in zip(named.items(), places, strict=True) if label is None]
    return drawn, rest


def _pixels(series: Series, along: Scale, up: Scale) -> list[Point]:
    return [(x, y / 100 * HEIGHT) for part in _stretches(series.x, series.y, along, up) for x, y in part]


def _along(text: str, line: Sequence[Point]) -> list[Label]:
    """Places above and below the line, starting at its end, where lines are easiest to distinguish."""
    labels = []
    for share in (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0):
        x, y = line[min(len(line) - 1, int(share * len(line)))]
        anchors = ("end",) if x > 85 else ("start",) if x < 15 else ("middle", "end", "start")
        labels += [Label(text, x, y + offset, anchor) for offset in (-7.0, 17.0, -14.0, 26.0) for anchor in anchors]
    return labels


def _sentence(curves: Curves) -> str:
    parts = [f"{curves.title}: {curves.y_label} against {curves.x_label}"]
    for series in curves.series:
        finite = [(x, y) for x, y in zip(series.x, series.y, strict=False) if math.isfinite(y)]
        if finite:
            start, end, best = finite[0][1], finite[-1][1], min(finite, key=lambda point: point[1])
            parts.append(
                f"{series.name} from {number(start)} to {number(end)}, smallest {number(best[1])} at {number(best[0])}"
            )
        else:
            parts.append(f"{series.name} has no finite value")
    parts += [f"{mark.label} at {number(mark.x)}" for mark in curves.marks]
    return "; ".join(parts) + "."


def histogram(shown: Histogram) -> Markup:
    """A figure of counts between edges, as adjacent bars."""
    along = scale(shown.edges, shown.log_x, exact=True)
    up = scale(shown.counts, zero=True)
    total = sum(value for value in shown.counts if math.isfinite(value)) or 1.0
    marks = [*y_axis(up, "count"), *x_axis(along, shown.x_label, grid=False)]
    for low, high, value in zip(shown.edges, shown.edges[1:], shown.counts, strict=False):
        left, right, rise = along.place(low), along.place(high), up.place(value)
        if left is None or right is None or not rise:
            continue
        title = tag("title", f"{number(low)} to {number(high)}: {number(value)} ({quantity(value / total, 'share')})")
        place = {"x": at(left), "y": at(100 - rise), "width": at(right - left), "height": at(rise)}
        marks.append(tag("rect", title, class_="bar c-bar", **place))
    ends = " to ".join(number(end) for end in (*shown.edges[:1], *shown.edges[-1:]))
    sentence = f"{shown.title}: {number(total)} values of {shown.x_label or 'one quantity'}, {ends}."
    return figure(shown.title, "", frame(marks, sentence, 170))
