"""The data: inputs and targets of every split."""

from dataclasses import dataclass, field

from diagnose.measurements.needing import Array, Unavailable
from diagnose.measurements.padding import Padding
from diagnose.measurements.trainings import Feeding
from diagnose.measurements.twins import Twins

NO_GROUPS = Unavailable(
    "no group column is given", "Name the column that identifies rows that belong together: --group COLUMN."
)
NO_TIMES = Unavailable("no time column is given", "Name the column with the time of each row: --time COLUMN.")


@dataclass(frozen=True)
class InputStatistics:
    """One model input on one split, over `rows_used` sampled rows.

    `kind`: "dense" (numbers), "image" (rank 4 with 1, 3 or 4 channels, or rank 3 into a
    convolution), "sequence" (rank 3), "tokens" (integers into an embedding), "binary" (only 0 and 1)
    or "text". The arrays have one entry per channel for images, else one per feature (the last axis;
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
    vocabulary: int | None = None  # tokens: input_dim of the embedding
    feature_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class TargetStatistics:
    """One output's targets on one split, over all rows (at most 1,000,000).

    `layout`: "integers" (sparse class labels), "one-hot", "multi-hot", "probabilities" (rows sum to 1 but
    are not one-hot), "numbers". `classes`/`counts`: distinct values with their counts for integers (at
    most 1,000) and binary, columns with their sums for one-hot and multi-hot; empty for numbers.
    `mean`, `std`, `low`, `high` are per column for numbers, and over all values otherwise (length 1).
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
    non_integer: int  # rows with a non-integer label; 0 if `layout` is not "integers"
    many_hot: float = 0.0  # share of rows with two or more ones
    no_hot: float = 0.0  # share of rows with none


@dataclass(frozen=True)
class SplitStatistics:
    """One split: its inputs in the model's order and its targets in the order of the outputs.

    `rows` are in memory. `sampled`: they are a sample of `population` rows (None: unknown). `unknown_classes`: name
    and number of rows of each class that train lacks; these rows are not among `rows`.
    """

    name: str
    rows: int
    rows_used: int
    seen: str
    inputs: tuple[InputStatistics, ...]
    targets: tuple[TargetStatistics, ...]
    duplicates: Twins | None = None  # rows with the inputs of an earlier row of this split
    conflicting: Twins | None = None  # rows with the inputs of another row, but another target
    outvoted: Twins | None = None  # rows whose target is not the most frequent one of the rows with their inputs
    label_autocorrelation: float | None = None  # lag 1, in file order, of the output with the largest one
    converted: tuple[str, ...] = ()  # sentences on how targets were converted for the loss
    population: int | None = None
    sampled: bool = False
    unknown_classes: tuple[tuple[str, int], ...] = ()

    @property
    def all_rows(self) -> int | None:
        """Number of rows that the split has; None: unknown."""
        return self.population if self.sampled else self.rows


@dataclass(frozen=True)
class GroupOverlap:
    """Groups that a split shares with train, over `rows` of its rows; rows without a group are ignored.

    `shared` of its `groups` are among the `train_groups` of train; `shared_rows` is the share of its rows (0 to 1)
    in these groups.
    """

    groups: int
    train_groups: int
    shared: int
    shared_rows: float
    rows: int


@dataclass(frozen=True)
class TimeOrder:
    """The times of a split compared with those of train; rows without a time are ignored.

    `later` is the probability (0 to 1) that a random row of the split is later than a random row of train, ties count
    half: 1 if the whole split is later, 0.5 if both cover the same time. `inside` is the share of its rows strictly
    between the 1st and the 99th percentile of train. Ranges are (first, last): numbers as given, dates as ISO 8601.
    """

    range: tuple[str, str]
    train_range: tuple[str, str]
    later: float
    inside: float
    rows: int


@dataclass(frozen=True)
class Dataset:
    """All splits.

    `shared_rows`, `groups` and `times` compare each other split, by its name, with train; the latter two need columns
    that the user names.
    """

    train: SplitStatistics
    dev: SplitStatistics | Unavailable
    test: SplitStatistics | Unavailable
    train_dev: SplitStatistics | Unavailable
    shared_rows: dict[str, Twins] = field(default_factory=dict)
    groups: dict[str, GroupOverlap] | Unavailable = NO_GROUPS
    times: dict[str, TimeOrder] | Unavailable = NO_TIMES
    padding: tuple[Padding, ...] = ()  # on train, by token input and output
    order: Feeding | None = None  # of the training rows as they lie in the data; None: unknown

    @property
    def splits(self) -> tuple[SplitStatistics, ...]:
        every = (self.train, self.train_dev, self.dev, self.test)
        return tuple(s for s in every if not isinstance(s, Unavailable))
