"""Images in one folder per class."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from diagnose.errors import InputError
from diagnose.loading.names import is_junk
from diagnose.loading.parts import Part
from diagnose.loading.signatures import Port, Shape
from diagnose.subject import Rows

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}
BYTES = 2 << 30  # most that the decoded images of one split may take; above it, a seeded sample of every class
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def class_folders(folder: Path) -> tuple[Path, ...]:
    """The sub-folders that hold images, sorted by name: the classes in the order of Keras's own loader."""
    folders = sorted(path for path in folder.iterdir() if path.is_dir() and not is_junk(path.name))
    return tuple(path for path in folders if any(_images(path)))


def _images(folder: Path) -> list[Path]:
    files = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and not is_junk(path.name))
    return sorted(path for path in files if path.is_file() and "__MACOSX" not in path.parts)


def read_images(folder: Path, port: Port, classes: Sequence[str] | None = None, seed: int = 0) -> Part:
    """Read a folder of class folders as the model's input wants them: size, channels, float32, 0 to 255.

    Args:
        folder: holds one folder per class.
        port: the model's image input: (height, width, channels), channels first, or a flat vector.
        classes: the names of the classes, where another split has set their order.

    Raises:
        InputError: the input takes no images, or an image cannot be read.
    """
    folders = class_folders(folder)
    names = tuple(path.name for path in folders)
    order = tuple(classes or names)
    extra = [name for name in names if name not in order]
    if extra:
        raise InputError(f"{folder}: the class folder {extra[0]} is not among the training classes {', '.join(order)}")
    files = [(path, order.index(path.parent.name)) for path in _files(folders)]
    layout = _layout(port, files[0][0], str(folder))
    chosen, note = _sample(files, 4 * layout.size, seed)
    rows, resized = _decode([path for path, _ in chosen], layout)
    labels = np.array([label for _, label in chosen], dtype=np.int64)
    notes = (note,) if note else ()
    if resized:
        notes += (f"{folder}: {resized:,} images were resized to the model's {layout.height} x {layout.width}",)
    return Part({"": rows}, {"": labels}, str(folder), class_names=order, notes=notes)
