"""The record of a training: what `fit` returned, its dict, or a JSON or CSV file of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from diagnose.errors import InputError
from diagnose.measurements import Array, History, Run
from diagnose.subject import Output, Task

_ACCURACIES = ("accuracy", "acc", "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy")

_MODELS = frozenset({".keras", ".h5", ".hdf5"})
_USUAL = ("history.json", "history.csv", "training.log")
_LARGEST = 16_000_000  # bytes
_RATES = ("learning_rate", "lr")  # as ReduceLROnPlateau and LearningRateScheduler log it


def read_history(source: Any, outputs: Sequence[Output]) -> History:
    """Read a record into a `History`, one value per epoch, nan if it was not recorded.

    Errors are error rates for classification, from the accuracy, and RMSE for regression, from a squared error. Of
    several outputs, each has its own losses and errors, by the names that Keras gives them (`age_loss`).

    Args:
        source: a Keras `History`, its `.history` dict, or the path of a JSON or CSV file (as `CSVLogger` writes it).
        outputs: of the model.

    Raises:
        InputError: it cannot be read or has no loss.
    """
    values = _values(source)
    if not values.get("loss"):
        raise InputError("--history has no loss: pass the JSON of history.history, or a CSVLogger's file")
    whole = _history(values, "", outputs[0] if len(outputs) == 1 else None)
    several = outputs if len(outputs) > 1 else ()
    named = {output.name: output for output in several if f"{output.name}_loss" in values}
    reported = {name: _column(values, name, len(values["loss"])) for name in values}
    views = {name: _history(values, f"{name}_", output) for name, output in named.items()}
    return replace(whole, by_output=views, reported=reported)


def record_beside(model: Path, steps: int | None) -> Path | None:
    """The file beside a model that holds the record of its training; None if there is none that may be its own.

    It is named after the model (`model.history.json`, `model_history.csv`), or `history.json`, `history.csv` or
    `training.log` where the model is alone in its folder. One that cannot be read, or whose number of epochs does not
    divide the `steps` of the training, is left alone.
    """
    named = [f"{model.stem}{mark}history{ending}" for mark in "._-" for ending in (".json", ".csv")]
    models = (other for other in model.parent.glob("*") if other.suffix in _MODELS)
    alone = len(list(islice(models, 2))) < 2
    for name in (*named, *(_USUAL if alone else ())):
        record: Path = model.parent / name
        try:
            if record.is_file() and record.stat().st_size <= _LARGEST:
                epochs = len(_values(record).get("loss", ()))
                if epochs and not (steps or 0) % epochs:
                    return record
        except (InputError, OSError):
            continue
    return None


def _history(values: Mapping[str, list[Any]], owner: str, output: Output | None) -> History:
    """The record of the whole training (`owner` "") or of one output; errors are those of `output`."""
    length = len(values["loss"])
    unknown = np.full(length, np.nan)
    run = Run(
        seed=None,
        epochs=np.arange(1, length + 1, dtype=np.float64),
        train_loss=_column(values, f"{owner}loss", length),
        dev_loss=_column(values, f"val_{owner}loss", length),
        train_error=unknown if output is None else _error(values, owner, output, length),
        dev_error=unknown if output is None else _error(values, f"val_{owner}", output, length),
        learning_rates=next((_column(values, name, length) for name in _RATES if name in values), np.empty(0)),
    )
    return History(
        origin="recorded",
        runs=(run,),
        steps_per_epoch=None,
        rows=None,
        dev_rows=None,
        constant_loss=None,
        constant_error=None,
        whole=True,
    )


def _values(source: Any) -> dict[str, list[Any]]:
    source = getattr(source, "history", source)
    if isinstance(source, str | Path):
        source = _file(Path(source))
    if not isinstance(source, Mapping):
        kind = type(source).__name__
        raise InputError(f"--history must be what fit returned, its dict, or a JSON or CSV file of it, got {kind}")
    return {
        str(k): list(v) for k, v in source.items() if isinstance(v, Sequence | np.ndarray) and not isinstance(v, str)
    }


def _file(path: Path) -> Any:
    import pandas as pd

    try:
        if path.suffix.lower() == ".json":
            return json.loads(path.read_text(encoding="utf-8"))
        frame = pd.read_csv(path, sep=None, engine="python")
        return {str(name): column.tolist() for name, column in frame.items()}
    except (OSError, ValueError, RecursionError, pd.errors.ParserError) as error:
        raise InputError(
            f"--history {path}: it cannot be read ({str(error).splitlines()[0]}): pass a JSON or CSV file"
        ) from error


def _column(values: Mapping[str, list[Any]], name: str, length: int) -> Array:
    """One column as numbers; nan for what is missing or not a number."""
    column = np.full(length, np.nan)
    for index, value in enumerate(values.get(name, [])[:length]):
        try:
            column[index] = float(value)
        except (TypeError, ValueError):
            continue
    return column


def _error(values: Mapping[str, list[Any]], prefix: str, output: Output, length: int) -> Array:
    if output.task is Task.OWN_LOSS:  # its loss is its error
        return np.full(length, np.nan)
    if output.task is Task.REGRESSION:
        squared = "loss" if output.loss == "mean_squared_error" else "mse"
        return np.sqrt(_column(values, prefix + squared, length))
    names = [prefix + start + name for name in _ACCURACIES for start in ("", f"{output.name}_")]
    found = next((name for name in names if name in values), "")
    return 1 - _column(values, found, length)
