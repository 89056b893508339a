"""Data from a running program: arrays, lists, dicts, frames, and anything that yields batches."""

import random
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from diagnose.errors import InputError
from diagnose.loading.folders import read_data
from diagnose.loading.options import LoadOptions
from diagnose.loading.parts import Part
from diagnose.loading.signatures import Signature
from diagnose.loading.tables import frame_part
from diagnose.subject import Rows

ROWS = 200_000  # most rows that are taken out of something that yields batches
BYTES = 2 << 30  # and most bytes
_BATCH = 1024


def live_part(data: Any, signature: Signature, options: LoadOptions, what: str) -> dict[str, Part]:
    """Turn what a program passes into parts; a path gives what lies there.

    Args:
        data: (x, y) or (x, y, sample_weight) of arrays, lists or dicts by the model's names; a frame (with
            `target`); a `tf.data.Dataset`, `keras.utils.PyDataset`, torch `DataLoader`; or a path.
        what: "train", "dev" or "test", for messages.

    Raises:
        InputError: it is none of these.
    """
    if isinstance(data, str | Path):
        return read_data(Path(data), signature, options)
    if _is_frame(data):
        return {"": frame_part(data, signature, options.target, what)}
    if isinstance(data, tuple | list) and len(data) in {2, 3}:
        return {"": _pair(data, signature, what)}
    batches = _batches(data, signature)
    if batches is not None:
        return {"": _collect(batches, data, signature, what)}
    if isinstance(data, np.ndarray):
        return {"": Part(_by_name(data, signature, "input"), {}, what)}
    raise InputError(f"{what}: pass (x, y), a dataset that yields (x, y), or a path, not {type(data).__name__}")


def _is_frame(data: Any) -> bool:
    return type(data).__module__.startswith("pandas") and hasattr(data, "columns")


def _pair(data: Any, signature: Signature, what: str) -> Part:
    x, y = data[0], data[1]
    weight = None if len(data) < 3 or data[2] is None else _array(data[2])
    names = tuple(str(name) for name in x.columns) if _is_frame(x) else ()
    targets = {} if y is None else _by_name(y, signature, "output")
    return Part(_by_name(x, signature, "input"), targets, what, weight, feature_names=names)


def _by_name(data: Any, signature: Signature, side: str) -> dict[str, Rows]:
    """Arrays by name; lists are in the model's order."""
    ports = signature.inputs if side == "input" else signature.outputs
    if isinstance(data, Mapping):
        return {str(name): _array(value) for name, value in data.items()}
    if isinstance(data, list | tuple) and len(ports) > 1 and len(data) == len(ports):
        return {port.name: _array(value) for port, value in zip(ports, data, strict=True)}
    if isinstance(data, list | tuple) and len(data) == 1 and len(ports) == 1 and np.ndim(data[0]) > 0:
        return {"": _array(data[0])}
    return {"": _array(data)}


def _array(value: Any) -> Rows:
    """NumPy's view of an array, tensor, series, frame or list."""
    if hasattr(value, "detach"):  # torch
        value = value.detach().cpu()
    array: Rows = np.asarray(value)
    if array.dtype.kind == "O":
        try:
            array = array.astype(str) if isinstance(array.flat[0], str) else array.astype(np.float64)
        except (ValueError, TypeError, IndexError) as error:
            raise InputError(
                "the data holds Python objects of several kinds or shapes: pass arrays of numbers"
            ) from error
    return array


def _batches(data: Any, signature: Signature) -> Iterable[Any] | None:
    """The batches of a dataset; single rows are batched first. None where it yields nothing."""
    import keras

    batches: Iterable[Any] | None = None
    if hasattr(data, "element_spec"):  # tf.data
        batches = data if _is_batched(data, signature) else data.batch(_BATCH)
    elif isinstance(data, keras.utils.PyDataset):
        batches = (data[index] for index in range(data.num_batches or ROWS))
    elif hasattr(data, "__iter__") and not isinstance(data, np.ndarray | Mapping | str | bytes | tuple | list):
        batches = data
    return batches


def _is_batched(data: Any, signature: Signature) -> bool:
    """A batch has one axis more than the model's input has for one row; where that is unknown, an open first axis."""
    import keras

    spec = data.element_spec
    first = keras.tree.flatten(spec[0] if isinstance(spec, tuple) else spec)[0]
    shape = signature.inputs[0].shape
    if shape is not None and first.shape.rank in {len(shape), len(shape) + 1}:
        return bool(first.shape.rank == len(shape) + 1)
    return bool(first.shape.rank) and first.shape[0] is None


def _collect(batches: Iterable[Any], data: Any, signature: Signature, what: str) -> Part:
    """Put batches together, up to the caps; anything beyond is left out with a note."""
    parts: list[Part] = []
    rows = size = 0
    full = False
    with _random_state_kept():
        for batch in batches:
            parts.append(_pair(batch if isinstance(batch, tuple | list) else (batch, None), signature, what))
            arrays = [*parts[-1].inputs.values(), *parts[-1].targets.values()]
            rows += int(arrays[0].shape[0])
            size += sum(array.nbytes for array in arrays)
            full = rows >= ROWS or size >= BYTES
            if full:
                break
    if not parts:
        raise InputError(f"{what}: the {type(data).__name__} yields nothing")
    joined = Part(_joined([p.inputs for p in parts]), _joined([p.targets for p in parts]), what, _joined_weight(parts))
    note = f"{what}: the first {rows:,} rows were taken out of the {type(data).__name__}"
    return joined.noted(note) if full else joined


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


def _joined(pieces: list[Mapping[str, Rows]]) -> dict[str, Rows]:
    return {key: np.concatenate([piece[key] for piece in pieces]) for key in pieces[0]}


def _joined_weight(parts: list[Part]) -> Rows | None:
    weights = [part.sample_weight for part in parts if part.sample_weight is not None]
    return np.concatenate(weights) if len(weights) == len(parts) else None
