"""The loaded weights in the modes of layers that keep moving statistics, as BatchNormalization does."""

from __future__ import annotations

from dataclasses import dataclass

from diagnose.findings import Interval
from diagnose.measurements.evaluation import Score
from diagnose.measurements.needing import Unavailable


@dataclass(frozen=True)
class MovingLayer:
    """One layer whose moving statistics are updated in training.

    `momentum` is the share of the old value that a step keeps. `shift` is the distance between its moving means and
    the re-estimated ones, in standard deviations of a unit (root mean square over units).
    """

    path: str
    momentum: float
    shift: float


@dataclass(frozen=True)
class ModeScores:
    """One split, the same `rows` in every mode; one entry per output.

    `moving`: as predicted, with the moving statistics of the loaded weights. `batch`: with the statistics of each batch
    of the training's size, as in training, but without dropout and augmentation. `refreshed`: with moving statistics
    re-estimated on training rows. `refreshed_gain` and `batch_gain` are the paired intervals, over rows, of the error
    with moving statistics minus that error (squared errors for regression; > 0: the moving statistics do worse).
    """

    split: str
    rows: int
    moving: tuple[Score, ...]
    batch: tuple[Score, ...]
    refreshed: tuple[Score, ...]
    refreshed_gain: tuple[Interval, ...]
    batch_gain: tuple[Interval, ...]


@dataclass(frozen=True)
class ModeErrors:
    """The errors of one output on the same rows of a split in both modes, while a model trained.

    `batch` is the error with the statistics of each batch, as in training, `moving` the one with moving statistics, as
    in `evaluate` and `predict`, in the units of `Score.error`. `epoch` counts from 0 and may lie within one.
    """

    epoch: float
    split: str
    output: str
    batch: float
    moving: float


@dataclass(frozen=True)
class Modes:
    """The loaded weights with moving, batch and re-estimated statistics.

    `layers` is empty if no layer updates moving statistics in training; the scores are then unavailable. `steps` is the
    number of optimizer steps of the user's training (None: unknown), `left` the share of the initial statistics that is
    left after them, the largest of all layers. Statistics were re-estimated on `batches` of `batch_size` rows.
    """

    layers: tuple[MovingLayer, ...]
    train: ModeScores | Unavailable
    dev: ModeScores | Unavailable
    batch_size: int
    batches: int
    steps: int | None
    left: float | None

    def errors(self, epoch: float) -> tuple[ModeErrors, ...]:
        """The errors in both modes, of weights that had been trained for so many epochs."""
        return tuple(
            ModeErrors(epoch, scores.split, moving.output, batch.error, moving.error)
            for scores in (self.train, self.dev)
            if isinstance(scores, ModeScores)
            for batch, moving in zip(scores.batch, scores.moving, strict=True)
        )
