"""Draws each kind of evidence as a figure. A kind that is missing here fails the type check."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

from markupsafe import Markup

from diagnose.findings import Bars, Curves, Evidence, Histogram, Matrix, Sample, Samples, Table
from diagnose.reports import bars, curves
from diagnose.reports.numbers import cut, number, quantity
from diagnose.reports.plot import figure
from diagnose.reports.svg import at, tag

SHORT = 3  # characters: longer column names are rotated
MIXED = 3  # pairs of classes named in the alternative text
PAIRS = 6  # pairs of classes in the table below a matrix
NUMBERED = 12  # a matrix with more columns shows no numbers in its cells
CELL = 26  # px: height of a row of a matrix
BROAD = 5  # a table with more columns takes the whole width
LONG = 40  # characters of text in a cell
ROWS = 60  # rows shown of a table
UNKNOWN = "[UNK]"  # a token that the model's vocabulary lacks
BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")


def draw(evidence: Evidence) -> Markup:
    """The evidence as one `<figure>`, with a text alternative."""
    match evidence:
        case Bars():
            return bars.draw(evidence)
        case Curves():
            return curves.draw(evidence)
        case Histogram():
            return curves.histogram(evidence)
        case Matrix():
            return _matrix(evidence)
        case Samples():
            return _samples(evidence)
        case Table():
            return _table(evidence)
    assert_never(evidence)


def _matrix(matrix: Matrix) -> Markup:
    """Cells shaded by their share of the row, with row names on the left and column names above."""
    rows, columns = max(1, len(matrix.rows)), max(1, len(matrix.columns))
    width, height = 100 / columns, 100 / rows
    low = all(len(name) <= SHORT for name in matrix.columns)
    marks = []
    for j, name in enumerate(matrix.columns):
        if columns <= NUMBERED or j % -(-columns // NUMBERED) == 0:
            marks.append(_column_name(name, (j + 0.5) * width, low))
    for i, name in enumerate(matrix.rows):
        title = tag("title", name)
        marks.append(tag("text", cut(name, 15), title, x=0, y=at((i + 0.5) * height), dx=-10, dy=4, text_anchor="end"))
    for i, values in enumerate(matrix.values[:rows]):
        whole = sum(abs(value) for value in values if math.isfinite(value))
        for j, value in enumerate(values[: len(matrix.columns)]):
            share = abs(value) / whole if whole and math.isfinite(value) else 0.0
            marks += _cell(matrix, (i, j), value, share)
    note = f"Rows: {matrix.row_label}. Columns: {matrix.column_label}. Shaded by share of the row."
    sentence = (
        f"{matrix.title}: {matrix.row_label} by {matrix.column_label}, {rows} rows, {columns} columns{_mixed(matrix)}."
    )
    area = tag("svg", *marks, role="img", aria_label=sentence, width="100%", height=CELL * rows)
    drawn = tag("div", area, class_="plot wide cells low" if low else "plot wide cells")
    return figure(matrix.title, note, drawn, _pairs(matrix))


@dataclass(frozen=True)
class Pair:
    """Values of `row` that lie in another `column`, and their share of the row (0 to 1)."""

    row: str
    column: str
    value: float
    share: float


def confusions(matrix: Matrix) -> list[Pair]:
    """The pairs of different names, the largest value first; none if rows and columns have different names."""
    if matrix.rows != matrix.columns:
        return []
    pairs = [
        Pair(row, column, value, value / sum(values))
        for row, values in zip(matrix.rows, matrix.values, strict=False)
        for column, value in zip(matrix.columns, values, strict=False)
        if row != column and value > 0
    ]
    return sorted(pairs, key=lambda pair: -pair.value)


def _mixed(matrix: Matrix) -> str:
    """The most frequent confusions, if rows and columns have the same names."""
    if matrix.rows != matrix.columns:
        return ""
    worst = [f"{pair.row} as {pair.column}: {number(pair.value)}" for pair in confusions(matrix)[:MIXED]]
    return f"; most often confused: {', '.join(worst)}" if worst else "; no confusions"


def _pairs(matrix: Matrix) -> Markup:
    """A table of the most frequent confusions; empty for two classes, where the matrix says it all."""
    worst = confusions(matrix)[:PAIRS]
    if not worst or len(matrix.rows) <= 2:
        return Markup("")
    names = (matrix.row_label.capitalize(), matrix.column_label.capitalize(), "Count", f"Share of {matrix.row_label}")
    head = (tag("th", name, scope="col", class_="r" if place > 1 else None) for place, name in enumerate(names))
    rows = (
        tag(
            "tr",
            tag("th", tag("bdi", cut(pair.row, LONG) or "–"), scope="row"),
            tag("td", tag("bdi", cut(pair.column, LONG)), data_l=names[1]),
            tag("td", number(pair.value), class_="r", data_l=names[2], data_v=pair.value),
            tag("td", quantity(pair.share, "share"), class_="r", data_l=names[3], data_v=pair.share),
        )
        for pair in worst
    )
    table = tag("table", tag("thead", tag("tr", *head)), tag("tbody", *rows), class_="cards narrow sortable")
    return tag("div", table, class_="box")


def _column_name(name: str, place: float, low: bool) -> Markup:
    """The name of a column, rotated unless all names are short (`low`)."""
    if low:
        return tag("text", name, class_="tk", x=at(place), y=0, dy=-6, text_anchor="middle")
    text = tag("text", cut(name, 10), tag("title", name), class_="tk", transform="rotate(-40)", x=0, y=-4)
    return tag("svg", text, x=at(place), class_="free")


def _cell(matrix: Matrix, place: tuple[int, int], value: float, share: float) -> list[Markup]:
    """One cell. `place`: its row and column; `share`: its share of the row (0 to 1)."""
    i, j = place
    width, height = 100 / max(1, len(matrix.columns)), 100 / max(1, len(matrix.rows))
    row, column = (
        names[index] if index < len(names) else ""
        for names, index in zip((matrix.rows, matrix.columns), place, strict=True)
    )
    title = tag("title", f"{row} as {column}: {number(value)} ({quantity(share, 'share')} of the row)")
    box = {"x": at(j * width), "y": at(i * height), "width": at(width), "height": at(height)}
    marks = [tag("rect", title, class_="cell-fill", fill_opacity=round(0.04 + 0.5 * share, 3), **box)]
    if len(matrix.columns) <= NUMBERED and value:
        middle = {"x": at((j + 0.5) * width), "y": at((i + 0.5) * height)}
        marks.append(tag("text", number(value), class_="cell-text", dy=4, text_anchor="middle", **middle))
    return marks


def _samples(samples: Samples) -> Markup:
    items = [
        tag("li", _picture(item), *_tokens(item), tag("p", item.caption), data_pair=item.pair or None)
        for item in samples.items
    ]
    written = any(item.png is None for item in samples.items)
    return figure(samples.title, "", tag("ul", *items, class_="pics texts" if written else "pics"))


def _tokens(item: Sample) -> Iterator[Markup]:
    """The words that the model keeps of a text, unless these are its words; what it does not know is marked."""
    if item.tokens and list(item.tokens) != (item.text or "").lower().split():
        words = [tag("b" if word == UNKNOWN else "span", tag("bdi", word)) for word in item.tokens]
        yield tag("p", "as the model reads it: ", Markup(" ").join(words), class_="quote read")


def _picture(item: Sample) -> Markup:
    if item.png is not None and BASE64.fullmatch(item.png):
        return tag("img", src=f"data:image/png;base64,{item.png}", alt="")  # the caption describes it
    return tag("p", cut(item.text or "no image", 400), class_="quote")


def _table(table: Table) -> Markup:
    return tag("figure", table_of(table), class_="full" if len(table.columns) > BROAD else None)


def table_of(table: Table) -> Markup:
    """An HTML table. Numbers are right-aligned; a table with more than `ROWS` rows is cut, with a note."""
    numeric = [_numeric(table, index) for index in range(len(table.columns))]
    head = [tag("th", name, scope="col", class_="r" if numeric[i] else None) for i, name in enumerate(table.columns)]
    body = [_table_row(table, row, numeric) for row in table.rows[:ROWS]]
    rest = len(table.rows) - ROWS
    caption = [table.title] + ([tag("span", f"The first {ROWS} of {len(table.rows):,} rows.")] if rest > 0 else [])
    parts = (tag("caption", *caption, class_="small-caption"), tag("thead", tag("tr", *head)), tag("tbody", *body))
    return tag("div", tag("table", *parts, class_="cards whole"), class_="box")


def _numeric(table: Table, index: int) -> bool:
    cells = [row[index] for row in table.rows if index < len(row) and row[index] is not None]
    return bool(cells) and not any(isinstance(cell, str) for cell in cells)


def _table_row(table: Table, row: tuple[str | float | int | None, ...], numeric: list[bool]) -> Markup:
    cells = []
    for index, cell in enumerate(row[: len(table.columns)]):
        text = cut(cell, LONG) if isinstance(cell, str) else number(cell)
        whole = cell if isinstance(cell, str) and len(cell) > LONG else None
        if index == 0:
            cells.append(tag("th", text, scope="row", title=whole))
        else:
            style = "r" if numeric[index] else None
            cells.append(tag("td", text, data_l=table.columns[index], class_=style, title=whole))
    return tag("tr", *cells)
