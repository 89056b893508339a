"""Renders the summary for the terminal: state, headline, causes, next step, path of the report."""

import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path

from diagnose.diagnosis import Cause, Diagnosis
from diagnose.reports import story
from diagnose.reports.numbers import counted, cut

CAUSES = 5  # at most
EVIDENCE = 3  # lines under a cause; one if another cause explains it
COLOURS = {
    "sick": "31",
    "attention": "33",
    "healthy": "32",
    "unknown": "90",
    "error": "31",
    "warning": "33",
    "do": "32",
}
SIGNS = {"sick": "✖", "attention": "▲", "healthy": "✔", "unknown": "?"}


def render(diagnosis: Diagnosis, paths: Iterable[str | Path] = (), width: int = 80, colour: bool = False) -> str:
    """The diagnosis in about one screen of text.

    `paths`: the written files, the most important first. `width`: in characters. `colour`: adds ANSI colours. Control
    characters in names are replaced, so that no name can control the terminal.
    """
    lines = [*_state(diagnosis, width, colour), *_causes(diagnosis, width, colour), *_next(diagnosis, width, colour)]
    missing = sum(check.outcome in ("skipped", "crashed") for check in diagnosis.checks)
    if missing:
        lines += ["", f"{missing} of {counted(len(diagnosis.checks), 'check')} could not run; the report says why."]
    written = list(paths)
    lines += ["", f"Report: {written[0]}", *(f"Also: {path}" for path in written[1:])] if written else []
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _paint(text: str, code: str, colour: bool) -> str:
    return f"\033[1;{COLOURS[code]}m{text}\033[0m" if colour and code in COLOURS else text


def _wrapped(text: str, width: int, indent: str = "", first: str | None = None) -> list[str]:
    """A wrapped paragraph; only words longer than a line are broken."""
    start = indent if first is None else first
    clean = " ".join(story.clean(text).split()).replace(" %", "\u00a0%")  # a number keeps its unit
    lines = textwrap.wrap(clean, max(width, 20), initial_indent=start, subsequent_indent=indent)
    return [line.replace("\u00a0%", " %") for line in lines] or [start.rstrip()]


def _state(diagnosis: Diagnosis, width: int, colour: bool) -> list[str]:
    state = diagnosis.state.value
    name = cut(story.clean(str(diagnosis.subject.get("name", "the model"))), 48)
    stopped = story.unfinished(diagnosis).replace("“Not checked”", "“Not checked” in the report")
    text = [*_wrapped(story.told(diagnosis), width), *(_wrapped(stopped, width) if stopped else [])]
    return [f"{_paint(f'{SIGNS[state]} {diagnosis.state.word.upper()}', state, colour)}  {name}", *text]


def _causes(diagnosis: Diagnosis, width: int, colour: bool) -> Iterator[str]:
    active = [cause for cause in story.standing(diagnosis.causes) if cause.state != "refuted"]
    if not active:
        yield from ("", "No cause was found.")
        return
    yield from ("", story.causes_title(diagnosis))
    for number, cause in enumerate(active[:CAUSES], 1):
        yield from _cause(number, cause, diagnosis, width, colour)
    if len(active) > CAUSES:
        yield f"  and {len(active) - CAUSES} more in the report"


def _cause(number: int, cause: Cause, diagnosis: Diagnosis, width: int, colour: bool) -> Iterator[str]:
    severity = _paint(cause.severity.value, cause.severity.value, colour)
    kind = "direction, " if cause.kind == "direction" else ""
    root = story.above(diagnosis).get(cause.code)
    after = f", caused by {root.rank}" if root else ""
    yield f"  {number}. {story.clean(cause.title)} ({kind}{severity}, {cause.state}{after}) {cause.code}"
    most = 1 if root else EVIDENCE
    tried = tuple(story.effect_rows(cause, diagnosis))[:1]
    rows = (*story.evidence_rows(cause, diagnosis, most - len(tried)), *tried)
    if not rows:
        yield from _wrapped(cause.summary, width, "     ")
    for row in rows:
        limit = f", threshold {row.threshold}" if row.threshold != "–" else ""
        measured = " ".join(part for part in (row.measured, row.interval) if part)
        numbers = f": {measured}{limit}" if measured else ""
        yield from _wrapped(f"{row.what}{numbers}", width, "       ", "     - ")


def _next(diagnosis: Diagnosis, width: int, colour: bool) -> Iterator[str]:
    if not diagnosis.remedies:
        yield from _worth(diagnosis, width, colour)
        return
    first = diagnosis.remedies[0]
    change, span, how = story.payoff(first.payoff)
    yield from ("", _paint("Next step", "do", colour))
    yield from _wrapped(first.action, width, "  ")
    yield from _wrapped(first.why, width, "  ")
    payoff = f"{change} {span} ({how})" if change else how
    yield from _wrapped(f"Payoff: {payoff}." + (f" Cost: {first.cost}." if first.cost else ""), width, "  ")
    command = str(diagnosis.settings.get("command", ""))
    reads_a_file = command.startswith("diagnose ") and not command.startswith("diagnose demo")
    if first.payoff.how == "measured" and not first.own_code and reads_a_file and "--apply" not in command:
        training = diagnosis.subject.get("training") or {}
        known = training.get("epochs") or training.get("iterations")
        length = "" if known else " --epochs N (N: as many as in your training)"
        yield from _wrapped(f"Train it: {command} --apply {first.code} --save better.keras{length}", width, "  ")


def _worth(diagnosis: Diagnosis, width: int, colour: bool) -> Iterator[str]:
    """Without a remedy: the ideas of both lists that are worth trying now."""
    items = [item for name in story.LISTS for item in story.verdicts(diagnosis, name) if item.verdict == "do"]
    titles = list(dict.fromkeys(item.title.lower() for item in items))
    if titles:
        yield from ("", _paint("Worth trying next", "do", colour))
        yield from _wrapped("; ".join(titles), width, "  ")
    elif diagnosis.state.value == "healthy":
        yield from ("", "Nothing to repair was found.")
