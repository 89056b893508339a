"""The result of an examination as plain data; reports read nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from diagnose.findings import Evidence, Finding, Interval, Link, Severity

SCHEMA = 1
LIKELY = 0.95  # chance from which a gain is acted on; of gains at 0.85 to 0.95 others often see none
LEARNING = 0.1  # train skill from which a training has learned something

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
    """State of the subject. Sick: a disease at error, no learning, or far behind a baseline."""

    SICK = "sick"
    ATTENTION = "attention"
    HEALTHY = "healthy"
    UNKNOWN = "unknown"

    @property
    def word(self) -> str:
        """The state as people read it: no check can show that a model is healthy, only that it found no fault."""
        return "No fault found" if self is State.HEALTHY else self.value.capitalize()


@dataclass(frozen=True)
class Tool:
    name: str
    version: str
    versions: dict[str, str]  # python, keras, backend, numpy, scikit-learn, ...


@dataclass(frozen=True)
class Cause:
    """One named cause in this diagnosis.

    `explains` holds ids of findings and codes of causes. `evidence` comes from the findings, the most important
    first. `summary` is a short text with the numbers.
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

    def __repr__(self) -> str:
        return f"<Cause {self.code}: {self.title} ({self.severity}, {self.state})>"

    def _repr_html_(self) -> str:
        from diagnose.reports.notebook import cause

        return cause(self)


@dataclass(frozen=True)
class CheckOutcome:
    """How one check ended. If it did not run, `reason` says why, and `how` what to pass or change."""

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
    """The gain of a remedy. `interval` is that of `after`, from paired differences if it was measured.

    `reason` says in a clause why it was not measured; "" if it was, or if the remedy was not worth a trial.
    """

    metric: str
    before: float | None
    after: float | None
    interval: Interval | None
    how: Literal["measured", "estimated", "unknown"]
    reason: str = ""


@dataclass(frozen=True)
class Verdict:
    """The verdict on one item of a list, now and once the first cause is repaired (None: unknown).

    `measurements` are the finding ids and numbers that it is based on. `payoff` is that of the model as it is, or, for
    what is not to be done now but was tried after the repair, that of the repaired model: its metric then says what it
    is compared with ("against ...").
    """

    item: str
    title: str
    verdict: Literal["do", "dont-yet", "unknown"]
    after_repair: Literal["do", "dont-yet", "unknown"] | None
    because: str
    measurements: tuple[str, ...]
    payoff: Payoff | None
    snippet: str = ""
    cost: str = ""  # "one line", "one training run", "weeks"; "" in results of older versions


@dataclass(frozen=True)
class Source:
    """The source of a remedy: the list, its item, the chapter or lesson."""

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
    causes: tuple[str, ...] = ()  # codes of the causes that it treats
    own_code: bool = False  # it changes code of the user's own, so that `--apply` cannot carry it out

    def __repr__(self) -> str:
        return f"<Remedy {self.code}: {self.action} ({self.cost})>"

    def _repr_html_(self) -> str:
        from diagnose.reports.notebook import remedy

        return remedy(self)


def _figures(value: float) -> str:
    """Three significant figures, with thousands in full."""
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if 1000 <= abs(rounded) < 1e7 else f"{rounded:.3g}"


@dataclass(frozen=True)
class Effect:
    """The measured effect of one remedy: the mean of `metric` without and with it, in paired short trainings.

    `metric` is the train skill where a model needs repair, else the "dev error" (an error rate), "dev RMSE" or "dev
    loss", where less is better. `what` is the change as a noun phrase. `interval` is that of the mean difference.
    `direction`: "sufficient" if this change was made alone; "necessary" if other changes were made in both arms,
    with and without this one: those of the remedies `on_top_of`. `helps`: whether a dev error falls; False if it
    cannot fall by much, None if that is open. `chance` is the probability (0 to 1) that it falls at all, for other
    seeds and rows, however many changes were compared; None if that is unknown. A `forecast` was not trained: it
    follows from trainings on fewer rows. `folds`: each seed held out other rows of train and dev together. `remedy`
    is the code of the remedy, `causes` are the codes of the causes that the trial confirms if it `restores` learning
    (a gain above `threshold`; None if there was nothing to restore); `code` is the first of them. `control` is the arm
    without the change as a noun phrase, "" for the model's own training. `values` are the values that were tried, by
    the names in the remedy's action and snippet. `output` is the output whose skill this is, the one that gains most;
    "" if there is only one.
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
    output: str = ""
    metric: str = "train skill"
    helps: bool | None = None
    chance: float | None = None
    forecast: bool = False
    on_top_of: tuple[str, ...] = ()
    folds: bool = False

    @property
    def on_dev(self) -> bool:
        """Whether it was measured on rows that training has not seen."""
        return self.metric != "train skill"

    @property
    def after_repair(self) -> bool:
        """Whether it shows what the remedy brings to the repaired model."""
        return self.on_dev and bool(self.on_top_of)

    @property
    def likely(self) -> bool:
        """Whether the dev error falls for sure or probably, be it by little."""
        return bool(self.helps) or (self.chance is not None and self.chance >= LIKELY)

    @property
    def message(self) -> str:
        """The result of the trial as one clause."""
        if self.on_dev:
            return self._on_dev
        of = f" of {self.output}" if self.output else ""
        restored = {True: ", learning is restored", False: ", learning is not restored", None: ""}
        improved = {True: ", it learns better", False: ", it does not learn clearly better", None: ""}
        outcome = (improved if self.direction == "necessary" and self.before >= LEARNING else restored)[self.restores]
        after = f" after {self.steps} steps" if self.steps else ""
        control = f"with {self.control}" if self.control else "without the change"
        alone = " alone" if self.direction == "sufficient" else ", too"
        skills = f"train skill{of} {self.after:.2f}{after}, and {self.before:.2f} {control}"
        return f"with {self.what}{alone}{outcome}: {skills}"

    @property
    def _on_dev(self) -> str:
        share = self.metric == "dev error"

        without, with_it = (f"{100 * x:.2g} %" if share else _figures(x) for x in (self.before, self.after))
        of = f" of {self.output}" if self.output else ""
        if self.forecast:
            return f"with {self.what} the {self.metric}{of} is expected to go from {without} to {with_it}"
        if self.seeds == 1:
            trained = " in one training" if self.steps else ""
            return f"with {self.what} the {self.metric}{of} is {with_it}{trained}, and {without} without it"
        by_much = " by much" if with_it != without and self.after < self.before else ""
        change = {
            True: f"falls from {without} to {with_it}",
            False: f"does not fall{by_much} ({without} without it, {with_it} with it)",
            None: f"may fall or not, too close to tell ({without} without it, {with_it} with it)",
        }[self.helps]
        if self.likely and not self.helps:
            little = " a little," if self.helps is False else ""
            sure = min(int(100 * (self.chance or 0)), 99)
            change = f"probably falls{little} from {without} to {with_it} ({sure} % sure)"
        return f"with {self.what} the {self.metric}{of} {change}"


@dataclass(frozen=True)
class ClassLevel:
    """How well one class is found; all are shares (0 to 1).

    `share` of the positions (rows, pixels, time steps, labels) are of this class, `predicted` are predicted as it;
    `rows` rows have it. `precision` is None if it is never predicted; `dice` is the F1 score. Rows are the unit of the
    intervals. `confused` is the class that it is most often taken for, `confused_share` how often.
    """

    name: str
    share: float
    predicted: float
    rows: int
    recall: float
    recall_interval: Interval
    precision: float | None
    iou: float
    dice: float
    dice_interval: Interval
    confused: str | None = None
    confused_share: float | None = None


@dataclass(frozen=True)
class MacroLevel:
    """The plain mean of a measure over the classes: "macro recall", "macro IoU" or "macro dice" (0 to 1)."""

    metric: str
    value: float
    interval: Interval


@dataclass(frozen=True)
class ErrorLevel:
    """The error of one output on one split, with the loaded weights and in inference mode.

    `error` is in `unit`: an error rate (0 to 1), an RMSE in units of the target, or the model's own loss; `interval` is
    its 95 % interval. `constant_error` is that of the best constant prediction of train, and `skill` is 0 for this one
    and 1 for a perfect model; `own_constant_error` is that of the best constant prediction for these very rows. `loss`
    is the compiled data loss of this output, `metrics` are the user's compiled metrics, by name. `rows` of `population`
    (None: unknown) rows were scored. `baseline` is the best scikit-learn model, evaluated on rows of `baseline_split`.
    Where a row has many positions, `macro` says how well the classes are found, and `skill` is that of the macro dice.
    """

    output: str
    split: str  # train | train_dev | dev | test
    unit: Literal["error rate", "RMSE", "own loss"]
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
    own_constant_error: float | None = None
    macro: tuple[MacroLevel, ...] = ()
    classes: tuple[ClassLevel, ...] = ()


@dataclass(frozen=True)
class Coverage:
    what: str
    why: str
    how_to_get_it: str


@dataclass(frozen=True)
class Figure:
    """A figure of the subject that belongs to no finding: predictions, curves, profiles, data."""

    section: Literal["errors", "curves", "layers", "data"]
    evidence: Evidence


@dataclass(frozen=True)
class Distribution:
    """How large the numbers of one layer are, signs left out.

    `shares` (0 to 1) are those in half decades from 10 ** `first` on; the first and the last include what lies beyond.
    `zero` is the share of exact zeros.
    """

    zero: float
    first: float
    shares: tuple[float, ...]


@dataclass(frozen=True)
class LayerRow:
    """One layer in the report's graph and table; None where a value was not measured.

    `activations` are the outputs of the layer, `gradients` those of the loss by its single weights.
    """

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
    dead: float | None  # share of units that never fire; None if units with this activation cannot die
    saturated: float | None
    flags: tuple[str, ...]  # codes of findings at this layer
    inbound: tuple[str, ...] = ()  # paths of its input layers; empty for inputs and where unknown
    receptive_field: tuple[int | None, ...] = ()  # input positions per axis, None: all; () where unknown
    activations: Distribution | None = None
    activations_fresh: Distribution | None = None
    gradients: Distribution | None = None
    gradients_fresh: Distribution | None = None


@dataclass(frozen=True)
class Band:
    """The healthy range of one quantity of the layer graph at fresh weights.

    `quantity` is "spread" or "gradient" (in their units) or "dead" (a share, 0 to 1). `basis` is one sentence on
    where the range comes from, `checks` are the codes of the checks that judge this quantity.
    """

    quantity: Literal["spread", "gradient", "dead"]
    low: float
    high: float
    basis: str
    checks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Diagnosis:
    """State, causes, findings, verdicts and remedies, with the data to verify them."""

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
        """Write the diagnosis as JSON (`.json`), HTML (`.html`) or JUnit XML (`.xml`), atomically.

        Raises:
            InputError: another suffix, or the folder is not writable.
        """
        from diagnose.storing import save

        save(self, Path(path))

    @staticmethod
    def load(path: str | Path) -> Diagnosis:
        """Read a diagnosis written by `save` as JSON.

        Raises:
            InputError: the file is missing, or is not a diagnosis.
        """
        from diagnose.storing import load

        return load(Path(path))

    def __repr__(self) -> str:
        name = self.subject.get("name", "the model")
        count = sum(cause.state != "refuted" for cause in self.causes)
        causes = f"{count} cause{'' if count == 1 else 's'}"
        return f"<Diagnosis of {name}: {self.state.word.lower()}, {causes}>"

    def __str__(self) -> str:
        from diagnose.reports.terminal import render

        return render(self).rstrip()

    def _repr_html_(self) -> str:
        from diagnose.reports.notebook import render

        return render(self)
