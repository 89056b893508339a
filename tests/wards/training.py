"""Trains a recipe once, caches the result, and verifies that faults do harm and healthy cases are healthy."""

import gc
import hashlib
import json
import os
import time
import zipfile
from dataclasses import asdict, dataclass, replace
from itertools import cycle
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tests.wards import scoring
from tests.wards.data import Array, Data
from tests.wards.measures import Measure, parts
from tests.wards.recipe import Case, Make, Recipe

CACHE = Path(__file__).parents[2] / ".cache" / "wards"
SEEDS = (0, 1, 2)  # of a reference: the spread over them decides what counts as harm
LEAST_HARM = 0.1  # least loss of score that counts as harm; chance level is 0.1 to 0.5
TOLERANCE = 0.03  # how far the score of a healthy model may be below the best baseline
NATURAL_LOSS = {
    "binary": "binary_crossentropy",
    "multiclass": "sparse_categorical_crossentropy",
    "multilabel": "binary_crossentropy",
    "regression": "mean_squared_error",
}


@dataclass(frozen=True)
class Record:
    """The result of one training: scores on the data that the examination gets (see `scoring.scores`)."""

    score: float  # mean of the scores
    error: float  # standard error of `score`
    train_score: float
    finite: bool  # whether all weights are finite
    seconds: float
    scores: tuple[float, ...] = ()  # of each measure; a record written before there were several has none
    errors: tuple[float, ...] = ()

    @property
    def each(self) -> Array:
        return np.array(self.scores or (self.score,))

    @property
    def each_error(self) -> Array:
        return np.array(self.errors or (self.error,))


@dataclass(frozen=True)
class Health:
    """The verified state of a case: "sick" (harm verified), "harmless", "healthy" or "unwell"."""

    verdict: str
    why: str

    @property
    def counts(self) -> bool:
        return self.verdict in ("sick", "healthy")


def data_of(recipe: Recipe, handed: bool = True) -> Data:
    """The rows that the examination gets (`handed`), or those that the recipe trains on."""
    data: Data = recipe.data()
    for change in recipe.spoil + (recipe.handed if handed else ()):
        data = change(data)
    return data


def trained(recipe: Recipe, seed: int = 0) -> tuple[Path, Record]:
    """The folder of the trained model (`model.keras`) and its record; trains it unless cached.

    Raises:
        AbsentError: its dataset is not on this machine.
    """
    folder = CACHE / _key(recipe.text, seed)
    if not (folder / "record.json").exists():
        _train(recipe, seed, folder)
    return folder, Record(**json.loads((folder / "record.json").read_text()))


def load(folder: Path) -> Any:
    """Load the model as a user would."""
    return keras.models.load_model(folder / "model.keras")


def verify(case: Case) -> Health:
    """Verify the case by the definitions of its ward, which were fixed before any case was trained.

    Sick: a dev score is at least max(0.1, 2 sd over seeds) below the mean of the reference, which is the repaired twin
    (above it, where the fault makes the dev set too easy), or the fault breaks the loss contract or finiteness.
    Healthy: each dev score is at most max(0.03, 2 standard errors) below the best baseline and clearly above the best
    constant; without a dev set, the train score is above 0.99. There is one score per output, unless the case has
    measures of its own.
    """
    _, own = trained(case.recipe)
    if case.reference is None:
        return _verify_healthy(case, own)
    if case.hard or not own.finite:
        return Health("sick", f"{own.score:.2f}; by {'contract' if case.hard else 'finiteness'}")
    twins = np.array([trained(case.reference, seed)[1].each for seed in SEEDS])
    needed = np.maximum(LEAST_HARM, 2 * twins.std(axis=0, ddof=1))
    harm = (own.each - twins.mean(axis=0)) * (1 if case.optimistic else -1)
    worst = int((harm - needed).argmax())
    required = f"{needed[worst]:.2f} {'more' if case.optimistic else 'less'}"
    why = f"{own.each[worst]:.2f} against {twins.mean(axis=0)[worst]:.2f} (required: {required})"
    return Health("sick" if harm[worst] >= needed[worst] else "harmless", why)


def _verify_healthy(case: Case, own: Record) -> Health:
    data = data_of(case.recipe)
    if data.dev is None:
        return Health("healthy" if own.train_score > 0.99 else "unwell", f"train {own.train_score:.2f}")
    baselines = np.array(_baselines(case.recipe, data))
    constants = np.array([measure.constant(*data.dev[:2]) for measure in measures_of(case.recipe, data)])
    margins = np.minimum(
        own.each - (baselines - np.maximum(TOLERANCE, 2 * own.each_error)), own.each - constants - own.each_error
    )
    worst = int(margins.argmin())
    score = f"{own.each[worst]:.2f} +- {own.each_error[worst]:.2f}"
    why = f"{score}, baseline {baselines[worst]:.2f}, constant {constants[worst]:.2f}"
    return Health("healthy" if own.finite and margins[worst] >= 0 else "unwell", why)


def measures_of(recipe: Recipe, data: Data, logits: bool = False) -> tuple[Measure, ...]:
    return tuple(measure() for measure in recipe.measures) or scoring.usual(data, logits)


def _baselines(recipe: Recipe, data: Data) -> list[float]:
    """The scores of the baseline, cached."""
    untrained = replace(
        recipe, model=Make(dict), optimizer=Make(dict), before=(), after=(), loss=None, epochs=0, fitting=None,
        compiling=None,
    )  # fmt: skip
    file = CACHE / f"baselines-{_key(untrained.text, 0)}.json"
    if not file.exists():
        _write(file, json.dumps(scoring.baseline_scores(data, measures_of(recipe, data), recipe.baseline)))
    return list(json.loads(file.read_text()))


def _key(text: str, seed: int) -> str:
    import sklearn
    import tensorflow

    versions = f"{keras.__version__} {tensorflow.__version__} {np.__version__} {sklearn.__version__}"
    return hashlib.sha256(f"{text}\n{seed}\n{versions}".encode()).hexdigest()[:16]


def build(recipe: Recipe, data: Data) -> Any:
    """The compiled model, untrained."""
    model = recipe.model(data)
    for change in recipe.before:
        change(model)
    losses = [_built(loss) for loss in recipe.loss] if isinstance(recipe.loss, tuple) else [_built(recipe.loss)]
    losses = [loss or NATURAL_LOSS.get(task) for loss, task in zip(cycle(losses), data.tasks)]
    metrics = [["accuracy"] if task in ("binary", "multiclass") else None for task in data.tasks]
    if len(data.tasks) == 1:
        settings = {"loss": losses[0], "metrics": metrics[0]}
    else:
        settings = {"loss": losses, "metrics": metrics if any(metrics) else None}
    model.compile(recipe.optimizer(), **(settings | (_built(recipe.compiling) or {})))
    return model


def _built(value: Any) -> Any:
    return value() if isinstance(value, Make) else value


def _train(recipe: Recipe, seed: int, folder: Path) -> None:
    start = time.perf_counter()
    keras.backend.clear_session()
    gc.collect()
    keras.utils.set_random_seed(seed)
    data = data_of(recipe, handed=False)
    model = build(recipe, data)
    x, y, weights = (*data.train, None)[:3]
    further = {"sample_weight": weights} | (_built(recipe.fitting) or {})
    model.fit(fed(x), fed(y), recipe.batch_size, recipe.epochs, verbose=0, **further)
    for change in recipe.after:
        change(model)
    record = _record(recipe, model, data_of(recipe), time.perf_counter() - start)
    folder.mkdir(parents=True, exist_ok=True)
    scratch = folder / f"{os.getpid()}.keras"
    model.save(scratch)
    scratch.replace(folder / "model.keras")
    _write(folder / "recipe.txt", recipe.text)
    _write(folder / "record.json", json.dumps(asdict(record)))


def _record(recipe: Recipe, model: Any, data: Data, seconds: float) -> Record:
    measures = measures_of(recipe, data, logits=bool(getattr(model.loss, "from_logits", False)))
    train = scoring.scores(measures, data.train, predict(model, data.train[0]))
    own = scoring.scores(measures, data.judged, predict(model, data.judged[0]))
    finite = all(bool(np.isfinite(weights).all()) for weights in model.get_weights())
    return Record(own.mean, own.error, train.mean, finite, seconds, own.each, own.errors)


def predict(model: Any, x: Any) -> Any:
    """Outputs in inference mode. Calls the model directly, because `predict` is slow to trace for so few rows."""
    pieces = []
    for start in range(0, len(parts(x)[0]), 1000):
        outputs = parts(model(fed(scoring.picked(x, slice(start, start + 1000))), training=False))
        pieces.append([keras.ops.convert_to_numpy(keras.ops.cast(output, "float32")) for output in outputs])
    joined = tuple(np.concatenate(column) for column in zip(*pieces, strict=True))
    return joined if len(joined) > 1 else joined[0]


def fed(arrays: Any) -> Any:
    """As Keras takes them: several arrays as a list, texts as a tensor."""
    if isinstance(arrays, tuple):
        return [fed(part) for part in arrays]
    return keras.ops.convert_to_tensor(arrays) if arrays is not None and arrays.dtype.kind in "OU" else arrays


def _write(file: Path, text: str) -> None:
    """Write atomically, because two jobs may write the same file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    scratch = file.with_name(f"{file.name}.{os.getpid()}")
    scratch.write_text(text)
    scratch.replace(file)


def export(case: Case, folder: Path) -> None:
    """Write a case as files of a user: `model.keras`, `data/train.npz`, `data/dev.npz`, `custom_objects.py`."""
    model_folder, _ = trained(case.recipe)
    data = data_of(case.recipe)
    (folder / "data").mkdir(parents=True, exist_ok=True)
    (folder / "model.keras").write_bytes((model_folder / "model.keras").read_bytes())
    for name, rows in (("train", data.train), ("dev", data.dev)):
        if rows is not None:
            x, y, weights = (*rows, None)[:3]
            arrays = _named("x", x) | _named("y", y) | _named("weight", weights)
            np.savez_compressed(folder / "data" / f"{name}.npz", **arrays)
    names = {name for name in keras.saving.get_custom_objects() if name.startswith("wards>")}
    with zipfile.ZipFile(model_folder / "model.keras") as archive:
        config = archive.read("config.json").decode()
    own = [keras.saving.get_registered_object(name) for name in sorted(names) if f'"{name}"' in config]
    if own:
        lines = [f"from {thing.__module__} import {thing.__name__}\n" for thing in own]
        (folder / "custom_objects.py").write_text("".join(lines))


def _named(letter: str, arrays: Any) -> dict[str, Any]:
    if arrays is None:
        return {}
    several = parts(arrays)
    return {letter: several[0]} if len(several) == 1 else {f"{letter}_{n}": part for n, part in enumerate(several, 1)}
