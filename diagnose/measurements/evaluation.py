"""How good the weights are: loaded ones on each split, fresh ones before any training."""

from dataclasses import dataclass, field

from diagnose.findings import Interval
from diagnose.measurements.needing import Unavailable
from diagnose.subject import Task


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
    metrics: dict[str, float] = field(default_factory=dict)  # the user's own compiled metrics, by name


@dataclass(frozen=True)
class SplitScores:
    """The scores of one split, over `rows` of its rows.

    `sampled`: the split has more rows than were scored, `population` of them (None: unknown).
    """

    split: str
    seen: str
    rows: int
    scores: tuple[Score, ...]  # one per output
    loss: float | None = None  # what Keras's `evaluate` would report: all outputs and penalties
    worst: tuple[int, ...] = ()  # row numbers of the largest losses of the first output, worst first, at most 24
    worst_outputs: tuple[tuple[float, ...], ...] = ()  # what the first output gave for them, flat, at most 1,000 values
    population: int | None = None
    sampled: bool = False

    @property
    def all_rows(self) -> int | None:
        """The rows that there are; None: unknown."""
        return self.population if self.sampled else self.rows


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
