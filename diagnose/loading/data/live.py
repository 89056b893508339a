"""Data from a running program: arrays, lists, dicts, frames, and anything that yields batches."""

import itertools
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from diagnose.errors import InputError
from diagnose.loading.data.names import read_name
from diagnose.loading.data.parts import Part, sort_arrays
from diagnose.loading.data.reading import read_data
from diagnose.loading.data.tables import frame_part
from diagnose.loading.failures import describe_failure
from diagnose.loading.options import LoadOptions
from diagnose.loading.signatures import Signature
from diagnose.subject import Rows

BYTES = 2 << 30  # most that is taken out of something that yields batches; `LoadOptions.rows` bounds the rows
_ENDLESS_ROWS = 50_000  # taken out of a dataset that never ends, where the rows have no bound
_BATCH = 1024
_UNEVEN = (  # what has no NumPy view: what it is, the attribute that tells it, what to do
    ("ragged tensor", "row_splits", "pad its rows to one length with .to_tensor()"),
    ("sparse tensor", "dense_shape", "make it dense with tf.sparse.to_dense"),
    ("sparse matrix", "tocsr", "make it dense with .toarray()"),
)


def live_part(data: Any, signature: Signature, options: LoadOptions, what: str) -> dict[str, Part]:
    """Turn what a program passes into parts; a path gives what lies there.

    Args:
        data: (x, y) or (x, y, sample_weight) of arrays, lists or dicts by the model's names; a frame (with
            `target`); a `tf.data.Dataset`, `keras.utils.PyDataset`, torch `DataLoader` or generator of batches; a
            dict of arrays by names such as x_train; or a path.
        signature: what the model takes.
        options: `rows` bounds the rows taken out of a dataset.
        what: "train", "dev" or "test", for messages.

    Raises:
        InputError: it is none of these, or fails while it is read.
    """
    if isinstance(data, str | Path):
        return read_data(Path(data), signature, options)
    if _is_frame(data):
        return {"": frame_part(data, signature, options, what)}
    if isinstance(data, Mapping):
        return _sorted(data, signature, options, what)
    if isinstance(data, tuple | list) and len(data) in {2, 3}:
        return {"": _pair(data, signature, what)}
    if is_dataset(data):
        return {"": _collect(data, signature, options, what)}
    if isinstance(data, np.ndarray):
        return {"": Part(_by_name(data, signature, "input", what), {}, what)}
    raise InputError(f"{what}: pass (x, y), a dataset that yields (x, y), or a path, not {type(data).__name__}")


def is_dataset(data: Any) -> bool:
    """Whether it yields batches: a dataset, a loader or a generator."""
    if isinstance(data, Mapping | str | bytes | Path | tuple | list) or hasattr(data, "__array__") or _is_frame(data):
        return False
    return hasattr(data, "__iter__") or _is_indexed(data)


def is_rows(data: Any) -> bool:
    """Whether it is (x, y) or (x, y, sample_weight), arrays by name, or one array."""
    if isinstance(data, tuple | list):
        return len(data) in {2, 3} and (hasattr(data[0], "__array__") or isinstance(data[0], tuple | list | Mapping))
    arrays = data.values() if isinstance(data, Mapping) else [data]
    return all(hasattr(array, "__array__") for array in arrays)


def _is_frame(data: Any) -> bool:
    return type(data).__module__.startswith("pandas") and hasattr(data, "columns")


def _sorted(data: Mapping[Any, Any], signature: Signature, options: LoadOptions, what: str) -> dict[str, Part]:
    return sort_arrays({str(name): _array(rows, what) for name, rows in data.items()}, signature, what, options)


def _pair(data: Any, signature: Signature, what: str) -> Part:
    """One set of rows: x, (x,), (x, y) or (x, y, sample_weight)."""
    x, y, weight = (*data, None, None)[:3] if isinstance(data, tuple | list) else (data, None, None)
    names = tuple(str(name) for name in x.columns) if _is_frame(x) else ()
    targets = {} if y is None else _by_name(y, signature, "output", what)
    weights = None if weight is None else _array(weight, what)
    return Part(_by_name(x, signature, "input", what), targets, what, weights, feature_names=names)


def _by_name(data: Any, signature: Signature, side: str, what: str) -> dict[str, Rows]:
    """Arrays by name; lists are in the model's order."""
    ports = signature.inputs if side == "input" else signature.outputs
    if isinstance(data, Mapping):
        return {str(name): _array(value, what) for name, value in data.items()}
    if isinstance(data, list | tuple) and len(ports) > 1 and len(data) == len(ports):
        return {port.name: _array(value, what) for port, value in zip(ports, data, strict=True)}
    if isinstance(data, list | tuple) and len(data) == 1 and len(ports) == 1 and np.ndim(data[0]) > 0:
        return {"": _array(data[0], what)}
    return {"": _array(data, what)}


def _array(value: Any, what: str) -> Rows:
    """NumPy's view of an array, tensor, series, frame or list."""
    for kind, mark, way in _UNEVEN:
        if hasattr(value, mark):
            raise InputError(f"{what}: it holds a {kind} ({type(value).__name__}): {way}")
    if hasattr(value, "detach"):  # torch
        value = value.detach().cpu()
    try:
        array: Rows = np.asarray(value)
        if array.dtype.kind == "O":
            first = array.flat[0]
            array = np.char.decode(array.astype(bytes)) if isinstance(first, bytes) else array
            array = array.astype(str if isinstance(first, str | bytes) else np.float64)
    except (ValueError, TypeError, IndexError) as error:
        raise InputError(
            f"{what}: the data holds Python objects of several kinds or shapes: pass arrays of numbers"
        ) from error
    return array


# --- datasets ------------------------------------------------------------------------------------


def _collect(data: Any, signature: Signature, options: LoadOptions, what: str) -> Part:
    """Put batches together, up to the bounds; no batch beyond them is read, and that is said."""
    kind = type(data).__name__
    bound = _ENDLESS_ROWS if options.rows is None and _is_endless(data) else options.rows
    parts: dict[int, Part] = {}
    rows = size = 0
    full = False
    with _random_state_kept():
        try:
            for index, batch in _batches(data, signature, bound, options.seed):
                part = _batch(batch, signature, options, what)
                arrays = [*part.inputs.values(), *part.targets.values()]
                parts[index] = part if bound is None else _first(part, bound - rows)
                rows += len(arrays[0])
                size += sum(array.nbytes for array in arrays)
                full = size >= BYTES or (bound is not None and rows >= bound)
                if full:
                    break
        except InputError:
            raise
        except Exception as error:
            raise InputError(f"{what}: the {kind} fails with {describe_failure(error)}") from error
    if not parts:
        raise InputError(f"{what}: the {kind} yields nothing")
    joined = _joined([parts[index] for index in sorted(parts)], what)
    taken = f"{len(next(iter(joined.inputs.values()))):,}"
    if not full:
        return joined
    if _is_indexed(data):
        return joined.noted(f"{what}: {taken} rows were taken out of the {kind}, in batches chosen by the seed")
    return joined.noted(f"{what}: the first {taken} rows were taken out of the {kind}: if they are sorted, shuffle it")


def _batch(batch: Any, signature: Signature, options: LoadOptions, what: str) -> Part:
    """A batch is what `fit` takes, or a dict such as {"image": ..., "label": ...}."""
    if not isinstance(batch, Mapping) or set(batch) <= {port.name for port in signature.inputs}:
        return _pair(batch, signature, what)
    parts = _sorted(batch, signature, options, what)
    if set(parts) != {""}:
        raise InputError(f"{what}: its batches hold {', '.join(map(str, batch))}: each must be rows of one split")
    return parts[""]


def _batches(data: Any, signature: Signature, bound: int | None, seed: int) -> Iterator[tuple[int, Any]]:
    """Batches with their place in the dataset. Where it can be indexed they come in a seeded order."""
    if hasattr(data, "element_spec"):  # tf.data
        batched = _is_batched(data, signature)
        yield from enumerate(data if batched else data.batch(min(_BATCH, bound or _BATCH)))
    elif _is_indexed(data):
        count = _length(data)
        order = itertools.count() if count is None else np.random.default_rng(seed).permutation(count)
        yield from ((int(index), data[int(index)]) for index in order)
    else:
        yield from enumerate(data)


def _is_indexed(data: Any) -> bool:
    """Whether single batches can be asked for, as of a PyDataset; other iterables are only read in their order."""
    import keras

    return isinstance(data, keras.utils.PyDataset)


def _length(data: Any) -> int | None:
    """How many batches a PyDataset has; None where it never ends."""
    return None if data.num_batches is None else int(data.num_batches)


def _is_endless(data: Any) -> bool:
    if hasattr(data, "element_spec"):
        return int(data.cardinality()) == -1  # tf.data.INFINITE_CARDINALITY
    return _is_indexed(data) and _length(data) is None


def _is_batched(data: Any, signature: Signature) -> bool:
    """A batch has one axis more than the model's input has for one row; where that is unknown, an open first axis."""
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


@contextmanager
def _random_state_kept() -> Iterator[None]:
    """Loaders shuffle; the program's own random numbers must go on as if nobody had looked."""
    torch = sys.modules.get("torch")
    kept = random.getstate(), np.random.get_state(), torch.get_rng_state() if torch else None
    try:
        yield
    finally:
        random.setstate(kept[0])
        np.random.set_state(kept[1])
        if torch:
            torch.set_rng_state(kept[2])


def _first(part: Part, rows: int) -> Part:
    """The first rows of a batch, where the bound falls into it."""

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
