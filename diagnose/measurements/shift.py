"""How the splits differ, how close their rows are, and what earlier rows tell."""

from dataclasses import dataclass, field

from diagnose.findings import Interval


@dataclass(frozen=True)
class FeatureShift:
    """One feature, or a summary of many cells, on a split and on train.

    `distance` (0 to 1) is the largest difference of the two distribution functions (Kolmogorov-Smirnov). `beyond` is
    the share of the split's rows outside the range of train.
    """

    name: str
    distance: float
    beyond: float
    range: tuple[float, float]
    train_range: tuple[float, float]


@dataclass(frozen=True)
class TargetShift:
    """The targets of one output on a split and on train.

    `distance` (0 to 1): Kolmogorov-Smirnov for numbers (the largest over the columns), the largest difference of a
    class's share for classes. `null` is the largest distance in random splits. `beyond` is the share of the split's
    rows outside the range of train; 0 for classes.
    """

    output: str
    distance: float
    null: float
    beyond: float
    range: tuple[float, float]
    train_range: tuple[float, float]


@dataclass(frozen=True)
class SplitShift:
    """A split compared with train, on samples of `rows` and `rows_train` rows.

    `auc` is the cross-validated area under the curve of a classifier that tells rows of the split from rows of train by
    their inputs: 0.5 if they are alike. `null_auc` and `null_distance` are the largest values in `draws` splits of the
    same size without a difference: random ones; blocks of train, if rows are like their neighbours in the file
    (`in_order`); the rows of some owners, if rows have groups. `features` are the most different ones, the first the
    most. `continues` names the feature or target by which train is sorted if the split goes on where train ends; "" if
    there is none.
    """

    rows: int
    rows_train: int
    auc: float
    auc_interval: Interval
    null_auc: float
    null_distance: float
    draws: int
    in_order: bool
    features: tuple[FeatureShift, ...]
    targets: tuple[TargetShift, ...]
    continues: str = ""


@dataclass(frozen=True)
class Shift:
    """The other splits, by name, compared with train."""

    splits: dict[str, SplitShift] = field(default_factory=dict)


@dataclass(frozen=True)
class Flattered:
    """An error (rate, or mean squared error) with the help of copies in train and without, and `without` - `helped`.

    `difference` is its 95 % interval.
    """

    helped: float
    without: float
    difference: Interval


@dataclass(frozen=True)
class Close:
    """Rows of a split that are much closer to a row of train than chance allows.

    `share` of the `rows` have a nearest training row whose distance is less than chance explains, given their tenth
    and twentieth nearest (`expected`: the share by chance). `overlapping` is the share of rows whose series, moved by
    some steps, is part of the series of a training row; 0 if the inputs are not series. `dimension` is the estimated
    number of directions in which rows vary. `spatial`: the inputs are images or series.

    `network`: the errors of the loaded weights on rows with a close or overlapping training row, and on the others.
    `nearest`: the errors of a nearest-neighbour model on the close rows, by the closest training row, and by those from
    the tenth on, which are no copies. None with too few rows.
    """

    rows: int
    rows_train: int
    spatial: bool
    share: float
    expected: float
    overlapping: float
    dimension: float
    network: Flattered | None = None
    nearest: Flattered | None = None


@dataclass(frozen=True)
class Neighbours:
    """The other splits, by name, compared row by row with train."""

    splits: dict[str, Close] = field(default_factory=dict)


@dataclass(frozen=True)
class OutputLags:
    """What earlier rows tell of one numeric output, if the rows of train are in time order.

    `autocorrelation` is that of the target at lag 1 in file order; `turns` is the share of rows at which it changes
    direction (2/3 for random order, 0 for sorted rows). The skills are R2 of ridge regressions, fitted on the first
    part of the rows and evaluated on the last `rows`: from the row's own inputs, from these and those of the `lags`
    rows before, and from these and the targets of the rows before. `gain` is the 95 % interval of the share of the
    variance that the better of the two explains beyond the row's own inputs.
    """

    output: str
    autocorrelation: float
    turns: float
    lags: int
    window: int  # time steps of one row; 0 if the inputs have no time axis
    own: float
    inputs: float
    targets: float
    gain: Interval
    rows: int


@dataclass(frozen=True)
class Lags:
    """The numeric outputs."""

    outputs: tuple[OutputLags, ...]
