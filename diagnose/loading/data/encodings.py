"""Hints at the encoding of a table's columns that gives the numbers a model takes; no encoding is applied."""

import re
from collections.abc import Iterator
from typing import Any

from diagnose.loading.data.columns import counting_columns, listed, numeric_columns
from diagnose.loading.data.delimited import is_number

_CATEGORIES = 50  # most values of a text column that people encode as categories
_NUMBERS = 0.8  # share of numbers in a text column from which on the other cells look like mistakes
_HINTS = 2
_COLUMNS = 1_000  # nobody encodes a wider table column by column, and comparing all ways would take minutes
_LEAVE_OUT = "leave out what the model was not fed, or check --target"
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+")


def advice(frame: Any, width: int) -> str:
    """What the user can do so that each row has `width` numbers.

    Args:
        frame: pandas; the features alone.
        width: the numbers of one row that the model takes.
    """
    if frame.shape[1] > _COLUMNS:
        return _LEAVE_OUT
    numeric = numeric_columns(frame)
    text = [name for name in frame.columns if name not in numeric]
    hints = [hint for name in text if (hint := _spoilt(frame[name]))] or list(_fitting(frame, numeric, text, width))
    if hints:
        return "; or ".join(hints[:_HINTS])
    if text and width > len(numeric):
        return "encode the text as in training"
    return _LEAVE_OUT


def _spoilt(column: Any) -> str:
    """Why a column of numbers was read as text; "" if it is not one."""
    cells = [str(cell).strip() for cell in column.dropna()]
    odd = [cell for cell in cells if not is_number(cell)]
    if odd and all(_DECIMAL_COMMA.fullmatch(cell) for cell in odd):
        return f'{column.name} has decimal commas ("{odd[0]}"): save it with points'
    if odd and len(odd) <= (1 - _NUMBERS) * len(cells):
        return f'{column.name} holds numbers but for "{odd[0]}" and the like: correct or empty these cells'
    return ""


def _fitting(frame: Any, numeric: list[str], text: list[str], width: int) -> Iterator[str]:
    """The usual encodings of a table that give exactly `width` numbers."""
    sizes = {name: int(frame[name].nunique()) for name in text}
    categories = [name for name in text if sizes[name] <= _CATEGORIES]
    one_hot = sum(sizes[name] for name in categories)
    named = listed(categories)
    pairs = [name for name in categories if sizes[name] == 2]
    others = [name for name in categories if name not in pairs]
    mixed = f"one number for each of {listed(pairs)}, one-hot columns for {listed(others)}"
    ways = {
        **({len(pairs) + sum(sizes[name] for name in others): mixed} if pairs and others else {}),
        len(text): f"one number for each of {listed(text)}",
        one_hot - len(categories): f"one-hot columns for {named} without the first of each",
        one_hot: f"one-hot columns for {named}",
        len(categories): f"one number for each of {named}",
    }
    for dropped in _identifiers(frame, numeric):
        without = f"without {listed(dropped)}" if dropped else ""
        base = len(numeric) - len(dropped)
        if dropped and base == width:
            yield f"{without} there would be exactly {width}: leave them out if the model was not fed them"
        if categories and width - base in ways:
            given = ", ".join(filter(None, (without, ways[width - base])))
            yield f"{given} would give exactly {width}: encode them as in training"


def _identifiers(frame: Any, numeric: list[str]) -> list[tuple[str, ...]]:
    """Columns that people leave out: none, row numbers, whole numbers that differ in each row."""
    counting = [name for name in counting_columns(frame) if name in set(numeric)]
    whole = [name for name in numeric if frame[name].dtype.kind in "iu"]
    unique = [name for name in whole if name in counting or (len(frame) > _CATEGORIES and frame[name].is_unique)]
    return list(dict.fromkeys(((), tuple(counting), tuple(unique))))
