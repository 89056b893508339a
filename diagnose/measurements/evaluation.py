"""How good the weights are: the loaded ones on each split, and fresh ones before training."""

from dataclasses import dataclass, field

from diagnose.findings import Interval
from diagnose.measurements.confidence import Group, Reliability, Residuals, Thresholds
from diagnose.measurements.needing import Unavailable
from diagnose.measurements.positions import Positions
from diagnose.subject import Task


@dataclass(frozen=True)
class OutputSpread:
    """How the outputs of `rows` rows differ from each other, flat, with `units` numbers each.

    `relative` is the standard deviation across rows (root mean square over units) over the root mean square of the
    outputs: 0 if all rows have the same output. `distance` is the median Euclidean distance of two rows, `rank` the
    effective number of dimensions in which outputs vary (1 to `units`).
    """

    units: int
    relative: float
    distance: float
    rank: float
    rows: int


@dataclass(frozen=True)
class Score:
    """One output on one split, in inference mode, over `rows` sampled rows.

    `error`: error rate (share of wrong labels for multi-label) or RMSE; `loss`: the data loss (log loss with
    probabilities clipped at 1e-7 for classification, MSE for regression, regardless of the compiled loss);
    both with 95 % intervals (Wilson for rates, bootstrap or normal otherwise). `constant_error` and
    `constant_loss`: the best constant prediction, *fitted on train*, on the same rows (majority class and prior;
    mean). `beats_constant_error` / `_loss`: paired difference constant - model with its interval (> 0: the
    model is better; for regression both are differences of squared errors). `skill` = 1 - error /
    constant_error (classification), 1 - MSE / constant MSE (regression): 1 perfect, 0 constant. Where a row has many
    positions (pixels, time steps, labels), the skill is that of their macro dice (`Positions.skill`), as the error
    rewards a model that predicts the largest class everywhere. Positions that a mask or a weight of 0 hides from the
    loss do not count.

    An output with `Task.OWN_LOSS` is judged by the user's own loss. `error` is this loss, `loss` the same above its
    floor (0, or the lowest loss seen if that is negative), and `skill` the share of the way from the best constant
    output to the floor. `constant` names that output. If the loss compares rows, it is computed on `batches` random
    batches, and these are the units of the intervals; else `batches` is None.
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
    constant: str = ""
    batches: int | None = None
    outputs: OutputSpread | None = None  # `Task.OWN_LOSS` only
    told: float | None = None  # own step: share of the loss that changes if the model cannot tell rows apart
    swapped: float | None = None  # own loss if the two labels are exchanged; None if there are not two
    by_label: tuple[float, float] | None = None  # own loss if rows of one label lie together, if labels are mixed
    broadcast: tuple[float, float] | None = None  # compiled loss as fed, and with targets in the outputs' shape
    own_loss: float | None = None  # the compiled data loss of this output, None if it cannot be evaluated
    metrics: dict[str, float] = field(default_factory=dict)  # the user's compiled metrics, by name
    positions: Positions | None = None  # outputs with several positions a row
    separation: tuple[float, ...] = ()  # by class, one position a row: AUC of its probability, nan if it does not occur
    own_constant_error: float | None = None  # of the best constant prediction *fitted on these rows*
    reliability: Reliability | None = None  # classification on a split
    thresholds: Thresholds | None = None  # two classes, one position a row, on a split
    residuals: Residuals | None = None  # regression on a split
    along: tuple[Group, ...] = ()  # share wrong or RMSE (`observed`) by position of a sequence (`predicted`, from 1)


@dataclass(frozen=True)
class SplitScores:
    """The scores of one split, over `rows` of its rows.

    `sampled`: the split has more rows than were scored, in all `population` (None: unknown).
    """

    split: str
    seen: str
    rows: int
    scores: tuple[Score, ...]  # one per output
    loss: float | None = None  # as Keras's `evaluate` computes it: all outputs and penalties
    worst: tuple[int, ...] = ()  # row numbers of the 24 largest losses of the first output, worst first
    worst_outputs: tuple[tuple[float, ...], ...] = ()  # their predictions, flat, at most 1,000 values
    population: int | None = None
    sampled: bool = False
    new_rows: int | None = None  # rows that are not in train as well; None: train shares none with this split
    new: tuple[Score, ...] = ()  # the scores on these rows only, one per output

    @property
    def all_rows(self) -> int | None:
        """Number of rows that the split has; None: unknown."""
        return self.population if self.sampled else self.rows


@dataclass(frozen=True)
class Evaluation:
    """The loaded weights on each split in inference mode. `dev` is unavailable if the user gave none."""

    train: SplitScores | Unavailable
    dev: SplitScores | Unavailable
    test: SplitScores | Unavailable
    train_dev: SplitScores | Unavailable

    def score(self, split: str, output: str) -> Score | None:
        """The score of an output on "train", "train_dev", "dev" or "test"; None if it was not measured."""
        of = {"train": self.train, "train_dev": self.train_dev, "dev": self.dev, "test": self.test}.get(split)
        scores = of.scores if isinstance(of, SplitScores) else ()
        return next((score for score in scores if score.output == output), None)


@dataclass(frozen=True)
class Conversions:
    """The loaded weights on the same training rows, as fed and with converted inputs.

    Each entry of `tried` is (name, one score per output, paired gain): names are "x / 255", "x / 127.5 - 1",
    "x * 255", "standardised by column", "scaled to 0-1 by column"; the gain is the interval of the mean of
    (loss as fed - loss converted) over rows, summed over outputs (> 0: converted is better); losses are those of
    `Score.loss`. Conversions that do not change the data are skipped.
    """

    rows: int
    as_fed: tuple[Score, ...]
    tried: tuple[tuple[str, tuple[Score, ...], Interval], ...]


@dataclass(frozen=True)
class Initial:
    """The data loss of fresh weights (at least 3 seeds), per output, on a sample of training rows.

    `expected` is the loss of an untrained net: ln K for log losses (uniform), that of the constant
    prediction for regression. `losses` has one inner tuple per output. For classification the log loss is
    computed on the output as the compiled loss reads it, so that a missing or double softmax is visible.
    """

    outputs: tuple[str, ...]
    losses: tuple[tuple[float, ...], ...]
    expected: tuple[float, ...]
    rows: int
