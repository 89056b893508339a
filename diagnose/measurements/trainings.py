"""Results of trainings: baselines, learning rates, histories, one overfitted batch."""

from dataclasses import dataclass, field
from typing import Literal, Self

import numpy as np

from diagnose.findings import Interval
from diagnose.measurements.modes import ModeErrors
from diagnose.measurements.needing import Array, Unavailable

WATCH = "Train with diagnose.DiagnosisCallback."
NO_STEPS = Unavailable("single steps are recorded by the callback only", WATCH)
NO_ORDER = Unavailable("the order of rows is recorded by the callback only", WATCH)


@dataclass(frozen=True, kw_only=True)
class Trainings:
    """Trainings of a model. If it has several outputs, `by_output` holds the same trainings as each output fared."""

    by_output: dict[str, Self] = field(default_factory=dict)

    def of(self, output: str) -> Self:
        """The trainings as this output fared; as a whole if outputs are not told apart."""
        return self.by_output.get(output, self)

    @property
    def views(self) -> dict[str, Self]:
        """The trainings as each output fared, by its name; as a whole, under "", if outputs are not told apart."""
        return self.by_output or {"": self}


@dataclass(frozen=True)
class Candidate:
    """One scikit-learn baseline on the dev rows (or on rows held out from train)."""

    name: str  # "constant", "logistic regression", "ridge", "gradient boosting", "nearest neighbours"
    error: float
    error_interval: Interval
    loss: float
    skill: float  # compared with the constant prediction
    seconds: float
    ordered: bool = False  # whether it gets the order of tokens, and not only their counts


@dataclass(frozen=True)
class Within:
    """A baseline that was fitted on three quarters of a split and evaluated on the other `rows` of the same split.

    It shows whether the rows of that split tell their own targets. `beats_constant` is the paired interval of
    error(constant) - error(baseline), as in `Score`.
    """

    split: str
    name: str  # of the candidate
    error: float
    error_interval: Interval
    skill: float
    beats_constant: Interval
    rows: int

    @property
    def signal(self) -> bool:
        """Whether it clearly beats the constant prediction."""
        return self.beats_constant.low > 0


@dataclass(frozen=True)
class Slip:
    """The best baseline on a split whose targets are moved by `rows` (not 0) against their rows, in file order.

    `rows` is the move, of at most 10 rows either way, after which the error is lowest: with 3, the target of each row
    is that of the third row after it. `better` is the interval of error(as given) - error(moved), corrected for the
    number of moves that were tried.
    """

    split: str
    rows: int
    skill: float
    better: Interval


@dataclass(frozen=True)
class Moved:
    """Rows of a split whose targets at positions fit better after a move than as given, by a fit on other rows.

    `share` is that of the `rows` with a clear answer, with its 95 % interval; `how` describes the move.
    """

    split: str
    how: str
    share: float
    interval: Interval
    rows: int


@dataclass(frozen=True)
class OutputBaseline:
    """Baselines of one output and the paired comparison with the loaded model on the same rows.

    `difference` is net error - best baseline's error (MSE for regression, so that it is a mean over rows)
    with a paired 95 % interval: above 0 the net is worse. `relative` is the difference / the net's error (or MSE).
    `null_skill` is the skill of the best baseline refitted on shuffled labels (mean, 95th percentile);
    `signal` is False if no baseline clearly beats the constant prediction and its own result on shuffled labels.
    `train_error` is the best baseline's error on its own training rows. `within` holds, if other rows than those of
    train were used for evaluation, the same kind of model within train; without a signal also within the other split.
    `order_change` is the mean change of the net's output when the tokens of each row are put in another order, in
    standard deviations of the output over rows (None: there are no rows of tokens).
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
    within: tuple[Within, ...] = ()
    order_change: float | None = None
    moved: tuple[Moved, ...] = ()  # by split; () without positions, without another split, or without a clear answer
    slip: Slip | None = None  # on the held-out split; None without other rows than train's, or where a sample was taken

    def within_split(self, split: str) -> Within | None:
        """The baseline that was fitted and evaluated within this split."""
        return next((found for found in self.within if found.split == split), None)


@dataclass(frozen=True)
class Baseline:
    """The baselines of all outputs.

    `held_out` is the split that they are evaluated on: "dev", "test", or "train" (held out from train; the net may
    have been trained on these rows).
    """

    outputs: tuple[OutputBaseline, ...]
    held_out: str
    net_seen: str  # `Split.seen` of the `held_out` rows


@dataclass(frozen=True)
class RangeTest:
    """One LR range test from fresh weights: the rate rises geometrically, one step each."""

    seed: int
    rates: Array
    losses: Array  # raw loss per step; ends early if it exceeds 4 x the best
    smoothed: Array  # exponential, beta 0.9, bias-corrected
    steepest: float | None  # rate of the steepest stable fall; None if the curve is flat
    minimum: float | None  # rate of the smallest smoothed loss
    rises: float | None  # rate from which the smoothed loss only rises


@dataclass(frozen=True)
class SweepPoint:
    """Short trainings from fresh weights at one rate, with the user's other settings; one result per seed.

    `skill` is on the training rows used (inference mode; 1 - error / constant error, or R2), `loss` is relative to
    the constant prediction's loss (1 = constant), both as a mean over the outputs; nan for a training that diverged.
    """

    rate: float
    skill: tuple[float, ...]
    loss: tuple[float, ...]
    diverged: tuple[bool, ...]

    @property
    def merit(self) -> Array:
        """One number a seed from 0 (no better than a constant, or diverged) to 1: the better of error and loss."""
        skill, loss = np.array(self.skill, float), 1.0 - np.array(self.loss, float)
        better = np.fmax(np.nan_to_num(skill, nan=0.0), np.nan_to_num(loss, nan=0.0))
        return np.where(self.diverged, 0.0, np.clip(better, 0.0, 1.0))


@dataclass(frozen=True)
class LearningRate(Trainings):
    """How training depends on the learning rate: range tests and a short sweep, several seeds each.

    `low`/`high` bound the rates that do about as well as the best (within 0.1 skill or 2 sd, all seeds, and above 0.1);
    `best` is their geometric mean, at most the highest sane rate of the optimizer. All three are None if the
    instrument abstains; `abstains` says why ("nothing learns at any rate", "seeds disagree"). `own` is the user's rate,
    with a schedule its highest one; None if unknown. `mean` is that over the user's training, with a schedule; None if
    its length is unknown. By output, `sweep` differs, and the rest is that of the whole: a
    model is trained at one rate.
    `reachable` is what a skill must be divided by: 1, or the best one of the sweep for a loss of the user's own, whose
    floor may be out of reach.
    """

    own: float | None
    ranges: tuple[RangeTest, ...]
    sweep: tuple[SweepPoint, ...]  # by rising rate; includes the user's own if it is known
    low: float | None
    high: float | None
    best: float | None
    abstains: str | None
    steps: int  # per sweep training
    rows: int
    batch_size: int
    reachable: float = 1.0
    mean: float | None = None

    @property
    def usable(self) -> float | None:
        """`best`, if the model trains at it: not if all rates that work are beyond those that are sane."""
        if self.best is None or self.low is None or self.best < self.low * (1 - 1e-6):
            return None
        return self.best

    def merit(self, point: SweepPoint) -> Array:
        """The merit of each seed at one rate, 1 for what can be reached."""
        return np.minimum(point.merit / self.reachable, 1.0)


@dataclass(frozen=True)
class Run:
    """One training: per epoch and, if known, per step.

    `epochs` are the (possibly fractional) epoch numbers at which both splits were evaluated in inference
    mode. Losses are data losses of all outputs, skills are a mean over them; errors are known for a single output only.
    nan where unknown.
    `step_losses` are the losses of single steps. `non_finite_step` is the first step with a non-finite loss.
    `train_se` is the standard error of each train loss as a mean over single steps; empty if all losses were evaluated
    on the same rows. `learning_rates` are those at the `epochs`, nan where unknown; empty: constant or unknown.
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
    train_se: Array = field(default_factory=lambda: np.empty(0))
    learning_rates: Array = field(default_factory=lambda: np.empty(0))


@dataclass(frozen=True)
class Update:
    """One optimizer step of a training with the callback: how much it changed the kernels of each layer.

    `ratios` maps the path of a layer to |W after - W before| / |W before| (Frobenius norms over its trainable
    kernels), penalties, momentum and clipping included. Layers with zero kernels before the step are left out. Those
    that no optimizer changes are `apart`: a slow copy of other weights, which the model's own code moves, or weights
    that were forgotten.
    """

    step: int
    ratios: dict[str, float]
    apart: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Feeding:
    """The order of rows, from `batches` of neighbours spread evenly over them.

    They are those of the first epoch of a training with the callback, or the training rows as they lie in the data.

    `alike` is the intraclass correlation of the first output's targets within batches (classes as one-hot vectors):
    0 for rows in random order, 1 if all rows of a batch have the same target. `chance` is the largest value in 50
    random orders of the same rows.
    """

    batches: int
    rows: int
    alike: float
    chance: float


@dataclass(frozen=True)
class History(Trainings):
    """Training curves. `replay`: short seeded trainings by us, from fresh weights with the user's settings.

    `rows` is the number of training rows used, `dev_rows` the number of dev rows evaluated. `whole` is True if the
    replay has as many steps as the user's own training. `constant_loss`/`constant_error` are those of the best
    constant prediction. `dev_origin`: the split's name, or "held out from train". `running`: the training still runs,
    for `planned` steps in all (None: unknown).
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
    rates: bool | None = None  # whether errors are error rates; None: depends on the task of the output
    running: bool = False
    planned: int | None = None
    first_loss: float | None = None  # data loss of the first steps, of a training that was watched from its start
    from_start: bool = True  # False: the optimizer had taken steps before the watch began
    reported: dict[str, Array] = field(default_factory=dict)  # all that Keras logged, by epoch
    updates: tuple[Update, ...] | Unavailable = NO_STEPS
    feeding: Feeding | Unavailable = NO_ORDER
    modes: tuple[ModeErrors, ...] = ()  # of layers with moving statistics, as often as the watch could afford it


@dataclass(frozen=True)
class Attempt:
    """One attempt to overfit a single batch at one learning rate (Adam), without dropout and penalties."""

    rate: float
    steps: int
    loss: float  # relative to the constant prediction's loss on the batch (1 = constant)
    error: float  # share wrong; regression: MSE / variance


@dataclass(frozen=True)
class OverfitBatch:
    """Whether a fresh copy can overfit a batch of at most 16 balanced rows.

    `solved`: an attempt reached a relative loss <= 0.05 with <= 5 % wrong or, for regression, <= 0.01 of the
    variance. `distinct` is the number of different rows in the batch.
    """

    rows: int
    distinct: int
    attempts: tuple[Attempt, ...]
    solved: bool
