"""Delimited text (CSV, TSV, semicolons, bars, blanks) as pandas frames.

Encoding, delimiter and header are found in the first lines. Nothing is run and nothing is guessed about the values:
a number with a decimal comma stays text.
"""

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from diagnose.errors import InputError
from diagnose.loading.data.columns import renamed

MISSING = ["?", "? ", "NA", "N/A", ""]  # besides those that pandas knows
BLANKS = r"\s+"
CHUNK = 100_000  # rows of a file that is read in pieces
COLUMNS = 100_000  # of a table; the expression of all human genes takes 60,000
_SAMPLE = 1 << 16  # bytes that are looked at, if they hold LINES lines
_LONGEST = 1 << 24  # bytes that are looked at for LINES lines
_LINES = 3  # a header and two rows
_DELIMITERS = "\t;|,"  # semicolons before commas: with both, the commas are decimal ones
_BYTE_ORDER_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}


@dataclass(frozen=True)
class Dialect:
    """How a file is written. `names` are its columns; None if it has no header."""

    encoding: str
    delimiter: str
    skipped: int  # lines above the rows: comments and the header
    names: tuple[str, ...] | None


def is_wide(start: bytes) -> bool:
    """Whether a file starts as UTF-16, in which every other byte may be zero."""
    return _BYTE_ORDER_MARKS.get(start[:2]) == "utf-16"


def sniff(path: Path) -> Dialect:
    """Find out how a file is written.

    Raises:
        InputError: it is not text, has no rows, or too many columns.
    """
    start, cut = _beginning(path)
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS.items() if start.startswith(mark)), "")
    if not encoding:
        if b"\0" in start:
            raise InputError(f"{path} is not text: save it as CSV in UTF-8")
        encoding = "utf-8" if _decodes(start, cut) else "latin-1"
    lines = StringIO(start.decode(encoding, "replace"), newline=None).read().split("\n")
    if cut and len(lines) > 1:
        lines.pop()  # the last line is cut
    skipped = next((i for i, line in enumerate(lines) if line.strip() and not line.startswith("#")), len(lines))
    body = [line for line in lines[skipped:] if line.strip()]
    if not body:
        raise InputError(f"{path} has no rows: pass a table with one row per example")
    delimiter = _delimiter(body)
    rows = cells(body, delimiter)
    if len(rows[0]) > COLUMNS:
        raise InputError(f"{path} has more than {COLUMNS:,} columns: pass the rows as an array (.npy or .npz)")
    if _has_header(rows):
        if len(rows) == 1 and not cut:
            raise InputError(f"{path} has no rows below its header: pass a table with one row per example")
        return Dialect(encoding, delimiter, skipped + 1, _names(rows))
    comment = cells([lines[skipped - 1].lstrip("#")], delimiter) if skipped else []
    if comment and len(comment[0]) == len(rows[0]) and _has_header([*comment, *rows]):  # as numpy.savetxt writes it
        return Dialect(encoding, delimiter, skipped, tuple(comment[0]))
    return Dialect(encoding, delimiter, skipped, None)


def frames(path: Path, dialect: Dialect, pieces: bool = False) -> Iterator[Any]:
    """The rows as one frame, or in pieces of CHUNK rows.

    Raises:
        ValueError: as pandas raises it; UnicodeDecodeError where a later line is written in another encoding.
    """
    import pandas as pd

    options: dict[str, Any] = {"chunksize": CHUNK} if pieces else {}
    read = pd.read_csv(
        path,
        sep=dialect.delimiter,
        header=None,
        skiprows=dialect.skipped,
        encoding=dialect.encoding,
        na_values=MISSING,
        skipinitialspace=True,
        low_memory=False,
        **options,
    )
    for frame in read if pieces else (read,):
        names = dialect.names or tuple(str(number) for number in range(frame.shape[1]))
        if len(names) != frame.shape[1]:
            raise ValueError(f"its header names {len(names)} columns, but its rows have {frame.shape[1]}")
        yield renamed(frame, list(names))


def cells(lines: list[str], delimiter: str) -> list[list[str]]:
    """Lines split into cells; delimiters inside quotes do not count."""
    if delimiter == BLANKS:
        return [line.split() for line in lines]
    reader = csv.reader(StringIO("\n".join(lines)), delimiter=delimiter, skipinitialspace=True)
    try:
        return [[cell.strip() for cell in row] for row in reader if row]
    except csv.Error:  # a quote that never ends
        return [[cell.strip() for cell in line.split(delimiter)] for line in lines]


def _beginning(path: Path) -> tuple[bytes, bool]:
    """The first bytes of a file, with a few lines of it, and whether there are more.

    Raises:
        InputError: its lines are too long.
    """
    with path.open("rb") as stream:
        start = stream.read(_SAMPLE)
        while start.count(b"\n") + start.count(b"\r") <= _LINES and (more := stream.read(1 << 20)):
            start += more
            if len(start) > _LONGEST:
                raise InputError(
                    f"{path}: its first {_LINES} lines are longer than {_LONGEST >> 20} MB: "
                    "pass a table with one row per example and line"
                )
        return start, bool(stream.read(1))


def _decodes(start: bytes, cut: bool) -> bool:
    """Whether this is UTF-8; a character may be cut at the end."""
    try:
        start.decode("utf-8")
    except UnicodeDecodeError as error:
        return cut and error.start >= len(start) - 3
    return True


def _delimiter(lines: list[str]) -> str:
    """The character that splits most lines into the same number of cells."""
    agreement = {delimiter: _agreement(cells(lines, delimiter)) for delimiter in _DELIMITERS}
    best = max(agreement, key=lambda delimiter: agreement[delimiter])
    return best if agreement[best] > 0 and agreement[best] >= _agreement(cells(lines, BLANKS)) / 2 else BLANKS


def _agreement(rows: list[list[str]]) -> float:
    """The share of rows with the most frequent number of cells; 0 if that number is 1."""
    width, count = Counter(len(row) for row in rows).most_common(1)[0] if rows else (1, 0)
    return count / len(rows) if width > 1 else 0.0


def _has_header(rows: list[list[str]]) -> bool:
    """Whether the first row names columns: it has no numbers, and no cell of it appears again below it.

    Numbers are names only if they count the columns from 0, as pandas writes them.
    """
    numbers = [cell for cell in rows[0] if is_number(cell)]
    if numbers:
        return len(numbers) > 2 and numbers == [str(i) for i in range(len(numbers))]
    columns = zip(*(row for row in rows[1:] if len(row) == len(rows[0])), strict=True)
    return not any(cell and cell in column for cell, column in zip(rows[0], columns, strict=False))


def _names(rows: list[list[str]]) -> tuple[str, ...]:
    """The header's cells, and one more if the rows are longer: for row names, or a delimiter at the end."""
    names = list(rows[0])
    longer = [row for row in rows[1:] if len(row) == len(names) + 1]
    if longer and len(longer) == len(rows) - 1:
        names = [*names, ""] if all(not row[-1] for row in longer) else ["", *names]
    seen: Counter[str] = Counter()
    unique = []
    for index, name in enumerate(names):
        called = name or f"Unnamed: {index}"
        unique.append(f"{called}.{seen[called]}" if seen[called] else called)
        seen[called] += 1
    return tuple(unique)


def is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
