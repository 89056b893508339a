"""What trainings show: baselines, learning rates, histories, a batch learned by heart."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from diagnose.findings import Interval
from diagnose.measurements.needing import Array, Unavailable

WATCH = "Train with diagnose.DiagnosisCallback."
NO_STEPS = Unavailable("only a training that is watched shows its steps", WATCH)
NO_ORDER = Unavailable("only a training that is watched shows the order of its rows", WATCH)


@dataclass(frozen=True)
class Candidate:
    """One scikit-learn baseline on the dev rows (or on rows held out from train)."""

    name: str  # "constant", "logistic regression", "ridge", "gradient boosting", "nearest neighbours"
    error: float
    error_interval: Interval
    loss: float
    skill: float  # against the constant prediction
    seconds: float


@dataclass(frozen=True)
class OutputBaseline:
    """Baselines of one output and the paired comparison with the loaded model on the same rows.

    `difference` is net error - best baseline's error (MSE for regression, so that it is a mean over rows)
    with a paired 95 % interval: above 0 the net is worse. `relative` = difference / the net's own (error or MSE).
    `null_skill` is the skill of the best baseline refitted on shuffled labels (mean, 95th percentile);
    `signal` is False where no baseline beats the constant prediction beyond its interval and its null.
    `train_error` is the best baseline's error on its own training rows.
    """

    output: str
    candidates: tuple[Candidate, ...]
    best: Candidate
    net_error: float
    net_skill: float
    difference: float
    difference_interval: Interval
    relative: float
    signal: bool
    null_skill: tuple[float, float] | None
    train_error: float
    rows_train: int
    rows_dev: int


@dataclass(frozen=True)
class Baseline:
    """The baselines of all outputs.

    `held_out` tells where the rows came from: "dev", "test" or "train" (a part held out by us; the net may have seen
    it).
    """

    outputs: tuple[OutputBaseline, ...]
    held_out: str
    net_seen: str  # seen of those rows, for the net


@dataclass(frozen=True)
class RangeTest:
    """One LR range test from fresh weights: the rate rises geometrically, one step each."""

    seed: int
    rates: Array
    losses: Array  # raw loss per step; ends early where it exceeded 4 x the best
    smoothed: Array  # exponential, beta 0.9, bias-corrected
    steepest: float | None  # rate of the steepest stable fall; None where the curve is flat
    minimum: float | None  # rate of the smallest smoothed loss
    rises: float | None  # rate from which the smoothed loss rises for good


@dataclass(frozen=True)
class SweepPoint:
    """Short trainings from fresh weights at one rate, all else as the user has it, one result per seed.

    `skill` on the training rows used (inference mode; 1 - error / constant error, or R2; nan where it
    diverged); `loss` the same for the loss relative to the constant prediction's loss (1 = constant).
    """

    rate: float
    skill: tuple[float, ...]
    loss: tuple[float, ...]
    diverged: tuple[bool, ...]


@dataclass(frozen=True)
class LearningRate:
    """How training depends on the learning rate: range tests and a short sweep, several seeds each.

    `low`/`high` bound the rates that do about as well as the best (within 0.1 skill or 2 sd, all seeds);
    `best` is the geometric middle of those; all None where the instrument abstains, with `abstains` saying
    why (flat curve, nothing learns at any rate, seeds disagree). `own` is the user's rate, None if unknown.
    """

    own: float | None
    ranges: tuple[RangeTest, ...]
    sweep: tuple[SweepPoint, ...]  # rising rates; includes the user's own where it is known
    low: float | None
    high: float | None
    best: float | None
    abstains: str | None
    steps: int  # per sweep training
    rows: int
    batch_size: int


@dataclass(frozen=True)
class Run:
    """One training: per epoch, and, where known, per step.

    `epochs` are the (perhaps fractional) epoch numbers at which both splits were evaluated in inference
    mode. Losses are data losses of all outputs; errors are of the first output. nan where unknown.
    `step_losses` are the losses of single steps. `non_finite_step` is the first step with a non-finite loss.
    """

    seed: int | None
    epochs: Array
    train_loss: Array
    dev_loss: Array
    train_error: Array
    dev_error: Array
    step_losses: Array = field(default_factory=lambda: np.empty(0))
    gradient_norms: Array = field(default_factory=lambda: np.empty(0))
    non_finite_step: int | None = None
    final_train_skill: float = float("nan")
    final_dev_skill: float = float("nan")


@dataclass(frozen=True)
class Update:
    """One optimizer step of a watched training: how far it moved the kernels of each layer.

    `ratios` maps the path of a layer to |W after - W before| / |W before| (Frobenius norms over its trainable
    kernels), penalties, momentum and clipping included. Layers whose kernels were zero before the step are left out.
    """

    step: int
    ratios: dict[str, float]


@dataclass(frozen=True)
class Feeding:
    """In which order the rows of a watched training came: `batches` of its first epoch, spread evenly over it.

    `alike` is the intraclass correlation of the first output's targets within batches (classes as one-hot vectors):
    0 where rows come in random order, 1 where all rows of a batch have the same target. `chance` is the largest
    of 50 random orders of the same rows.
    """

    batches: int
    rows: int
    alike: float
    chance: float


@dataclass(frozen=True)
class History:
    """How training went. `replay`: short seeded trainings by us, from fresh weights at the user's settings.

    `rows` is the number of training rows used, `dev_rows` of those evaluated; `whole` is True where the replay
    was as long (in steps) as the user's own training. `constant_loss`/`constant_error`: of the best constant
    prediction, on the same measure. `dev_origin`: "dev" or "held out from train".
    """

    origin: Literal["live", "recorded", "replay"]
    runs: tuple[Run, ...]
    steps_per_epoch: int | None
    rows: int | None
    dev_rows: int | None
    constant_loss: float | None
    constant_error: float | None
    whole: bool
    dev_origin: str = "dev"
    dev_se: float | None = None  # standard error of a dev loss (regression: of the MSE)
    rates: bool | None = None  # whether the errors are error rates; None: as the task of the first output says
    updates: tuple[Update, ...] | Unavailable = NO_STEPS
    feeding: Feeding | Unavailable = NO_ORDER


@dataclass(frozen=True)
class Attempt:
    """One try to overfit a single batch at one learning rate (Adam), dropout and penalties off."""

    rate: float
    steps: int
    loss: float  # relative to the constant prediction's loss on the batch (1 = constant)
    error: float  # share wrong; regression: MSE / variance


@dataclass(frozen=True)
class OverfitBatch:
    """Whether a fresh copy can learn at most 16 balanced rows by heart.

    `solved`: some attempt reached relative loss <= 0.05 or, for regression, 0.01 of the variance, with
    <= 5 % wrong. `distinct` is the number of different rows in the batch.
    """

    rows: int
    distinct: int
    attempts: tuple[Attempt, ...]
    solved: bool
