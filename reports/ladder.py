"""Draws the errors: a ladder from target to test error, and the line under the verdict."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from diagnose.diagnosis import ErrorLevel
from diagnose.findings import Interval
from diagnose.reports.labels import CHARACTER, NARROW, Label, settle
from diagnose.reports.numbers import cut, decimals, factor, interval, listed, quantity, rounded_like, shown_unit
from diagnose.reports.plot import ROLES, figure, frame, x_axis
from diagnose.reports.svg import Scale, at, scale, tag

GAPS = {
    ("target", "train"): "avoidable bias",
    ("train", "train-dev"): "variance",
    ("train", "dev"): "variance",
    ("train", "test"): "variance",
    ("train-dev", "dev"): "data mismatch",
    ("dev", "test"): "dev overfitting",
}
STEPS = ("target", "train", "train-dev", "dev", "test")  # levels of the ladder; missing ones are listed
ROOM = 200.0  # px left for the plot on a phone, beside names
HALF = 330.0  # px: width of a plot when two are side by side on a wide screen
STEP = 64  # px between levels
NAME = 15  # characters of a level's name
FINE = 0.2  # points: the width of an interval below which a gap has more than one decimal
FAR = 3.0  # times the largest other level: a constant prediction above this is not drawn, it would squeeze the rest
NAMES = {"baseline": "best baseline", "constant": "constant"}  # short names on the number line


@dataclass(frozen=True)
class Level:
    """One level of error in the displayed unit; `low` and `high` equal `value` if it has no interval."""

    label: str
    role: str
    value: float
    low: float
    high: float
    text: str
    whole: str

    @property
    def exact(self) -> bool:
        return self.low == self.high


def by_output(errors: Sequence[ErrorLevel]) -> list[list[ErrorLevel]]:
    """The errors of each output, in the order of the outputs."""
    outputs = dict.fromkeys(error.output for error in errors)
    return [[error for error in errors if error.output == output] for output in outputs]


def levels(errors: Sequence[ErrorLevel]) -> list[Level]:
    """The levels of one output: target, baseline, splits and constant prediction (of the last split)."""
    return [_as_level(*level) for level in _levels(errors) if level[2] is not None]


def _levels(errors: Sequence[ErrorLevel]) -> Iterator[tuple[str, str, float | None, Interval | None, str]]:
    """Label, role, error, interval and unit."""
    last = errors[-1]
    yield "target", "target", last.target_error, None, last.unit
    yield f"baseline: {last.baseline}", "baseline", last.baseline_error, last.baseline_interval, last.unit
    for error in errors:
        name = error.split.replace("_", "-")
        yield name, name, error.error, error.interval, error.unit
    yield f"constant prediction on {last.split.replace('_', '-')}", "constant", last.constant_error, None, last.unit


def _as_level(label: str, role: str, value: float | None, of: Interval | None, unit: str) -> Level:
    value = math.nan if value is None else value
    low, high = (value, value) if of is None else (of.low, of.high)
    low, high = (end if math.isfinite(end) else value for end in (low, high))
    own = Interval(low, high) if low < high else None
    span = f" {interval(low, high, unit)}" if own else ""
    shown = quantity(value, unit) if factor(unit) != 1 else rounded_like(value, own)  # the axis has the unit
    shown, full = ("unknown", "unknown") if math.isnan(value) else (shown, quantity(value, unit))
    whole, times = f"{label}: {full}{span}", factor(unit)
    return Level(label, role, value * times, low * times, high * times, shown, whole)


def ladder(errors: Sequence[ErrorLevel], several: bool = False) -> Markup:
    """The levels of one output in rows, and the named gaps between them, each with its interval."""
    every, unit = levels(errors), errors[-1].unit
    title = f"Error by split of {errors[-1].output}" if several else "Error by split"
    far = _far(every)
    rungs = [rung for rung in every if rung is not far]
    along = scale([end for rung in rungs for end in (rung.low, rung.high)], zero=True)
    marks = x_axis(along, shown_unit(unit), room=ROOM)
    sentences = [rung.whole for rung in rungs]
    for index, rung in enumerate(rungs):
        marks += _level(rung, along, _middle(index, len(rungs)))
    for before, after in _named_gaps(rungs):
        drawn, sentence = _gap(rungs, before, after, along, unit)
        marks += drawn
        sentences.append(sentence)
    note = "Lines: 95 % intervals. Between the levels: name and size of each gap."
    note += f" Beyond the axis: {far.whole}." if far else ""
    unknown = [role for role in STEPS if role not in {rung.role for rung in every}]
    note += f" Not available: {listed(unknown)}." if unknown else ""
    return figure(title, note, frame(marks, "; ".join(sentences) + ".", STEP * len(rungs), "wide tight"))


def _far(rungs: list[Level]) -> Level | None:
    """The constant prediction, if it lies far beyond all other levels."""
    others = [rung.high for rung in rungs if rung.role != "constant" and math.isfinite(rung.high)]
    constant = next((rung for rung in rungs if rung.role == "constant"), None)
    return constant if constant and others and constant.value > FAR * max(others) > 0 else None


def _middle(index: int, count: int) -> float:
    return 100 * (index + 0.5) / count


def _level(rung: Level, along: Scale, y: float) -> list[Markup]:
    style = ROLES.get(rung.role, "c-ink")
    long = len(rung.label) > NAME
    name = rung.role or cut(rung.label, NAME) if long else rung.label
    title = [tag("title", rung.label)] if long else []
    marks = [
        tag("text", name, *title, class_=f"b {style}", x=0, y=at(y), dx=-12, dy=-2, text_anchor="end"),
        tag("text", cut(rung.text, NAME), class_="tk", x=0, y=at(y), dx=-12, dy=13, text_anchor="end"),
    ]
    place = along.place(rung.value)
    if place is None:
        return [*marks, tag("text", "unknown", class_="lb c-soft", x=0, y=at(y), dx=8, dy=4)]
    if not rung.exact:
        ends = [along.place(end) or 0.0 for end in (rung.low, rung.high)]
        marks.append(tag("line", class_=f"iv {style}", x1=at(ends[0]), x2=at(ends[1]), y1=at(y), y2=at(y)))
    shape = "ho" if rung.role in ("target", "train-dev", "baseline", "constant") else "pt"
    dot = tag("circle", tag("title", rung.whole), class_=f"{shape} {style}", cx=at(place), cy=at(y), r=4.5)
    return [*marks, dot]


def _named_gaps(rungs: list[Level]) -> list[tuple[int, int]]:
    """Pairs of levels whose difference has a name; levels without a name for a gap are skipped."""
    order = [index for index, rung in enumerate(rungs) if rung.role and math.isfinite(rung.value)]
    order = [index for index in order if any(rungs[index].role in pair for pair in GAPS)]
    pairs = list(pairwise(order))
    return [(before, after) for before, after in pairs if (rungs[before].role, rungs[after].role) in GAPS]


def difference(before: Level, after: Level) -> tuple[float, float, float]:
    """`after` minus `before` with an interval computed from both intervals: (size, low, high).

    Source: Zou and Donner 2008, "Construction of confidence limits about effect measures" (the levels come from
    different rows, so their errors are independent).
    """
    size = after.value - before.value
    low = size - math.hypot(after.value - after.low, before.high - before.value)
    high = size + math.hypot(after.high - after.value, before.value - before.low)
    return size, low, high


def _gap(rungs: list[Level], first: int, last: int, along: Scale, unit: str) -> tuple[list[Markup], str]:
    before, after = rungs[first], rungs[last]
    name = GAPS[before.role, after.role]
    size, low, high = difference(before, after)
    y = (_middle(last - 1, len(rungs)) + _middle(last, len(rungs))) / 2
    ends = (along.place(before.value) or 0.0, along.place(after.value) or 0.0)
    shares = factor(unit) != 1
    fine = decimals(size if high - low < FINE else round(size, 1))  # no digits that the interval does not bear out
    text = fine if shares else rounded_like(size, Interval(low, high))
    amount, span = f"{'+' if size > 0 else ''}{text}", interval(low, high, "%" if shares else "")
    lower, upper = (along.place(before.value + end) for end in (low, high))
    rise = 100 * 14 / (STEP * len(rungs))
    marks = [
        tag("line", class_="conn", x1=at(ends[0]), x2=at(ends[0]), y1=at(_middle(first, len(rungs)) + rise), y2=at(y)),
        tag("line", class_="conn", x1=at(ends[1]), x2=at(ends[1]), y1=at(y + rise), y2=at(y)),
        tag("line", class_="step-bar c-soft", x1=at(ends[0]), x2=at(ends[1]), y1=at(y), y2=at(y)),
        tag("line", class_="iv thin c-soft", x1=at(lower or 0.0), x2=at(upper or 0.0), y1=at(y), y2=at(y)),
        tag("text", name, class_="c-soft", x=0, y=at(y), dx=-12, dy=4, text_anchor="end"),
        _amount(amount, span, min(*ends, lower or 0.0), max(*ends, upper or 0.0), y),
    ]
    return marks, f"{name}: {amount} {span}"


def _amount(amount: str, span: str, left: float, right: float, y: float) -> Markup:
    """The size of a gap, written beside it; its interval is hidden on a phone."""
    room = 100 * max(_width(amount) / NARROW, _width(f"{amount} {span}") / HALF)
    parts = [tag("tspan", amount, class_="b"), tag("tspan", span, class_="opt c-soft", dx=5)]
    if right + room <= 100:
        return tag("text", *parts, class_="lb", x=at(right), y=at(y), dx=8, dy=4)
    if left >= room:
        return tag("text", *parts, class_="lb", x=at(left), y=at(y), dx=-8, dy=4, text_anchor="end")
    middle = min(max((left + right) / 2, room / 2), 100 - room / 2)
    return tag("text", *parts, class_="lb", x=at(middle), y=at(y), dy=-8, text_anchor="middle")


def _width(text: str) -> float:
    """px of the text with the space beside it."""
    return len(text) * CHARACTER + 10


def number_line(errors: Sequence[ErrorLevel], style: str) -> Markup:
    """Target, baseline, constant prediction and your model on one axis; `style` is the colour of your model.

    Your model is shown by its dev error, else its test error, else its train error.
    """
    every = [level for level in levels(errors) if math.isfinite(level.value)]
    own = next((level for role in ("dev", "test", "train") for level in every if level.role == role), None)
    others = [level for level in every if level.role in ("target", "baseline", "constant")]
    if own is None:
        return Markup("")
    along = scale([end for level in (own, *others) for end in (level.low, level.high)], zero=True)
    shown = [(own, f"your model {own.text}", f"b {style}")]
    shown += [(level, f"{NAMES.get(level.role) or cut(level.label, 24)} {level.text}", "c-soft") for level in others]
    marks = x_axis(along, f"{own.label} {shown_unit(errors[-1].unit)}", grid=False)
    for level, _, colour in reversed(shown):
        marks += _point(level, along, colour)
    places = settle([_tiers(text, along.place(level.value) or 0.0) for level, text, _ in shown])
    for (_, _, colour), label in zip(shown, places, strict=True):
        if label is not None:
            marks.append(
                tag("text", label.text, class_=f"lb {colour}", x=at(label.x), y=label.y, text_anchor=label.anchor)
            )
    sentence = "; ".join((shown[0][1], *(level.whole for level in others))) + "."
    return frame(marks, sentence, 26, "strip")


def _tiers(text: str, place: float) -> list[Label]:
    """Places above the mark in three tiers, nearest first; at both ends of the axis they point inwards."""
    anchors = {"start": ("start", "middle"), "end": ("end", "middle"), "": ("middle", "start", "end")}
    side = "start" if place < 20 else "end" if place > 80 else ""
    return [Label(text, place, y, anchor) for y in (-7.0, -23.0, -39.0) for anchor in anchors[side]]


def _point(level: Level, along: Scale, style: str) -> list[Markup]:
    place = along.place(level.value) or 0.0
    colour = style.removeprefix("b ")
    if level.role == "target":
        return [tag("line", class_="ref", x1=at(place), x2=at(place), y1="100%", y2=0)]
    ends = [along.place(end) or 0.0 for end in (level.low, level.high)]
    shape = "ho" if level.role in ("baseline", "constant") else "pt"
    return [
        tag("line", class_=f"iv {colour}", x1=at(ends[0]), x2=at(ends[1]), y1="50%", y2="50%"),
        tag("circle", tag("title", level.whole), class_=f"{shape} {colour}", cx=at(place), cy="50%", r=5),
    ]
