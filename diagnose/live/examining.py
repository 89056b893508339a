"""From what was collected in `fit` to measurements: quick looks while it trains, the whole at its end."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from diagnose.loading import LoadOptions, subject_from
from diagnose.measurements import (
    Backward,
    Dataset,
    Evaluation,
    Forward,
    History,
    Measurements,
    Network,
    NotMeasured,
    Unavailable,
)
from diagnose.measuring import activations, backend, dataset, evaluation, gradients, network
from diagnose.measuring.bench import Bench
from diagnose.measuring.state import guard
from diagnose.settings import Effort, Settings
from diagnose.subject import Output, Seen, Split, Subject, Task

STAGES = (  # of a look, the cheapest first: what it gives, with what, and its first cost in compilations of the step
    (Network, network.network, 0.1),
    (Dataset, dataset.dataset, 0.2),
    (Evaluation, evaluation.evaluation, 0.7),
    (Forward, activations.forward, 1.0),
    (Backward, gradients.backward, 1.5),
)


class LiveBench(Bench):
    """The user's own model in the middle of its training: only passes that leave no trace, and no fresh weights."""

    def __enter__(self) -> "LiveBench":
        return self

    @contextmanager
    def at(self, seed: int | None) -> Iterator[Any]:
        if seed is not None:
            raise NotMeasured(
                "fresh weights are not measured while a model trains", "Read callback.diagnosis after fit has returned."
            )
        yield self.subject.model


def live_subject(
    model: Any,
    train: Any,
    dev: Any,
    history: History,
    *,
    origin: tuple[str, str],
    populations: dict[str, int],
    batch_size: int | None,
    epochs: int,
) -> Subject:
    """The model as it stands, with the rows that were kept.

    Args:
        populations: the rows that there are, by split; a split that is not in it is a sample of unknown size.

    Raises:
        InputError: rows or model cannot be examined; the message says why.
    """
    options = LoadOptions(batch_size=batch_size, epochs=epochs or None)
    with guard(model):
        subject = subject_from(model, _one_weight(train), _one_weight(dev), options=options)
    return replace(
        subject,
        history=history,
        trained=True,
        train=_of(populations, replace(subject.train, origin=origin[0], seen=Seen.YES)),
        dev=None if subject.dev is None else _of(populations, replace(subject.dev, origin=origin[1])),
    )


def _of(populations: dict[str, int], split: Split) -> Split:
    """The split with the number of rows that there are."""
    population = populations.get(split.name)
    if population is not None and population <= split.rows:
        return split
    return replace(split, population=population, sampled=True)


def without_rows(model: Any, history: History) -> Subject:
    """A subject of which nothing but its training is known."""
    output = Output("output", Task.REGRESSION, loss="unknown", custom_loss=True)
    nothing = Split("train", (np.empty((0, 1)),), (np.empty((0, 1)),), Seen.YES, origin="not seen")
    return Subject(model.name, model, (output,), nothing, history=history)


def look(bench: LiveBench, kinds: tuple[type, ...]) -> Measurements:
    """Take the measurements of these stages at the present weights; every random state stays as it is."""
    found: Measurements = {}
    with _same_randomness():
        for kind, instrument, _ in STAGES:
            if kind in kinds:
                try:
                    found[kind] = instrument(bench, found)
                except NotMeasured as missing:
                    found[kind] = Unavailable.of(missing)
    return found


def quick(seed: int) -> Settings:
    """How a training is examined: without any training of ours."""
    return Settings(effort=Effort.QUICK, seed=seed)


def _one_weight(rows: Any) -> Any:
    """Rows with one weight each; weights by output are left out, which the compiled loss alone can read."""
    if isinstance(rows, tuple) and len(rows) == 3 and not hasattr(rows[2], "shape"):
        return rows[:2]
    return rows


@contextmanager
def _same_randomness() -> Iterator[None]:
    kept = random.getstate(), np.random.get_state(), backend.random_state()
    try:
        yield
    finally:
        random.setstate(kept[0])
        np.random.set_state(kept[1])
        backend.restore_random_state(kept[2])
