"""What is fed: the inputs and targets of every split."""

from dataclasses import dataclass, field

from diagnose.measurements.needing import Array, Unavailable
from diagnose.measurements.twins import Twins

NO_GROUPS = Unavailable(
    "no column of groups was named", "Name the column that says which rows belong together: --group COLUMN."
)
NO_TIMES = Unavailable("no column of times was named", "Name the column that says when a row came: --time COLUMN.")


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
    """One split: its inputs in the model's order and its targets in the order of the outputs.

    `rows` are the rows held. `sampled`: more rows exist than are held, `population` of them (None: unknown).
    """

    name: str
    rows: int
    rows_used: int
    seen: str
    inputs: tuple[InputStatistics, ...]
    targets: tuple[TargetStatistics, ...]
    duplicates: Twins | None = None  # rows whose inputs equal those of an earlier row of this split
    conflicting: Twins | None = None  # rows whose inputs equal those of another row that has another target
    label_autocorrelation: float | None = None  # lag 1, in file order, of the first output
    converted: tuple[str, ...] = ()  # sentences: how targets were converted so that the loss can take them
    population: int | None = None
    sampled: bool = False

    @property
    def all_rows(self) -> int | None:
        """The rows that there are; None: unknown."""
        return self.population if self.sampled else self.rows


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

    `shared_rows` maps a split to its rows that are also in train; `groups` and `times` map it to what it has in common
    with train where the user named such columns.
    """

    train: SplitStatistics
    dev: SplitStatistics | Unavailable
    test: SplitStatistics | Unavailable
    train_dev: SplitStatistics | Unavailable
    shared_rows: dict[str, Twins] = field(default_factory=dict)
    groups: dict[str, GroupOverlap] | Unavailable = NO_GROUPS
    times: dict[str, TimeOrder] | Unavailable = NO_TIMES

    @property
    def splits(self) -> tuple[SplitStatistics, ...]:
        every = (self.train, self.train_dev, self.dev, self.test)
        return tuple(s for s in every if not isinstance(s, Unavailable))
