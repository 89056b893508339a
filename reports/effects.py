"""Draws the effects of changes: the same model with and without a change, on one axis."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from diagnose.diagnosis import Cause, Effect, ErrorLevel
from diagnose.findings import Interval
from diagnose.reports.numbers import counted, decimals, interval_text, is_share, listed, number, quantity, rounded_like
from diagnose.reports.plot import figure, frame, row_name, x_axis
from diagnose.reports.svg import Scale, at, tag

HOW = {"sufficient": "this change alone", "necessary": "undone in a repaired copy"}
ROWS = 8
ROW = 32  # px
NAME = 15  # characters of a change's name beside the plot
ROOM = 160.0  # px left for the plot on a phone, beside names


def now(effect: Effect, errors: Sequence[ErrorLevel]) -> float | None:
    """What the effect measures of the loaded model itself; None if that is unknown or belongs to several outputs."""
    split = "dev" if effect.on_dev else "train"
    own = [error for error in errors if error.split == split and effect.output in ("", error.output)]
    if len(own) != 1:
        return None
    known = own[0].skill if not effect.on_dev else own[0].loss if effect.metric == "dev loss" else own[0].error
    return known if known is not None and math.isfinite(known) else None


def repaired(cause: Cause, effects: Sequence[Effect], errors: Sequence[ErrorLevel] = ()) -> Markup:
    """A figure of the experiments for a cause, with your model as it is; empty if there are none."""
    own = sorted(bearing(cause, effects), key=lambda e: -e.after)[:ROWS]
    if not own:
        return Markup("")
    best = own[0]
    helped = cause.state == "confirmed" and best.direction == "sufficient" and best.restores is not False
    title = f"The repaired model: {best.what}" if helped else "Effect of each change"
    controls = list(dict.fromkeys(effect.control for effect in own if effect.control))
    beside = f", or with {listed(controls)} for changes on top of it" if controls else ""
    loaded = [now(effect, errors) for effect in own]
    yours = any(level is not None for level in loaded)
    note = f"Train skill of copies after a short training. Hollow: without the change{beside}. Line: 95 % interval."
    note += " Upright: your model now." if yours else ""
    low = min(0.0, *(effect.before for effect in own), *(effect.after for effect in own))
    along = Scale(low if low > -1 else -1.0, 1.0, step=0.25)
    marks = x_axis(along, "skill", room=ROOM)
    for place, effect in enumerate(own):
        marks += _row(effect, 100 * (place + 0.5) / len(own), along, helped)
        marks += _loaded(loaded[place], 100 * (place + 0.5) / len(own), along)
    told = [f"your model now {number(level)}" for level in dict.fromkeys(loaded) if level is not None]
    sentence = "; ".join([*map(_sentence, own), *told])
    return figure(title, note, frame(marks, f"{title}: {sentence}.", ROW * len(own), "wide tight"))


def _loaded(level: float | None, y: float, along: Scale) -> list[Markup]:
    place = None if level is None else along.place(level)
    if place is None:
        return []
    mark = tag("path", tag("title", f"your model now: {number(level)}"), class_="own-now", d="M0 -8V8")
    return [tag("svg", mark, x=at(place), y=at(y), class_="free")]


def _sentence(effect: Effect) -> str:
    skills = (effect.before, effect.after, effect.after - effect.before)
    before, after, change = (rounded_like(skill, gain(effect)) for skill in skills)
    span = interval_text(gain(effect))
    control = f"with {effect.control}" if effect.control else "without"
    seeds = counted(effect.seeds, "seed")
    return f"{effect.what}: {before} {control}, {after} with it, difference {change} {span}, {seeds}"


def gain(effect: Effect) -> Interval | None:
    """The interval of the difference, within what is possible: no skill is above 1, and 0 needs no training."""
    span = effect.interval
    if span is None:
        return None
    least, most = min(0.0, effect.after) - effect.before, max(1.0, effect.after) - effect.before
    low, high = (min(max(end, least), most) for end in (span.low, span.high))
    return Interval(low, high, span.level)


class Tried(NamedTuple):
    """One change that was tried, as text: what was measured, without it and with it, the difference, and how."""

    what: str
    output: str
    measure: str
    without: str
    with_it: str
    difference: str
    interval: str
    how: str


def tried(effects: Sequence[Effect]) -> list[Tried]:
    """All changes that were tried, those judged by the train skill first, those after the repair last."""
    return [_tried(effect) for effect in sorted(effects, key=lambda effect: (effect.on_dev, effect.after_repair))]


def _tried(effect: Effect) -> Tried:
    share, change = is_share(effect.metric), effect.after - effect.before
    if share:
        before, after = (quantity(value, effect.metric) for value in (effect.before, effect.after))
        difference = f"{decimals(100 * change)} points"
    else:
        before, after, difference = (
            rounded_like(value, effect.interval) for value in (effect.before, effect.after, change)
        )
    how = f"on top of {effect.control}" if effect.control else HOW.get(effect.direction, effect.direction)
    how = "forecast" if effect.forecast else how
    return Tried(
        effect.what,
        effect.output,
        effect.metric,
        before,
        after,
        difference,
        interval_text(effect.interval if effect.on_dev else gain(effect), effect.metric),
        f"{how}, {counted(effect.seeds, 'seed')}",
    )


def bearing(cause: Cause, effects: Sequence[Effect]) -> list[Effect]:
    """The effects on the train skill that concern a cause. In results of older versions each effect names one cause."""
    return [one for one in effects if not one.on_dev and cause.code in (one.causes or (one.code,))]


def _row(effect: Effect, y: float, along: Scale, helped: bool) -> list[Markup]:
    style = "c-ok" if helped and effect.interval is not None and effect.interval.low > 0 else "c-ink"
    before, after = along.place(effect.before), along.place(effect.after)
    marks = [
        row_name(effect.what, NAME, y),
        tag("line", class_="grid", x1=0, y1=at(y), x2="100%", y2=at(y)),
    ]
    if before is None or after is None:
        return [*marks, tag("text", "not finite", class_="lb c-flag", x=0, y=at(y), dx=8, dy=4)]
    span = gain(effect)
    if span is not None:
        ends = [along.place(effect.before + end) or 0.0 for end in (span.low, span.high)]
        marks.append(tag("line", class_=f"iv {style}", x1=at(ends[0]), x2=at(ends[1]), y1=at(y), y2=at(y)))
    right = after < 70
    marks += [
        tag(
            "circle",
            tag("title", f"{f'with {effect.control}' if effect.control else 'without'}: {number(effect.before)}"),
            class_="ho c-soft",
            cx=at(before),
            cy=at(y),
            r=4,
        ),
        tag(
            "circle", tag("title", f"with: {number(effect.after)}"), class_=f"pt {style}", cx=at(after), cy=at(y), r=4.5
        ),
        tag(
            "text",
            rounded_like(effect.after, span),
            class_=f"lb b {style}",
            x=at(max(before, after) if right else after),
            y=at(y),
            dx=9 if right else -9,
            dy=4,
            text_anchor="start" if right else "end",
        ),
    ]
    return marks
