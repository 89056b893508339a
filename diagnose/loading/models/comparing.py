"""After a conversion: whether the model has the weights and the outputs that it had in tf-keras."""

from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diagnose.errors import InputError

# Largest difference of outputs, as a fraction of the largest output: float32 rounds to 1e-7, and summing in another
# order costs some ten times that in deep models.
TOLERANCE = 1e-5
SAVE_AGAIN = "save the model as .keras or .h5 with the Keras that made it"

Arrays = Sequence[NDArray[Any]]


def compare(path: Path, model: Any, samples: Path, weights: Sequence[str]) -> str:
    """Compare the weights and outputs of a converted model with those in tf-keras, and describe the agreement.

    Args:
        path: the user's file, for messages.
        model: the converted model.
        samples: the .npz file with `input_0, ...`, `output_0, ...` and `weight_0, ...` of tf-keras.
        weights: the names of the weights, for messages.

    Raises:
        InputError: weights or outputs differ.
    """
    with np.load(samples, allow_pickle=False) as archive:
        found = dict(archive)
    inputs, outputs, values = (_series(found, kind) for kind in ("input", "output", "weight"))
    _compare_weights(path, model, dict(zip(weights, values, strict=True)))
    said = f"its {len(values)} arrays of weights are equal"
    if not inputs:
        return f"{said}, but it could not be run to compare the outputs"
    if not outputs:
        return f"{said}, but its outputs are random and were not compared"
    difference = _compare_outputs(path, model, inputs, outputs)
    close = f"to {difference:.0e} of the largest" if difference else "exactly"
    return f"{said} and the outputs on {len(inputs[0])} random rows agree with tf-keras {close}"


def _series(found: dict[str, NDArray[Any]], kind: str) -> Arrays:
    return [found[f"{kind}_{i}"] for i in range(len(found)) if f"{kind}_{i}" in found]


def _compare_weights(path: Path, model: Any, theirs: dict[str, NDArray[Any]]) -> None:
    """Each of their arrays must be among ours; comparing the outputs shows whether each is in its place."""
    import keras

    ours = Counter(_digest(keras.ops.convert_to_numpy(weight)) for weight in model.weights)
    for name, value in theirs.items():
        digest = _digest(value)
        if value.dtype.kind == "f" and not ours[digest]:  # whole numbers count and seed
            raise InputError(f"{path}: the weights {name} changed when the model was converted: {SAVE_AGAIN}")
        ours[digest] -= 1


def _digest(values: NDArray[Any]) -> bytes:
    """The same for the same values in any order and shape: Keras 3 keeps some kernels in another one."""
    return sha256(np.sort(values + 0, axis=None).tobytes()).digest()  # -0.0 + 0 is 0.0


def _compare_outputs(path: Path, model: Any, inputs: Arrays, theirs: Arrays) -> float:
    """The largest difference, as a fraction of the largest output."""
    import keras

    kept = [(variable, keras.ops.convert_to_numpy(variable)) for variable in model.non_trainable_variables]
    with keras.device("cpu:0"):  # where tf-keras ran; a GPU may round to ten bits
        given = model(list(inputs) if len(inputs) > 1 else inputs[0], training=False)
    for variable, value in kept:  # seeds and states have moved
        variable.assign(value)
    ours = [np.asarray(keras.ops.convert_to_numpy(one)) for one in keras.tree.flatten(given)]
    shapes = [one.shape for one in ours], [one.shape for one in theirs]
    if shapes[0] != shapes[1]:
        raise InputError(
            f"{path}: the converted model gives outputs of the shapes {shapes[0]}, but tf-keras "
            f"{shapes[1]}: {SAVE_AGAIN}"
        )
    worst = max(_difference(one, other) for one, other in zip(ours, theirs, strict=True))
    if not worst <= TOLERANCE:
        raise InputError(
            f"{path}: the outputs of the converted model differ from those of tf-keras by {worst:.0e} of the largest: "
            f"{SAVE_AGAIN}"
        )
    return worst


def _difference(one: NDArray[Any], other: NDArray[Any]) -> float:
    one, other = one.astype("float64"), other.astype("float64")
    finite = np.isfinite(other)
    if not np.array_equal(one[~finite], other[~finite], equal_nan=True) or not np.all(np.isfinite(one[finite])):
        return float("inf")
    scale = np.abs(other[finite]).max(initial=0.0)
    return float(np.abs(one - other)[finite].max(initial=0.0) / (scale or 1.0))
