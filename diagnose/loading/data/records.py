"""Records with named columns as pandas frames: Parquet and JSON Lines. Lists inside a cell are kept."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from diagnose.errors import InputError

PARQUET = b"PAR1"
JSON_LINES = {".jsonl", ".ndjson"}
_CHUNK = 50_000  # records


def parquet_frames(path: Path) -> Iterator[Any]:
    """The rows in pieces.

    Raises:
        InputError: it is damaged, or pyarrow is not installed.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise InputError(
            f"{path} is a Parquet file, which needs pyarrow: pip install 'keras-diagnose[parquet]'"
        ) from error
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(_CHUNK):
                yield batch.to_pandas()
    except (pyarrow.ArrowException, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is a damaged Parquet file ({_short(error)}): save it again") from error


def json_frames(path: Path) -> Iterator[Any]:
    """The records in pieces.

    Raises:
        InputError: a line is not a JSON object.
    """
    import pandas as pd

    records: list[dict[str, Any]] = []
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            if line.strip():
                records.append(_record(path, number, line))
            if len(records) == _CHUNK:
                yield pd.DataFrame(records)
                records = []
    if records:
        yield pd.DataFrame(records)


def _record(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: line {number:,} is not JSON ({_short(error)}): write one object per line") from error
    if not isinstance(record, dict):
        raise InputError(
            f'{path}: line {number:,} is not a JSON object: write one per line, such as {{"x": 1, "y": 0}}'
        )
    return {str(key): value for key, value in record.items()}


def _short(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
