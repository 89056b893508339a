"""Compares two diagnoses: causes that are gone or new, and whether a change in error is larger than noise."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from diagnose.comparing.differences import Difference, changed, unfair
from diagnose.diagnosis import Cause, Diagnosis, ErrorLevel
from diagnose.findings import Finding, Interval, Severity

SCHEMA = 1
SPLITS = ("train", "train_dev", "dev", "test")
METHOD = (
    "Results of single rows are not stored, so the intervals are compared as if they came from different rows "
    "(Newcombe 1998, Zou and Donner 2008). This is conservative if the rows are the same."
)

Change = Literal["gone", "new", "still", "not-checked"]
Direction = Literal["better", "worse", "within-noise", "unknown"]


@dataclass(frozen=True)
class Side:
    """One of the two results. `place`: the file it was read from."""

    model: str
    place: str
    date: str
    state: str
    headline: str


@dataclass(frozen=True)
class Level:
    """An error (a rate from 0 to 1, or an RMSE) with its 95 % interval; None if not measured."""

    value: float | None = None
    interval: Interval | None = None


@dataclass(frozen=True)
class ErrorChange:
    """The error of one split, old and new. `difference` is new minus old: below 0 is better."""

    title: str  # "Error by split", with the output's name if there are several
    split: str
    unit: str
    old: Level
    new: Level
    difference: float | None
    interval: Interval | None
    direction: Direction


@dataclass(frozen=True)
class CauseChange:
    """A cause in either result. `not-checked`: the old result had it, and the new one did not check for it."""

    code: str
    title: str
    kind: str
    change: Change
    old_severity: str | None
    new_severity: str | None
    old_state: str | None
    new_state: str | None
    note: str = ""


@dataclass(frozen=True)
class FindingChange:
    """A finding in either result, matched by its fingerprint: its check and location, not its numbers."""

    fingerprint: str
    code: str
    change: Change
    severity: str
    message: str
    old_value: float | None
    new_value: float | None


@dataclass(frozen=True)
class VerdictChange:
    """An item of a list whose verdict differs."""

    list: str
    item: str
    title: str
    old: str
    new: str


@dataclass(frozen=True)
class Comparison:
    """Everything that changed from an old result to a new one, as plain data.

    `changed`: changes to the model and its training. `unfair`: differences that make the numbers hard to compare.
    """

    old: Side
    new: Side
    summary: str
    errors: tuple[ErrorChange, ...]
    causes: tuple[CauseChange, ...]
    findings: tuple[FindingChange, ...]
    verdicts: tuple[VerdictChange, ...]
    changed: tuple[Difference, ...]
    unfair: tuple[Difference, ...]
    method: str = METHOD
    schema: int = field(default=SCHEMA)

    @property
    def worse(self) -> bool:
        """Whether a disease at warning or error is new, or an error on unseen rows rose by more than noise."""
        grave = (Severity.WARNING, Severity.ERROR)
        fresh = any(c.change == "new" and c.kind == "disease" and c.new_severity in grave for c in self.causes)
        return fresh or any(e.direction == "worse" and e.split != "train" for e in self.errors)


def compare(old: Diagnosis, new: Diagnosis, places: tuple[str, str] = ("", "")) -> Comparison:
    """What changed from `old` to `new`. `places`: the files they were read from."""
    errors, causes = tuple(_errors(old, new)), tuple(_causes(old, new))
    return Comparison(
        old=_side(old, places[0]),
        new=_side(new, places[1]),
        summary=_summary(old, new, causes, errors),
        errors=errors,
        causes=causes,
        findings=tuple(_findings(old, new)),
        verdicts=tuple(_verdicts(old, new)),
        changed=tuple(changed(old, new)),
        unfair=tuple(unfair(old, new)),
    )


def _side(diagnosis: Diagnosis, place: str) -> Side:
    name = str(diagnosis.subject.get("name", "the model"))
    return Side(name, place, diagnosis.date, diagnosis.state.value, diagnosis.headline)


# --- Errors -----------------------------------------------------------------------------------------


def level(error: ErrorLevel | None) -> Level:
    """One error with its interval; both ends must be numbers."""
    if error is None or not math.isfinite(error.error):
        return Level()
    span = error.interval
    whole = span is not None and math.isfinite(span.low) and math.isfinite(span.high)
    return Level(error.error, span if whole else None)


def measure(errors: Sequence[ErrorLevel], output: str) -> str:
    """Title of the errors; it names the output if there are several."""
    return f"Error by split of {output}" if len({error.output for error in errors}) > 1 else "Error by split"


def _errors(old: Diagnosis, new: Diagnosis) -> Iterator[ErrorChange]:
    """By output and split. Single outputs are matched without their name, which Keras numbers per process."""
    before, after = _by_place(old), _by_place(new)
    for output in dict.fromkeys(place[0] for place in (*after, *before)):
        errors = new.errors if len({e.output for e in new.errors}) > 1 else old.errors
        for split in SPLITS:
            pair = before.get((output, split)), after.get((output, split))
            units = [error.unit for error in pair if error is not None and math.isfinite(error.error)]
            if units:
                name = split.replace("_", "-")
                yield _error(measure(errors, output), name, units, (level(pair[0]), level(pair[1])))


def _by_place(diagnosis: Diagnosis) -> dict[tuple[str, str], ErrorLevel]:
    outputs = {error.output for error in diagnosis.errors}
    return {(error.output if len(outputs) > 1 else "", error.split): error for error in diagnosis.errors}


def _error(title: str, split: str, units: Sequence[str], pair: tuple[Level, Level]) -> ErrorChange:
    old, new = pair
    if len(set(units)) > 1 or old.value is None or new.value is None:
        return ErrorChange(title, split, units[-1], old, new, None, None, "unknown")
    span = difference(old, new)
    direction: Direction = "unknown"
    if span is not None:
        direction = "better" if span.high < 0 else "worse" if span.low > 0 else "within-noise"
    return ErrorChange(title, split, units[-1], old, new, new.value - old.value, span, direction)


def difference(old: Level, new: Level) -> Interval | None:
    """The interval of new minus old, computed from both intervals as if they came from different rows.

    Source: Zou and Donner 2008, "Construction of confidence limits about effect measures"; for error rates with
    Wilson's intervals it is Newcombe's hybrid score interval.
    """
    if old.value is None or new.value is None or old.interval is None or new.interval is None:
        return None
    size = new.value - old.value
    low = size - math.hypot(new.value - new.interval.low, old.interval.high - old.value)
    high = size + math.hypot(new.interval.high - new.value, old.value - old.interval.low)
    return Interval(low, high)


# --- Causes, findings, verdicts ---------------------------------------------------------------------


def _causes(old: Diagnosis, new: Diagnosis) -> Iterator[CauseChange]:
    """Causes in the order of the new result, then those that are gone."""
    before, after = _standing(old), _standing(new)
    for code in dict.fromkeys((*after, *before)):
        was, now = before.get(code), after.get(code)
        change, note = _cause_change(was, now, old, new)
        one = now or was
        if one is not None:
            yield CauseChange(
                code=code,
                title=one.title,
                kind=one.kind,
                change=change,
                old_severity=was.severity.value if was else None,
                new_severity=now.severity.value if now else None,
                old_state=was.state if was else None,
                new_state=now.state if now else None,
                note=note,
            )


def _standing(diagnosis: Diagnosis) -> dict[str, Cause]:
    ranked = sorted(diagnosis.causes, key=lambda cause: cause.rank)
    return {cause.code: cause for cause in ranked if cause.state != "refuted"}


def _cause_change(was: Cause | None, now: Cause | None, old: Diagnosis, new: Diagnosis) -> tuple[Change, str]:
    if was is not None and now is not None:
        return "still", ""
    if was is not None:
        missing = _not_run(_witnesses(was, old), new)
        return ("not-checked", f"not run in the new result: {', '.join(missing)}") if missing else ("gone", "")
    missing = _not_run(_witnesses(now, new), old) if now is not None else []
    return "new", f"not run in the old result: {', '.join(missing)}" if missing else ""


def _witnesses(cause: Cause, diagnosis: Diagnosis) -> list[str]:
    """Codes of the checks whose findings the cause explains."""
    explained = set(cause.explains)
    return list(dict.fromkeys(finding.check for finding in diagnosis.findings if finding.id in explained))


def _not_run(checks: Iterable[str], diagnosis: Diagnosis) -> list[str]:
    ran = {check.code for check in diagnosis.checks if check.outcome in ("clean", "findings")}
    return [check for check in checks if check not in ran]


def _findings(old: Diagnosis, new: Diagnosis) -> Iterator[FindingChange]:
    """All findings, the most severe first."""
    before, after = _by_fingerprint(old.findings), _by_fingerprint(new.findings)
    changes = []
    for key in dict.fromkeys((*after, *before)):
        was, now = before.get(key), after.get(key)
        one = now or was
        if one is not None:
            change: Change = "still" if was and now else "new" if now else "gone"
            if change == "gone" and _not_run([one.check], new):
                change = "not-checked"
            values = (was.value if was else None, now.value if now else None)
            changes.append((one, FindingChange(one.fingerprint, one.code, change, one.severity, one.message, *values)))
    return (change for _, change in sorted(changes, key=lambda pair: -pair[0].severity.rank))


def _by_fingerprint(findings: Iterable[Finding]) -> dict[tuple[str, str, int], Finding]:
    """By check, fingerprint and a count, since a check may report one location several times."""
    seen = Counter[tuple[str, str]]()
    found = {}
    for finding in findings:
        key = finding.check, finding.fingerprint
        found[*key, seen[key]] = finding
        seen[key] += 1
    return found


def _verdicts(old: Diagnosis, new: Diagnosis) -> Iterator[VerdictChange]:
    for name, items in new.verdicts.items():
        before = {verdict.item: verdict.verdict for verdict in old.verdicts.get(name, ())}
        for now in items:
            was = before.get(now.item)
            if was is not None and was != now.verdict:
                yield VerdictChange(name, now.item, now.title, was, now.verdict)


# --- Summary ----------------------------------------------------------------------------------------


def _summary(old: Diagnosis, new: Diagnosis, causes: Sequence[CauseChange], errors: Sequence[ErrorChange]) -> str:
    same = old.state is new.state
    was, now = old.state.word.lower(), new.state.word.lower()
    state = f"Still {now}" if same else f"From {was} to {now}"
    counts = Counter[str](cause.change for cause in causes)
    words = {"gone": "{} gone", "new": "{} new", "still": "{} still there"}
    known = [text.format(_counted(counts[change])) for change, text in words.items() if counts[change]]
    text = f"{state}: {', '.join(known) if known else 'no causes in either result'}"
    unseen = [error for error in errors if error.split == "dev"] or [e for e in errors if e.split == "test"]
    return f"{text}. {_moved(unseen[0])}" if unseen else f"{text}."


def _counted(count: int) -> str:
    return f"{count} {'cause' if count == 1 else 'causes'}"


def _moved(error: ErrorChange) -> str:
    words = {
        "better": f"The {error.split} error fell by more than noise.",
        "worse": f"The {error.split} error rose by more than noise.",
        "within-noise": f"The change in {error.split} error is within noise.",
        "unknown": f"It is unknown whether the {error.split} error changed.",
    }
    return words[error.direction]
