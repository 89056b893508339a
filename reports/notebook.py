"""Renders a diagnosis, and its causes, findings and remedies, for a notebook cell: short, without a script."""

from markupsafe import Markup

from diagnose.diagnosis import Cause, Diagnosis, ErrorLevel, Remedy
from diagnose.findings import Bars, Curves, Evidence, Finding, Histogram, Table
from diagnose.reports import figures, ideas, story
from diagnose.reports.ladder import by_output, ladder
from diagnose.reports.numbers import counted, cut, number, quantity
from diagnose.reports.svg import joined, tag
from diagnose.reports.templating import finished, source
from diagnose.reports.terminal import SIGNS

CAUSES = 5  # at most
FIGURES = 2  # of a cause or a finding
ROWS = 12  # of a table
STYLE = """
.diagnose-cell {
  --ink: currentColor; --soft: color-mix(in srgb, currentColor 68%, transparent);
  --grid: color-mix(in srgb, currentColor 14%, transparent); --sunk: color-mix(in srgb, currentColor 6%, transparent);
  --bg: var(--jp-layout-color0, var(--vscode-editor-background, transparent)); --bar: #74879b;
  --train: #3d84cb; --dev: #c8701f; --test: #a06fb8; --ok: #2c9273; --okfill: #2c927333;
  --flag: #dc5146; --warn: #a87b13;
  --s1: .25rem; --s2: .5rem; --s4: 1rem; --s5: 1.5rem;
}
.diagnose-cell { max-width: 46rem; font-size: 14px; line-height: 1.5; overflow-wrap: anywhere; }
.diagnose-cell .state { font-weight: 600; font-size: 16px; margin: 0; }
.diagnose-cell h4 { margin: 1em 0 .25em; font-size: 14px; }
.diagnose-cell p { margin: .25em 0; }
.diagnose-cell ol { margin: 0; padding-left: 1.5em; }
.diagnose-cell pre { padding: .75em; border: 1px solid currentColor; border-radius: 4px; overflow-x: auto; }
.diagnose-cell :is(pre, pre code) { white-space: pre; word-break: normal; }
.diagnose-cell .faint { opacity: .7; }
"""


def render(diagnosis: Diagnosis) -> str:
    """A small piece of HTML: state, headline, the figure that matters, next step, causes, verdicts and coverage."""
    name = cut(str(diagnosis.subject.get("name", "the model")), 60)
    return _cell(
        tag("p", f"{SIGNS[diagnosis.state.value]} {diagnosis.state.word}: ", tag("bdi", name), class_="state"),
        tag("p", story.told(diagnosis)),
        *([tag("p", tag("b", story.unfinished(diagnosis)))] if story.unfinished(diagnosis) else []),
        *_line(diagnosis),
        _figure(diagnosis),
        *_next(diagnosis.remedies),
        *_causes(diagnosis),
        tag("p", ideas.judged(diagnosis), class_="faint"),
        tag("p", story.ran(diagnosis.checks), class_="faint"),
        tag("p", "Full report: ", tag("code", 'diagnosis.save("report.html")'), class_="faint"),
    )


def cause(shown: Cause) -> str:
    """A cause with its summary and its first figures."""
    facts = f" {_kind(shown)}{shown.severity.value}, {shown.state}, "
    head = tag("p", tag("b", shown.title), tag("span", facts, tag("code", shown.code), class_="faint"))
    return _cell(head, tag("p", shown.summary), *(_shown(evidence) for evidence in shown.evidence[:FIGURES]))


def finding(shown: Finding) -> str:
    """A finding with its number, its place and its first figures."""
    basis = [f"{shown.severity.value}", story.where(shown), counted(shown.rows, "row") if shown.rows else ""]
    facts = tag("span", ", ".join(part for part in basis if part), " ", tag("code", shown.check), class_="faint")
    row = story.row(shown)
    limit = f", threshold {row.threshold}" if row.threshold != "–" else ""
    value = [tag("p", f"{row.measured} {row.interval}".strip() + limit)] if row.measured else []
    head = tag("p", tag("b", row.what), " ", facts)
    return _cell(head, *value, *(_shown(evidence) for evidence in shown.evidence[:FIGURES]))


def remedy(shown: Remedy) -> str:
    """A remedy with its payoff and its snippet."""
    return _cell(*_step(shown), tag("p", f"Cost: {shown.cost}.", class_="faint"))


def _cell(*parts: Markup) -> str:
    return finished(tag("div", tag("style", Markup(_style())), *parts, class_="diagnose-cell"))


def _style() -> str:
    """The style of the cell: colours that are read on light and on dark, and the page's own rules for figures."""
    return f"{STYLE}.diagnose-cell {{\n{source('figures.css')}}}\n"


def _figure(diagnosis: Diagnosis) -> Markup:
    """The first drawing of the first cause, else the errors of the first output."""
    causes = [cause for cause in story.standing(diagnosis.causes) if cause.state != "refuted"]
    drawings = [evidence for cause in causes[:1] for evidence in cause.evidence if _is_drawing(evidence)]
    if drawings:
        return figures.draw(drawings[0])
    return ladder(by_output(diagnosis.errors)[0], several=False) if diagnosis.errors else Markup("")


def _is_drawing(evidence: Evidence) -> bool:
    return isinstance(evidence, Bars | Curves | Histogram)


def _kind(shown: Cause) -> str:
    return "direction, " if shown.kind == "direction" else ""


def _shown(evidence: Evidence) -> Markup:
    """A drawing, or the first rows of a table; rows of the data and pictures stay in the report."""
    if isinstance(evidence, Table):
        return _table(evidence)
    return figures.draw(evidence) if _is_drawing(evidence) else Markup("")


def _table(evidence: Table) -> Markup:
    texts = [tuple(cell if isinstance(cell, str) else number(cell) for cell in row) for row in evidence.rows]
    head = tag("tr", *(tag("th", cut(name, 24)) for name in evidence.columns))
    body = [head, *(tag("tr", *(tag("td", cut(text, 48)) for text in row)) for row in texts[:ROWS])]
    rest = [tag("p", f"and {len(texts) - ROWS} more", class_="faint")] if len(texts) > ROWS else []
    return tag("div", tag("h4", evidence.title), tag("table", *body), *rest)


def _line(diagnosis: Diagnosis) -> list[Markup]:
    """Train, dev and test error of the first output."""
    if not diagnosis.errors:
        return []
    first = diagnosis.errors[0]
    errors = [error for error in diagnosis.errors if error.output == first.output]
    texts = [f"{error.split.replace('_', '-')} {quantity(error.error, _unit(error))}" for error in errors]
    return [tag("p", f"{first.unit[:1].upper()}{first.unit[1:]}: {', '.join(texts)}")]


def _unit(error: ErrorLevel) -> str:
    return error.unit if error.unit == "error rate" else ""


def _next(remedies: tuple[Remedy, ...]) -> list[Markup]:
    return [tag("h4", "Best next step"), *_step(remedies[0])] if remedies else []


def _step(shown: Remedy) -> list[Markup]:
    change, span, how = story.payoff(shown.payoff)
    payoff = f"{change} {span} ({how})" if change else f"Payoff {how}."
    snippet = [tag("pre", tag("code", shown.snippet))] if shown.snippet else []
    return [tag("p", tag("b", shown.action)), tag("p", f"{shown.why} {payoff}"), *snippet]


def _causes(diagnosis: Diagnosis) -> list[Markup]:
    active = [cause for cause in story.standing(diagnosis.causes) if cause.state != "refuted"]
    if not active:
        return []
    rest = [tag("p", f"and {len(active) - CAUSES} more")] if len(active) > CAUSES else []
    return [
        tag("h4", story.causes_title(diagnosis)),
        tag("ol", joined(_listed(cause) for cause in active[:CAUSES])),
        *rest,
    ]


def _listed(shown: Cause) -> Markup:
    facts = tag("span", f" {_kind(shown)}{shown.severity.value}, {shown.state}", class_="faint")
    return tag("li", tag("b", shown.title), facts, tag("p", shown.summary))
