"""Both remedy lists as one table: one row per idea, with its place in the list of each author."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from diagnose.diagnosis import Diagnosis, Payoff, State, Verdict
from diagnose.reports import story
from diagnose.reports.numbers import counted, factor, listed
from diagnose.reports.svg import Scale, at, scale, tag

KNOWN = ("do", "dont-yet", "unknown")  # of two verdicts on one idea, the first of these counts


@dataclass(frozen=True)
class Idea:
    """One idea. `places`: its place in each list, in the order of `story.LISTS`; None where it is missing."""

    verdict: Verdict
    places: tuple[int | None, ...]
    because: str  # without what an idea above says already
    payoff: Payoff | None
    cost: str

    @property
    def has_payoff(self) -> bool:
        return self.payoff is not None and self.payoff.how != "unknown" and self.payoff.after is not None

    @property
    def open(self) -> bool:
        """Whether it needs a row of its own: there is more to say than "don't yet"."""
        return (
            self.verdict.verdict != "dont-yet" or self.verdict.after_repair not in (None, "dont-yet") or self.has_payoff
        )


def ideas(diagnosis: Diagnosis) -> list[Idea]:
    """The ideas of both lists. Items that the same change carries out (the same snippet) are one idea."""
    found: dict[str, dict[str, tuple[int, Verdict]]] = {}
    for name in story.LISTS:
        for place, verdict in enumerate(story.verdicts(diagnosis, name), 1):
            found.setdefault(verdict.snippet or verdict.item, {}).setdefault(name, (place, verdict))
    chosen = [_settled([verdict for _, verdict in of.values()]) for of in found.values()]
    return [
        Idea(
            verdict,
            tuple(of[name][0] if name in of else None for name in story.LISTS),
            because,
            _payoff(verdict, diagnosis),
            _cost(verdict, diagnosis),
        )
        for verdict, of, because in zip(chosen, found.values(), _reasons(chosen, diagnosis), strict=True)
    ]


def _settled(items: Sequence[Verdict]) -> Verdict:
    """The verdict on an idea that is in several lists: that with an answer counts more than "unknown"."""
    return min(items, key=lambda verdict: KNOWN.index(verdict.verdict))


def _reasons(items: Iterable[Verdict], diagnosis: Diagnosis) -> list[str]:
    """The reason of each item, without findings that an item above quotes already."""
    messages = [finding.message.lower() for finding in diagnosis.findings]
    texts: list[str] = []
    for verdict in items:
        text = verdict.because
        known = [message for message in messages if any(message in before.lower() for before in texts)]
        places = [text.lower().find(message) for message in known]
        texts.append(text[: min((place for place in places if place > 0), default=None)].rstrip())
    return texts


def _payoff(verdict: Verdict, diagnosis: Diagnosis) -> Payoff | None:
    """The payoff of an idea, or else that of the remedy that is the same change."""
    if verdict.payoff is not None:
        return verdict.payoff
    return next((remedy.payoff for remedy in diagnosis.remedies if remedy.snippet == verdict.snippet != ""), None)


def _cost(verdict: Verdict, diagnosis: Diagnosis) -> str:
    same = (remedy.cost for remedy in diagnosis.remedies if remedy.snippet == verdict.snippet != "")
    return verdict.cost or next(same, "")


# --- Sentences --------------------------------------------------------------------------------------


def judged(diagnosis: Diagnosis) -> str:
    """The sentence above the table."""
    every = ideas(diagnosis)
    counts = Counter[str](idea.verdict.verdict for idea in every)
    if not every:
        return "Neither list was judged."
    if counts["do"] == 0 and diagnosis.state is State.SICK:
        after = " The column “After the repair” shows which are worth trying then." if repaired(every) else ""
        first = _shared(every) or "Fix cause 1 first."
        return f"{first} Until then none of the {len(every)} ideas will pay off.{after}"
    words = {"do": "worth trying now", "dont-yet": "not yet", "unknown": "unknown"}
    parts = [f"{counts[code]} {text}" for code, text in words.items() if counts[code]]
    return f"Of {counted(len(every), 'idea')}: {listed(parts)}."


def repaired(every: Iterable[Idea]) -> bool:
    """Whether any idea has a second verdict for after the repair."""
    return any(idea.verdict.after_repair for idea in every)


def _shared(some: Iterable[Idea]) -> str:
    """The reason that all of these ideas share; "" if they differ."""
    reasons = {idea.verdict.because for idea in some}
    return reasons.pop() if len(reasons) == 1 else ""


def folded(every: Sequence[Idea]) -> tuple[list[Idea], str, str]:
    """The ideas that need no row of their own, a sentence that names them, and the reason that all share or ""."""
    closed = [idea for idea in every if not idea.open]
    titles = [idea.verdict.title for idea in closed]
    names = listed([*titles[:1], *(title[:1].lower() + title[1:] for title in titles[1:])], len(titles))
    shared = _shared(closed)
    told = f": {shared[:1].lower()}{shared[1:]}" if shared and shared != _shared(every) else "."
    return closed, f"{names}{told}", shared


# --- Payoffs ----------------------------------------------------------------------------------------


def axes(every: Iterable[Idea]) -> dict[str, Scale]:
    """One axis per metric for all measured payoffs, with 0."""
    ends: dict[str, list[float]] = {}
    for idea in every:
        if idea.has_payoff and idea.payoff is not None:
            ends.setdefault(idea.payoff.metric, []).extend(_ends(idea.payoff))
    return {metric: scale(values, zero=True) for metric, values in ends.items()}


def _ends(payoff: Payoff) -> list[float]:
    span = payoff.interval
    values = (payoff.before, payoff.after, span.low if span else None, span.high if span else None)
    return [value * factor(payoff.metric) for value in values if value is not None and math.isfinite(value)]


def bar(payoff: Payoff, along: Scale) -> Markup:
    """A bar from the value without the idea to that with it, with the interval of the latter; estimates are hollow."""
    times = factor(payoff.metric)
    after = along.place((payoff.after or 0.0) * times)
    before = along.place((payoff.before if payoff.before is not None else payoff.after or 0.0) * times)
    if after is None or before is None:
        return Markup("")
    left, width = min(before, after), abs(after - before)
    marks = [
        tag("line", class_="grid", x1=0, x2="100%", y1="50%", y2="50%"),
        tag("rect", class_="gain", x=at(left), width=at(width), y="50%", height=8, transform="translate(0 -4)"),
    ]
    if payoff.interval is not None:
        low, high = (along.place(end * times) or 0.0 for end in (payoff.interval.low, payoff.interval.high))
        marks.append(tag("line", class_="iv c-ink", x1=at(low), x2=at(high), y1="50%", y2="50%"))
    marks += [
        tag("circle", class_="ho c-soft", cx=at(before), cy="50%", r=4),
        tag("circle", class_=f"{'pt' if payoff.how == 'measured' else 'ho'} c-ink", cx=at(after), cy="50%", r=4),
    ]
    change, span, how = story.payoff(payoff)
    return tag("svg", *marks, role="img", aria_label=f"{change} {span} ({how})", width="100%", height=18)
