"""The user's own function that reads the data.

A loader runs only when the user names it. Nothing is ever written into the user's folders: the template for a loader
comes with the error, and the command prints it.
"""

import contextlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from diagnose.errors import InputError
from diagnose.loading.custom import named_function
from diagnose.loading.data.live import live_part
from diagnose.loading.data.live_arrays import is_rows
from diagnose.loading.data.live_batches import is_dataset
from diagnose.loading.data.names import read_name
from diagnose.loading.data.parts import Part
from diagnose.loading.failures import describe_failure
from diagnose.loading.options import LoadOptions
from diagnose.loading.signatures import Signature

_ORDER = ("train", "dev", "test")


def load_with(option: str, data: Path, signature: Signature, options: LoadOptions) -> dict[str, Part]:
    """Call a function FILE.py:FUNCTION with the data path and turn what it returns into parts.

    The function returns a dict of splits by name, a tuple (train, dev) or (train, dev, test), or one set of rows.
    Each is (x, y), (x, y, sample_weight), a `tf.data.Dataset`, a `keras.utils.PyDataset`, a torch `DataLoader`, or a
    generator of batches.

    Raises:
        InputError: the option, the file or the function fails, or it returns something else.
    """
    file, _, name = option.rpartition(":")
    with _importing_from_its_folder(Path(file)), contextlib.redirect_stdout(sys.stderr):
        function = named_function(option, "--loader")
        try:
            returned = function(data)
        except (Exception, SystemExit) as error:
            raise InputError(f"--loader {option}: it fails with {describe_failure(error)}") from error
        parts: dict[str, Part] = {}
        for split, rows in _by_split(returned, option).items():
            found = live_part(rows, signature, options, f"{name}({data.name})" + (f" {split}" if split else ""))
            parts |= {split: found[""]} if set(found) == {""} else found
    return parts


@contextlib.contextmanager
def _importing_from_its_folder(file: Path) -> Iterator[None]:
    """Let a loader import modules from its own folder, as it can when it is run by itself."""
    place = str(file.resolve().parent)
    sys.path.insert(0, place)
    try:
        yield
    finally:
        sys.path.remove(place)


def _by_split(returned: Any, option: str) -> dict[str, Any]:
    """What a loader returned, by split; "" for rows without a split."""
    if isinstance(returned, Mapping):
        splits = {key: read_name(str(key)) for key in returned}
        if all(name.split and not name.role and not name.port for name in splits.values()):
            return {splits[key].split: rows for key, rows in returned.items() if rows is not None}
    if isinstance(returned, tuple) and 2 <= len(returned) <= 3 and all(_is_split(rows) for rows in returned):
        return {split: rows for split, rows in zip(_ORDER, returned, strict=False) if rows is not None}
    if not (is_rows(returned) or is_dataset(returned) or isinstance(returned, str | Path)):
        raise InputError(
            f"--loader {option} must return (x, y), a dataset of batches, or a dict of these with the keys train, dev "
            f"and test, got {_described(returned)}"
        )
    return {"": returned}


def _is_split(rows: Any) -> bool:
    """Whether one element of a tuple is a split, as in ((x, y), (x, y)), not x or y of a single one."""
    return rows is None or is_dataset(rows) or (isinstance(rows, tuple) and is_rows(rows))


def _described(returned: Any) -> str:
    if isinstance(returned, Mapping):
        return f"a dict with the keys {', '.join(str(key) for key in list(returned)[:8])}"
    return "nothing" if returned is None else f"{type(returned).__name__}"
