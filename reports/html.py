"""Renders the report as a self-contained HTML page."""

import math
import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from diagnose.diagnosis import Cause, Diagnosis, ErrorLevel, State
from diagnose.findings import Evidence, Finding
from diagnose.registry import sections
from diagnose.reports import figures, ideas, numbers, story
from diagnose.reports.distributions import distributions
from diagnose.reports.effects import bearing, repaired, tried
from diagnose.reports.error_table import class_table, error_table
from diagnose.reports.gauge import gauge
from diagnose.reports.glossary import Words, target
from diagnose.reports.ladder import by_output, ladder, number_line
from diagnose.reports.layers import layer_map, layer_table
from diagnose.reports.svg import joined, tag
from diagnose.reports.templating import environment, finished, policy, source

BRIEF = ("", "What it measures", "How it is decided")  # told of a check that found nothing; most of them found nothing
FIGURES = 2  # figures of one cause that are shown; the rest is folded


def render(diagnosis: Diagnosis, bar: str = "", allow: str = "") -> str:
    """The whole diagnosis as one page that works offline and without scripts.

    The viewer passes a `bar` to show at the top and an `allow` for its own address (see `templating.policy`).
    """
    style, script = source("figures.css") + source("page.css"), source("page.js")
    outputs = by_output(diagnosis.errors)
    several = len(outputs) > 1
    template = _environment().get_template("page.html.j2")
    page = template.render(
        d=diagnosis,
        style=Markup(style),
        script=Markup(script),
        policy=policy(style, script, allow),
        bar=bar,
        line=_error_line(diagnosis),
        ideas=ideas,
        causes=_causes(diagnosis),
        errors=[ladder(errors, several) for errors in outputs],
        error_tables=[error_table(errors, several) for errors in outputs],
        class_tables=[class_table(errors, several) for errors in outputs],
        predictions=_section(diagnosis, "errors"),
        curves=_section(diagnosis, "curves"),
        data=_section(diagnosis, "data"),
        profiles=_section(diagnosis, "layers"),
        elsewhere=_elsewhere(diagnosis),
        map=layer_map(diagnosis) if diagnosis.layers else None,
        table=layer_table(diagnosis.layers) if diagnosis.layers else None,
        sizes=distributions(diagnosis.layers),
        found=_found(diagnosis),
        brief=BRIEF,
        subject=_subject(diagnosis),
        words=Words(),
    )
    return finished(page)


@cache
def _environment() -> Environment:
    made = environment()
    made.filters.update(document=document, sections=sections)
    made.globals.update(term_id=target, tried=tried)
    return made


def _section(diagnosis: Diagnosis, name: str) -> list[Markup]:
    """The figures of a section, without those that a cause shows."""
    own = [figure.evidence for figure in diagnosis.figures if figure.section == name]
    return [figures.draw(evidence) for evidence in own if _cause_of(evidence, diagnosis) is None]


def _elsewhere(diagnosis: Diagnosis) -> dict[str, list[tuple[str, Cause]]]:
    """By section, the titles of the figures that a cause shows instead, with this cause."""
    found: dict[str, list[tuple[str, Cause]]] = {}
    for figure in diagnosis.figures:
        cause = _cause_of(figure.evidence, diagnosis)
        if cause is not None:
            found.setdefault(figure.section, []).append((figure.evidence.title, cause))
    return found


def _cause_of(evidence: Evidence, diagnosis: Diagnosis) -> Cause | None:
    """The cause that shows this figure unfolded."""
    folded = story.folded(diagnosis)
    open_causes = (cause for cause in story.standing(diagnosis.causes) if cause.code not in folded)
    return next(
        (cause for cause in open_causes if evidence in _own_first(cause, diagnosis)[: _most(cause, diagnosis)]), None
    )


def _most(cause: Cause, diagnosis: Diagnosis) -> int:
    """How many figures of a cause are shown beside its experiments; the rest is folded."""
    return 1 if bearing(cause, diagnosis.effects) else FIGURES


def _error_line(diagnosis: Diagnosis) -> Markup | None:
    """The error of the output that does worst on one axis with target, baseline and constant prediction."""
    style = {State.SICK: "c-flag", State.ATTENTION: "c-warn", State.HEALTHY: "c-ok"}.get(diagnosis.state, "c-ink")
    outputs = by_output(diagnosis.errors)
    return number_line(min(outputs, key=_least_skill), style) or None if outputs else None


def _least_skill(errors: Sequence[ErrorLevel]) -> float:
    skills = [error.skill for error in errors if math.isfinite(error.skill)]
    return min(skills, default=math.inf)


def _causes(diagnosis: Diagnosis) -> list[dict[str, Any]]:
    trees, above = story.trees(diagnosis), story.above(diagnosis)
    return [
        {
            "tree": trees.get(cause.code, ()),
            "above": above.get(cause.code),
            "folded": cause.code in story.folded(diagnosis),
            **_cause(cause, diagnosis),
        }
        for cause in story.standing(diagnosis.causes)
    ]


def _own_first(cause: Cause, diagnosis: Diagnosis) -> list[Evidence]:
    """The evidence of a cause; evidence that other causes show too comes last."""
    return sorted(cause.evidence, key=lambda evidence: sum(evidence in other.evidence for other in diagnosis.causes))


def _cause(cause: Cause, diagnosis: Diagnosis) -> dict[str, Any]:
    drawn = [figures.draw(evidence) for evidence in _own_first(cause, diagnosis)]
    healthy = repaired(cause, diagnosis.effects, diagnosis.errors)
    most = _most(cause, diagnosis)
    rows = [(row, gauge(row.finding) if row.finding else "") for row in story.evidence_rows(cause, diagnosis)]
    explained = sum(finding.id in cause.explains for finding in diagnosis.findings)
    return {
        "cause": cause,
        "lead": story.lead(cause, diagnosis),
        "rows": rows,
        "unlisted": explained - len(rows),
        "gauged": any(drawn for _, drawn in rows),
        "repaired": healthy,
        "figures": drawn[:most],
        "more": drawn[most:],
    }


def _found(diagnosis: Diagnosis) -> dict[str, list[tuple[Finding, list[Markup]]]]:
    """Findings by check, with the figures that no cause shows already."""
    shown = [evidence for cause in diagnosis.causes for evidence in cause.evidence]
    found: dict[str, list[tuple[Finding, list[Markup]]]] = {}
    for finding in diagnosis.findings:
        pictures = [figures.draw(evidence) for evidence in finding.evidence if evidence not in shown]
        shown += finding.evidence
        found.setdefault(finding.check, []).append((finding, pictures))
    return found


def _subject(diagnosis: Diagnosis) -> list[tuple[str, list[str]]]:
    """The facts and settings, each a name with lines of text. Settings without a value share one line."""
    subject, settings = diagnosis.subject, diagnosis.settings
    known = (
        "name",
        "splits",
        "notes",
        "outputs",
        "inputs",
        "training",
        "facts",
        "fingerprints",
        "parameters",
        "layers",
    )
    outputs, inputs = subject.get("outputs") or [], subject.get("inputs") or []
    facts: list[tuple[str, Any]] = [("Model", subject.get("name")), ("Parameters", subject.get("parameters"))]
    facts += [("Inputs" if len(inputs) > 1 else "Input", [_port(port) for port in inputs])] if inputs else []
    facts += [("Outputs" if len(outputs) > 1 else "Output", [_port(port) for port in outputs])]
    facts += [(key, subject[key]) for key in ("training", "facts") if subject.get(key)]
    facts += [(key, value) for key, value in subject.items() if key not in known]
    facts += [("Notes", subject.get("notes"))] if subject.get("notes") else []
    given = {key: value for key, value in settings.items() if key not in ("command", "plan")}
    unset = [key.replace("_", " ") for key, value in given.items() if value in (None, "", [], {}, ())]
    facts += [(key, value) for key, value in given.items() if key.replace("_", " ") not in unset]
    facts += [("Not set", ", ".join(unset))] if unset else []
    facts += [("What was run", _plan(settings["plan"]))] if isinstance(settings.get("plan"), dict) else []
    facts += [("Time", _timing(diagnosis.timing)), ("Versions", f"schema {diagnosis.schema}, {_versions(diagnosis)}")]
    return [(name.replace("_", " ").capitalize(), _lines(value)) for name, value in facts]


def _port(port: Any) -> str:
    """An input or output: its name and facts."""
    if not isinstance(port, dict):
        return story.words(port)
    facts = {key: value for key, value in port.items() if key != "name" and value not in (None, False)}
    if isinstance(facts.get("shape"), list):
        facts["shape"] = " × ".join(map(str, facts["shape"])) or "one number"
    return f"{port['name']}: {story.words(facts)}" if port.get("name") else story.words(facts)


def _plan(plan: dict[str, Any]) -> str:
    """The instruments that ran, with the share for those that did not run at full size."""
    cut = [f"{name} (at {numbers.decimals(100 * share)} % of full size)" for name, share in plan.items() if share != 1]
    return ", ".join([name for name, share in plan.items() if share == 1] + cut) or "nothing"


def _lines(value: Any) -> list[str]:
    if isinstance(value, list | tuple) and value:
        return [story.words(item) for item in value]
    return [story.words(value)]


def _versions(diagnosis: Diagnosis) -> str:
    tool = diagnosis.tool
    return ", ".join([f"{tool.name} {tool.version}", *(f"{name} {version}" for name, version in tool.versions.items())])


def _timing(timing: dict[str, float]) -> str:
    """The durations, longest first, without those below 0.05 s."""
    longest = sorted(timing.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {numbers.seconds(value)}" for name, value in longest if value >= 0.05) or "not recorded"


# --- The documentation of a check: a subset of Markdown -------------------------------------------


def document(text: str) -> Markup:
    """Paragraphs, lists and code of a check's documentation as escaped HTML."""
    return joined(_paragraph(part) for part in re.split(r"\n\s*\n", text.strip()) if part.strip())


def _paragraph(part: str) -> Markup:
    lines = part.strip().splitlines()
    if lines[0].lstrip().startswith(("- ", "* ")):
        items = re.split(r"^\s*[-*] ", part, flags=re.MULTILINE)[1:]
        return tag("ul", *(tag("li", *_inline(item)) for item in items), class_="plain")
    return tag("p", *_inline(part))


def _inline(text: str) -> Iterator[str | Markup]:
    parts = re.split(r"`{1,2}([^`]+)`{1,2}", " ".join(text.split()))
    for index, part in enumerate(parts):
        if index % 2:
            yield tag("code", part)
        else:
            yield from _linked(part.replace("**", ""))


def _linked(text: str) -> Iterator[str | Markup]:
    """The text with arXiv numbers as links."""
    end = 0
    for paper in re.finditer(r"arXiv:(\d{4}\.\d{4,5})", text):
        yield text[end : paper.start()]
        yield tag("a", paper.group(), href=f"https://arxiv.org/abs/{paper[1]}", rel="external noreferrer")
        end = paper.end()
    yield text[end:]
