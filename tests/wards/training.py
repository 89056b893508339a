"""Trains a recipe once, keeps the result, and verifies that a fault does harm and that the healthy are well."""

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
SEEDS = (0, 1, 2)  # of a reference: its spread decides what counts as harm
LEAST_HARM = 0.1  # of the score; chance is 0.1 to 0.5 of it
TOLERANCE = 0.03  # of the score: how far below the best baseline a healthy model may lie
NATURAL_LOSS = {
    "binary": "binary_crossentropy",
    "multiclass": "sparse_categorical_crossentropy",
    "multilabel": "binary_crossentropy",
    "regression": "mean_squared_error",
}


@dataclass(frozen=True)
class Record:
    """What came of one training: scores of the data that is handed over (see `scoring.score`)."""

    score: float
    error: float  # standard error of `score`
    train_score: float
    finite: bool  # all weights are
    seconds: float


@dataclass(frozen=True)
class Health:
    """Whether a case is what it says: "sick" (harm verified), "harmless", "healthy" or "unwell"."""

    verdict: str
    why: str

    @property
    def counts(self) -> bool:
        return self.verdict in ("sick", "healthy")


def data_of(recipe: Recipe, handed: bool = True) -> Data:
    """The rows a recipe trains on, or those that the examination is given."""
    data: Data = recipe.data()
    for change in recipe.spoil + (recipe.handed if handed else ()):
        data = change(data)
    return data


def trained(recipe: Recipe, seed: int = 0) -> tuple[Path, Record]:
    """The folder of the trained model (`model.keras`) and its record; trains only what is not there yet.

    Raises:
        AbsentError: its data set is not on this machine.
    """
    folder = CACHE / _key(recipe.text, seed)
    if not (folder / "record.json").exists():
        _train(recipe, seed, folder)
    return folder, Record(**json.loads((folder / "record.json").read_text()))


def load(folder: Path) -> Any:
    """The model as a user would load it."""
    return keras.models.load_model(folder / "model.keras")


def verify(case: Case) -> Health:
    """Judge the case by the definitions of its ward, fixed before any was trained.

    Sick: the dev score lies at least max(0.1, 2 sd over seeds) below the mean of the reference, or the fault
    breaks the contract or finiteness. Healthy: the dev score is no more than max(0.03, 2 standard errors)
    below the best scikit-learn baseline and clearly above the best constant; without a dev set, train is solved.
    """
    _, own = trained(case.recipe)
    if case.reference is None:
        return _verify_healthy(case, own)
    if case.hard or not own.finite:
        return Health("sick", f"{own.score:.2f}; by {'contract' if case.hard else 'finiteness'}")
    scores = np.array([trained(case.reference, seed)[1].score for seed in SEEDS])
    needed = max(LEAST_HARM, 2 * float(scores.std(ddof=1)))
    why = f"{own.score:.2f} against {scores.mean():.2f} (asked for: {needed:.2f} less)"
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
    """The baseline's score, kept like a model."""
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
    """Outputs in inference mode. Called directly: on so few rows `predict` spends its time on tracing."""
    pieces = []
    for start in range(0, len(scoring.parts(x)[0]), 1000):
        outputs = model(_fed(_picked(x, slice(start, start + 1000))), training=False)
        pieces.append([np.asarray(output) for output in scoring.parts(outputs)])
    return [np.concatenate(column) for column in zip(*pieces, strict=True)]


def _picked(arrays: Any, rows: slice) -> Any:
    return tuple(part[rows] for part in arrays) if isinstance(arrays, tuple) else arrays[rows]


def _fed(arrays: Any) -> Any:
    """Keras takes several arrays as a list."""
    return list(arrays) if isinstance(arrays, tuple) else arrays


def _write(file: Path, text: str) -> None:
    """All or nothing: two jobs may want the same file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    scratch = file.with_name(f"{file.name}.{os.getpid()}")
    scratch.write_text(text)
    scratch.replace(file)


def export(case: Case, folder: Path) -> None:
    """Write a case as a user keeps it: `model.keras`, `data/train.npz` and `data/dev.npz`."""
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
