"""Fit rows to the model: shapes, types and label formats are changed only if there is one way to read them.

Each change leaves a note, except for a missing axis of length one. Targets that the loss accepts in training are left
as they are, even if they look wrong: the checks report them. Targets that no loss accepts are refused.
"""

from collections.abc import Callable, Sequence

import numpy as np

from diagnose.errors import InputError
from diagnose.loading.broadcasting import broadcasts
from diagnose.loading.data.parts import Part, in_order
from diagnose.loading.models.losses import LossWords
from diagnose.loading.signatures import Port, Shape, Signature
from diagnose.subject import Rows, Seen, Split

CAST_BYTES = 64 << 20  # a memory-mapped array that is larger than this in the model's type is not cast
_IMAGE_CHANNELS = (1, 3, 4)
_CATEGORICAL = {"categorical_crossentropy", "categorical_focal_crossentropy", "categorical_hinge", "kl_divergence"}
_BINARY = {"binary_crossentropy", "binary_focal_crossentropy"}
_SPARSE = "sparse_categorical_crossentropy"
_LABELS = 10_000_000  # most labels that are read, evenly spread over the rows


def fit_inputs(part: Part, signature: Signature) -> tuple[tuple[Rows, ...], tuple[str, ...]]:
    """The inputs of a part in the model's order, shape and type, and a note for each change.

    Raises:
        InputError: they do not fit the model; both sides are named.
    """
    notes: list[str] = []
    found = in_order(part.inputs, signature.inputs, "inputs", part.origin)
    pairs = zip(found, signature.inputs, strict=True)
    inputs = tuple(_fit_input(rows, port, part.origin, notes) for rows, port in pairs)
    return inputs, tuple(f"{part.origin}: {note}" for note in notes)


def fit_split(
    name: str,
    part: Part,
    inputs: tuple[Rows, ...],
    *,
    signature: Signature,
    losses: Sequence[LossWords],
    seen: Seen,
) -> tuple[Split, tuple[str, ...]]:
    """Make a split of fitted inputs and a part's targets, with a note for each change.

    Raises:
        InputError: rows, shapes or labels do not fit; both sides are named.
    """
    notes: list[str] = []
    targets = _targets(part, signature, losses, inputs, notes)
    _same_rows(part, name, [*inputs, *targets])
    for column in (part.groups, part.times):
        if column is not None:
            _same_rows(part, name, [inputs[0], column])
    weight = None if part.sample_weight is None else _weight(part, inputs[0].shape[0])
    if part.named_labels:
        notes = []  # loading chose their numbers
    converted = tuple(notes) if part.targets else ()  # an autoencoder's targets are its inputs: nothing was converted
    split = Split(
        name,
        inputs,
        targets,
        seen,
        weight,
        part.origin,
        converted,
        part.groups,
        part.times,
        population=part.population,
        sampled=part.sampled,
        unknown_classes=part.unknown_classes,
    )
    return split, part.notes + tuple(f"{part.origin}: {note}" for note in notes)


def _weight(part: Part, rows: int) -> Rows:
    """One weight per row, or one per position of a row."""
    weight: Rows = np.asarray(part.sample_weight)
    weight = weight.reshape(-1) if weight.size == rows else weight
    if weight.shape[:1] != (rows,):
        raise InputError(
            f"{part.origin}: there are {rows:,} rows but {weight.size:,} sample weights: pass one weight per row"
        )
    return weight


def _same_rows(part: Part, name: str, arrays: Sequence[Rows]) -> None:
    """Check that all arrays, inputs first, have the same number of rows, and that it is not 0."""
    counts = list(dict.fromkeys(array.shape[0] for array in arrays))
    if len(counts) > 1:
        found = " and ".join(f"{count:,}" for count in counts)
        raise InputError(f"{part.origin}: inputs and targets of {name} must have the same number of rows, got {found}")
    if counts[0] == 0:
        raise InputError(f"{part.origin}: {name} has no rows")


# --- inputs --------------------------------------------------------------------------------------


def _fit_input(rows: Rows, port: Port, origin: str, notes: list[str]) -> Rows:
    if rows.ndim == 0:
        raise InputError(f'{origin}: the input "{port.name}" must be rows, got a single number')
    text = rows.dtype.kind in "OUS" and port.dtype == "string"  # object arrays from the readers are always text
    if not text and rows.dtype.kind not in "biuf":
        raise InputError(f'{origin}: the input "{port.name}" must be numbers ({port.dtype}), got {rows.dtype}')
    reshaped = rows if port.shape is None else _reshape(rows, port.shape)
    if reshaped is None:
        raise InputError(
            f"{origin}: its rows have the shape {rows.shape[1:]}, "
            f'but the model\'s input "{port.name}" takes {port.shape}: pass the data as the model was fed'
        )
    if reshaped.shape != rows.shape and _is_news(rows.shape[1:], reshaped.shape[1:]):
        notes.append(f"rows of shape {rows.shape[1:]} were read as {reshaped.shape[1:]}, as the model's input takes")
    return reshaped if text else _cast(reshaped, port.dtype)


def _is_news(old: tuple[int, ...], new: tuple[int, ...]) -> bool:
    """Whether the shapes differ by more than axes of length one."""
    return [size for size in old if size != 1] != [size for size in new if size != 1]


def _reshape(rows: Rows, want: Shape) -> Rows | None:
    """The rows in the wanted shape; None unless there is exactly one way to read them so."""
    have = rows.shape[1:]
    for reading in (have, (*have, 1), have[:-1] if have[-1:] == (1,) else have):
        if _matches(reading, want):
            return rows.reshape(rows.shape[0], *reading)
    sizes = [size for size in want if size is not None]
    if len(sizes) == len(want) and np.prod(have) == np.prod(sizes) and (len(want) == 1 or _one_order(have, sizes)):
        return rows.reshape(rows.shape[0], *sizes)
    if len(have) == len(want) == 3 and have[0] in _IMAGE_CHANNELS and _matches((*have[1:], have[0]), want):
        return np.moveaxis(rows, 1, -1)
    return None


def _matches(have: tuple[int, ...], want: Shape) -> bool:
    return len(have) == len(want) and all(w is None or h == w for h, w in zip(have, want, strict=True))


def _one_order(have: tuple[int, ...], want: Sequence[int]) -> bool:
    """Whether the order of axes is clear: a vector is read as a square image, or has one axis longer than 1."""
    if [size for size in have if size != 1] == [size for size in want if size != 1]:
        return True
    image = len(want) in {2, 3} and want[0] == want[1] and (len(want) == 2 or want[2] in _IMAGE_CHANNELS)
    return len(have) == 1 and image


def _cast(rows: Rows, dtype: str) -> Rows:
    """Cast numbers to the model's type; large memory-mapped arrays are cast when they are fed."""
    if not dtype.startswith(("float", "int", "uint", "bool")) or rows.dtype == np.dtype(dtype):
        return rows
    mapped = isinstance(rows, np.memmap) or isinstance(rows.base, np.memmap)
    if mapped and rows.size * np.dtype(dtype).itemsize > CAST_BYTES:
        return rows
    return rows.astype(dtype)


# --- targets -------------------------------------------------------------------------------------


def _targets(
    part: Part, signature: Signature, losses: Sequence[LossWords], inputs: tuple[Rows, ...], notes: list[str]
) -> tuple[Rows, ...]:
    if not part.targets:
        return _own_inputs(part, signature, inputs, notes)
    raw = in_order(_columns(part, signature), signature.outputs, "outputs", part.origin)
    fitted = []
    for rows, port, loss in zip(raw, signature.outputs, losses, strict=True):
        fitted.append(_fit_target(rows, port, loss, part.origin, notes))
    return tuple(fitted)


def _columns(part: Part, signature: Signature) -> dict[str, Rows]:
    """Split one table of targets into the columns of several outputs."""
    rows = dict(part.targets)
    if len(rows) == 1 and len(signature.outputs) > 1:
        (only,) = rows.values()
        if only.ndim == 2 and only.shape[1] == len(signature.outputs):
            return {port.name: only[:, index] for index, port in enumerate(signature.outputs)}
    return rows


def _own_inputs(part: Part, signature: Signature, inputs: tuple[Rows, ...], notes: list[str]) -> tuple[Rows, ...]:
    """Without targets, a model whose outputs have the shape of its inputs is an autoencoder."""
    wanted = [port.shape for port in signature.outputs]
    if len(wanted) == len(inputs) and all(
        shape is not None and _matches(rows.shape[1:], shape) for rows, shape in zip(inputs, wanted, strict=True)
    ):
        notes.append(
            "there are no targets, and the outputs have the shapes of the inputs: "
            "the inputs are the targets (autoencoder)"
        )
        return inputs
    raise InputError(f"{part.origin}: there are inputs but no targets: add y (labels or values, one per row)")


def _fit_target(rows: Rows, port: Port, loss: LossWords, origin: str, notes: list[str]) -> Rows:
    if rows.dtype.kind in "US":
        raise InputError(
            f'{origin}: the targets of "{port.name}" must be numbers, got text: '
            "pass the numbers that the model was trained on"
        )
    if rows.dtype.kind not in "biuf":
        raise InputError(f'{origin}: the targets of "{port.name}" must be numbers, got {rows.dtype}')
    rows = rows.astype(np.int8) if rows.dtype.kind == "b" else rows
    if port.shape is None or loss.custom:
        return rows
    fit: Callable[[Rows, Port, LossWords, str, list[str]], Rows] = _fit_sparse if loss.name == _SPARSE else _fit_dense
    return fit(rows, port, loss, origin, notes)


def _fit_sparse(rows: Rows, port: Port, loss: LossWords, origin: str, notes: list[str]) -> Rows:
    """Integer labels, with one axis less than the output; one-hot rows become integers."""
    want = port.shape[:-1] if port.shape else ()
    have = rows.shape[1:]
    units = port.shape[-1] if port.shape else None
    if have[-1:] == (1,) and _matches(have[:-1], want):
        rows = rows.reshape(rows.shape[:-1])
    elif units and units > 1 and port.shape and _matches(have, port.shape) and _one_hot(rows):
        notes.append(f"one-hot targets were read as the integer labels that {loss.name} takes")
        labels: Rows = np.argmax(rows, axis=-1)
        return labels
    elif not _matches(have, want):
        raise InputError(_target_misfit(rows, port, loss, origin))
    _labels_in_range(rows, port, loss, origin)
    return rows


def _labels_in_range(rows: Rows, port: Port, loss: LossWords, origin: str) -> None:
    """A label without a unit cannot be evaluated at all: Keras stops with an error, or gives NaN."""
    units = port.shape[-1] if port.shape else None
    some = _some(rows)
    labels = some[np.isfinite(some)] if some.dtype.kind == "f" else some
    if not units or not labels.size:
        return
    low, high = float(labels.min()), float(labels.max())
    if low >= 0 and high < units:
        return
    hint = "labels begin at 0: subtract 1" if low == 1 and high == units else "the last layer needs one unit per class"
    raise InputError(
        f'{origin}: the labels go from {low:g} to {high:g}, but the output "{port.name}" has {units} units '
        f"and {loss.name} takes 0 to {units - 1}: {hint}"
    )


def _fit_dense(rows: Rows, port: Port, loss: LossWords, origin: str, notes: list[str]) -> Rows:
    """Targets in the output's shape; integer labels become one-hot rows if the loss accepts nothing else."""
    want: Shape = port.shape or ()
    have = rows.shape[1:]
    if _matches(have, want):
        return rows
    if want[-1:] == (1,) and _matches(have, want[:-1]):
        return rows.reshape(*rows.shape, 1)
    labels = rows.reshape(rows.shape[:-1]) if have[-1:] == (1,) and len(have) == len(want) else rows
    if loss.name in _CATEGORICAL | _BINARY and _matches(labels.shape[1:], want[:-1]):
        encoded = _encoded(labels, want[-1])
        if encoded is not None:
            notes.append(f"integer labels do not fit {loss.name} and were read as one-hot rows")
            return encoded
    if loss.name not in _CATEGORICAL | _BINARY and (broadcasts(have, want) or (not have and broadcasts((1,), want))):
        return rows  # Keras compares these without an error; the checks report it
    raise InputError(_target_misfit(rows, port, loss, origin))


def _encoded(labels: Rows, units: int | None) -> Rows | None:
    """One-hot rows for integer labels 0 ... units - 1, None for anything else."""
    if not units or units < 2 or not np.all(np.isfinite(labels)):
        return None
    whole = labels.astype(np.int64)
    if np.any(whole != labels) or whole.min() < 0 or whole.max() >= units:
        return None
    return np.eye(units, dtype=np.float32)[whole]


def _one_hot(rows: Rows) -> bool:
    some = _some(rows)
    return bool(np.all((some == 0) | (some == 1)) and np.all(some.sum(axis=-1) == 1))


def _some(rows: Rows) -> Rows:
    """At most `_LABELS` values, evenly spread, in memory: a memory-mapped mask is not read whole."""
    step = max(1, -(-rows.size // _LABELS))
    return np.asarray(rows[:: min(step, max(1, rows.shape[0]))])


def _target_misfit(rows: Rows, port: Port, loss: LossWords, origin: str) -> str:
    labels = ""
    if rows.ndim <= 2 and rows.size and rows.dtype.kind in "iu":
        labels = f" (values {_some(rows).min()} to {_some(rows).max()})"
    return (
        f'{origin}: one target has the shape {rows.shape[1:]}{labels}, but the output "{port.name}" gives {port.shape} '
        f"and its loss {loss.name} cannot compare them: pass the targets that the model was trained with"
    )
