"""The dev error of trainings on more and more of the training rows."""

from dataclasses import dataclass

from diagnose.findings import Interval
from diagnose.measurements.needing import Array


@dataclass(frozen=True)
class Forecast:
    """The error that is expected with `rows` training rows, and its 80 % interval."""

    rows: int
    error: float
    interval: Interval


@dataclass(frozen=True)
class RowsCurve:
    """Trainings from fresh weights on parts of the training rows, all with `steps` steps.

    `rows` are the sizes of the parts, rising, [sizes]; the last one has all rows. `errors` are those on the same
    `dev_rows` dev rows, [sizes, seeds]; every seed draws other rows. They are in the unit of `metric`: "dev error" (an
    error rate), "dev RMSE" or "dev loss". `fitted` are the errors of the fitted curve at the same sizes.
    """

    output: str
    metric: str
    rows: Array
    errors: Array
    fitted: Array
    dev_rows: int
    steps: int
    forecasts: tuple[Forecast, ...]
