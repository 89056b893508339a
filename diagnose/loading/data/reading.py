"""A data path becomes parts: a file, or a folder in one of the ways in which people keep data."""

from collections.abc import Sequence
from pathlib import Path

from diagnose.errors import InputError
from diagnose.loading.data.formats import FORMATS
from diagnose.loading.data.parts import Part
from diagnose.loading.data.sources import Format, Source, read_source
from diagnose.loading.options import LoadOptions
from diagnose.loading.signatures import Signature


def read_data(
    path: Path, signature: Signature, options: LoadOptions, formats: Sequence[Format] = FORMATS
) -> dict[str, Part]:
    """Read a data file or folder.

    Args:
        path: the file or folder.
        signature: what the model takes.
        options: what the user says about the data.
        formats: the formats that it may be in, in their precedence.

    Returns:
        split name -> part; "" if the source does not name a split.

    Raises:
        InputError: it is missing, empty, or in none of the formats.
    """
    if not path.exists():
        raise InputError(f"{path}: there is no such data file or folder")
    return read_source(Source(path, signature, options, formats))
