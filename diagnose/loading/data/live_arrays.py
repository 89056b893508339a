"""Rows of a running program that are in memory: arrays, tensors, lists, dicts and frames."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from diagnose.errors import InputError
from diagnose.loading.data.parts import Part, sort_arrays
from diagnose.loading.options import LoadOptions
from diagnose.loading.signatures import Signature, by_position
from diagnose.subject import Rows

_UNEVEN = (  # what NumPy cannot view: its name, an attribute that only it has, and what to do
    ("ragged tensor", "row_splits", "pad its rows to one length with .to_tensor()"),
    ("sparse tensor", "dense_shape", "make it dense with tf.sparse.to_dense"),
    ("sparse matrix", "tocsr", "make it dense with .toarray()"),
)


def is_frame(data: Any) -> bool:
    """Whether it is a pandas frame."""
    return type(data).__module__.startswith("pandas") and hasattr(data, "columns")


def is_rows(data: Any) -> bool:
    """Whether it is (x, y) or (x, y, sample_weight), arrays by name, or one array."""
    if isinstance(data, tuple | list):
        return len(data) in {2, 3} and (hasattr(data[0], "__array__") or isinstance(data[0], tuple | list | Mapping))
    arrays = data.values() if isinstance(data, Mapping) else [data]
    return all(hasattr(array, "__array__") for array in arrays)


def parts_by_name(data: Mapping[Any, Any], signature: Signature, options: LoadOptions, what: str) -> dict[str, Part]:
    """A dict of arrays by names such as x_train, as parts by split.

    Raises:
        InputError: the arrays or their names cannot be used.
    """
    return sort_arrays({str(name): _array(rows, what) for name, rows in data.items()}, signature, what, options)


def one_part(data: Any, signature: Signature, what: str) -> Part:
    """One set of rows: x, (x,), (x, y) or (x, y, sample_weight).

    Raises:
        InputError: the arrays cannot be used.
    """
    x, y, weight = (*data, None, None)[:3] if isinstance(data, tuple | list) else (data, None, None)
    names = tuple(str(name) for name in x.columns) if is_frame(x) else ()
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
    if len(ports) == 1 and ports[0].shape is None and _several(data):
        return dict(zip(by_position(len(data)), (_array(value, what) for value in data), strict=True))
    return {"": _array(data, what)}


def _several(data: Any) -> bool:
    """Whether these are arrays of as many rows, one for each input of a subclassed model."""
    shapes: list[Any] = [getattr(one, "shape", ()) for one in data] if isinstance(data, list | tuple) else []
    return len(shapes) > 1 and all(len(shape) > 1 and shape[0] == shapes[0][0] for shape in shapes)


def _array(value: Any, what: str) -> Rows:
    """NumPy's view of an array, tensor, series, frame or list."""
    for kind, attribute, way in _UNEVEN:
        if hasattr(value, attribute):
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
