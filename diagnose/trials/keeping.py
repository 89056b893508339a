"""The journal of trials: arms that were trained are kept in a SQLite file, and not trained again.

An entry is JSON, never a pickle: the file lies in the user's folder, and may come from anywhere. Its key is a hash of
all that an arm depends on, so that an entry of another model, of other rows or of another version is never used.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_origin, get_type_hints

import numpy as np

from diagnose.measuring.bench import Bench
from diagnose.measuring.copying import uncompiled
from diagnose.subject import Split
from diagnose.trials.plan import TrainingPlan

if TYPE_CHECKING:
    from diagnose.trials.arms import Criterion, Key

MOST = 500  # arms that a file keeps, the newest ones
PATIENCE = 5.0  # seconds to wait for another examination that writes
TABLE = "CREATE TABLE IF NOT EXISTS arms (key TEXT PRIMARY KEY, what TEXT, result TEXT)"
OLDEST = "DELETE FROM arms WHERE rowid NOT IN (SELECT rowid FROM arms ORDER BY rowid DESC LIMIT ?)"


class Kept:
    """Keeps nothing. `problem` says why, as a clause, if something should be kept."""

    problem = ""

    def get(self, key: Key) -> Any:
        """The result of an arm that was trained before; None if there is none."""
        return None

    def put(self, key: Key, arm: Any) -> None:
        """Keep the result of an arm."""


class KeptInFile(Kept):
    """Keeps arms in a SQLite file. One that cannot be read or written is left alone, which `problem` says."""

    def __init__(self, path: Path, basis: str, kind: type) -> None:
        """Open nothing yet.

        Args:
            path: of the file; it is made with the first arm.
            basis: the hash of what all arms of these trials depend on.
            kind: the type of an arm.
        """
        self._path = path
        self._basis = basis
        self._kind = kind
        self.problem = ""

    def get(self, key: Key) -> Any:
        if not self._path.exists():
            return None
        rows = self._run("SELECT result FROM arms WHERE key = ?", (self._hashed(key),))
        try:
            return _read(rows[0][0], self._kind) if rows else None
        except (ValueError, TypeError):  # not what was written: it is trained again
            return None

    def put(self, key: Key, arm: Any) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        values = (self._hashed(key), "; ".join(key), as_text(arm))
        self._run("INSERT OR REPLACE INTO arms VALUES (?, ?, ?)", values)
        self._run(OLDEST, (MOST,))

    def _run(self, command: str, values: tuple[Any, ...]) -> list[Any]:
        try:
            with closing(sqlite3.connect(self._path, timeout=PATIENCE)) as file, file:
                file.execute(TABLE)
                return file.execute(command, values).fetchall()
        except (sqlite3.Error, OSError) as error:
            self.problem = f"{self._path} cannot be used ({error})"
            return []

    def _hashed(self, key: Key) -> str:
        return hashlib.sha256(json.dumps([self._basis, *key]).encode()).hexdigest()


def kept_in(path: Path | None, bench: Bench, own: TrainingPlan, criterion: Criterion) -> Kept:
    """The arms kept in a file; none without one, or for a model whose code cannot be told apart from other code."""
    basis = path and basis_of(bench, own, criterion)
    return KeptInFile(path, basis, criterion.arm) if path and basis else Kept()


def basis_of(bench: Bench, own: TrainingPlan, criterion: Criterion) -> str:
    """A hash of what arms depend on: model, weights, code of the user's, rows, plan, criterion and versions.

    "" if the source of the user's own code is not at hand, so that a change of it could not be seen.
    """
    from diagnose import __version__
    from diagnose.concluding import versions
    from diagnose.trials.shipping import digest, own_objects

    try:
        sources = [_source(part) for part in own_objects(own.model).values()]
        with uncompiled(own.model):
            architecture = json.dumps(own.model.get_config(), default=str, sort_keys=True)
    except (OSError, TypeError, NotImplementedError):
        return ""
    found = hashlib.sha256(digest(bench, own.seeds).encode())
    for split in (own.train, own.dev):
        for part in _arrays(split):
            found.update(f"{part.dtype}{part.shape}".encode() + _bytes(part))
    plain = (own.batch_size, own.steps, own.seeds, own.reachable, own.usable_rate, own.best_rate, own.gradient_norms)
    compiled = getattr(own.model, "_compile_config", None)
    loss = json.dumps(compiled.config if compiled else own.model.loss, default=_named, sort_keys=True)
    optimizer = json.dumps(own.optimizer.get_config(), default=str, sort_keys=True)
    told = (
        criterion.basis,
        repr(plain),
        repr(own.outputs),
        architecture,
        loss,
        optimizer,
        repr(versions() | {"diagnose": __version__}),
    )
    for text in (*told, *sources, *(rates.tobytes().hex() for rates in own.rates)):
        found.update(text.encode() + b"\0")
    return found.hexdigest()


def _arrays(split: Split) -> Iterator[Any]:
    yield from (*split.inputs, *split.targets)
    if split.sample_weight is not None:
        yield split.sample_weight


def _bytes(part: Any) -> bytes:
    return repr(part.tolist()).encode() if part.dtype == object else np.ascontiguousarray(part).tobytes()


def _source(part: Any) -> str:
    """The text of the module that defines a class or function."""
    import inspect

    return Path(inspect.getfile(part)).read_text(errors="replace")


def _named(part: Any) -> Any:
    """A loss or metric as text: its settings, or its name."""
    if hasattr(part, "get_config"):
        return [type(part).__qualname__, str(part.get_config())]
    return getattr(part, "__qualname__", None) or type(part).__qualname__


def as_text(arm: Any) -> str:
    """An arm as JSON, exact to the bit."""
    return json.dumps(asdict(arm), default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return {"array": value.tolist(), "type": str(value.dtype)}
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is no plain data")


def _read(text: str, kind: type) -> Any:
    """The arm of a text.

    Raises:
        ValueError, TypeError: it is not one.
    """
    from pydantic import TypeAdapter

    data, hints = json.loads(text), get_type_hints(kind)
    if not isinstance(data, dict) or data.keys() != hints.keys():
        raise ValueError("not an arm")
    arrays = {name for name, hint in hints.items() if get_origin(hint) is np.ndarray}
    return kind(
        **{
            name: _array(value) if name in arrays else TypeAdapter(hints[name]).validate_python(value)
            for name, value in data.items()
        }
    )


def _array(value: Any) -> Any:
    if not isinstance(value, dict) or value.keys() != {"array", "type"} or np.dtype(value["type"]).kind not in "bif":
        raise ValueError("not an array of numbers")
    return np.array(value["array"], value["type"])
