"""Images with one mask each: pairs by name, and masks as the targets that a segmentation model takes.

A mask is recognised by its folder (`masks/`, `labels/`, `train_masks/`, `y/`) or its name (`cell_mask.png`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from diagnose.loading.data.images import BYTES, Layout, decode, layout_of, read_levels, readable, resize_nearest
from diagnose.loading.data.layouts import splits_of
from diagnose.loading.data.listing import Folders, Place, Tree, choose, suffix
from diagnose.loading.data.loader_templates import not_understood
from diagnose.loading.data.names import plain
from diagnose.loading.data.parts import Part
from diagnose.loading.options import LoadOptions
from diagnose.loading.signatures import Port, Signature
from diagnose.subject import Rows

_MASK_WORDS = {
    "mask", "masks", "label", "labels", "target", "targets", "annotation", "annotations", "annots", "annot",
    "seg", "segmentation", "segmentations", "gt", "groundtruth", "labelids",
}  # fmt: skip
_IMAGE_WORDS = {"image", "images", "img", "imgs", "input", "inputs", "frame", "frames", "photo", "photos", "original"}
_MASK_FOLDERS = _MASK_WORDS | {"y"}
_IMAGE_FOLDERS = _IMAGE_WORDS | {"x"}
_LOSSY = {".jpg", ".jpeg"}
_NAMED = 3  # files in a note
_VALUES = 8  # mask values in a message


Key = tuple[str, ...]
"""What an image and its mask have in common: the words of their folders, and of their names."""


@dataclass(frozen=True)
class Pairs:
    """The images of one split and the mask of each; `alone` are files without a partner."""

    images: list[str]
    masks: list[str]
    alone: list[str]


def pair_up(tree: Tree, signature: Signature) -> dict[str, Pairs]:
    """Match images and masks of the same name.

    Returns:
        split -> pairs ("" if no folder names a split); empty if no file or folder is called a mask.

    Raises:
        NotUnderstoodError: no image has a mask, or one has several.
    """
    images, masks = _sides(tree)
    if not masks:
        return {}
    if not images.keys() & masks.keys():  # their folders have different names, so compare the file names alone
        images, masks = _by_stem(images), _by_stem(masks)
    common = images.keys() & masks.keys()
    if not common:
        message = f"{tree.folder}: no image has a mask of the same name (as {_first(images)} and {_first(masks)}): "
        advice = "give an image and its mask one name, apart from suffix and _mask"
        raise not_understood(message + advice, tree.folder, signature)
    double = next((side[key] for key in sorted(common) for side in (images, masks) if len(side[key]) > 1), None)
    if double:
        message = f"{tree.folder}: {double[0]} and {double[1]} have the same name, so their partner is unclear: "
        raise not_understood(f"{message}keep one of them", tree.folder, signature)
    alone = sorted(file for side in (images, masks) for key in side.keys() - common for file in side[key])
    folders: Folders = {}
    partner = {}
    for key in sorted(common):
        partner[images[key][0]] = masks[key][0]
        folders.setdefault(key[:-1], []).append(images[key][0])
    splits, _ = splits_of(folders)
    found = {split: [file for files in part.values() for file in files] for split, part in splits.items()}
    return {
        split: Pairs(files, [partner[file] for file in files], alone if split == next(iter(found)) else [])
        for split, files in found.items()
    }


def _sides(tree: Tree) -> tuple[dict[Key, list[str]], dict[Key, list[str]]]:
    """Images and masks by the rest of their folders and names, without words such as image and mask.

    If a folder is named after masks, the folders decide; else the file names do.
    """
    by_folder = any(_is_mask_folder(place) for place, files in tree.images.items() if files)
    sides: tuple[dict[Key, list[str]], dict[Key, list[str]]] = ({}, {})
    for place, files in tree.images.items():
        context = tuple(rest for name in place if (rest := _rest(name, _MASK_FOLDERS | _IMAGE_FOLDERS)))
        for file in files:
            stem = file.rpartition("/")[2].removesuffix(Path(file).suffix)
            words = plain(stem).split("_")
            is_mask = _is_mask_folder(place) if by_folder else bool({words[0], words[-1]} & _MASK_WORDS)
            sides[is_mask].setdefault((*context, _common_stem(words)), []).append(file)
    return sides


def _is_mask_folder(place: Place) -> bool:
    return any(_MASK_FOLDERS & {*plain(name).split("_")} for name in place)


def _rest(name: str, words: set[str]) -> str:
    return "_".join(word for word in plain(name).split("_") if word not in words)


def _common_stem(words: list[str]) -> str:
    """A file's name without a first or last word such as image or mask: `img_07` and `07_mask` are both 07."""
    kinds = _MASK_WORDS | _IMAGE_WORDS
    words = words[:-1] if words[-1] in kinds else words
    words = words[1:] if words and words[0] in kinds else words
    return "_".join(words)


def _by_stem(side: Mapping[Key, list[str]]) -> dict[Key, list[str]]:
    joined: dict[Key, list[str]] = {}
    for key, files in side.items():
        joined.setdefault(key[-1:], []).extend(files)
    return joined


def _first(side: Mapping[Key, list[str]]) -> str:
    return next((files[0] for files in side.values()), "the images")


# --- reading -------------------------------------------------------------------------------------


def read_masked(
    folder: Path, pairs: Mapping[str, Pairs], signature: Signature, options: LoadOptions
) -> dict[str, Part]:
    """Read a sample of every split: images as the model takes them, masks as classes per pixel.

    Masks are resized by nearest neighbour and never interpolated. One unit: 0 and 1, if the masks have two
    values. Several units: integers below their number, which fitting turns into one-hot rows if the loss needs them.

    Raises:
        InputError: unreadable files, colours, or values that are not classes.
    """
    first = pairs.get("train") or next(iter(pairs.values()))
    layout = layout_of(signature.inputs[0], folder, first.images)
    parts = {
        split: _read(folder, split, pair, signature, layout=layout, options=options) for split, pair in pairs.items()
    }
    return _as_classes(parts, signature, folder, lossy=suffix(first.masks[0]) in _LOSSY)


def _read(
    folder: Path, split: str, pairs: Pairs, signature: Signature, *, layout: Layout, options: LoadOptions
) -> Part:
    """Images and raw masks of one split; files without a partner and unreadable ones are left out, with a note."""
    origin = f"{folder} ({split})" if split else str(folder)
    height, width, units = _size(signature.outputs[0], layout)
    row_bytes = 4 * (layout.size + height * width * units)
    total = len(pairs.images)
    (chosen,) = choose([total], min(options.rows or total, max(1, BYTES // row_bytes)), options.seed)
    decoded = decode(folder, [pairs.images[index] for index in chosen], layout)
    files = [pairs.masks[index] for index in chosen[decoded.kept]]
    masks: list[Rows | None] = []
    resized = 0
    for file in files:
        levels = read_levels(folder / file)
        if levels is not None and levels.ndim == 3:
            message = f"{folder}/{file} is a mask in colours, whose classes are unknown: "
            raise not_understood(f"{message}save integers from 0", folder, signature)
        if levels is not None and levels.shape != (height, width):
            levels, resized = resize_nearest(levels, height, width), resized + 1
        masks.append(levels)
    kept, notes = readable(folder, files, [mask is not None for mask in masks])
    if len(chosen) < total:
        notes = (f"{len(chosen):,} of {total:,} images were read, a seeded sample", *notes)
    if resized:
        notes += (f"{resized:,} of {len(kept):,} masks were resized to {height} x {width} by nearest neighbour",)
    if pairs.alone:
        named = ", ".join(pairs.alone[:_NAMED]) + (", ..." if len(pairs.alone) > _NAMED else "")
        notes += (f"{len(pairs.alone):,} images or masks have no partner and were left out: {named}",)
    notes = tuple(f"{origin}: {note}" for note in decoded.notes + notes)
    stacked = np.stack([mask for mask in masks if mask is not None])
    rows = decoded.rows if len(kept) == len(files) else decoded.rows[kept]
    part = Part({"": rows}, {"": stacked}, origin, notes=notes, named_labels=True)
    return part.sample_of(total) if len(chosen) < total else part


def _size(output: Port, layout: Layout) -> tuple[int, int, int]:
    """Height and width of a mask in the output (or the image, if the output leaves them open), and units per pixel."""
    height, width, units = output.shape or (None, None, None)
    return height or layout.height, width or layout.width, units or 1


def _as_classes(parts: Mapping[str, Part], signature: Signature, folder: Path, *, lossy: bool) -> dict[str, Part]:
    """The masks of all splits as classes: the values of all splits together decide what they mean."""
    output = signature.outputs[0]
    units = _size(output, Layout(1, 1, 1, ()))[2]
    values = np.unique(np.concatenate([np.unique(part.targets[""]) for part in parts.values()]))
    classes = max(units, 2)
    if values[-1] < classes:
        return dict(parts)
    if lossy and units <= 2:
        cut = f"{folder}: the masks are JPEG files, which are lossy: values from 128 on were read as 1, lower ones as 0"
        return {split: _with_masks(part, part.targets[""] >= 128, cut) for split, part in parts.items()}
    if len(values) == classes or set(values.tolist()) == {255}:
        order = values if len(values) == classes else np.array([0, 255])
        shown = ", ".join(str(value) for value in order[:_VALUES])
        note = f"{folder}: the mask values {shown} were read as the classes 0 to {classes - 1}, in this order"
        return {split: _with_masks(p, np.searchsorted(order, p.targets[""]), note) for split, p in parts.items()}
    if units == 1:
        note = f"{folder}: the masks have {len(values)} grey levels up to {values[-1]} and were fed as they are"
        return {split: part.noted(note) for split, part in parts.items()}
    shown = ", ".join(str(value) for value in values[:_VALUES]) + (", ..." if len(values) > _VALUES else "")
    message = f'{folder}: the masks have {len(values)} values ({shown}), but the output "{output.name}" gives {units} '
    raise not_understood(f"{message}classes per pixel: save integers from 0 to {units - 1}", folder, signature)


def _with_masks(part: Part, masks: Rows, note: str) -> Part:
    return replace(part, targets={"": masks.astype(np.uint8)}).noted(note)
