"""Images in one folder per class."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt
from pathlib import Path

import numpy as np

from diagnose.errors import InputError
from diagnose.loading.names import is_junk
from diagnose.loading.parts import Part
from diagnose.loading.signatures import Port
from diagnose.subject import Rows

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}
BYTES = 2 << 30  # most that the decoded images of one split may take; above it, a seeded sample of every class
_SMALLEST = 4  # pixels a side: shorter vectors are no pictures
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


@dataclass(frozen=True)
class Layout:
    """How the model wants an image: its size in pixels, its channels, and the shape of one row."""

    height: int
    width: int
    channels: int
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        return self.height * self.width * self.channels


def class_folders(folder: Path) -> tuple[Path, ...]:
    """The sub-folders that hold images, sorted by name: the classes in the order of Keras's own loader."""
    folders = sorted(path for path in folder.iterdir() if path.is_dir() and not is_junk(path.name))
    return tuple(path for path in folders if _images(path))


def _images(folder: Path) -> list[Path]:
    files = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and not is_junk(path.name))
    return sorted(path for path in files if path.is_file() and "__MACOSX" not in path.parts)


def read_images(folder: Path, port: Port, classes: Sequence[str] = (), seed: int = 0) -> Part:
    """Read a folder of class folders as the model's input wants them: float32, 0 to 255, not scaled.

    Args:
        folder: holds one folder per class.
        port: the model's image input: (height, width, channels), channels first, or a flat vector.
        classes: the names of the classes, where another split has set their order.
        seed: of the sample that is taken where the images do not fit into memory.

    Raises:
        InputError: the input takes no images, an image cannot be read, or a class is new.
    """
    folders = class_folders(folder)
    order = tuple(classes) or tuple(path.name for path in folders)
    extra = [path.name for path in folders if path.name not in order]
    if extra:
        raise InputError(f"{folder}: the class folder {extra[0]} is not among the training classes {', '.join(order)}")
    files = [(image, order.index(path.name)) for path in folders for image in _images(path)]
    layout = _layout(port, files[0][0], folder)
    chosen = _sample(files, 4 * layout.size, seed)
    rows, changed = _decode([image for image, _ in chosen], layout)
    notes = []
    if len(chosen) < len(files):
        notes.append(f"{folder}: {len(chosen):,} of {len(files):,} images were read, a seeded sample of every class")
    if changed:
        size = f"{layout.height} x {layout.width} x {layout.channels}"
        notes.append(f"{folder}: {changed:,} of {len(chosen):,} images were resized or converted to the model's {size}")
    labels = np.array([label for _, label in chosen], dtype=np.int64)
    return Part({"": rows}, {"": labels}, str(folder), class_names=order, notes=tuple(notes))


def _layout(port: Port, first: Path, folder: Path) -> Layout:
    """Read the model's input as an image; where a side may be anything, the first image gives it."""
    shape = port.shape or ()
    if len(shape) == 3 and shape[-1] in _MODES:
        height, width = _sides(shape[0], shape[1], first)
        return Layout(height, width, int(shape[-1] or 0), (height, width, int(shape[-1] or 0)))
    if len(shape) == 3 and shape[0] in _MODES:
        height, width = _sides(shape[1], shape[2], first)
        return Layout(height, width, int(shape[0] or 0), (int(shape[0] or 0), height, width))
    if len(shape) == 2:
        height, width = _sides(shape[0], shape[1], first)
        return Layout(height, width, 1, (height, width))
    if len(shape) == 1 and shape[0]:
        for channels in (1, 3):
            side = isqrt(shape[0] // channels)
            if side >= _SMALLEST and side * side * channels == shape[0]:
                return Layout(side, side, channels, (shape[0],))
    raise InputError(f'{folder} holds images, but the model\'s input "{port.name}" takes rows of shape {port.shape}')


def _sides(height: int | None, width: int | None, first: Path) -> tuple[int, int]:
    from PIL import Image

    if height and width:
        return height, width
    with Image.open(first) as image:
        return height or image.height, width or image.width


def _sample(files: list[tuple[Path, int]], row_bytes: int, seed: int) -> list[tuple[Path, int]]:
    """All files, or as many of every class, in proportion, as the memory bound allows; the order is kept."""
    share = BYTES / (row_bytes * len(files))
    if share >= 1:
        return files
    labels = np.array([label for _, label in files])
    generator = np.random.default_rng(seed)
    kept: list[int] = []
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        kept += generator.choice(rows, max(1, int(share * len(rows))), replace=False).tolist()
    return [files[index] for index in sorted(kept)]


def _decode(files: Sequence[Path], layout: Layout) -> tuple[Rows, int]:
    """The images as one array, and how many of them had another size or other channels."""
    from PIL import Image

    rows = np.empty((len(files), *layout.shape), dtype=np.float32)
    changed = 0
    mode = _MODES[layout.channels]
    for index, path in enumerate(files):
        try:
            with Image.open(path) as image:
                pixels = image.convert(mode)
                fits = image.mode == mode and image.size == (layout.width, layout.height)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise InputError(f"{path} cannot be read as an image: remove it or save it again") from error
        if not fits:
            changed += 1
            pixels = pixels.resize((layout.width, layout.height), Image.Resampling.BILINEAR)
        values = np.asarray(pixels, dtype=np.float32).reshape(layout.height, layout.width, layout.channels)
        channels_first = (
            layout.shape == (layout.channels, layout.height, layout.width) and layout.channels != layout.width
        )
        rows[index] = (np.moveaxis(values, -1, 0) if channels_first else values).reshape(layout.shape)
    return rows, changed
