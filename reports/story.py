"""Sentences and rows that all reports share."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from diagnose.diagnosis import (
    FAST_AI,
    MACHINE_LEARNING_YEARNING,
    Cause,
    CheckOutcome,
    Coverage,
    Diagnosis,
    Payoff,
    Remedy,
    State,
    Verdict,
)
from diagnose.findings import Evidence, Finding, Interval, Samples, Severity
from diagnose.reports.effects import bearing, gain, now
from diagnose.reports.numbers import counted, cut, interval_text, is_share, listed, number, quantity, rounded_like

LISTS = {
    "machine_learning_yearning": ("Machine Learning Yearning, seven ideas", MACHINE_LEARNING_YEARNING),
    "fast_ai": ("fast.ai, five steps against overfitting", FAST_AI),
}
STATES = {state.value: state.word for state in State}
PLACE = 48  # characters of a name in a location
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True)
class Branch:
    """A cause that another one explains, with those that it explains itself."""

    cause: Cause
    branches: tuple["Branch", ...] = ()


@dataclass(frozen=True)
class Row:
    """One line in the evidence of a cause."""

    what: str
    measured: str
    interval: str
    threshold: str
    basis: str  # location and number of rows, or number of seeds
    finding: Finding | None = None


def clean(text: str) -> str:
    """`text` with control characters, marks of writing direction and lone surrogates replaced."""
    return CONTROL.sub("�", text)


def sentence(finding: Finding) -> str:
    """The message of a finding with a capital first letter, unless it starts with a name from the user's model."""
    first = finding.message.split(" ", 1)[0]
    place = finding.where
    names = {place.layer, place.output, place.feature, place.label}
    return (
        finding.message if first in names or not first.isalpha() else finding.message[:1].upper() + finding.message[1:]
    )


def where(finding: Finding) -> str:
    """The location in words ("layer dense_1, dev"), without names that the message contains."""
    place = finding.where
    parts = [
        ("output", place.output),
        ("layer", place.layer),
        ("", place.split),
        ("feature", place.feature),
        ("class", place.label),
        ("epoch", place.epoch),
        ("step", place.step),
    ]
    named = set(re.findall(r"[\w/.-]+", finding.message))
    rest = [(name, value) for name, value in parts if value is not None and str(value) not in named]
    told = ((name, str(value)) for name, value in rest)  # "feature 13" is a feature already
    return ", ".join(cut(text, PLACE) if text.startswith(name) else f"{name} {cut(text, PLACE)}" for name, text in told)


def told(diagnosis: Diagnosis) -> str:
    """The headline without the word of the state, for places that show it beside the headline."""
    return diagnosis.headline.removeprefix(f"{diagnosis.state.word}. ")


def date(text: str) -> str:
    """An ISO 8601 date as "22 November 2026, 14:06 UTC"; any other text unchanged."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    moment = moment.astimezone(UTC) if moment.tzinfo else moment
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"


# --- Causes ---------------------------------------------------------------------------------------


def standing(causes: Iterable[Cause]) -> list[Cause]:
    """Sorted by rank, refuted causes last."""
    return sorted(causes, key=lambda cause: (cause.state == "refuted", cause.rank))


def causes_title(diagnosis: Diagnosis) -> str:
    """The title above the causes: where no fault was found, they are hints."""
    return "Hints" if diagnosis.state is State.HEALTHY else "Causes"


def trees(diagnosis: Diagnosis) -> dict[str, tuple[Branch, ...]]:
    """By code, the causes that a cause explains; each appears once, under the first that explains it."""
    causes = {cause.code: cause for cause in diagnosis.causes}
    drawn: dict[str, tuple[Branch, ...]] = {}
    seen: set[str] = set()
    for cause in standing(diagnosis.causes):
        if cause.code not in seen:
            drawn[cause.code] = _branches(cause, causes, seen)
    return drawn


def _branches(cause: Cause, causes: dict[str, Cause], seen: set[str]) -> tuple[Branch, ...]:
    seen.add(cause.code)
    fresh = [code for code in cause.explains if code in causes and code not in seen]
    seen.update(fresh)
    return tuple(Branch(causes[code], _branches(causes[code], causes, seen)) for code in fresh)


def above(diagnosis: Diagnosis) -> dict[str, Cause]:
    """By code, the first cause that explains a cause."""
    found: dict[str, Cause] = {}
    for cause in reversed(standing(diagnosis.causes)):
        found |= dict.fromkeys(cause.explains, cause)
    return found


def folded(diagnosis: Diagnosis) -> set[str]:
    """Codes of the causes that start folded: another one explains them, and no experiment confirmed them themselves."""
    below = above(diagnosis)
    return {cause.code for cause in diagnosis.causes if cause.code in below and cause.state != "confirmed"}


def lead(cause: Cause, diagnosis: Diagnosis) -> str:
    """The summary of a cause up to the findings that it quotes, because the evidence lists those."""
    explained = set(cause.explains)
    quoted = [finding.message.lower() for finding in diagnosis.findings if finding.id in explained]
    places = [cause.summary.lower().find(message) for message in quoted]
    return cause.summary[: min((place for place in places if place > 0), default=None)].rstrip()


def evidence_rows(cause: Cause, diagnosis: Diagnosis, limit: int = 8) -> tuple[Row, ...]:
    """The findings of a cause with their numbers, the most severe first; those without a number last."""
    explained = set(cause.explains)
    found = [finding for finding in diagnosis.findings if finding.id in explained]
    found.sort(key=lambda finding: (finding.value is None, -finding.severity.rank))
    return tuple(row(finding) for finding in found[:limit])


def row(finding: Finding) -> Row:
    """A finding with its number, interval, threshold and basis as text."""
    basis = [where(finding), "" if finding.rows is None else counted(finding.rows, "row")]
    span = interval_of(finding)
    return Row(
        what=sentence(finding),
        measured="" if finding.value is None else in_unit(finding.value, span, finding.unit),
        interval=interval_text(span, finding.unit),
        threshold=in_unit(finding.threshold, None, finding.unit),
        basis=", ".join(part for part in basis if part),
        finding=finding,
    )


def in_unit(value: float | None, span: Interval | None, unit: str) -> str:
    """A value with its unit: a share in percent, others with the decimals that the interval allows."""
    if value is None or is_share(unit):
        return quantity(value, unit)
    return f"{unit} {rounded_like(value, span)}".lstrip()


def interval_of(finding: Finding) -> Interval | None:
    """The interval of the finding's value; None if it belongs to another quantity in the message."""
    span = finding.interval
    return span if span is not None and finding.value is not None and span.low <= finding.value <= span.high else None


def as_it_is(remedy: Remedy, diagnosis: Diagnosis) -> str:
    """What the payoff of a remedy measures of the loaded model, as "your model now: 7.6 %"; "" if that is unknown."""
    if remedy.payoff.how != "measured":
        return ""
    of_remedy = (one for one in diagnosis.effects if one.remedy == remedy.code and not one.after_repair)
    tried = next((effect for effect in of_remedy if remedy.payoff.metric.startswith(effect.metric)), None)
    level = None if tried is None else now(tried, diagnosis.errors)
    if tried is None or level is None or level == tried.before:  # then the payoff says it
        return ""
    unit = tried.metric if is_share(tried.metric) else ""  # the payoff names the metric
    return f"your model now: {in_unit(level, tried.interval, unit)}"


def effect_rows(cause: Cause, diagnosis: Diagnosis) -> Iterator[Row]:
    """The trials of the remedies for a cause, each with the train skill without and with the change.

    Those that restored learning come first: the state of the cause rests on them.
    """
    for effect in sorted(bearing(cause, diagnosis.effects), key=lambda effect: not effect.restores):
        before, after = (rounded_like(level, effect.interval) for level in (effect.before, effect.after))
        steps = f" after {effect.steps} steps" if effect.steps else ""
        against = f", compared with {effect.control}" if effect.control else ""
        skill = f"train skill of {effect.output}" if effect.output else "train skill"
        alone = " alone" if effect.direction == "sufficient" else ", too"
        what = f"{effect.what[:1].upper()}{effect.what[1:]}{alone}: {skill}"
        gained = f"gain {interval_text(gain(effect))}" if effect.interval else ""
        if before == after and not effect.control:
            what, change = f"{what} stays at {after}{steps}", ""
        else:
            what, change = f"{what}{steps}{against}", f"{before} → {after}"
        yield Row(what, change, gained, number(effect.threshold), counted(effect.seeds, "seed"))


def explained(diagnosis: Diagnosis) -> str:
    """The sentence above the causes."""
    active = [cause for cause in diagnosis.causes if cause.state != "refuted"]
    grave = [finding for finding in diagnosis.findings if finding.severity.rank >= Severity.WARNING.rank]
    covered = {code for cause in active for code in cause.explains}
    count = sum(finding.id in covered for finding in grave)
    parts = []
    diseases = [cause for cause in active if cause.kind == "disease"]
    if not active:
        parts.append("No cause was found by the checks that ran.")
    elif diagnosis.state is State.HEALTHY:
        parts.append("None of these is a fault: they show where the remaining error is, and what may be worth a look.")
    elif grave:
        whole = (
            "the only"
            if len(grave) == 1
            else f"all {len(grave)}"
            if count == len(grave)
            else f"{count} of {len(grave)}"
        )
        subject = "1 cause explains" if len(active) == 1 else f"{len(active)} causes explain"
        findings = "finding" if len(grave) == 1 else "findings"
        order = " Root causes come first." if len(active) > 1 else ""
        parts.append(f"{subject} {whole} {findings} at error or warning.{order}")
    if active and not diseases and diagnosis.state is not State.HEALTHY:
        parts.append("There is no disease; the entries show where the remaining error comes from.")
    refuted = len(diagnosis.causes) - len(active)
    if refuted:
        parts.append(f"{counted(refuted, 'suspected cause')} ruled out.")
    return " ".join(parts)


def onward(diagnosis: Diagnosis) -> str:
    """The text of the next step if there is no remedy."""
    if diagnosis.state is State.HEALTHY:
        return "Nothing to repair was found. The lists below say which ideas are worth trying."
    return "No remedy could be found with the checks that ran. What is missing is listed under “Not checked”."


# --- Verdicts and payoff --------------------------------------------------------------------------


def verdicts(diagnosis: Diagnosis, name: str) -> list[Verdict]:
    """One list in the order of its author; items from a newer version come last."""
    order = LISTS[name][1]
    known = diagnosis.verdicts.get(name, ())
    return sorted(known, key=lambda verdict: order.index(verdict.item) if verdict.item in order else len(order))


def payoff(of: Payoff | None) -> tuple[str, str, str]:
    """Change, interval and source of a payoff: ("18.2 % → 12.1 %", "[11.0, 13.3]", "error rate, measured")."""
    if of is None or of.how == "unknown" or of.after is None:
        return "", "", f"not measured ({of.reason})" if of is not None and of.reason else "not measured"
    unit = of.metric if is_share(of.metric) else ""  # the last element names the metric
    ends = [end for end in (of.before, of.after) if end is not None]
    change = " → ".join(quantity(end, unit) if unit else rounded_like(end, of.interval) for end in ends)
    return change, interval_text(of.interval, of.metric), f"{of.metric}, {of.how}"


def payoff_in_short(of: Payoff) -> str:
    """What a payoff measures, the change and its interval, on one line: "dev error 18.2 % → 12.1 % [11.0, 13.3]"."""
    change, span, how = payoff(of)
    if not change:
        return f"payoff {how}"
    measured = re.split(" (?:after|with|of) |, ", of.metric)[0]
    return f"{measured} {change} {span}".rstrip()


# --- Coverage and checks --------------------------------------------------------------------------


def gaps(checks: Sequence[CheckOutcome]) -> list[tuple[str, str, list[CheckOutcome]]]:
    """Checks that did not run, as (reason, what to do, checks); the reason with the most checks first."""
    reasons: dict[tuple[str, str], list[CheckOutcome]] = {}
    for check in checks:
        if check.outcome in ("skipped", "crashed"):
            prefix = "stopped by an error: " if check.outcome == "crashed" else ""
            reasons.setdefault((prefix + check.reason, check.how), []).append(check)
    rows = [(reason, how, members) for (reason, how), members in reasons.items()]
    return sorted(rows, key=lambda row: -len(row[2]))


def uncovered(coverage: Sequence[Coverage]) -> list[tuple[str, str, str]]:
    """What was not covered, as (what, why, how to get it); gaps with the same reason share a row."""
    rows: dict[tuple[str, str], list[str]] = {}
    for gap in coverage:
        rows.setdefault((gap.why, gap.how_to_get_it), []).append(gap.what)
    return [(", ".join(what), why, how) for (why, how), what in rows.items()]


def ran(checks: Sequence[CheckOutcome]) -> str:
    """The sentence above what was not checked."""
    missing = sum(check.outcome in ("skipped", "crashed") for check in checks)
    if not missing:
        return f"All {len(checks)} checks ran."
    return (
        f"{len(checks) - missing} of {len(checks)} checks ran, {missing} could not. "
        "No finding here means “not checked”, not “passed”."
    )


def unfinished(diagnosis: Diagnosis) -> str:
    """Sentences that say why the examination is incomplete or was repeated in part; "" if all went well."""
    stopped = ["The examination was interrupted."] if diagnosis.settings.get("interrupted") else []
    ended = [str(sentence) for sentence in diagnosis.settings.get("ended") or ()]
    if not stopped and not ended:
        return ""
    return " ".join([*stopped, *ended, "What is missing is listed under “Not checked”."])


def by_outcome(checks: Sequence[CheckOutcome]) -> list[tuple[str, list[CheckOutcome]]]:
    """The checks by outcome; those without findings, usually the most, last."""
    titles = {"findings": "With findings", "crashed": "Crashed", "skipped": "Not run", "clean": "No findings"}
    groups = [(title, [check for check in checks if check.outcome == code]) for code, title in titles.items()]
    return [(title, members) for title, members in groups if members]


def families(checks: Sequence[CheckOutcome]) -> list[tuple[str, Counter[str]]]:
    """Outcomes counted by family, in the order of the checks."""
    counts: dict[str, Counter[str]] = {}
    for check in checks:
        counts.setdefault(check.family, Counter())[check.outcome] += 1
    return list(counts.items())


# --- Subject and settings -------------------------------------------------------------------------


def samples(diagnosis: Diagnosis) -> int:
    """Number of rows or images of the user's data in the diagnosis."""
    every: list[Evidence] = [figure.evidence for figure in diagnosis.figures]
    every += [evidence for cause in diagnosis.causes for evidence in cause.evidence]
    every += [evidence for finding in diagnosis.findings for evidence in finding.evidence]
    unique: list[Samples] = []
    for evidence in every:
        if isinstance(evidence, Samples) and evidence not in unique:
            unique.append(evidence)
    return sum(len(evidence.items) for evidence in unique)


def splits(subject: dict[str, Any]) -> list[dict[str, Any]]:
    """The splits as a list of dictionaries, each with its name; older results store them as a dictionary."""
    stored = subject.get("splits") or []
    if isinstance(stored, dict):
        return [
            {"name": name, **(facts if isinstance(facts, dict) else {"rows": facts})} for name, facts in stored.items()
        ]
    return [facts for facts in stored if isinstance(facts, dict)]


def words(value: Any) -> str:
    """A recorded fact as text."""
    if value is None or value in ((), [], {}, ""):
        return "unknown"
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return number(value, 4)
    if isinstance(value, dict):
        pairs = [
            (str(key).replace("_", " "), item) for key, item in value.items() if item not in (None, "", [], {}, ())
        ]
        return ", ".join(f"{key} {words(item)}" for key, item in pairs) or "unknown"
    return listed([words(item) for item in value], 12)
