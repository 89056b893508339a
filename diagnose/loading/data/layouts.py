"""Which folder of images is a split and which a class, by names and places alone."""

from dataclasses import dataclass

from diagnose.loading.data.listing import Folders
from diagnose.loading.data.names import read_name


@dataclass(frozen=True)
class SplitFiles:
    """The images of one split: by class, and those outside class folders. `empty` are class folders without images."""

    classes: dict[str, list[str]]
    loose: list[str]
    empty: tuple[str, ...] = ()


def splits_of(folders: Folders) -> tuple[dict[str, Folders], tuple[str, ...]]:
    """Tell the splits apart: `train/cats`, `cats/train` and `cats_train` mean the same.

    Returns:
        split -> its folders, without the word that names the split ("" if there is no such word), and the folders
        that belong to no split.
    """
    folders = _unwrapped(folders, keep_splits=True)
    heads = _heads(folders)
    outside = _outside(folders, heads)
    if outside:
        return _gathered(folders, 0, outside), tuple(sorted(heads - set(outside)))
    inner = {place[1] for place, files in folders.items() if files and len(place) > 1}
    inside = {name: split for name in inner if (split := _pure_split(name))}
    flat = any(files and len(place) < 2 for place, files in folders.items())
    if inner and len(inside) == len(inner) and not flat:
        return _gathered(folders, 1, inside), ()
    return _by_suffix(folders, heads) or {"": folders}, ()


def classes_of(folders: Folders) -> SplitFiles:
    """The class folders of one split, sorted by name; folders below a class folder belong to it."""
    folders = _unwrapped(folders, keep_splits=False)
    classes: dict[str, list[str]] = {place[0]: [] for place in sorted(folders) if place}
    for place, files in folders.items():
        if place:
            classes[place[0]].extend(files)
    named = {name: files for name, files in classes.items() if files}
    loose = folders.get((), [])
    if len(named) == 1 and not loose and read_name(next(iter(named))).role == "input":
        return SplitFiles({}, next(iter(named.values())))  # "images" says what is inside; it is not a class
    return SplitFiles(named, loose, tuple(name for name in classes if name not in named))


def _heads(folders: Folders) -> set[str]:
    """The top folders that hold images, at any depth."""
    return {place[0] for place, files in folders.items() if place and files}


def _unwrapped(folders: Folders, *, keep_splits: bool) -> Folders:
    """Without outer folders that hold nothing but one folder of folders: `data/images/cats`."""
    while True:
        heads = _heads(folders)
        head = next(iter(heads), "")
        if len(heads) != 1 or folders.get(()) or folders.get((head,)) or (keep_splits and read_name(head).split):
            return folders
        folders = {place[1:]: files for place, files in folders.items() if place[:1] == (head,)}


def _pure_split(name: str) -> str:
    """The split, if the name says only that: `Train`, `valid`, `test_images`."""
    read = read_name(name)
    return read.split if read.role in {"", "input"} and not read.port else ""


def _outside(folders: Folders, heads: set[str]) -> dict[str, str]:
    """The top folders that are splits; empty if they are classes, one of which may be called "train"."""
    splits = {head: split for head in heads if (split := _pure_split(head))}
    if not splits:
        named = {head: name for head in heads if (name := read_name(head)).split}
        alike = len({name.port for name in named.values()}) == 1  # seg_train, seg_test
        splits = {head: name.split for head, name in named.items()} if alike else {}
    deep = {place[0] for place, files in folders.items() if files and len(place) > 1}
    return splits if set(splits) == heads or set(splits) <= deep else {}


def _gathered(folders: Folders, level: int, splits: dict[str, str]) -> dict[str, Folders]:
    """The folders by split, the folder at a level taken out of their places."""
    found: dict[str, Folders] = {}
    for place, files in folders.items():
        if len(place) > level and place[level] in splits:
            rest = place[:level] + place[level + 1 :]
            found.setdefault(splits[place[level]], {}).setdefault(rest, []).extend(files)
    return found


def _by_suffix(folders: Folders, heads: set[str]) -> dict[str, Folders]:
    """`cats_train, dogs_train, cats_test`: class folders that end in their split; else empty."""
    found: dict[str, Folders] = {}
    for place, files in folders.items():
        if place and place[0] in heads:
            name = read_name(place[0])
            found.setdefault(name.split, {}).setdefault((name.port, *place[1:]), []).extend(files)
    classes = {split: _heads(part) for split, part in found.items()}
    named = "" not in found and all("" not in names for names in classes.values())
    same = named and "train" in classes and all(names <= classes["train"] for names in classes.values())
    return found if same and len(found) > 1 else {}
