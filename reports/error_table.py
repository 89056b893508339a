"""A table of all errors of an output: the splits in columns, one row for each quantity; and a table of its classes."""

import math
from collections.abc import Callable, Iterator, Sequence

from markupsafe import Markup

from diagnose.diagnosis import ClassLevel, ErrorLevel, MacroLevel
from diagnose.findings import Interval
from diagnose.reports.numbers import decimals, factor, interval_text, number, quantity, rounded_like
from diagnose.reports.svg import tag

METRICS = 12  # rows of compiled metrics at most; the JSON has all
CLASSES = 60  # rows of classes at most
NONE = "–"
CONFUSED = "Taken for"  # the last column of the table of classes


def error_table(errors: Sequence[ErrorLevel], several: bool = False) -> Markup:
    """The errors of one output: rows, error, constant prediction, baseline, target, skill, loss, compiled metrics."""
    caption = [tag("caption", f"Errors of {errors[-1].output}", class_="small-caption")] if several else []
    splits = [_name(error) for error in errors]
    head = tag(
        "tr", tag("th", "Quantity", scope="col"), *(tag("th", split, scope="col", class_="r") for split in splits)
    )
    rows = [
        tag(
            "tr",
            tag("th", title, scope="row"),
            *(tag("td", *_split(cell), class_="r", data_l=split) for split, cell in zip(splits, cells, strict=True)),
        )
        for title, cells in _rows(errors)
        if any(cell != (NONE, "") for cell in cells)
    ]
    return tag(
        "div", tag("table", *caption, tag("thead", head), tag("tbody", *rows), class_="cards sides"), class_="box ev"
    )


Cell = tuple[str, str]  # a number and its interval


def _split(cell: Cell) -> tuple[Markup, ...]:
    value, span = cell
    return (tag("span", value, class_="num"), *((Markup(" "), tag("span", span, class_="iv-t")) if span else ()))


def _name(error: ErrorLevel) -> str:
    return error.split.replace("_", "-") or NONE


def _rows(errors: Sequence[ErrorLevel]) -> Iterator[tuple[str, list[Cell]]]:
    """The title and the cells of each row."""
    first = errors[-1]
    macro = dict.fromkeys(level.metric for error in errors for level in error.macro)
    metrics = list(dict.fromkeys(name for error in errors for name in error.metrics))[:METRICS]

    def each(title: str, of: Callable[[ErrorLevel], Cell]) -> tuple[str, list[Cell]]:
        return title, [of(error) for error in errors]

    yield each("Rows", lambda error: (_rows_of(error), ""))
    yield each(first.unit[:1].upper() + first.unit[1:], lambda error: _level(error.error, error.unit, error.interval))
    constant = each("Constant prediction", lambda error: _level(error.constant_error, error.unit))
    own = each("Best constant for these rows", lambda error: _level(error.own_constant_error, error.unit))
    yield constant
    if own[1] != constant[1]:
        yield own
    if first.baseline is not None:
        yield each(f"Best baseline: {first.baseline}", _baseline)
    yield each("Target", lambda error: _level(error.target_error, error.unit))
    yield each("Skill", lambda error: (_skill(error.skill), ""))
    for name in macro:
        yield each(name[:1].upper() + name[1:], lambda error, name=name: _macro(name, error.macro))  # type: ignore[misc]
    yield each("Loss", lambda error: (number(error.loss), ""))
    for name in metrics:
        yield each(name or "metric", lambda error, name=name: (number(error.metrics.get(name)), ""))  # type: ignore[misc]


def _level(value: float | None, unit: str, span: Interval | None = None) -> Cell:
    if value is None or math.isnan(value):
        return ("unknown" if value is not None else NONE), ""
    shown = quantity(value, unit) if factor(unit) != 1 else rounded_like(value, span)
    return shown, interval_text(span, unit)


def _baseline(error: ErrorLevel) -> Cell:
    """The baseline in the column of the split that it was evaluated on."""
    there = error.baseline_split in (None, error.split)
    return _level(error.baseline_error, error.unit, error.baseline_interval) if there else (NONE, "")


def _skill(value: float) -> str:
    return number(value) if math.isfinite(value) else NONE


def _macro(name: str, levels: Sequence[MacroLevel]) -> Cell:
    level = next((level for level in levels if level.metric == name), None)
    return (NONE, "") if level is None else _share(level.value, level.interval)


def _share(value: float, span: Interval | None = None) -> Cell:
    return f"{decimals(100 * value)} %", interval_text(span, "share")


def _rows_of(error: ErrorLevel) -> str:
    """The number of evaluated rows, and of how many."""
    whole = error.population is None or error.population == error.rows
    return number(error.rows) if whole else f"{number(error.rows)} of {number(error.population)}"


# --- Classes ----------------------------------------------------------------------------------------


def class_table(errors: Sequence[ErrorLevel], several: bool = False) -> Markup:
    """The classes of one output on dev, or else on the last split, the lowest F1 score first; empty without classes."""
    known = [error for error in errors if error.classes]
    if not known:
        return Markup("")
    error = next((error for error in known if error.split == "dev"), known[-1])
    positions = bool(error.macro)
    share = "Positions" if positions else "Rows"
    names = ["Class", share, "Precision", "Recall", "F1 score", *(["IoU"] if positions else [])]
    names += [CONFUSED] if any(level.confused is not None for level in error.classes) else []
    head = tag(
        "tr", *(tag("th", name, scope="col", class_=None if name in (names[0], CONFUSED) else "r") for name in names)
    )
    classes = sorted(error.classes, key=lambda level: level.dice)
    rows = [tag("tr", *_class(level, names, positions)) for level in classes[:CLASSES]]
    of = f" of {error.output}" if several else ""
    rest = f" The {CLASSES} with the lowest F1 score." if len(classes) > CLASSES else ""
    note = tag("span", f"The lowest F1 score first.{rest} Brackets are 95 % intervals.")
    caption = tag("caption", f"Classes on {_name(error)}{of}", note, class_="small-caption")
    table = tag("table", caption, tag("thead", head), tag("tbody", *rows), class_="cards sortable")
    return tag("div", table, class_="box ev")


def _class(level: ClassLevel, names: Sequence[str], positions: bool) -> Iterator[Markup]:
    yield tag("th", tag("bdi", level.name), scope="row")
    size = _share(level.share) if positions else (number(level.rows), "")
    cells = [
        (size, level.share if positions else level.rows),
        ((NONE, "") if level.precision is None else _share(level.precision), level.precision),
    ]
    cells += [(_share(level.recall, level.recall_interval), level.recall)]
    cells += [(_share(level.dice, level.dice_interval), level.dice)]
    cells += [(_share(level.iou), level.iou)] if positions else []
    for name, (cell, value) in zip(names[1:], cells, strict=False):  # the last one may be below
        yield tag("td", *_split(cell), class_="r", data_l=name, data_v=-1 if value is None else round(value, 6))
    if names[-1] != CONFUSED:
        return
    share = level.confused_share or 0.0
    other = [tag("bdi", level.confused), f", {decimals(100 * share)} %"] if level.confused is not None else [NONE]
    yield tag("td", *other, data_l=names[-1], data_v=round(share, 6))
