"""A table of all errors by output and split, with the loss and the compiled metrics."""

import math
from collections.abc import Iterator, Sequence

from markupsafe import Markup

from diagnose.diagnosis import ErrorLevel
from diagnose.reports.numbers import interval_text, number, quantity
from diagnose.reports.svg import tag

METRICS = 6  # columns at most; the JSON has all metrics


def error_table(errors: Sequence[ErrorLevel]) -> Markup:
    """One row per output and split, without empty columns."""
    several = len({error.output for error in errors}) > 1
    metrics = list(dict.fromkeys(name for error in errors for name in error.metrics))[:METRICS]
    losses = any(error.loss is not None for error in errors)
    words = ["Output", "Split"] if several else ["Split"]
    numbers = ["Rows", "Error", "Skill", *(["Loss"] if losses else []), *(name or "metric" for name in metrics)]
    columns = [*((name, None) for name in words), *((name, "r") for name in numbers)]
    head = tag("tr", *(tag("th", name, scope="col", class_=style) for name, style in columns))
    rows = [tag("tr", *_cells(error, several, losses, metrics)) for error in errors]
    return tag("div", tag("table", tag("thead", head), tag("tbody", *rows), class_="cards"), class_="box ev")


def _cells(error: ErrorLevel, several: bool, losses: bool, metrics: Sequence[str]) -> Iterator[Markup]:
    if several:
        yield tag("td", error.output, data_l="Output")
    yield tag("th", error.split.replace("_", "-") or "–", scope="row")
    yield _number("Rows", _rows(error))
    span = tag("span", interval_text(error.interval, error.unit), class_="iv-t")
    known = not math.isnan(error.error)
    value = quantity(error.error, error.unit if error.unit == "error rate" else "") if known else "unknown"
    yield tag("td", tag("span", value, class_="num"), " ", span, class_="r", data_l=error.unit.capitalize())
    yield _number("Skill", number(error.skill) if math.isfinite(error.skill) else "–")
    if losses:
        yield _number("Loss", number(error.loss))
    for name in metrics:
        yield _number(name, number(error.metrics.get(name)))


def _rows(error: ErrorLevel) -> str:
    """The number of evaluated rows, and of how many."""
    whole = error.population is None or error.population == error.rows
    return number(error.rows) if whole else f"{number(error.rows)} of {number(error.population)}"


def _number(label: str, text: str) -> Markup:
    return tag("td", text, class_="r num", data_l=label)
