"""Trains a recipe once, caches the result, and verifies that faults do harm and healthy cases are healthy."""

import gc
import hashlib
import json
import os
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tests.wards import scoring
from tests.wards.data import Data
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
    """The result of one training: scores on the data that the examination gets (see `scoring.score`)."""

    score: float
    error: float  # standard error of `score`
    train_score: float
    finite: bool  # whether all weights are finite
    seconds: float


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

    Sick: the dev score is at least max(0.1, 2 sd over seeds) below the mean of the reference, or the fault breaks the
    loss contract or finiteness. Healthy: the dev score is at most max(0.03, 2 standard errors) below the best
    scikit-learn baseline and clearly above the best constant; without a dev set, the train score is above 0.99.
    """
    _, own = trained(case.recipe)
    if case.reference is None:
        return _verify_healthy(case, own)
    if case.hard or not own.finite:
        return Health("sick", f"{own.score:.2f}; by {'contract' if case.hard else 'finiteness'}")
    scores = np.array([trained(case.reference, seed)[1].score for seed in SEEDS])
    needed = max(LEAST_HARM, 2 * float(scores.std(ddof=1)))
    why = f"{own.score:.2f} against {scores.mean():.2f} (required: {needed:.2f} less)"
    return Health("sick" if scores.mean() - own.score >= needed else "harmless", why)


def _verify_healthy(case: Case, own: Record) -> Health:
    data = data_of(case.recipe)
    if data.dev is None:
        return Health("healthy" if own.train_score > 0.99 else "unwell", f"train {own.train_score:.2f}")
    baseline, constant = _baseline(case.recipe, data), scoring.constant_score(data)
    why = f"{own.score:.2f} +- {own.error:.2f}, baseline {baseline:.2f}, constant {constant:.2f}"
    well = own.finite and own.score >= baseline - max(TOLERANCE, 2 * own.error) and own.score > constant + own.error
    return Health("healthy" if well else "unwell", why)


def _baseline(recipe: Recipe, data: Data) -> float:
    """The score of the baseline, cached."""
    text = replace(recipe, model=Make(dict), optimizer=Make(dict), before=(), after=(), loss=None, epochs=0).text
    file = CACHE / f"baseline-{_key(text, 0)}.json"
    if not file.exists():
        _write(file, json.dumps(scoring.baseline_score(data)))
    return float(json.loads(file.read_text()))


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
    loss = recipe.loss() if isinstance(recipe.loss, Make) else recipe.loss
    losses = [loss or NATURAL_LOSS[task] for task in data.tasks]
    metrics = [["accuracy"] if task in ("binary", "multiclass") else [] for task in data.tasks]
    single = len(losses) == 1
    model.compile(recipe.optimizer(), losses[0] if single else losses, metrics=metrics[0] if single else metrics)
    return model


def _train(recipe: Recipe, seed: int, folder: Path) -> None:
    start = time.perf_counter()
    keras.backend.clear_session()
    gc.collect()
    keras.utils.set_random_seed(seed)
    data = data_of(recipe, handed=False)
    model = build(recipe, data)
    model.fit(_fed(data.train[0]), _fed(data.train[1]), recipe.batch_size, recipe.epochs, verbose=0)
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
    logits = bool(getattr(model.loss, "from_logits", False))
    train = scoring.score(data, data.train[1], _predict(model, data.train[0]), logits)
    own = scoring.score(data, data.judged[1], _predict(model, data.judged[0]), logits)
    finite = all(bool(np.isfinite(weights).all()) for weights in model.get_weights())
    return Record(*own, train[0], finite, seconds)


def _predict(model: Any, x: Any) -> Any:
    """Outputs in inference mode. Calls the model directly, because `predict` is slow to trace for so few rows."""
    pieces = []
    for start in range(0, len(scoring.parts(x)[0]), 1000):
        outputs = model(_fed(_picked(x, slice(start, start + 1000))), training=False)
        pieces.append([np.asarray(output) for output in scoring.parts(outputs)])
    return [np.concatenate(column) for column in zip(*pieces, strict=True)]


def _picked(arrays: Any, rows: slice) -> Any:
    return tuple(part[rows] for part in arrays) if isinstance(arrays, tuple) else arrays[rows]


def _fed(arrays: Any) -> Any:
    """Several arrays as a list, as Keras takes them."""
    return list(arrays) if isinstance(arrays, tuple) else arrays


def _write(file: Path, text: str) -> None:
    """Write atomically, because two jobs may write the same file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    scratch = file.with_name(f"{file.name}.{os.getpid()}")
    scratch.write_text(text)
    scratch.replace(file)


def export(case: Case, folder: Path) -> None:
    """Write a case as files of a user: `model.keras`, `data/train.npz` and `data/dev.npz`."""
    model_folder, _ = trained(case.recipe)
    data = data_of(case.recipe)
    (folder / "data").mkdir(parents=True, exist_ok=True)
    (folder / "model.keras").write_bytes((model_folder / "model.keras").read_bytes())
    for name, rows in (("train", data.train), ("dev", data.dev)):
        if rows is not None:
            np.savez_compressed(folder / "data" / f"{name}.npz", **_named("x", rows[0]), **_named("y", rows[1]))


def _named(letter: str, arrays: Any) -> dict[str, Any]:
    several = scoring.parts(arrays)
    return {letter: several[0]} if len(several) == 1 else {f"{letter}_{n}": part for n, part in enumerate(several, 1)}
