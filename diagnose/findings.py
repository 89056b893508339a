"""The result of a check: its findings, their evidence, and the outcome of its run."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal


class Severity(StrEnum):
    """How serious a finding is. `rank` orders severities, the worst last."""

    INFO = "info"  # good to know
    HINT = "hint"  # worth trying
    WARNING = "warning"  # probably costs accuracy
    ERROR = "error"  # results are invalid, or the model cannot learn

    @property
    def rank(self) -> int:
        return list(Severity).index(self)


@dataclass(frozen=True)
class Interval:
    """A confidence interval at `level` (0 to 1)."""

    low: float
    high: float
    level: float = 0.95


@dataclass(frozen=True)
class Link:
    """Something to read: a title and a web address."""

    title: str
    address: str


@dataclass(frozen=True)
class Where:
    """The place of a finding; None where a part does not apply."""

    output: str | None = None
    layer: str | None = None  # `Layer.path`
    split: str | None = None
    feature: str | None = None
    label: str | None = None  # "class" in the JSON
    epoch: int | None = None
    step: int | None = None


# Evidence is a closed union of plain data: checks create it, reports draw it.


@dataclass(frozen=True)
class Bars:
    """One value per label, optionally with an interval, a threshold and the range of healthy models."""

    title: str
    labels: tuple[str, ...]
    values: tuple[float, ...]
    unit: str = ""
    lows: tuple[float, ...] = ()  # empty, or one per value
    highs: tuple[float, ...] = ()
    threshold: float | None = None
    healthy: tuple[float, float] | None = None
    log: bool = False
    kind: Literal["bars"] = "bars"


@dataclass(frozen=True)
class Series:
    """One line: its points and, optionally, a band around them."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    role: str = ""  # train | dev | test | yours | reference | ""; sets the colour


@dataclass(frozen=True)
class Mark:
    """A labelled point or range on the x axis (the user's learning rate, the best epoch)."""

    label: str
    x: float
    until: float | None = None
    role: str = ""  # yours | healthy | ""


@dataclass(frozen=True)
class Curves:
    """Lines over a common x axis."""

    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    marks: tuple[Mark, ...] = ()
    log_x: bool = False
    log_y: bool = False
    kind: Literal["curves"] = "curves"


@dataclass(frozen=True)
class Histogram:
    """Counts between edges (one more edge than counts)."""

    title: str
    x_label: str
    edges: tuple[float, ...]
    counts: tuple[float, ...]
    log_x: bool = False
    kind: Literal["histogram"] = "histogram"


@dataclass(frozen=True)
class Matrix:
    """Numbers by row and column, for example a confusion matrix."""

    title: str
    row_label: str
    column_label: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    kind: Literal["matrix"] = "matrix"


@dataclass(frozen=True)
class Sample:
    """One row of the user's data: a grey or RGB image (PNG, base64), or its text.

    `tokens` are what the model's own layer makes of the text: words, with unknown ones as "[UNK]". `pair` is the class
    and what it was taken for, "4 as 9"; "" if it was not mistaken.
    """

    caption: str
    png: str | None = None
    text: str | None = None
    tokens: tuple[str, ...] = ()
    pair: str = ""


@dataclass(frozen=True)
class Samples:
    """Rows of the user's data; left out with `--no-samples`."""

    title: str
    items: tuple[Sample, ...]
    kind: Literal["samples"] = "samples"


@dataclass(frozen=True)
class Table:
    """A table of text and numbers."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | float | int | None, ...], ...]
    kind: Literal["table"] = "table"


Evidence = Bars | Curves | Histogram | Matrix | Samples | Table


@dataclass(frozen=True)
class Finding:
    """One observation: a quantity, its place, its size and its uncertainty.

    A check yields findings; `Check.run` sets `id`, `fingerprint`, `check` and `code` (the code of the check).

    `message` is one lower-case clause without a full stop and without advice. `value` and `threshold` have the same
    `unit`: "share" (0 to 1), "skill", or "" where the message says what it is. `rows` is the number of rows that the
    finding is based on.
    """

    severity: Severity
    message: str
    where: Where = field(default_factory=Where)
    value: float | None = None
    threshold: float | None = None
    interval: Interval | None = None
    rows: int | None = None
    evidence: tuple[Evidence, ...] = ()
    code: str = ""
    check: str = ""
    id: str = ""
    fingerprint: str = ""
    unit: str = ""

    def __repr__(self) -> str:
        return f"<Finding {self.id or self.code}: {self.message} ({self.severity})>"

    def _repr_html_(self) -> str:
        from diagnose.reports.notebook import finding

        return finding(self)


@dataclass(frozen=True)
class Examined:
    """The check ran; no findings means clean."""

    check: str
    findings: tuple[Finding, ...]
    seconds: float = 0.0


@dataclass(frozen=True)
class Skipped:
    """The check could not run: `reason` says why, `how` what to pass or change."""

    check: str
    reason: str
    how: str
    seconds: float = 0.0


@dataclass(frozen=True)
class Crashed:
    """The check raised an exception, which is a bug; the other checks still run."""

    check: str
    error: str
    seconds: float = 0.0


Outcome = Examined | Skipped | Crashed
