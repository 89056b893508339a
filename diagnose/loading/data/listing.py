"""The files below a folder, listed by `os.scandir` without opening them, and samples of them."""

import os
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from diagnose.errors import InputError
from diagnose.loading.data.names import is_junk
from diagnose.subject import Rows

IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}
TABLE_SUFFIXES = {".csv", ".tsv"}

FOLDERS = 100_000  # below the data folder; the largest public sets of images have about 20,000 classes

Place = tuple[str, ...]
"""The names of the folders that lead to a file, from the data folder down."""

Folders = dict[Place, list[str]]
"""Files by the folder that holds them, sorted; a file is its path below the data folder, with slashes."""


@dataclass
class Tree:
    """All images below a folder (with empty folders), its tables, and the number of other files."""

    folder: Path
    images: Folders = field(default_factory=dict)
    tables: list[str] = field(default_factory=list)
    others: int = 0

    @property
    def count(self) -> int:
        return sum(len(files) for files in self.images.values())


def suffix(name: str) -> str:
    """The suffix in lower case, with its dot."""
    stem, dot, ending = name.rpartition(".")
    return f".{ending.lower()}" if dot and stem else ""


def list_images(folder: Path) -> Tree:
    """List a folder and all below it, each folder once.

    Links are followed after all plain folders, unless they lead to a folder that was listed already, or to one that
    holds the data folder: links across each other would multiply the paths without end.

    Raises:
        InputError: a folder cannot be opened, or there are too many.
    """
    tree = Tree(folder)
    real = folder.resolve()
    seen: set[Path] = {*real.parents}
    waiting: deque[tuple[Place, Path]] = deque([((), real)])
    links: deque[tuple[Place, Path]] = deque()
    while waiting or links:
        place, real = waiting.popleft() if waiting else links.popleft()
        if real in seen:
            continue
        seen.add(real)
        if len(seen) > FOLDERS:
            raise InputError(f"{folder} leads to more than {FOLDERS:,} folders: pass the folder of the data only")
        try:
            with os.scandir(folder.joinpath(*place)) as entries:
                inner = _sort(entries, place, tree)
        except OSError as error:
            raise InputError(f"{error.filename} cannot be opened ({error.strerror}): allow reading it") from error
        for name, is_link in sorted(inner):
            target = (real / name).resolve() if is_link else real / name
            (links if is_link else waiting).append(((*place, name), target))
    tree.images = dict(sorted(tree.images.items()))
    tree.tables.sort()
    return tree


def _sort(entries: Iterable["os.DirEntry[str]"], place: Place, tree: Tree) -> list[tuple[str, bool]]:
    """Put the files of one folder into the tree; return its sub-folders, each with whether it is a link."""
    inner: list[tuple[str, bool]] = []
    images: list[str] = []
    prefix = "".join(f"{name}/" for name in place)
    for entry in entries:
        if is_junk(entry.name):
            continue
        ending = suffix(entry.name)
        if entry.is_dir():
            inner.append((entry.name, entry.is_symlink()))
        elif ending in IMAGE_SUFFIXES and entry.is_file():
            images.append(prefix + entry.name)
        elif ending in TABLE_SUFFIXES and entry.is_file():
            tree.tables.append(prefix + entry.name)
        else:
            tree.others += 1
    tree.images[place] = sorted(images)
    return inner


def choose(sizes: Sequence[int], count: int, seed: int) -> list[Rows]:
    """A seeded sample out of every group, in proportion, with at least one of each.

    Args:
        sizes: items per group.
        count: most items in all (one of each group is taken even if that is more).
        seed: of the choice.

    Returns:
        the chosen indices of each group, ascending.
    """
    total, groups = sum(sizes), sum(1 for size in sizes if size)
    share = 1.0 if count >= total else max(0.0, (count - groups) / max(1, total - groups))
    quotas = [1 + int((size - 1) * share) if size else 0 for size in sizes]
    generator = np.random.default_rng(seed)
    return [
        np.sort(generator.choice(size, quota, replace=False)) if quota < size else np.arange(size)
        for size, quota in zip(sizes, quotas, strict=True)
    ]
