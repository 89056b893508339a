"""Image files as arrays, read as Keras's own loader reads them: no EXIF rotation, first frame, bilinear resize.

The content decides the format, out of a short list: some other formats of Pillow run programs.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import isqrt
from pathlib import Path
from threading import Condition
from typing import Any, TypeVar

import numpy as np

from diagnose.errors import InputError
from diagnose.loading.signatures import Port
from diagnose.subject import Rows

BYTES = 2 << 30  # most that the decoded images of one split may take; above it, a seeded sample of every class
PIXELS = 89_000_000  # of one picture, about where Pillow warns of a bomb; decoding takes up to 20 bytes a pixel
_AT_ONCE = 1 << 25  # pixels that are decoded at the same time, in pictures that are not larger than this
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
_SMALLEST = 4  # pixels a side: shorter vectors are not pictures
Seen = TypeVar("Seen")
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_READABLE = 0.5  # share of the files: a folder in which fewer are images is something else
_NAMED = 3  # files in a note


@dataclass(frozen=True)
class Layout:
    """An image as the model takes it: its size in pixels, its channels, and the shape of one row."""

    height: int
    width: int
    channels: int
    shape: tuple[int, ...]
    channels_first: bool = False

    @property
    def size(self) -> int:
        return self.height * self.width * self.channels

    def __str__(self) -> str:
        return f"{self.height} x {self.width} x {self.channels}"


@dataclass(frozen=True)
class Decoded:
    """Images as rows. `kept` are the indices of the files that could be read, `notes` what was changed or left out."""

    rows: Rows
    kept: Rows
    notes: tuple[str, ...]


def layout_of(port: Port, folder: Path, files: Sequence[str]) -> Layout:
    """Read an input of the model as an image; the first readable file gives a side that the model leaves open.

    Raises:
        InputError: the input does not take images.
    """
    shape = port.shape or ()
    if len(shape) == 3 and (shape[-1] in _MODES or shape[-1] is None):
        channels = shape[-1] or 3
        height, width = _sides(shape[0], shape[1], folder, files)
        return Layout(height, width, channels, (height, width, channels))
    if len(shape) == 3 and shape[0] in _MODES:
        channels = shape[0] or 0
        height, width = _sides(shape[1], shape[2], folder, files)
        return Layout(height, width, channels, (channels, height, width), channels_first=True)
    if len(shape) == 2:
        height, width = _sides(shape[0], shape[1], folder, files)
        return Layout(height, width, 1, (height, width))
    if len(shape) == 1 and shape[0]:
        for channels in (1, 3):
            side = isqrt(shape[0] // channels)
            if side >= _SMALLEST and side * side * channels == shape[0]:
                return Layout(side, side, channels, (shape[0],))
    raise InputError(f'{folder} holds images, but the model\'s input "{port.name}" takes rows of shape {port.shape}')


def _sides(height: int | None, width: int | None, folder: Path, files: Sequence[str]) -> tuple[int, int]:
    if height and width:
        return height, width
    for file in files:
        opened = _opened(folder / file, lambda image: image.size)
        if opened is not None:
            return height or opened[1], width or opened[0]
    raise InputError(f"{folder}: none of its {len(files):,} files can be read as an image: save them again")


def decode(folder: Path, files: Sequence[str], layout: Layout) -> Decoded:
    """The images as float32 rows, 0 to 255, not scaled, resized and converted as the layout says.

    Raises:
        InputError: most of the files are not images.
    """
    rows = np.empty((len(files), *layout.shape), dtype=np.float32)

    def read(index: int) -> bool | None:
        """Whether the image had to be changed; None if it cannot be read."""
        pixels = _opened(folder / files[index], lambda image: _pixels(image, layout.channels))
        if pixels is None:
            return None
        values, same = pixels
        if values.shape[:2] != (layout.height, layout.width):
            values, same = resize(values, layout.height, layout.width), False
        rows[index] = (np.moveaxis(values, -1, 0) if layout.channels_first else values).reshape(layout.shape)
        return not same

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # Pillow decodes outside the interpreter's lock
        changed = list(pool.map(read, range(len(files))))
    kept, notes = readable(folder, files, [change is not None for change in changed])
    count = sum(change is True for change in changed)
    if count:
        notes += (
            f"{count:,} of {len(kept):,} images were resized or converted to the model's {layout} "
            "(bilinear without antialiasing, as image_dataset_from_directory does by default)",
        )
    return Decoded(rows if len(kept) == len(files) else rows[kept], kept, notes)


def readable(folder: Path, files: Sequence[str], good: Sequence[bool]) -> tuple[Rows, tuple[str, ...]]:
    """The indices of the files that could be read, and a note on the others.

    Raises:
        InputError: most of them could not.
    """
    kept = np.flatnonzero(good)
    bad = [file for file, could in zip(files, good, strict=True) if not could]
    if not bad:
        return kept, ()
    why = _size(folder / bad[0])
    if len(kept) <= _READABLE * len(files):
        raise InputError(
            f"{folder}: {len(bad):,} of {len(files):,} files cannot be read as images, the first is {bad[0]}{why}: "
            "remove them or save them again"
        )
    listed = ", ".join(bad[:_NAMED]) + (", ..." if len(bad) > _NAMED else "")
    return kept, (f"{len(bad):,} of {len(files):,} files cannot be read as images and were left out: {listed}{why}",)


def _size(path: Path) -> str:
    """A note on a file that could not be read, if it is an image that is too large."""
    from PIL import Image

    with suppress(Exception), Image.open(path, formats=FORMATS) as image:
        if image.width * image.height > PIXELS:
            return f" (more than {PIXELS // 1_000_000} million pixels)"
    return ""


def resize(pixels: Rows, height: int, width: int) -> Rows:
    """Bilinear, as `tf.image.resize` does by default: half-pixel centres, no antialiasing. (h, w, c) -> float32."""
    top, bottom, down = _between(pixels.shape[0], height)
    left, right, across = _between(pixels.shape[1], width)
    upper = pixels[top].astype(np.float32)
    lines = upper + (pixels[bottom] - upper) * down[:, None, None]
    near = lines[:, left]
    resized: Rows = near + (lines[:, right] - near) * across[:, None]
    return resized


def _between(old: int, new: int) -> tuple[Rows, Rows, Rows]:
    """For each new pixel: its two neighbours among the old ones, and how far it lies towards the second."""
    place = np.clip((np.arange(new, dtype=np.float32) + 0.5) * (old / new) - 0.5, 0, old - 1)
    low = np.floor(place).astype(np.int64)
    return low, np.minimum(low + 1, old - 1), (place - low).astype(np.float32)


def resize_nearest(labels: Rows, height: int, width: int) -> Rows:
    """Each new pixel takes the old one that its centre lies in. (h, w) -> (height, width)."""
    down = ((np.arange(height) + 0.5) * labels.shape[0] / height).astype(np.int64)
    across = ((np.arange(width) + 0.5) * labels.shape[1] / width).astype(np.int64)
    taken: Rows = labels[down][:, across]
    return taken


def read_levels(path: Path) -> Rows | None:
    """A mask as it was stored: (h, w) grey levels or palette indices, or (h, w, 3); None if it is unreadable."""

    def levels(image: Any) -> Rows:
        if image.mode in {"P", "L", "1", "F"} or image.mode.startswith("I"):
            return np.asarray(image)
        grey = image.convert("LA" if image.mode == "LA" else "RGB")
        values = np.asarray(grey)
        alike = grey.mode == "LA" or bool(np.all(values == values[..., :1]))
        return values[..., 0] if alike else values

    return _opened(path, levels)


def _pixels(image: Any, channels: int) -> tuple[Rows, bool]:
    """(h, w, channels), 0 to 255, and whether the image was stored so. 16 bits keep their upper eight, as in Keras."""
    mode = _MODES[channels]
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image)
        if image.mode != "F":
            values = values >> 8 if image.mode != "I" or values.max() > 255 else values
        return np.repeat(values.astype(np.float32)[..., None], channels, axis=-1), False
    converted = np.asarray(image.convert(mode))
    return converted.reshape(*converted.shape[:2], channels), image.mode == mode


class _Decoding:
    """Bounds the pixels that all threads decode at the same time; a larger picture is decoded alone."""

    def __init__(self) -> None:
        self._left = _AT_ONCE
        self._changed = Condition()

    @contextmanager
    def share(self, pixels: int) -> Iterator[None]:
        """Wait until this many pixels may be decoded."""
        taken = min(pixels, _AT_ONCE)
        with self._changed:
            self._changed.wait_for(lambda: self._left >= taken)
            self._left -= taken
        try:
            yield
        finally:
            with self._changed:
                self._left += taken
                self._changed.notify_all()


_decoding = _Decoding()


def _opened(path: Path, look: Callable[[Any], Seen]) -> Seen | None:
    """What a function returns for an image file; None if it is not one, or has more than PIXELS."""
    from PIL import Image

    try:
        with Image.open(path, formats=FORMATS) as image:
            pixels = image.width * image.height
            if pixels > PIXELS:
                return None
            with _decoding.share(pixels):
                return look(image)
    except Exception:  # noqa: BLE001 - Pillow's parsers raise whatever damaged bytes lead them to
        return None
