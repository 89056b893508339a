"""A table of all errors by output and split, with the loss and the compiled metrics."""

import math
from collections.abc import Iterator, Sequence

from markupsafe import Markup

from diagnose.diagnosis import ErrorLevel, MacroLevel
from diagnose.reports.numbers import interval_text, number, quantity
from diagnose.reports.svg import tag

METRICS = 6  # columns at most; the JSON has all metrics


def error_table(errors: Sequence[ErrorLevel]) -> Markup:
    """One row per output and split, without empty columns."""
    several = len({error.output for error in errors}) > 1
    metrics = list(dict.fromkeys(name for error in errors for name in error.metrics))[:METRICS]
    macro = list(dict.fromkeys(level.metric for error in errors for level in error.macro))
    losses = any(error.loss is not None for error in errors)
    words = ["Output", "Split"] if several else ["Split"]
    given = ["Loss"] if losses else []
    numbers = ["Rows", "Error", "Skill", *macro, *given, *(name or "metric" for name in metrics)]
    columns = [*((name, None) for name in words), *((name, "r") for name in numbers)]
    head = tag("tr", *(tag("th", name, scope="col", class_=style) for name, style in columns))
    rows = [tag("tr", *_cells(error, several, losses, (macro, metrics))) for error in errors]
    return tag("div", tag("table", tag("thead", head), tag("tbody", *rows), class_="cards"), class_="box ev")


def _cells(
    error: ErrorLevel, several: bool, losses: bool, names: tuple[Sequence[str], Sequence[str]]
) -> Iterator[Markup]:
    macro, metrics = names
    if several:
        yield tag("td", error.output, data_l="Output")
    yield tag("th", error.split.replace("_", "-") or "–", scope="row")
    yield _number("Rows", _rows(error))
    span = tag("span", interval_text(error.interval, error.unit), class_="iv-t")
    known = not math.isnan(error.error)
    value = quantity(error.error, error.unit if error.unit == "error rate" else "") if known else "unknown"
    yield tag("td", tag("span", value, class_="num"), " ", span, class_="r", data_l=error.unit.capitalize())
    yield _number("Skill", number(error.skill) if math.isfinite(error.skill) else "–")
    levels = {level.metric: level for level in error.macro}
    for name in macro:
        yield _share(name, levels.get(name))
    if losses:
        yield _number("Loss", number(error.loss))
    for name in metrics:
        yield _number(name, number(error.metrics.get(name)))


def _share(name: str, level: MacroLevel | None) -> Markup:
    if level is None:
        return _number(name, "–")
    span = tag("span", f"{level.interval.low:.2f} to {level.interval.high:.2f}", class_="iv-t")
    return tag("td", tag("span", f"{level.value:.2f}", class_="num"), " ", span, class_="r", data_l=name)


def _rows(error: ErrorLevel) -> str:
    """The number of evaluated rows, and of how many."""
    whole = error.population is None or error.population == error.rows
    return number(error.rows) if whole else f"{number(error.rows)} of {number(error.population)}"


def _number(label: str, text: str) -> Markup:
    return tag("td", text, class_="r num", data_l=label)
