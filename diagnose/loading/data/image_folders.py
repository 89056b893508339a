"""A folder of images becomes parts: with classes by folder, labels in a table, masks, or the images themselves."""

from collections.abc import Sequence
from math import isqrt

import numpy as np

from diagnose.errors import InputError
from diagnose.loading.data.image_masks import pair_up, read_masked
from diagnose.loading.data.images import BYTES, Layout, decode, layout_of
from diagnose.loading.data.labelled_images import find_labels, read_labelled
from diagnose.loading.data.layouts import SplitFiles, classes_of, splits_of
from diagnose.loading.data.listing import Tree, choose
from diagnose.loading.data.loader_templates import not_understood
from diagnose.loading.data.parts import Part
from diagnose.loading.options import LoadOptions
from diagnose.loading.signatures import Port, Signature

_LISTED = 12  # class names in a message


def read_image_folder(tree: Tree, signature: Signature, options: LoadOptions) -> dict[str, Part] | None:
    """Read the images of a folder as the model takes and answers them.

    Args:
        tree: what lies in the folder.
        signature: one image input; an output that is an image asks for masks, or is an autoencoder's.
        options: `rows` bounds the images that are decoded per split, `seed` chooses them, `target` is the column of a
            table that holds the labels.

    Returns:
        split -> part; None where the images are not what the folder is about.

    Raises:
        InputError: images that the model cannot take, of no class, or without their masks.
    """
    splits, beside = splits_of(tree.images)
    found = {split: classes_of(folders) for split, folders in splits.items()}
    classed = any(len(split.classes) > 1 for split in found.values())
    rivals = tree.others + len(tree.tables)
    single = len(signature.inputs) == len(signature.outputs) == 1
    if not tree.count or (rivals and not (single and _takes_images(signature.inputs[0]))):
        return None
    if not single:
        inputs, outputs = ([port.name for port in side] for side in (signature.inputs, signature.outputs))
        message = f"{tree.folder} holds images for one input and one output, but the model has {_listed(inputs)} and "
        raise not_understood(f"{message}{_listed(outputs)}: pass arrays by these names", tree.folder, signature)
    if _is_dense(signature.outputs[0]) and (pairs := pair_up(tree, signature)):
        return read_masked(tree.folder, pairs, signature, options)
    labels = find_labels(tree, options.target)
    if labels and (options.target or not classed):
        return read_labelled(tree, labels, signature, options)
    if not classed and rivals >= tree.count:
        return None
    parts = _read_splits(tree, found, signature, options)
    note = f"{tree.folder}: {', '.join(beside)} was not used: it names no split"
    return {split: part.noted(note) if beside else part for split, part in parts.items()}


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
        return {split: _read(tree, split, part, (), layout=layout, options=options) for split, part in every.items()}
    if _is_dense(signature.outputs[0]):
        message = f'{tree.folder}: the output "{signature.outputs[0].name}" is an image, but there are no masks: '
        advice = "put them into images/ and masks/ under the same names, or call them NAME_mask.png"
        raise not_understood(message + advice, tree.folder, signature)
    order = _class_order(tree, first, signature)
    return {split: _read(tree, split, part, order, layout=layout, options=options) for split, part in found.items()}


def _files(part: SplitFiles) -> list[str]:
    return [*part.loose, *(file for files in part.classes.values() for file in files)]


def _class_order(tree: Tree, first: SplitFiles, signature: Signature) -> tuple[str, ...]:
    """Sorted names, as Keras numbers them: an empty folder is a class, too, where the model has a unit for it."""
    if not first.classes:
        advice = "put them into one folder per class, or add labels.csv with a column of file names and one of labels"
        message = f"{tree.folder} holds images without classes (file names are not read as such): {advice}"
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


def _read(
    tree: Tree, split: str, part: SplitFiles, order: Sequence[str], *, layout: Layout, options: LoadOptions
) -> Part:
    """One split: a sample of every class, decoded. Without an order there are no targets."""
    origin = f"{tree.folder} ({split})" if split else str(tree.folder)
    new = [name for name in part.classes if order and name not in order]
    if new:
        raise InputError(
            f"{origin}: the class folder {new[0]} is not among the training classes {_listed(order)}: "
            "rename it, or leave it out"
        )
    if not part.classes:
        raise InputError(f"{origin}: its images lie in no class folder, but those of the training set do: sort them")
    total = sum(len(files) for files in part.classes.values())
    count = min(options.rows or total, max(1, BYTES // (4 * layout.size)))
    chosen = choose([len(files) for files in part.classes.values()], count, options.seed)
    files, labels = [], []
    for (name, every), indices in zip(part.classes.items(), chosen, strict=True):
        files += [every[index] for index in indices]
        labels += [order.index(name) if order else 0] * len(indices)
    decoded = decode(tree.folder, files, layout)
    notes = [f"{origin}: {note}" for note in decoded.notes]
    if len(files) < total:
        notes.insert(0, f"{origin}: {len(files):,} of {total:,} images were read, a seeded sample of every class")
    if part.loose and order:
        notes.append(f"{origin}: {len(part.loose):,} images beside the class folders were left out")
    targets = {"": np.array(labels, dtype=np.int64)[decoded.kept]} if order else {}
    names = tuple(order)
    return Part({"": decoded.rows}, targets, origin, class_names=names, notes=tuple(notes), named_labels=bool(names))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_LISTED]) + (", ..." if len(names) > _LISTED else "")
