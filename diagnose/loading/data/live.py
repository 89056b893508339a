"""Data of a running program becomes parts: rows in memory, anything that yields batches, and paths."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from diagnose.errors import InputError
from diagnose.loading.data.live_arrays import is_frame, one_part, parts_by_name
from diagnose.loading.data.live_batches import collect, is_dataset
from diagnose.loading.data.parts import Part
from diagnose.loading.data.reading import read_data
from diagnose.loading.data.tables import frame_part
from diagnose.loading.options import LoadOptions
from diagnose.loading.signatures import Signature


def live_part(data: Any, signature: Signature, options: LoadOptions, what: str) -> dict[str, Part]:
    """Turn what a program passes into parts; the data at a path is read.

    Args:
        data: (x, y) or (x, y, sample_weight) of arrays, lists or dicts by the model's names; a frame (with
            `target`); a `tf.data.Dataset`, `keras.utils.PyDataset`, torch `DataLoader` or generator of batches; a
            dict of arrays by names such as x_train; or a path.
        signature: what the model takes.
        options: `rows` bounds the rows taken from a dataset.
        what: "train", "dev" or "test", for messages.

    Raises:
        InputError: it is none of these, or fails while it is read.
    """
    if isinstance(data, str | Path):
        return read_data(Path(data), signature, options)
    if is_frame(data):
        return {"": frame_part(data, signature, options, what)}
    if isinstance(data, Mapping):
        return parts_by_name(data, signature, options, what)
    if isinstance(data, tuple | list) and len(data) in {1, 2, 3}:
        return {"": one_part(data, signature, what)}
    if is_dataset(data):
        return {"": collect(data, signature, options, what)}
    if isinstance(data, np.ndarray):
        return {"": one_part(data, signature, what)}
    raise InputError(f"{what} must be (x, y), a dataset that yields (x, y), or a path, got {type(data).__name__}")
