"""Labels that are text become numbers, the same in every split."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from diagnose.errors import InputError
from diagnose.loading.data.parts import Part
from diagnose.subject import Rows

_LISTED = 12  # classes in a message


def encode_text(parts: dict[str, Part]) -> dict[str, Part]:
    """Text labels become the codes of their sorted classes, the same in every split.

    Raises:
        InputError: a split has no class that the training rows have, or numbers instead of text.
    """
    for key in {key for part in parts.values() for key in part.targets}:
        columns = {name: part.targets[key] for name, part in parts.items() if key in part.targets}
        text = [parts[name].origin for name, column in columns.items() if column.dtype.kind in "US"]
        numbers = [parts[name].origin for name, column in columns.items() if column.dtype.kind not in "US"]
        if text and numbers:
            raise InputError(
                f"{numbers[0]}: its labels are numbers, but those of {text[0]} are text: use one kind in all"
            )
        if not text:
            continue
        first = parts.get("train") or next(iter(parts.values()))
        classes = np.unique(first.targets[key])
        for name, column in columns.items():
            parts[name] = _coded(parts[name], key, column, classes)
    return parts


def _coded(part: Part, key: str, column: Rows, classes: Rows) -> Part:
    found, places = np.unique(column, return_inverse=True)
    meant = _meant(found.tolist(), classes.tolist())
    if not meant:
        names = ", ".join(str(name) for name in classes[:_LISTED]) + (", ..." if len(classes) > _LISTED else "")
        raise InputError(f"{part.origin}: the class {found[0]} is not among the training classes {names}")
    codes = np.array([meant.get(label, -1) for label in found.tolist()], dtype=np.int64)[places].reshape(-1)
    if (codes < 0).any():
        lacking = {str(label): int((places == place).sum()) for place, label in enumerate(found.tolist())}
        part = part.rows_where(codes >= 0).setting_aside(
            {label: count for label, count in lacking.items() if label not in meant}
        )
        codes = codes[codes >= 0]
    notes = [f"{part.origin}: text labels were read as 0 to {len(classes) - 1} in the order of their names"]
    other = [f"{label} as {classes[code]}" for label, code in meant.items() if label != classes[code]]
    if other:
        notes.append(f"{part.origin}: labels were read as those of the training rows: {', '.join(other[:_LISTED])}")
    class_names = tuple(str(name) for name in classes)
    named = replace(part, targets={**part.targets, key: codes}, class_names=class_names, named_labels=True)
    return named.noted(*notes)


def _meant(labels: Sequence[str], classes: Sequence[str]) -> dict[str, int]:
    """The class of each label: the same text, or the same apart from case, blanks and a final point."""
    exact = {name: code for code, name in enumerate(classes)}
    loose = {_loosely(name): code for code, name in enumerate(classes)}
    if len(loose) < len(classes):
        loose = {}
    codes = {label: exact.get(label, loose.get(_loosely(label))) for label in labels}
    return {label: code for label, code in codes.items() if code is not None}


def _loosely(label: str) -> str:
    return str(label).strip().rstrip(".").casefold()
