"""A folder of images becomes parts: with classes by folder, labels in a table, masks, or the images themselves."""

from collections.abc import Sequence
from dataclasses import replace
from math import isqrt

import numpy as np

from diagnose.errors import InputError
from diagnose.loading.data.arrays import SUFFIXES as ARRAYS
from diagnose.loading.data.image_masks import pair_up, read_masked
from diagnose.loading.data.images import BYTES, Layout, decode, layout_of
from diagnose.loading.data.labelled_images import find_labels, read_labelled
from diagnose.loading.data.layouts import SplitFiles, classes_of, splits_of
from diagnose.loading.data.listing import Tree, choose
from diagnose.loading.data.loader_templates import not_understood
from diagnose.loading.data.parts import Part
from diagnose.loading.data.sources import Format, Source
from diagnose.loading.options import LoadOptions
from diagnose.loading.signatures import Port, Signature

_LISTED = 12  # class names in a message


def _recognises(source: Source) -> bool:
    """Whether the images of a folder are its rows, not for example plots next to a table."""
    if not source.is_folder or source.named(*ARRAYS):
        return False
    tree, signature = source.tree, source.signature
    others = tree.others + len(tree.tables)
    if not tree.count or (others and not (_is_single(signature) and _takes_images(signature.inputs[0]))):
        return False
    if others < tree.count or _has_classes(_splits(tree)[0]):
        return True
    return _has_masks(tree, signature) or bool(find_labels(tree, source.options.target))


def _read(source: Source) -> dict[str, Part]:
    """Read the images of a folder as the model takes and answers them.

    `rows` bounds the images that are decoded per split, `seed` chooses them, and `target` is the column of a table
    that holds the labels.

    Raises:
        InputError: the model cannot take the images, or they have no class or mask.
    """
    tree, signature, options = source.tree, source.signature, source.options
    if not _is_single(signature):
        inputs, outputs = ([port.name for port in side] for side in (signature.inputs, signature.outputs))
        message = f"{tree.folder} holds images for one input and one output, but the model has {_listed(inputs)} and "
        raise not_understood(f"{message}{_listed(outputs)}: pass arrays by these names", tree.folder, signature)
    if _is_dense(signature.outputs[0]) and (pairs := pair_up(tree, signature)):
        return read_masked(tree.folder, pairs, signature, options)
    splits, unused = _splits(tree)
    labels = find_labels(tree, options.target)
    if labels and (options.target or not _has_classes(splits)):
        return read_labelled(tree, labels, signature, options)
    parts = _read_splits(tree, splits, signature, options)
    note = f"{tree.folder}: {', '.join(unused)} was not used: its name is not that of a split"
    return {split: part.noted(note) if unused else part for split, part in parts.items()}


def _is_single(signature: Signature) -> bool:
    return len(signature.inputs) == len(signature.outputs) == 1


def _splits(tree: Tree) -> tuple[dict[str, SplitFiles], tuple[str, ...]]:
    """The images by split and class, and the folders that belong to no split."""
    splits, unused = splits_of(tree.images)
    return {split: classes_of(folders) for split, folders in splits.items()}, unused


def _has_classes(splits: dict[str, SplitFiles]) -> bool:
    return any(len(split.classes) > 1 for split in splits.values())


def _has_masks(tree: Tree, signature: Signature) -> bool:
    return _is_dense(signature.outputs[0]) and bool(pair_up(tree, signature))


def _takes_images(port: Port) -> bool:
    """Whether an input has the axes of an image, or is a flat square one."""
    shape = port.shape or ()
    if len(shape) == 1 and shape[0]:
        return any(isqrt(shape[0] // channels) ** 2 * channels == shape[0] for channels in (1, 3))
    return len(shape) in {2, 3}


def _is_dense(port: Port) -> bool:
    """Whether an output is an image itself: one answer per pixel."""
    return port.shape is not None and len(port.shape) == 3


def _gives_what_it_takes(signature: Signature) -> bool:
    taken, given = signature.inputs[0].shape, signature.outputs[0].shape
    return taken is not None and taken == given and len(taken) in {1, 3}


def _read_splits(
    tree: Tree, found: dict[str, SplitFiles], signature: Signature, options: LoadOptions
) -> dict[str, Part]:
    """Every split with its classes, in the order of the training folder; or without, for an autoencoder."""
    first = found.get("train") or next(iter(found.values()))
    layout = layout_of(signature.inputs[0], tree.folder, _files(first))
    if _gives_what_it_takes(signature):
        every = {split: SplitFiles({"": _files(part)}, []) for split, part in found.items()}
        return {split: _decode(tree, split, part, (), layout=layout, options=options) for split, part in every.items()}
    if _is_dense(signature.outputs[0]):
        message = f'{tree.folder}: the output "{signature.outputs[0].name}" is an image, but there are no masks: '
        advice = "put them into images/ and masks/ under the same names, or call them NAME_mask.png"
        raise not_understood(message + advice, tree.folder, signature)
    order = _class_order(tree, first, signature)
    return {split: _decode(tree, split, part, order, layout=layout, options=options) for split, part in found.items()}


def _files(part: SplitFiles) -> list[str]:
    return [*part.loose, *(file for files in part.classes.values() for file in files)]


def _class_order(tree: Tree, first: SplitFiles, signature: Signature) -> tuple[str, ...]:
    """Sorted names, as Keras numbers them: an empty folder is a class, too, if the model has a unit for it."""
    if not first.classes:
        advice = "put them into one folder per class, or add labels.csv with a column of file names and one of labels"
        message = f"{tree.folder} holds images without classes (file names are not read as classes): {advice}"
        raise not_understood(message, tree.folder, signature)
    output = signature.outputs[0]
    units = output.shape[-1] if output.shape else None
    order = tuple(first.classes)
    if units == len(order) + len(first.empty):
        return tuple(sorted((*order, *first.empty)))
    if units and 1 < units < len(order):
        raise InputError(
            f'{tree.folder} has {len(order)} class folders ({_listed(order)}), but the output "{output.name}" gives '
            f"{units} units: pass the folder that the model was trained on"
        )
    return order


def _decode(
    tree: Tree, split: str, part: SplitFiles, order: Sequence[str], *, layout: Layout, options: LoadOptions
) -> Part:
    """One split: a sample of every class, decoded. Without an order there are no targets."""
    origin = f"{tree.folder} ({split})" if split else str(tree.folder)
    unknown = _unknown_classes(part, order, origin)
    part = replace(part, classes={name: files for name, files in part.classes.items() if name not in unknown})
    total = sum(len(files) for files in part.classes.values())
    count = min(options.rows or total, max(1, BYTES // (4 * layout.size)))
    chosen = choose([len(files) for files in part.classes.values()], count, options.seed)
    files, labels = [], []
    for (name, every), indices in zip(part.classes.items(), chosen, strict=True):
        files += [every[index] for index in indices]
        labels += [order.index(name) if order else 0] * len(indices)
    decoded = decode(tree.folder, files, layout)
    notes = [*decoded.notes]
    if len(files) < total:
        notes.insert(0, f"{len(files):,} of {total:,} images were read, a seeded sample of every class")
    if part.loose and order:
        notes.append(f"{len(part.loose):,} images outside the class folders were left out")
    targets = {"": np.array(labels, dtype=np.int64)[decoded.kept]} if order else {}
    read = Part({"": decoded.rows}, targets, origin, class_names=tuple(order), named_labels=bool(order))
    read = read.noted(*(f"{origin}: {note}" for note in notes)).setting_aside(unknown)
    return read.sample_of(total) if len(files) < total else read


def _unknown_classes(part: SplitFiles, order: Sequence[str], origin: str) -> dict[str, int]:
    """The class folders that train lacks, with the number of their images.

    Raises:
        InputError: no folder is that of a training class.
    """
    unknown = {name: len(files) for name, files in part.classes.items() if order and name not in order}
    if not part.classes:
        raise InputError(f"{origin}: its images are not in class folders, but those of the training set are: sort them")
    if len(unknown) == len(part.classes):
        raise InputError(
            f"{origin}: none of the class folders {_listed(tuple(unknown))} is among the training classes "
            f"{_listed(order)}: rename them"
        )
    return unknown


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_LISTED]) + (", ..." if len(names) > _LISTED else "")


IMAGES = Format(
    "images",
    recognises=_recognises,
    read=_read,
    example="one folder of images per class, perhaps inside train, dev and test",
)
