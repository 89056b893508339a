"""The whole result of an examination: plain data, the only thing a report may read."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from diagnose.findings import Evidence, Finding, Interval, Link, Severity

SCHEMA = 1

MACHINE_LEARNING_YEARNING = (
    "more-data",
    "more-diverse-data",
    "train-longer",
    "bigger-network",
    "smaller-network",
    "regularize",
    "change-architecture",
)
FAST_AI = ("more-data", "augmentation", "generalizing-architecture", "regularization", "reduce-complexity")


class State(StrEnum):
    """What the subject is in; see design: a disease at error, or no learning, or far behind a baseline is sick."""

    SICK = "sick"
    ATTENTION = "attention"
    HEALTHY = "healthy"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Tool:
    name: str
    version: str
    versions: dict[str, str]  # python, keras, backend, numpy, scikit-learn, ...


@dataclass(frozen=True)
class Cause:
    """One named cause in this diagnosis.

    `explains` holds ids of findings and codes of causes. `evidence` are the findings' own pictures, the
    most telling first. `summary` is one sentence with the numbers, for people.
    """

    code: str
    title: str
    kind: Literal["disease", "direction"]
    rank: int
    severity: Severity
    state: Literal["suspected", "confirmed", "refuted", "inconclusive"]
    confidence: float | None
    summary: str
    explains: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    remedies: tuple[str, ...]


@dataclass(frozen=True)
class CheckOutcome:
    """How one check ended. `reason` and `how` say why it did not run, and what to pass or change so that it does."""

    code: str
    title: str
    family: str
    outcome: Literal["clean", "findings", "skipped", "crashed"]
    reason: str
    seconds: float
    explanation: str  # the check's own documentation, Markdown with fixed headings
    how: str = ""
    reading: tuple[Link, ...] = ()


@dataclass(frozen=True)
class Payoff:
    """What a remedy brings. `interval` is that of `after`, from paired differences where it was measured."""

    metric: str
    before: float | None
    after: float | None
    interval: Interval | None
    how: Literal["measured", "estimated", "unknown"]


@dataclass(frozen=True)
class Verdict:
    """One item of one list. `measurements` names the findings (ids) and numbers behind it."""

    item: str
    title: str
    verdict: Literal["do", "dont-yet", "unknown"]
    after_repair: Literal["do", "dont-yet", "unknown"] | None
    because: str
    measurements: tuple[str, ...]
    payoff: Payoff | None
    snippet: str = ""


@dataclass(frozen=True)
class Source:
    """Where a remedy stands: the list, its item, the chapter or lesson."""

    list: str
    item: str
    chapter: str


@dataclass(frozen=True)
class Remedy:
    code: str
    action: str
    why: str
    snippet: str
    sources: tuple[Source, ...]
    payoff: Payoff
    cost: str  # "one line", "one training run", "weeks"
    causes: tuple[str, ...] = ()  # codes of the causes it is for


@dataclass(frozen=True)
class Effect:
    """The measured effect of one remedy: mean train skill without and with it, in paired short trainings.

    `interval` is the 95 % interval of the mean difference. `remedy` is the code of what was tried, `causes` are the
    codes of the causes that it confirms where it `restores` learning (a gain above `threshold`); `code` is the first
    of them. `control` says what the arm without the change is, where that is not the model's own training. `values`
    are what the remedy's action and snippet name, just as it was tried.
    """

    code: str
    what: str
    before: float
    after: float
    interval: Interval | None
    direction: Literal["sufficient", "necessary"]
    seeds: int
    remedy: str = ""
    causes: tuple[str, ...] = ()
    restores: bool | None = None
    threshold: float | None = None
    control: str = ""
    steps: int | None = None
    values: dict[str, str] = field(default_factory=dict)

    @property
    def message(self) -> str:
        """What the trial showed, in one clause."""
        outcome = {True: ", learning is restored", False: ", learning is not restored", None: ""}[self.restores]
        after = f" after {self.steps} steps" if self.steps else ""
        control = f"with {self.control}" if self.control else "without the change"
        return f"with {self.what} alone{outcome}: train skill {self.after:.2f}{after}, and {self.before:.2f} {control}"


@dataclass(frozen=True)
class ErrorLevel:
    """How far one output is wrong on one split with the loaded weights, in inference mode, beside what else is known.

    `error` is in `unit`: an error rate (0 to 1) or an RMSE in units of the target; `interval` is its 95 % interval,
    `skill` 1 for a perfect model and 0 for the best constant prediction. `loss` is the compiled data loss of this
    output, `metrics` are the user's own compiled metrics, by name. `rows` were scored, of `population` (None: their
    number is not known). `baseline` is the best scikit-learn model, judged on the rows of `baseline_split`.
    """

    output: str
    split: str  # train | train_dev | dev | test
    unit: Literal["error rate", "RMSE"]
    error: float
    interval: Interval | None
    rows: int | None
    population: int | None
    constant_error: float
    skill: float
    loss: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    target_error: float | None = None
    baseline: str | None = None
    baseline_error: float | None = None
    baseline_interval: Interval | None = None
    baseline_split: str | None = None


@dataclass(frozen=True)
class Coverage:
    what: str
    why: str
    how_to_get_it: str


@dataclass(frozen=True)
class Figure:
    """A picture of the subject that belongs to no single finding: curves, profiles, levels of error."""

    section: Literal["curves", "layers", "data"]
    evidence: Evidence


@dataclass(frozen=True)
class LayerRow:
    """One layer for the report's map and table; None where it was not measured."""

    path: str
    kind: str
    activation: str | None
    output_shape: tuple[int | None, ...] | None
    parameters: int
    trainable: bool
    initializer: str | None
    spread_fresh: float | None
    spread: float | None
    gradient_fresh: float | None  # |g| / |W|
    gradient: float | None
    dead: float | None  # share of units that never fire; None where the activation cannot die
    saturated: float | None
    flags: tuple[str, ...]  # codes of findings at this layer
    inbound: tuple[str, ...] = ()  # paths of the layers that feed it; empty for inputs and where unknown
    receptive_field: tuple[int | None, ...] = ()  # input places it sees, axis by axis, None: all; () where unknown


@dataclass(frozen=True)
class Band:
    """What is healthy for one quantity of the layer map at fresh weights, and what says so.

    `quantity` is "spread" or "gradient" (in their units) or "dead" (a share, 0 to 1). `basis` is one sentence.
    """

    quantity: Literal["spread", "gradient", "dead"]
    low: float
    high: float
    basis: str


@dataclass(frozen=True)
class Diagnosis:
    """State, causes, findings, verdicts and remedies, with everything needed to check them."""

    tool: Tool
    subject: dict[str, Any]  # name, parameters, outputs, splits (rows, seen, origin), training, notes, layers
    settings: dict[str, Any]
    state: State
    headline: str  # one sentence: state, main cause or direction, the number
    causes: tuple[Cause, ...]
    findings: tuple[Finding, ...]
    checks: tuple[CheckOutcome, ...]
    verdicts: dict[str, tuple[Verdict, ...]]  # machine_learning_yearning, fast_ai
    remedies: tuple[Remedy, ...]
    effects: tuple[Effect, ...]
    coverage: tuple[Coverage, ...]
    timing: dict[str, float]  # instrument or phase -> seconds
    figures: tuple[Figure, ...] = ()
    layers: tuple[LayerRow, ...] = ()
    bands: tuple[Band, ...] = ()
    errors: tuple[ErrorLevel, ...] = ()  # by output and split
    date: str = ""  # UTC, ISO 8601
    schema: int = field(default=SCHEMA)

    def save(self, path: str | Path) -> None:
        """Write it as JSON (`.json`), page (`.html`) or JUnit XML (`.xml`), to a temporary name first."""
        from diagnose.storing import save

        save(self, Path(path))

    @staticmethod
    def load(path: str | Path) -> Diagnosis:
        """Read a diagnosis written by `save` as JSON.

        Raises:
            InputError: the file is missing or no diagnosis.
        """
        from diagnose.storing import load

        return load(Path(path))

    def _repr_html_(self) -> str:
        from diagnose.reports.notebook import render

        return render(self)
