"""Draws how large the activations and gradients of each layer are, as one row of small histograms a layer."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from diagnose.diagnosis import Distribution, LayerRow
from diagnose.reports.numbers import cut, decimals, number
from diagnose.reports.svg import Scale, at, tag

NAME = 32  # characters of a layer's path
TALL = 26  # px, of the highest bin of a row
APART = 12.0  # percent between the tick at zero and the next
STRIP = 2  # bins before the axis: one for exact zeros, one empty
TITLES = {"activations": "Activations, size", "gradients": "Gradients of single weights, size"}


@dataclass(frozen=True)
class Axis:
    """The log axis of one column: `bins` half decades from 10 ** `low` on, after the strip of exact zeros."""

    low: float
    bins: int

    @property
    def scale(self) -> Scale:
        strip = 100 * STRIP / (STRIP + self.bins)
        return Scale(10**self.low, 10 ** (self.low + self.bins / 2), log=True, strip=strip)


def distributions(rows: Sequence[LayerRow]) -> Markup:
    """One row for each layer with a histogram; empty if there is none. All rows of a column share a log axis."""
    known = [row for row in rows if any(getattr(row, name) or getattr(row, f"{name}_fresh") for name in TITLES)]
    axes = {name: axis for name in TITLES if (axis := _axis(known, name)) is not None}
    if not axes:
        return Markup("")
    head = [tag("th", "Layer", scope="col")]
    head += [tag("th", TITLES[name], _ticks(axis), scope="col") for name, axis in axes.items()]
    body = [
        tag(
            "tr",
            tag("th", tag("code", cut(row.path, NAME), title=row.path if len(row.path) > NAME else None), scope="row"),
            *(tag("td", _cell(row, name, axis), data_l=TITLES[name]) for name, axis in axes.items()),
        )
        for row in known
    ]
    return tag("div", tag("table", tag("thead", tag("tr", *head)), tag("tbody", *body), class_="dist"), class_="box")


def _axis(rows: Sequence[LayerRow], name: str) -> Axis | None:
    """From the lowest bin of all rows to the highest, with a strip for exact zeros."""
    drawn = [one for row in rows for one in (getattr(row, name), getattr(row, f"{name}_fresh")) if one is not None]
    filled = [one for one in drawn if one.shares]
    if not drawn:
        return None
    low = min((one.first for one in filled), default=-1.0)
    return Axis(low, max((_place(one, low) + len(one.shares) for one in filled), default=4))


def _place(shown: Distribution, low: float) -> int:
    return round(2 * (shown.first - low))


def _ticks(along: Axis) -> Markup:
    (zero, nought), *others = along.scale.ticks(4)
    ticks = [(zero, nought), *(tick for tick in others if tick[0] - zero > APART)]
    texts = (tag("text", text, class_="tk", x=at(place), y=12, text_anchor="middle") for place, text in ticks)
    return tag("svg", *texts, aria_hidden="true", width="100%", height=16)


def _cell(row: LayerRow, name: str, along: Axis) -> Markup:
    """Filled: as loaded. Line: fresh weights. The highest bin of each is as high as the row."""
    now, fresh = getattr(row, name), getattr(row, f"{name}_fresh")
    if now is None and fresh is None:
        return Markup("–")
    marks = [tag("path", d=_outline(now, along), class_="bar c-bar")] if now else []
    marks += [tag("path", d=_outline(fresh, along), class_="ln c-soft")] if fresh else []
    told = [_told(one, word) for one, word in ((now, "as loaded"), (fresh, "with fresh weights")) if one]
    sentence = f"{cut(row.path, NAME)}, {name}: {'; '.join(told)}"
    box = f"0 0 {STRIP + along.bins} {TALL}"
    drawn = tag("svg", *marks, viewBox=box, preserveAspectRatio="none", width="100%", height="100%")
    return tag("svg", tag("title", sentence), drawn, role="img", aria_label=sentence, width="100%", height=TALL)


def _outline(shown: Distribution, along: Axis) -> str:
    """The outline of the bars, one unit wide each: exact zeros in the strip on the left, then the half decades."""
    highest = max(shown.zero, *shown.shares, 0.0) or 1.0
    empty = (0.0,) * (STRIP - 1 + (_place(shown, along.low) if shown.shares else 0))
    tops = (TALL - round(TALL * share / highest) for share in (shown.zero, *empty, *shown.shares))
    return f"M0 {TALL}" + "".join(f"V{top}h1" for top in tops) + f"V{TALL}"


def _told(shown: Distribution, which: str) -> str:
    """The middle half of the sizes in words, and the share of exact zeros."""
    zeros = f"{decimals(100 * shown.zero)} % exact zeros"
    total = sum(shown.shares)
    if total <= 0:
        return f"{which} {zeros}"
    reached, ends = 0.0, list[float]()
    for place, share in enumerate(shown.shares):
        reached += share
        while len(ends) < 2 and reached >= total * (0.25, 0.75)[len(ends)]:
            ends.append(10 ** (shown.first + (place + len(ends)) / 2))
    span = " to ".join(number(end, 1) for end in ends)
    return f"{which} half of them about {span}" + (f", {zeros}" if shown.zero > 0 else "")
