"""What was measured: frozen dataclasses between the instruments and the checks.

An instrument returns one of the classes below; a check names the classes it needs as its parameter
types. A field that could not be measured is `Unavailable(reason)`; `need` turns that into a skipped
check. Arrays are float64 unless said otherwise, `units` means the last axis of a layer's output
(a channel counts as one unit), errors are error rates (0 to 1) or RMSE in units of the target.
"""

from dataclasses import dataclass, field
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from diagnose.findings import Interval
from diagnose.subject import Output, Task

Array = NDArray[np.float64]
T = TypeVar("T")


@dataclass(frozen=True)
class Unavailable:
    """A measurement that could not be taken, and why."""

    reason: str


class NotMeasured(Exception):  # noqa: N818 - it is no error, it is an answer
    """A check needs what is unavailable; the check is skipped with this reason."""


def need(value: T | Unavailable) -> T:
    """Return the value, or skip the check that asked for it."""
    if isinstance(value, Unavailable):
        raise NotMeasured(value.reason)
    return value


# --- Network: what is built (static) -----------------------------------------------------------


@dataclass(frozen=True)
class Layer:
    """One layer as built, in call order.

    `activation` is the canonical name of what is applied last in this layer ("relu", "linear",
    "softmax", "sigmoid", "tanh", "leaky_relu", "gelu", ...), None where the notion does not apply
    (Flatten, pooling, merging). `weighted` marks layers with a trainable kernel that mixes features
    (Dense, convolutions, recurrent, attention projections). `kernel_std` is the standard deviation of the
    first kernel *as loaded*, `fan_in` its fan-in. `twin_units` is the share of units (columns or filters of
    the kernel as loaded) that equal another one to cosine 0.9999.
    """

    path: str
    kind: str
    activation: str | None = None
    units: int | None = None
    output_shape: tuple[int | None, ...] | None = None
    parameters: int = 0
    trainable: bool = True
    weighted: bool = False
    normalises: bool = False  # BatchNormalization, LayerNormalization, Normalization, Rescaling, ...
    recurrent: bool = False
    use_bias: bool | None = None
    initializer: str | None = None  # class name and, in brackets, its numbers: "RandomNormal(stddev=0.05)"
    regularized: bool = False
    dropout: float | None = None  # rate of a Dropout-like layer
    fan_in: int | None = None
    kernel_std: float | None = None
    kernel_max: float | None = None  # largest absolute weight
    twin_units: float | None = None
    pretrained: bool = False
    inbound: tuple[str, ...] = ()  # paths of the layers that feed it; empty for inputs and where unknown
    kernel_size: tuple[int, ...] = ()  # of convolutions and poolings, one number per axis; () for all others
    strides: tuple[int, ...] = ()
    dilation: tuple[int, ...] = ()


@dataclass(frozen=True)
class Head:
    """The last computation of one output, and what the loss expects of it.

    `activation` is the canonical name after which nothing else is applied. `units` is the size of its
    last axis; `shape` is the shape of one row's output and `target_shape` that of one target as fed (both
    without the row axis).
    """

    output: Output
    layer: str
    activation: str | None
    units: int
    shape: tuple[int | None, ...]
    target_shape: tuple[int, ...]
    use_bias: bool | None = None


@dataclass(frozen=True)
class Network:
    """The model as built and loaded: nothing is run for it but a scan of the weights."""

    layers: tuple[Layer, ...]
    heads: tuple[Head, ...]
    parameters: int
    trainable_parameters: int
    graph_known: bool  # False for subclassed models: `inbound` is empty there
    skips: bool  # some layer merges two paths (Add, Concatenate, ...)
    non_finite: tuple[
        tuple[str, int], ...
    ]  # (variable path, count of NaN or Inf), worst first; optimizer slots included
    penalty: float  # sum of regularisation losses at the loaded weights
    optimizer: str | None  # snake-case class name: "adam", "sgd", ...
    learning_rate: float | None
    settings: dict[str, float] = field(default_factory=dict)  # momentum, weight_decay, clipnorm, ...
    batch_size: int | None = None  # None: unknown
    epochs: int | None = None
    iterations: int | None = None
    backend: str = "tensorflow"
    trained: bool = True
    operations: tuple[str, ...] = ()  # keras.ops called outside layers ("Relu", "Add"), which `inbound` passes over


# --- Dataset: what is fed (static) ---------------------------------------------------------------


@dataclass(frozen=True)
class InputStatistics:
    """One model input on one split, over at most `rows_used` sampled rows.

    `kind`: "dense" (numbers), "image" (rank 4 with 1, 3 or 4 channels, or rank 3 that feeds a
    convolution), "sequence" (rank 3), "tokens" (integers that feed an embedding), "binary" (only 0 and 1)
    or "text". For images the arrays have one entry per channel, else one per feature (the last axis;
    at most 10,000 features). Statistics ignore non-finite cells.
    """

    name: str
    kind: str
    shape: tuple[int, ...]  # of one row
    dtype: str
    mean: Array
    std: Array
    low: Array
    high: Array
    p99: float  # 99th percentile of |x| over all cells
    non_finite: int  # cells
    constant: int  # features that never change
    vocabulary: int | None = None  # tokens: input_dim of the embedding it feeds
    feature_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class TargetStatistics:
    """One output's targets on one split, over all rows (at most 1,000,000).

    `layout`: "integers" (sparse class labels), "one-hot", "multi-hot", "probabilities" (rows sum to 1 but
    are not one-hot), "numbers". `classes`/`counts`: distinct values with their counts for integers (at
    most 1,000) and binary, columns with their sums for one-hot and multi-hot; empty for numbers.
    `mean`, `std`, `low`, `high` are per column for numbers and for the flat values otherwise (length 1).
    """

    output: str
    layout: str
    shape: tuple[int, ...]  # of one row's target; () for scalars
    dtype: str
    rows: int
    classes: tuple[float, ...]
    counts: tuple[int, ...]
    mean: Array
    std: Array
    low: Array
    high: Array
    non_finite: int
    non_integer: int  # rows whose label is no integer; 0 where `layout` is not "integers"
    many_hot: float = 0.0  # share of rows with two or more ones
    no_hot: float = 0.0  # share of rows with none


@dataclass(frozen=True)
class SplitStatistics:
    """One split: its inputs in the model's order and its targets in the order of the outputs."""

    name: str
    rows: int
    rows_used: int
    seen: str
    inputs: tuple[InputStatistics, ...]
    targets: tuple[TargetStatistics, ...]
    duplicates: float | None = None  # share of rows that repeat an earlier row of this split (sample)
    conflicting: float | None = None  # share of rows whose inputs equal another row's with another target
    label_autocorrelation: float | None = None  # lag 1, in file order, of the first output
    converted: tuple[str, ...] = ()  # sentences: how targets were converted so that the loss can take them


@dataclass(frozen=True)
class GroupOverlap:
    """Groups that one split has in common with train, over `rows` rows of it; rows without a group do not count.

    `shared` of its `groups` are among the `train_groups` of train, and `shared_rows` is the share of its rows (0 to 1)
    that belong to them.
    """

    groups: int
    train_groups: int
    shared: int
    shared_rows: float
    rows: int


@dataclass(frozen=True)
class TimeOrder:
    """When the rows of one split came, against those of train; rows without a time do not count.

    `later` is the probability (0 to 1) that a row of the split is later than a row of train, both drawn at random,
    ties counted half: 1 where all of the split comes after train, 0.5 where both cover the same time. `inside` is the
    share of its rows between the 1st and the 99th percentile of train, both excluded. Ranges are (first, last): numbers
    as given, dates as ISO 8601.
    """

    range: tuple[str, str]
    train_range: tuple[str, str]
    later: float
    inside: float
    rows: int


@dataclass(frozen=True)
class Dataset:
    """What is in the splits.

    `shared_rows` maps a split to the share of its rows that are also in train; `groups` and `times` map it to what it
    has in common with train where the user named such columns.
    """

    train: SplitStatistics
    dev: SplitStatistics | Unavailable
    test: SplitStatistics | Unavailable
    train_dev: SplitStatistics | Unavailable
    shared_rows: dict[str, float] = field(default_factory=dict)
    groups: dict[str, GroupOverlap] | Unavailable = Unavailable("no column of groups was named (--group)")
    times: dict[str, TimeOrder] | Unavailable = Unavailable("no column of times was named (--time)")

    @property
    def splits(self) -> tuple[SplitStatistics, ...]:
        every = (self.train, self.train_dev, self.dev, self.test)
        return tuple(s for s in every if not isinstance(s, Unavailable))


# --- Forward: activations ------------------------------------------------------------------------


@dataclass(frozen=True)
class LayerActivations:
    """What leaves one layer in inference mode, per unit, over all rows and positions.

    `positive` is the share of values > 0. `never` marks units whose largest value over all rows and
    positions is <= 0 (meaningful for ReLU). `saturated` is the share of values with |a| > 0.97 (tanh) or
    outside 0.03 ... 0.97 (sigmoid), None for other activations. `varies` is the mean over units of the
    standard deviation *across rows*.
    """

    path: str
    kind: str
    activation: str | None
    mean: Array
    std: Array
    low: Array
    high: Array
    positive: Array
    never: NDArray[np.bool_]
    saturated: Array | None
    non_finite: int = 0
    kernel_std: float | None = None  # of the layer's first kernel at these weights
    varies: float = float("nan")

    @property
    def spread(self) -> float:
        """Standard deviation over everything that leaves the layer (units pooled, around the overall mean)."""
        centre = float(np.mean(self.mean))
        return float(np.sqrt(np.mean(self.std**2 + (self.mean - centre) ** 2)))


@dataclass(frozen=True)
class FirstInput:
    """What reaches the first trainable layer of one input path: after all preprocessing inside the model."""

    layer: str
    mean: Array  # per feature or channel
    std: Array
    max_abs: float


@dataclass(frozen=True)
class Activations:
    """One inference-mode pass over a stratified sample of training rows."""

    layers: tuple[LayerActivations, ...]
    first_inputs: tuple[FirstInput, ...]
    rows: int


@dataclass(frozen=True)
class Forward:
    """Activations at the loaded weights and at fresh ones (same architecture, re-initialised)."""

    current: Activations | Unavailable
    fresh: Activations | Unavailable


# --- Backward: gradients -------------------------------------------------------------------------


@dataclass(frozen=True)
class LayerGradients:
    """Gradient of the data loss with respect to one layer's kernel and output, median over batches.

    `relative` is |g| / |W| of the kernel (Frobenius norms; nan for a zero kernel), `rms` the root mean
    square gradient per weight, `activation_rms` the same with respect to the layer's output times the
    number of rows (so that it does not depend on the batch size); nan where it could not be taken.
    `cut` marks kernels whose gradient is missing or exactly zero on every batch.
    """

    path: str
    kind: str
    relative: float
    rms: float
    activation_rms: float
    cut: bool


@dataclass(frozen=True)
class Gradients:
    """Train-mode gradients on `batches` seeded batches of training rows; layers in call order, weighted ones only."""

    layers: tuple[LayerGradients, ...]
    global_norm: tuple[float, ...]  # one per batch
    loss: float  # data loss, mean over batches
    batches: int
    batch_size: int


@dataclass(frozen=True)
class Backward:
    current: Gradients | Unavailable
    fresh: Gradients | Unavailable


# --- Evaluation: how good ------------------------------------------------------------------------


@dataclass(frozen=True)
class Score:
    """One output on one split, in inference mode, over `rows` sampled rows.

    `error`: error rate (share of wrong labels for multi-label) or RMSE; `loss`: the data loss (log loss with
    probabilities clipped at 1e-7 for classification, MSE for regression, whatever the model was compiled with);
    both with 95 % intervals (Wilson for rates, bootstrap or normal otherwise). `constant_error` and
    `constant_loss`: the best constant prediction *fitted on train* on the same rows (majority class and prior;
    mean). `beats_constant_error` / `_loss`: paired difference constant - model with its interval (> 0: the
    model is better; for regression both are differences of squared errors). `skill` = 1 - error /
    constant_error (classification), 1 - MSE / constant MSE (regression): 1 perfect, 0 constant.
    """

    output: str
    task: Task
    rows: int
    error: float
    error_interval: Interval
    loss: float
    loss_interval: Interval
    constant_error: float
    constant_loss: float
    beats_constant_error: Interval
    beats_constant_loss: Interval
    skill: float
    non_finite: int  # rows with a non-finite prediction
    predicted: tuple[float, ...] = ()  # share of rows predicted as each class
    actual: tuple[float, ...] = ()  # share of rows of each class
    spread: float | None = None  # std(prediction) / std(target); classification: mean std over rows of a probability
    row_sum_error: float | None = None  # multi-class: mean |sum of the outputs - 1|
    confusion: tuple[tuple[float, ...], ...] = ()  # counts, rows actual, columns predicted; at most 30 classes
    own_loss: float | None = None  # the compiled data loss of this output, where it could be evaluated


@dataclass(frozen=True)
class SplitScores:
    split: str
    seen: str
    rows: int
    scores: tuple[Score, ...]  # one per output
    loss: float | None = None  # what Keras's `evaluate` would report: all outputs and penalties
    worst: tuple[int, ...] = ()  # row numbers of the largest losses of the first output, worst first, at most 24
    worst_outputs: tuple[tuple[float, ...], ...] = ()  # what the first output gave for them, flat, at most 1,000 values


@dataclass(frozen=True)
class Evaluation:
    """Loaded weights, each split in inference mode. `dev` is unavailable where the user gave none (law 10)."""

    train: SplitScores | Unavailable
    dev: SplitScores | Unavailable
    test: SplitScores | Unavailable
    train_dev: SplitScores | Unavailable


@dataclass(frozen=True)
class Conversions:
    """The loaded weights on the same training rows, as fed and with the inputs converted (law 10).

    Each entry of `tried` is (name, one score per output, paired gain): names are "x / 255", "x / 127.5 - 1",
    "x * 255", "standardised by column", "scaled to 0-1 by column"; the gain is the interval of the mean of
    (loss as fed - loss converted) over rows, summed over outputs (> 0: converted is better), with the losses
    of `Score.loss`. Only conversions that would change the data are tried.
    """

    rows: int
    as_fed: tuple[Score, ...]
    tried: tuple[tuple[str, tuple[Score, ...], Interval], ...]


@dataclass(frozen=True)
class Initial:
    """The data loss of fresh weights (at least 3 seeds), per output, on a sample of training rows.

    `expected` is the loss of a net that knows nothing: ln K for log losses (uniform), the constant
    prediction's for regression; `losses` has one inner tuple per output. For classification the log loss is
    taken on the activations as the compiled loss sees them (so that missing or doubled softmaxes show).
    """

    outputs: tuple[str, ...]
    losses: tuple[tuple[float, ...], ...]
    expected: tuple[float, ...]
    rows: int


# --- Trainings on copies -------------------------------------------------------------------------


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
    updates: tuple[Update, ...] | Unavailable = Unavailable("only a training that is watched shows its steps")
    feeding: Feeding | Unavailable = Unavailable("only a training that is watched shows the order of its rows")


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


@dataclass(frozen=True)
class Change:
    """A short training with one thing changed, else as the replay: does that alone restore learning?

    `skill`: train skill per seed. `reference`: the unchanged replay's, same seeds and steps.
    """

    code: str  # the cause that the change would confirm
    what: str  # "inputs standardised", "Adam 1e-3", "He initialisation", ...
    skill: tuple[float, ...]
    reference: tuple[float, ...]
    diverged: tuple[bool, ...]


@dataclass(frozen=True)
class Changes:
    """Single-change replays (the forward direction); run only on models that fail the gate."""

    changes: tuple[Change, ...]
    steps: int
    rows: int


Measurement = (
    Network
    | Dataset
    | Forward
    | Backward
    | Evaluation
    | Conversions
    | Initial
    | Baseline
    | LearningRate
    | History
    | OverfitBatch
    | Changes
)
Measurements = dict[type, object]
"""Measurement type -> its instance, or `Unavailable`."""
