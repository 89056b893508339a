"""Text: one file per text in one folder per class, or one text per line and a second file with the labels."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from diagnose.errors import InputError
from diagnose.loading.data.arrays import SUFFIXES as ARRAYS
from diagnose.loading.data.delimited import is_number
from diagnose.loading.data.listing import choose
from diagnose.loading.data.names import is_junk, read_name
from diagnose.loading.data.parts import Part
from diagnose.loading.data.sources import Format, Source, entries_of, read_by_split
from diagnose.loading.data.tables import SUFFIXES as TABLES
from diagnose.loading.options import LoadOptions
from diagnose.loading.signatures import Signature
from diagnose.subject import Rows

BYTES = 1 << 30  # most that the texts of one split may take on the disk; above it, fewer rows are read
_WITHOUT_LABELS = {"unsup", "unlabeled", "unlabelled"}
_LISTED = 12  # class names in a message
_LINE = 1 << 16  # bytes of a line that are read

Classes = dict[str, list[Path]]


# --- one file per text ---------------------------------------------------------------------------


def _has_text_folders(source: Source) -> bool:
    """Whether two folders or more hold texts, and there are no arrays or tables."""
    if not source.is_folder or source.named(*ARRAYS, *TABLES):
        return False
    return any(sum(map(_has_text, _class_folders(path))) > 1 for path in _by_split(source).values())


def _read_text_folders(source: Source) -> dict[str, Part]:
    """Read pos/ and neg/, or whatever the classes are called, perhaps inside train/ and test/.

    Raises:
        InputError: the model does not take text, or a class is not among those of train.
    """
    _require_text_input(source.signature, source.path)
    splits = _by_split(source)
    found = {split: classes for split, path in splits.items() if len(classes := _classes(path)) > 1}
    order = tuple(found.get("train") or next(iter(found.values())))
    return {split: _read_classes(splits[split], classes, order, source.options) for split, classes in found.items()}


def _by_split(source: Source) -> dict[str, Path]:
    """Split -> the folder of its classes; "" for the folder itself."""
    inner = [path for path in source.entries if path.is_dir()]
    return {read_name(path.name).split: path for path in inner if read_name(path.name).split} or {"": source.path}


def _class_folders(folder: Path) -> list[Path]:
    """The folders that may be classes, sorted, as Keras's own loader numbers them."""
    inner = (path for path in sorted(folder.iterdir()) if path.is_dir() and not is_junk(path.name))
    return [path for path in inner if path.name.lower() not in _WITHOUT_LABELS]


def _texts(folder: Path) -> Iterator[Path]:
    return (text for text in folder.glob("*.txt") if text.is_file() and not is_junk(text.name))


def _has_text(folder: Path) -> bool:
    return any(True for _ in _texts(folder))


def _classes(folder: Path) -> Classes:
    """The texts by class, which is the name of their folder."""
    found = {path.name: sorted(_texts(path)) for path in _class_folders(folder)}
    return {name: texts for name, texts in found.items() if texts}


def _read_classes(folder: Path, classes: Classes, order: Sequence[str], options: LoadOptions) -> Part:
    origin = str(folder)
    unknown = {name: len(texts) for name, texts in classes.items() if name not in order}
    classes = {name: texts for name, texts in classes.items() if name in order}
    if not classes:
        raise InputError(
            f"{origin}: none of the class folders {', '.join([*unknown][:_LISTED])} is among the training classes "
            f"{', '.join(order[:_LISTED])}: rename them"
        )
    files = [text for texts in classes.values() for text in texts]
    share = min(1.0, BYTES / max(1, sum(text.stat().st_size for text in files)))
    count = min(options.rows or len(files), int(share * len(files)))
    chosen = choose([len(texts) for texts in classes.values()], count, options.seed)
    kept = [(texts[i], name) for (name, texts), some in zip(classes.items(), chosen, strict=True) for i in some]
    labels = np.array([order.index(name) for _, name in kept], dtype=np.int64)
    rows = _as_rows([_decoded(text) for text, _ in kept])
    part = Part({"": rows}, {"": labels}, origin, class_names=tuple(order)).setting_aside(unknown)
    note = f"{origin}: {len(kept):,} of {len(files):,} texts were read, a seeded sample of every class"
    return part.noted(note).sample_of(len(files)) if len(kept) < len(files) else part


# --- one text per line ---------------------------------------------------------------------------


def _has_lines(source: Source) -> bool:
    if source.is_folder:
        return bool(_line_files(source))
    return source.path.suffix.lower() == ".txt" and labels_of(source.path, entries_of(source.path.parent)) is not None


def _read_lines(source: Source) -> dict[str, Part]:
    if source.is_folder:
        return read_by_split(source, _line_files(source))
    labels = labels_of(source.path, entries_of(source.path.parent))
    assert labels is not None  # the format was recognised by them
    return {"": read_lines(source.path, labels, source.signature, source.options)}


def _line_files(source: Source) -> list[Path]:
    return [path for path in source.files(".txt") if labels_of(path, source.entries)]


def labels_of(text: Path, entries: Sequence[Path]) -> Path | None:
    """The file among the entries that holds the labels of a file of lines: train.txt and train_labels.txt."""
    own = read_name(text.stem)
    if own.role == "target" or _is_numbers(text):
        return None
    candidates = [path for path in entries if path != text and path.is_file() and _holds_labels(path)]
    same_stem = [path for path in candidates if path.stem.lower().startswith(text.stem.lower())]
    same_split = [path for path in candidates if read_name(path.stem).split == own.split]
    fitting = same_stem or same_split
    return fitting[0] if len(fitting) == 1 else None


def _is_numbers(path: Path) -> bool:
    """Whether the first line is a row of numbers: such a file is a table."""
    with path.open("rb") as stream:
        words = stream.readline(_LINE).decode("latin-1").replace(",", " ").split()
    return all(is_number(word) for word in words)


def _holds_labels(path: Path) -> bool:
    return path.suffix.lower() in {".txt", ".labels"} and read_name(path.name.removesuffix(".txt")).role == "target"


def read_lines(text: Path, labels: Path, signature: Signature, options: LoadOptions) -> Part:
    """Read one text per line and its label from the same line of another file.

    Raises:
        InputError: the model does not take text, or the files have different numbers of lines.
    """
    _require_text_input(signature, text)
    texts, marks = _lines(text), _lines(labels)
    if len(texts) != len(marks):
        raise InputError(
            f"{text} has {len(texts):,} lines and {labels.name} has {len(marks):,}: each line must have one label"
        )
    some = choose([len(texts)], options.rows or len(texts), options.seed)[0]
    numbers = np.array(marks, dtype=np.str_)[some]
    try:
        targets: Rows = numbers.astype(np.float64)
        targets = targets.astype(np.int64) if np.array_equal(targets, np.rint(targets)) else targets
    except ValueError:
        targets = numbers
    part = Part({"": _as_rows([texts[index] for index in some])}, {"": targets}, str(text))
    note = f"{text}: {len(some):,} of {len(texts):,} lines were read, a seeded sample"
    return part.noted(note).sample_of(len(texts)) if len(some) < len(texts) else part


def _lines(path: Path) -> list[str]:
    """The lines of a file without their ends; blank lines at the end do not count."""
    if path.stat().st_size > BYTES:
        raise InputError(f"{path} takes more than {BYTES:,} bytes: pass a part of it, or read it with --loader")
    return _decoded(path).rstrip().split("\n")


# --- both ----------------------------------------------------------------------------------------


def takes_text(signature: Signature) -> bool:
    """Whether the model has one input, which takes text."""
    return len(signature.inputs) == 1 and signature.inputs[0].dtype == "string"


def _require_text_input(signature: Signature, place: Path) -> None:
    if takes_text(signature):
        return
    ports = signature.inputs
    taken = ", ".join(f'"{port.name}" {port.shape}' for port in ports)
    raise InputError(
        f"{place} holds text, but the model takes numbers ({taken}): turn the text into numbers as in training, with "
        "--loader FILE.py:FUNCTION"
    )


def _decoded(path: Path) -> str:
    """UTF-8, else Latin-1, which every file is; line ends as \\n."""
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _as_rows(texts: list[str]) -> Rows:
    """Objects, not fixed-width text: the longest review would set the size of all."""
    rows = np.empty(len(texts), dtype=object)
    rows[:] = texts
    return rows


# --- formats -------------------------------------------------------------------------------------

TEXT_FOLDERS = Format("texts by class", recognises=_has_text_folders, read=_read_text_folders)
TEXT_LINES = Format("one text per line", recognises=_has_lines, read=_read_lines, suffixes=(".txt",))
