"""Draws the layer map: one row per layer with its place in the graph and three panels, and the same as a table."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup

from diagnose.diagnosis import Band, Diagnosis, LayerRow
from diagnose.findings import Severity
from diagnose.reports.graph import Rail, Track, rails, track
from diagnose.reports.numbers import counted, cut, decimals, field, number, shape
from diagnose.reports.plot import healthy_band
from diagnose.reports.svg import Scale, at, scale, tag

OPEN = 30  # with more layers, blocks without flags start closed
APART = 30.0  # percent of a panel between two tick labels, for a phone
LONG = 0.6  # from this share on the number is inside its bar, because there is no room beside it on a phone
NAME = 48  # characters of a layer's path; the tooltip shows the whole path

GLYPHS = {  # shape of the node by part of the layer's kind; drawn around 0, 0
    "input": '<rect class="ho" x="-8" y="-4" width="16" height="8" rx="4"/>',
    "conv": '<rect class="ho" x="-7" y="-7" width="14" height="14" rx="1"/>',
    "pool": '<path class="ho" d="M-8 -5h16l-4 10h-8z"/>',
    "flatten": '<rect class="ho" x="-8" y="-2.5" width="16" height="5"/>',
    "reshape": '<rect class="ho" x="-8" y="-2.5" width="16" height="5"/>',
    "norm": '<rect class="ho" x="-5" y="-3" width="10" height="6"/>',
    "add": '<circle class="ho" r="7"/><path class="ln" d="M0 -4v8M-4 0h8"/>',
    "concat": '<circle class="ho" r="7"/><path class="ln" d="M0 -4v8M-4 0h8"/>',
    "attention": '<path class="ho" d="M-4 -7h8l4 7l-4 7h-8l-4 -7z"/>',
    "lstm": '<path class="ho" d="M-7 -7h14v14h-14zM-4 0h8"/>',
    "gru": '<path class="ho" d="M-7 -7h14v14h-14zM-4 0h8"/>',
    "rnn": '<path class="ho" d="M-7 -7h14v14h-14zM-4 0h8"/>',
    "embedding": '<path class="ho" d="M-7 -7h14v14h-14zM0 -7v14"/>',
    "dense": '<circle class="ho" r="7"/>',
}
COLUMNS = (  # of the table, after the layer's name
    "Kind",
    "Output",
    "Parameters",
    "Receptive field",
    "Initializer",
    "Spread",
    "Spread, fresh",
    "Gradient / weight",
    "Gradient, fresh",
    "Dead",
    "Saturated",
)
RIGHT = frozenset({"Parameters", *COLUMNS[5:]})  # columns of numbers
NONE = "–"  # a cell without a value
PLAIN = '<circle class="ho" r="3.5"/>'
FLAGGED = '<circle class="ho" r="7.5"/><path class="ln" d="M-4 -4l8 8M4 -4l-8 8"/>'


@dataclass(frozen=True)
class Panels:
    """Data shared by all rows: axes, healthy bands and the track of the graph."""

    spread: Scale
    gradient: Scale
    bands: dict[str, Band]
    track: Track
    checks: frozenset[str]  # codes of checks that the page documents
    heads: frozenset[str] = frozenset()  # paths of the output layers, which have a scale of their own

    def healthy(self, quantity: str, along: Scale, row: LayerRow | None = None) -> list[Markup]:
        """The healthy band of one panel, if known.

        That of the spread does not hold for the layer of an output, and none for a value inside it that a check of
        this quantity flags all the same: it judges by more than the band.
        """
        band = self.bands.get(quantity)
        if row is not None and band is not None:
            value = getattr(row, quantity)
            inside = value is not None and band.low <= value <= band.high
            if (quantity == "spread" and row.path in self.heads) or (inside and set(band.checks) & set(row.flags)):
                return []
        return healthy_band(along, (band.low, band.high) if band else None)

    def too_dead(self, share: float) -> bool:
        """Whether more units are dead than in healthy layers."""
        band = self.bands.get("dead")
        return band is not None and share > band.high


@dataclass(frozen=True)
class Pair:
    """One quantity of one layer, as loaded and with fresh weights."""

    what: str
    now: float | None
    fresh: float | None
    along: Scale


def layer_map(diagnosis: Diagnosis) -> Markup:
    """All layers in call order, in collapsible blocks."""
    rows, laid = diagnosis.layers, rails(diagnosis.layers)
    worst = _worst(diagnosis)
    checks = frozenset(check.code for check in diagnosis.checks)
    bands: dict[str, Band] = {band.quantity: band for band in diagnosis.bands}
    fed = {path for row in rows for path in row.inbound}
    heads = frozenset(row.path for row in rows if row.path not in fed) if fed else frozenset({rows[-1].path})
    panels = Panels(_axis(rows, "spread"), _axis(rows, "gradient"), bands, track(rows, laid), checks, heads)
    drawn, start = [], 0
    for name, block in blocks_of(rows):
        rail = laid[start : start + len(block)]
        drawn.append(_block(name, list(zip(block, rail, strict=True)), panels, worst, len(rows) <= OPEN))
        start += len(block)
    return tag("div", _head(panels), *drawn, class_=f"lm {panels.track.style}")


def _worst(diagnosis: Diagnosis) -> dict[str, Severity]:
    worst: dict[str, Severity] = {}
    for finding in diagnosis.findings:
        path = finding.where.layer
        if path is not None and (path not in worst or finding.severity.rank > worst[path].rank):
            worst[path] = finding.severity
    return worst


def _axis(rows: Iterable[LayerRow], name: str) -> Scale:
    values = [getattr(row, field) for row in rows for field in (name, f"{name}_fresh")]
    return scale([value for value in values if value is not None], log=True)


def blocks_of(rows: Sequence[LayerRow]) -> Iterator[tuple[str, list[LayerRow]]]:
    """Consecutive layers of the same nested model or the same output size, with a name for each block."""
    for (parent, sides), members in groupby(rows, key=_place):
        block = list(members)
        if parent:
            yield parent, block
        elif sides:
            yield f"At {shape((None, *sides))}", block
        else:
            yield "Flat part" if len(block) > 1 else block[0].kind, block


def _place(row: LayerRow) -> tuple[str, tuple[int | None, ...]]:
    parent = row.path.rpartition("/")[0]
    return parent, () if parent or not row.output_shape else row.output_shape[1:-1]


def _head(panels: Panels) -> Markup:
    full = Scale(0, 100)
    cells = (
        _head_cell("pa", "Spread (std), log scale", panels.spread),
        _head_cell("pb", "Dead or saturated, %", full),
        _head_cell("pc", "Gradient / weight, log scale", panels.gradient),
    )
    return tag(
        "div", tag("div", class_="g"), tag("div", tag("p", "Layer", class_="vh"), class_="n"), *cells, class_="row hd"
    )


def _head_cell(panel: str, title: str, along: Scale) -> Markup:
    texts = []
    ticks = _ends(along.ticks(3))
    for place, text in ticks:
        anchor = "start" if place < 3 else "end" if place > 92 else "middle"
        style = "tk" if (place, text) in (ticks[0], ticks[-1]) else "tk opt"
        texts.append(tag("text", text, class_=style, x=at(place), y="100%", dy=-5, text_anchor=anchor))
    return tag("div", tag("p", title), tag("svg", *texts, aria_hidden="true", height=22), class_=f"{panel} cell")


def _ends(ticks: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """The first and the last tick, and one between them if there is room on a phone."""
    if len(ticks) < 2:
        return list(ticks)
    first, last = ticks[0], ticks[-1]
    middle = [tick for tick in ticks[1:-1] if tick[0] - first[0] > APART and last[0] - tick[0] > APART]
    return [first, *middle[:1], *([last] if last[0] - first[0] > APART else [])]


def _block(
    name: str, rows: list[tuple[LayerRow, Rail]], panels: Panels, worst: dict[str, Severity], unfold: bool
) -> Markup:
    layers = [row for row, _ in rows]
    flagged = [row for row in layers if _style(row, worst) in ("c-flag", "c-warn")]
    notes = [counted(len(rows), "layer"), f"{sum(row.parameters for row in layers):,} parameters"]
    dead = max((row.dead for row in layers if row.dead and math.isfinite(row.dead)), default=0.0)
    notes += [f"up to {decimals(100 * dead)} % dead"] if dead else []
    summary = [tag("b", cut(name, NAME)), f" · {', '.join(notes)}"]
    if flagged:
        style = "flag" if any(_style(row, worst) == "c-flag" for row in flagged) else "warn"
        summary.append(tag("span", f", {len(flagged)} flagged", class_=style))
    cells = (
        tag("div", *_range(layers, "spread", panels.spread, panels), class_="cell pa"),
        tag("div", *_most_dead(dead, panels), class_="cell pb"),
        tag("div", *_range(layers, "gradient", panels.gradient, panels), class_="cell pc"),
    )
    what = tag("span", *summary, class_="what n")
    heading = tag("summary", panels.track.heading(rows[0][1], rows[-1][1]), what, *cells, class_="row")
    body = tag("ol", *(_row(row, rail, panels, _style(row, worst)) for row, rail in rows))
    return tag("details", heading, body, class_="blk", open="" if unfold or flagged else None)


def _range(rows: Sequence[LayerRow], quantity: str, along: Scale, panels: Panels) -> list[Markup]:
    """The range of the values as loaded, for the heading of a closed block."""
    values = [value for row in rows if (value := getattr(row, quantity)) is not None and math.isfinite(value)]
    ends = [along.place(value) or 0.0 for value in values]
    marks = panels.healthy(quantity, along)
    if not ends:
        return [tag("svg", *marks, aria_hidden="true")] if marks else []
    sentence = f"{quantity} as loaded, {number(min(values))} to {number(max(values))} in this block"
    marks.append(
        tag("line", tag("title", sentence), class_="iv", x1=at(min(ends)), x2=at(max(ends)), y1="50%", y2="50%")
    )
    marks += [tag("circle", class_="pt c-ink", cx=at(place), cy="50%", r=3) for place in {min(ends), max(ends)}]
    return [tag("svg", *marks, role="img", aria_label=sentence)]


def _most_dead(share: float, panels: Panels) -> list[Markup]:
    along = Scale(0, 1)
    marks = panels.healthy("dead", along)
    bar = tag("rect", class_="bar c-soft", x=0, y="50%", width=at(100 * share), height=14)
    marks += [tag("g", bar, transform="translate(0 -7)")] if share else []
    return [tag("svg", *marks, aria_hidden="true")] if marks else []


def _style(row: LayerRow, worst: dict[str, Severity]) -> str:
    return {Severity.ERROR: "c-flag", Severity.WARNING: "c-warn"}.get(worst.get(row.path, Severity.INFO), "c-ink")


def _row(row: LayerRow, rail: Rail, panels: Panels, style: str) -> Markup:
    spread = Pair("spread", row.spread, row.spread_fresh, panels.spread)
    gradient = Pair("gradient", row.gradient, row.gradient_fresh, panels.gradient)
    cells = (
        tag("div", *_pair(row, spread, panels, style), class_="cell pa"),
        tag("div", *_share(row, panels, style), class_="cell pb"),
        tag("div", *_pair(row, gradient, panels, style), class_="cell pc"),
    )
    return tag(
        "li", panels.track.row(rail, _node(row, style), style), _name(row, panels.checks, style), *cells, class_="row"
    )


def _node(row: LayerRow, style: str) -> Markup:
    if style == "c-flag":
        return Markup(FLAGGED)
    kind = row.kind.lower()
    return Markup(next((drawn for word, drawn in GLYPHS.items() if word in kind), PLAIN))


def _name(row: LayerRow, checks: frozenset[str], style: str) -> Markup:
    facts = [row.kind, shape(row.output_shape), *([row.activation] if row.activation else [])]
    facts += [] if row.trainable or not row.parameters else ["frozen"]
    flags = [
        tag("a", code, href=f"#check-{code}", class_=style) if code in checks else tag("em", code, class_=style)
        for code in row.flags
    ]
    name = tag("b", cut(row.path, NAME), title=row.path if len(row.path) > NAME else None)
    return tag("div", tag("p", name, *flags, tag("span", " · ".join(facts))), class_="n")


def _pair(row: LayerRow, pair: Pair, panels: Panels, style: str) -> list[Markup]:
    """Hollow: fresh weights. Filled: as loaded. Only the healthy band if neither was measured."""
    marks = panels.healthy(pair.what, pair.along, row)
    if pair.now is None and pair.fresh is None:
        return [tag("svg", *marks, aria_hidden="true")] if marks else []
    marks += [tag("rect", class_="gut", x=0, width=at(pair.along.strip), height="100%")] if pair.along.strip else []
    marks.append(tag("line", class_="grid", x1=0, x2="100%", y1="50%", y2="50%"))
    marks += _point(pair.fresh, "with fresh weights", pair.along, "ho c-soft", 3.5)
    marks += _point(pair.now, "as loaded", pair.along, f"pt {style}", 4.5)
    sentence = f"{cut(row.path, NAME)}: {pair.what} as loaded {number(pair.now)}, fresh weights {number(pair.fresh)}"
    return [tag("svg", *marks, role="img", aria_label=sentence)]


def _point(value: float | None, name: str, along: Scale, style: str, radius: float) -> list[Markup]:
    if value is None:
        return []
    place = along.place(value)
    if place is None:
        return [tag("text", number(value), class_="lb c-flag", x=0, y="50%", dy=4)]
    title = tag("title", f"{name}: {number(value)}")
    return [tag("circle", title, class_=style, cx=at(place), cy="50%", r=radius)]


def _share(row: LayerRow, panels: Panels, style: str) -> list[Markup]:
    """Filled: units that never fire. Hollow: saturated values, if the activation has no dead units."""
    share, what = (row.dead, "of the units never fire") if row.dead is not None else (row.saturated, "saturated")
    healthy = panels.healthy("dead", Scale(0, 1), row)
    if share is None or not math.isfinite(share):
        return [tag("svg", *healthy, aria_hidden="true")] if healthy else []
    text = f"{decimals(100 * share)} %"
    title = tag("title", f"{text} {what}")
    flagged = style if row.flags and style != "c-ink" else "c-soft"
    colour = "c-flag" if row.dead is not None and panels.too_dead(row.dead) else flagged
    drawn = f"bar {colour}" if row.dead is not None else f"hollow {colour}"
    marks = [
        *healthy,
        tag("line", class_="grid", x1=0, x2="100%", y1="50%", y2="50%"),
        tag(
            "g",
            tag("rect", title, class_=drawn, x=0, y="50%", width=at(100 * share), height=14),
            transform="translate(0 -7)",
        ),
    ]
    if share < LONG:
        marks.append(tag("text", text, class_="lb c-soft", x=at(100 * share), dx=7, y="50%", dy=4))
    else:
        inside = "on-bar" if row.dead is not None else colour
        marks.append(tag("text", text, class_=inside, x=at(100 * share), dx=-6, y="50%", dy=4, text_anchor="end"))
    return [tag("svg", *marks, role="img", aria_label=f"{cut(row.path, NAME)}: {text} {what}")]


def layer_table(rows: Sequence[LayerRow]) -> Markup:
    """The same numbers as a table, without empty columns."""
    cells = [_cells(row) for row in rows]
    kept = [index for index, _ in enumerate(COLUMNS) if any(line[index] != NONE for line in cells)]
    styles = ["r" if COLUMNS[index] in RIGHT else None for index in kept]
    head = [tag("th", COLUMNS[index], scope="col", class_=style) for index, style in zip(kept, styles, strict=True)]
    body = []
    for row, line in zip(rows, cells, strict=True):
        name = tag("th", tag("code", cut(row.path, NAME) or "–", title=row.path), scope="row")
        drawn = [
            tag("td", line[index], data_l=COLUMNS[index], class_=style)
            for index, style in zip(kept, styles, strict=True)
        ]
        body.append(tag("tr", name, *drawn))
    parts = tag("thead", tag("tr", tag("th", "Layer", scope="col"), *head)), tag("tbody", *body)
    return tag("div", tag("table", *parts, class_="cards whole every-layer"), class_="box")


def _cells(row: LayerRow) -> tuple[str, ...]:
    """The texts of one row, one for each of `COLUMNS`."""

    def share(value: float | None) -> str:
        return NONE if value is None else f"{decimals(100 * value)} %"

    kind = " · ".join(part for part in (row.kind, row.activation) if part)
    words = (kind, shape(row.output_shape), f"{row.parameters:,}", field(row.receptive_field), row.initializer or NONE)
    values = (row.spread, row.spread_fresh, row.gradient, row.gradient_fresh)
    return (*words, *map(number, values), share(row.dead), share(row.saturated))
