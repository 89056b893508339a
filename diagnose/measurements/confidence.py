"""How sure predictions are and how often they are right; where numbers miss their targets."""

from dataclasses import dataclass

from diagnose.findings import Interval


@dataclass(frozen=True)
class Group:
    """Predictions of similar size: their number and mean, and the mean of what was observed with them."""

    count: int
    predicted: float
    observed: float
    interval: Interval | None  # 95 %, of `observed`; None where positions of a row are dependent


@dataclass(frozen=True)
class Reliability:
    """Predictions grouped by the probability of the predicted class; `observed` is the share that is right.

    `error` is the expected calibration error: the mean distance of both, weighted by the number of predictions.
    """

    groups: tuple[Group, ...]
    error: float


@dataclass(frozen=True)
class Thresholds:
    """Two classes, at falling thresholds of the probability of the second one.

    `false_positives`: share of the first class above the threshold; `recall`: share of the second class;
    `precision`: share of the second class among the rows above. `positives`: share of the second class in all rows.
    """

    values: tuple[float, ...]
    false_positives: tuple[float, ...]
    recall: tuple[float, ...]
    precision: tuple[float, ...]
    positives: float


@dataclass(frozen=True)
class Residuals:
    """Prediction minus target: counts between edges, and groups by the prediction; `observed` is the mean residual.

    Residuals beyond the outer edges are counted in the outer bins.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    groups: tuple[Group, ...]
