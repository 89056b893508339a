"""Turns what was collected during `fit` into a subject and measurements."""

import random
from collections.abc import Callable, Iterator
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
    ModeErrors,
    Modes,
    Network,
    NotMeasured,
    Unavailable,
)
from diagnose.measuring import activations, backend, dataset, evaluation, gradients, modes, network
from diagnose.measuring.bench import Bench
from diagnose.measuring.state import guard
from diagnose.settings import Effort, Settings
from diagnose.subject import Seen, Split, Subject

Stage = tuple[type, Callable[..., Any], float]

# Of a look inside, cheapest first: measurement, instrument, cost of the first run in compilations of a step.
STAGES: tuple[Stage, ...] = (
    (Network, network.network, 0.1),
    (Dataset, dataset.dataset, 0.2),
    (Evaluation, evaluation.evaluation, 0.7),
    (Forward, activations.forward, 1.0),
    (Backward, gradients.backward, 1.5),
)
MOVING: Stage = (Modes, modes.modes, 2.0)  # after the evaluation, where layers update moving statistics
AFTER = 3


class LiveBench(Bench):
    """The user's own model during training: only passes that leave it unchanged, and no fresh weights."""

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
    loss: str | None = None,
) -> Subject:
    """The model in its current state, with the collected rows.

    Args:
        populations: total number of rows by split; for a missing split it is unknown.
        loss: the name of the loss, if the model is not compiled.

    Raises:
        InputError: the rows or the model cannot be examined.
    """
    options = LoadOptions(batch_size=batch_size, epochs=epochs or None, loss=loss)
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
    """The split, marked as a sample if there are more rows than it holds."""
    population = populations.get(split.name)
    if population is not None and population <= split.rows:
        return split
    return replace(split, population=population, sampled=True)


def look(bench: LiveBench, stages: tuple[Stage, ...]) -> Measurements:
    """Take the measurements of these stages at the current weights. Random states are restored."""
    found: Measurements = {}
    with _same_randomness():
        for kind, instrument, _ in stages:
            try:
                found[kind] = instrument(bench, found)
            except NotMeasured as missing:
                found[kind] = Unavailable.of(missing)
    return found


def compare_modes(bench: LiveBench, epoch: float) -> tuple[ModeErrors, ...]:
    """The errors in training mode and in inference mode at the current weights; () where they cannot be scored."""
    with _same_randomness():
        try:
            return modes.mode_errors(bench, epoch)
        except NotMeasured:
            return ()


def stages_of(model: Any) -> tuple[Stage, ...]:
    """The stages of a look into this model."""
    return (*STAGES[:AFTER], MOVING, *STAGES[AFTER:]) if modes.moving(model) else STAGES


def quick(seed: int) -> Settings:
    """The settings of the callback: quick, so nothing extra is trained."""
    return Settings(effort=Effort.QUICK, seed=seed)


def _one_weight(rows: Any) -> Any:
    """The rows without weights that differ by output: only the compiled loss can read those."""
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
