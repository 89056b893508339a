"""Frame, axes and colours of all figures."""

import math
from collections.abc import Iterable, Sequence

from markupsafe import Markup

from diagnose.reports.labels import CHARACTER, NARROW, Label
from diagnose.reports.numbers import cut, halved
from diagnose.reports.svg import Scale, at, tag

ROLES = {
    "train": "c-train",
    "train-dev": "c-train",
    "dev": "c-dev",
    "test": "c-test",
    "yours": "c-ink",
    "reference": "c-soft",
    "healthy": "c-ok",
    "target": "c-soft",
    "baseline": "c-soft",
    "constant": "c-soft",
}
OTHERS = ("c-ink", "c-soft", "c-bar")  # greys for series without a role, because the hues have a meaning


def role_of(label: str) -> str:
    """The role named by the first word of a label ("train", "dev set", "best baseline: ridge"), "" if none."""
    words = label.lower().replace("_", "-").replace("train dev", "train-dev").removeprefix("best ").split()
    first = words[0].strip(",:;()") if words else ""
    first = {"training": "train", "validation": "dev"}.get(first, first)
    return first if first in ROLES else ""


def frame(marks: Iterable[Markup], label: str, height: int, style: str = "") -> Markup:
    """The plot area as an image with a text alternative; `style` sets the margins."""
    area = tag("svg", *marks, role="img", aria_label=label, width="100%", height=height)
    return tag("div", area, class_=f"plot {style}".rstrip())


def row_name(name: str, length: int, y: float) -> Markup:
    """The name left of a row, in one or two lines; if it is cut, the tooltip shows the whole name."""
    lines = halved(name, length)
    whole = [tag("title", name)] if "…" in lines[0] else []
    if len(lines) == 1:
        return tag("text", lines[0], *whole, x=0, y=at(y), dx=-10, dy=4, text_anchor="end")
    first, second = tag("tspan", lines[0], dy=-2), tag("tspan", lines[1], x=0, dx=-10, dy=13)
    return tag("text", first, second, x=0, y=at(y), dx=-10, text_anchor="end")


def figure(title: str, note: str, *content: Markup) -> Markup:
    """A figure: the title in bold, a note in grey, the content."""
    how = Markup(" ") + tag("span", note) if note else Markup("")
    caption = tag("figcaption", tag("b", title), how) if title or note else Markup("")
    return tag("figure", caption, *content)


def x_axis(scale: Scale, label: str, grid: bool = True, room: float = NARROW) -> list[Markup]:
    """The axis below the plot. `room`: its width in px on a phone, which limits the number of tick labels."""
    marks = [tag("rect", class_="gut", x=0, width=at(scale.strip), height="100%")] if scale.strip else []
    ticks = scale.ticks()
    every = math.ceil(sum(len(text) * CHARACTER + 8 for _, text in ticks) / room)
    for index, (place, text) in enumerate(ticks):
        if grid and place != scale.strip / 2:
            marks.append(tag("line", class_="grid", x1=at(place), x2=at(place), y1=0, y2="100%"))
        if index % every == 0:
            marks.append(tag("text", text, class_="tk", x=at(place), y="100%", dy=17, text_anchor="middle"))
    marks.append(tag("line", class_="axis", x1=0, x2="100%", y1="100%", y2="100%"))
    name = tag("text", *axis_name(label, scale), class_="al", x="100%", y="100%", dy=35, text_anchor="end")
    return [*marks, name]


def y_axis(scale: Scale, label: str) -> list[Markup]:
    marks = []
    if scale.strip:
        marks.append(tag("rect", class_="gut", x=0, y=at(100 - scale.strip), width="100%", height=at(scale.strip)))
    for place, text in scale.ticks():
        marks.append(tag("line", class_="grid", x1=0, x2="100%", y1=at(100 - place), y2=at(100 - place)))
        marks.append(tag("text", text, class_="tk", x=0, y=at(100 - place), dx=-8, dy=4, text_anchor="end"))
    return [*marks, tag("text", *axis_name(label, scale), class_="al", x=0, y=0, dx=-40, dy=-14)]


def axis_text(label: str, scale: Scale) -> str:
    return ", ".join(part for part in (cut(label, 30), "log scale" if scale.log else "") if part)


def axis_name(label: str, scale: Scale) -> list[str | Markup]:
    """The text of an axis; if it is cut, the tooltip shows the whole text."""
    text = axis_text(label, scale)
    return [text] if label in text else [text, tag("title", label)]


def written(label: Label, style: str) -> Markup:
    """A placed label with a halo in the colour of the page."""
    return tag("text", label.text, class_=f"lb {style}", x=at(label.x), y=round(label.y, 1), text_anchor=label.anchor)


def healthy_band(scale: Scale, healthy: tuple[float, float] | None) -> list[Markup]:
    if healthy is None:
        return []
    ends = [scale.place(value) for value in healthy]
    if ends[0] is None or ends[1] is None:
        return []
    title = tag("title", "range of healthy models")
    return [tag("rect", title, class_="okb", x=at(ends[0]), y=0, width=at(max(0.0, ends[1] - ends[0])), height="100%")]


def key(entries: Sequence[tuple[str, str]]) -> Markup:
    """The legend: stroke and name of the lines without a direct label."""
    if not entries:
        return Markup("")
    return tag(
        "p",
        *(tag("span", _stroke(style), cut(name, 60), class_="key") for style, name in entries),
        class_="keys small soft",
    )


def _stroke(style: str) -> Markup:
    line = tag("line", class_=f"ln {style}", x1=0, x2=24, y1=5, y2=5)
    return tag("svg", line, viewBox="0 0 24 10", class_="long", aria_hidden="true")
