"""Rows of a running program that come in batches: datasets, loaders and generators."""

import itertools
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from diagnose.errors import InputError
from diagnose.loading.data.live_arrays import is_frame, one_part, parts_by_name
from diagnose.loading.data.names import read_name
from diagnose.loading.data.parts import Part
from diagnose.loading.failures import describe_failure
from diagnose.loading.options import LoadOptions
from diagnose.loading.signatures import Signature
from diagnose.subject import Rows

BYTES = 2 << 30  # most that is taken from a dataset; `LoadOptions.rows` bounds the rows
_ENDLESS_ROWS = 50_000  # taken from an endless dataset if the rows have no bound
_BATCH = 1024


def is_dataset(data: Any) -> bool:
    """Whether it yields batches: a dataset, a loader or a generator."""
    if isinstance(data, Mapping | str | bytes | Path | tuple | list) or hasattr(data, "__array__") or is_frame(data):
        return False
    return hasattr(data, "__iter__") or _is_indexed(data)


def collect(data: Any, signature: Signature, options: LoadOptions, what: str) -> Part:
    """Join batches up to the bounds of rows and bytes; later batches are not read, and a note says so.

    Raises:
        InputError: the dataset fails, is empty, or its batches do not fit together.
    """
    kind = type(data).__name__
    with _random_state_kept():
        try:
            taken = _take(data, signature, options, what)
        except InputError:
            raise
        except Exception as error:
            raise InputError(f"{what}: the {kind} fails with {describe_failure(error)}") from error
    if not taken.parts:
        raise InputError(f"{what}: the {kind} yields nothing")
    joined = _joined(taken.parts, what)
    held = len(next(iter(joined.inputs.values())))
    population = _population(data, signature, taken.sizes) if taken.full else held
    if population is not None and population <= held:
        return joined
    order = ", in batches chosen by the seed" if _is_indexed(data) else ": if they are sorted, shuffle it"
    first = "" if _is_indexed(data) else "the first "
    return joined.noted(f"{what}: {first}{held:,} rows were taken out of the {kind}{order}").sample_of(population)


# --- taking batches ------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Taken:
    """Batches in the order of the dataset (the last one read may be cut), and the rows of each batch that was read.

    `full` says that a bound was reached.
    """

    parts: list[Part]
    sizes: list[int]
    full: bool


def _take(data: Any, signature: Signature, options: LoadOptions, what: str) -> _Taken:
    bound = _ENDLESS_ROWS if options.rows is None and _is_endless(data) else options.rows
    parts: dict[int, Part] = {}
    sizes: list[int] = []
    size, full = 0, False
    for index, batch in _batches(data, signature, bound, options.seed):
        part = _batch(batch, signature, options, what)
        arrays = [*part.inputs.values(), *part.targets.values()]
        parts[index] = part if bound is None else _first(part, bound - sum(sizes))
        sizes.append(len(arrays[0]))
        size += sum(array.nbytes for array in arrays)
        full = size >= BYTES or (bound is not None and sum(sizes) >= bound)
        if full:
            break
    return _Taken([parts[index] for index in sorted(parts)], sizes, full)


def _batch(batch: Any, signature: Signature, options: LoadOptions, what: str) -> Part:
    """A batch is what `fit` takes, or a dict such as {"image": ..., "label": ...}."""
    if not isinstance(batch, Mapping) or set(batch) <= {port.name for port in signature.inputs}:
        return one_part(batch, signature, what)
    parts = parts_by_name(batch, signature, options, what)
    if set(parts) != {""}:
        raise InputError(f"{what}: its batches hold {', '.join(map(str, batch))}: each must be rows of one split")
    return parts[""]


def _batches(data: Any, signature: Signature, bound: int | None, seed: int) -> Iterator[tuple[int, Any]]:
    """Batches with their place in the dataset. If it can be indexed, they come in a seeded order."""
    if _is_tf_data(data):
        batched = _is_batched(data, signature)
        yield from enumerate(data if batched else data.batch(min(_BATCH, bound or _BATCH)))
    elif _is_indexed(data):
        count = _count(data)
        order = itertools.count() if count is None else np.random.default_rng(seed).permutation(count)
        yield from ((int(index), data[int(index)]) for index in order)
    else:
        yield from enumerate(data)


@contextmanager
def _random_state_kept() -> Iterator[None]:
    """Loaders shuffle; the program's own random numbers must go on as if nothing was read."""
    torch = sys.modules.get("torch")
    kept = random.getstate(), np.random.get_state(), torch.get_rng_state() if torch else None
    try:
        yield
    finally:
        random.setstate(kept[0])
        np.random.set_state(kept[1])
        if torch:
            torch.set_rng_state(kept[2])


# --- kinds of datasets ---------------------------------------------------------------------------


def _is_tf_data(data: Any) -> bool:
    return hasattr(data, "element_spec")


def _is_indexed(data: Any) -> bool:
    """Whether single batches can be asked for, as from a PyDataset; other iterables are only read in their order."""
    import keras

    return isinstance(data, keras.utils.PyDataset)


def _is_endless(data: Any) -> bool:
    if _is_tf_data(data):
        return int(data.cardinality()) == -1  # tf.data.INFINITE_CARDINALITY
    return _is_indexed(data) and _count(data) is None


def _is_batched(data: Any, signature: Signature) -> bool:
    """A batch has one axis more than one row of the model's input; if that is unknown, its first axis is open."""
    import keras

    spec = data.element_spec[0] if isinstance(data.element_spec, tuple) else data.element_spec
    if isinstance(spec, Mapping):
        named = [key for key in spec if read_name(str(key), signature).role == "input"]
        spec = spec[named[0]] if named else spec
    first = keras.tree.flatten(spec)[0]
    shape = signature.inputs[0].shape
    if shape is not None and first.shape.rank in {len(shape), len(shape) + 1}:
        return bool(first.shape.rank == len(shape) + 1)
    return bool(first.shape.rank) and first.shape[0] is None


def _count(data: Any) -> int | None:
    """The elements of a dataset, which are batches (or rows of a tf.data.Dataset by row); None: unknown or endless."""
    if _is_tf_data(data):
        cardinality = int(data.cardinality())
        return cardinality if cardinality >= 0 else None
    if _is_indexed(data):
        return None if data.num_batches is None else int(data.num_batches)
    try:
        return len(data) if hasattr(data, "batch_size") else None  # a torch DataLoader counts its batches
    except TypeError:  # its dataset has no length
        return None


def _population(data: Any, signature: Signature, sizes: Sequence[int]) -> int | None:
    """The rows of a dataset, given the sizes of the batches that were read; None: unknown or endless.

    Batches that were not read count as full, so the number may be up to one batch too high.
    """
    count = _count(data)
    if count is None:
        return None
    if _is_tf_data(data) and not _is_batched(data, signature):
        return count
    return sum(sizes) + max(0, count - len(sizes)) * max(sizes)


# --- joining batches -----------------------------------------------------------------------------


def _first(part: Part, rows: int) -> Part:
    """The first rows of a batch that reaches beyond the bound."""

    def cut(column: Rows | None) -> Rows | None:
        return None if column is None else column[:rows]

    return replace(
        part,
        inputs={name: array[:rows] for name, array in part.inputs.items()},
        targets={name: array[:rows] for name, array in part.targets.items()},
        sample_weight=cut(part.sample_weight),
        groups=cut(part.groups),
        times=cut(part.times),
    )


def _joined(parts: list[Part], what: str) -> Part:
    """All batches as one part."""

    def join(columns: list[Rows | None]) -> Rows | None:
        given = [column for column in columns if column is not None]
        return np.concatenate(given) if len(given) == len(columns) else None

    return replace(
        parts[0],
        inputs=_concatenated([part.inputs for part in parts], what),
        targets=_concatenated([part.targets for part in parts], what),
        sample_weight=join([part.sample_weight for part in parts]),
        groups=join([part.groups for part in parts]),
        times=join([part.times for part in parts]),
    )


def _concatenated(pieces: Sequence[Mapping[str, Rows]], what: str) -> dict[str, Rows]:
    for piece in pieces:
        if piece.keys() != pieces[0].keys():
            found = " and then ".join(", ".join(names) for names in (pieces[0], piece))
            raise InputError(f"{what}: its batches hold {found}: each must hold the same arrays")
        for name, array in piece.items():
            if array.shape[1:] != pieces[0][name].shape[1:]:
                raise InputError(
                    f"{what}: rows of its batches have the shapes {pieces[0][name].shape[1:]} and {array.shape[1:]}: "
                    "pad or resize them to one shape"
                )
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
