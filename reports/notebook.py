"""Renders a short diagnosis for a notebook cell, in the order of the page."""

from markupsafe import Markup

from diagnose.diagnosis import Cause, Diagnosis, Remedy
from diagnose.reports import ideas, story
from diagnose.reports.numbers import cut
from diagnose.reports.svg import joined, tag
from diagnose.reports.terminal import SIGNS

CAUSES = 5  # at most
STYLE = """
.diagnose-cell { max-width: 46rem; font-size: 14px; line-height: 1.5; overflow-wrap: anywhere; }
.diagnose-cell .state { font-weight: 600; font-size: 16px; margin: 0; }
.diagnose-cell h4 { margin: 1em 0 .25em; font-size: 14px; }
.diagnose-cell p { margin: .25em 0; }
.diagnose-cell ol { margin: 0; padding-left: 1.5em; }
.diagnose-cell pre { padding: .75em; border: 1px solid currentColor; border-radius: 4px; overflow-x: auto; }
.diagnose-cell .faint { opacity: .7; }
"""


def render(diagnosis: Diagnosis) -> str:
    """A small piece of HTML: state, headline, next step, causes, verdicts and coverage."""
    name = cut(str(diagnosis.subject.get("name", "the model")), 60)
    parts = [
        tag("style", Markup(STYLE)),
        tag("p", f"{SIGNS[diagnosis.state.value]} {diagnosis.state.word}: {name}", class_="state"),
        tag("p", story.told(diagnosis)),
        *([tag("p", tag("b", story.unfinished(diagnosis)))] if story.unfinished(diagnosis) else []),
        *_next(diagnosis.remedies),
        *_causes(diagnosis),
        tag("p", ideas.judged(diagnosis), class_="faint"),
        tag("p", story.ran(diagnosis.checks), class_="faint"),
        tag("p", "Full report: ", tag("code", 'diagnosis.save("report.html")'), class_="faint"),
    ]
    return story.clean(tag("div", *parts, class_="diagnose-cell"))


def _next(remedies: tuple[Remedy, ...]) -> list[Markup]:
    if not remedies:
        return []
    first = remedies[0]
    change, span, how = story.payoff(first.payoff)
    payoff = f"{change} {span} ({how})" if change else f"Payoff {how}."
    snippet = [tag("pre", tag("code", first.snippet))] if first.snippet else []
    return [tag("h4", "Best next step"), tag("p", tag("b", first.action)), tag("p", f"{first.why} {payoff}"), *snippet]


def _causes(diagnosis: Diagnosis) -> list[Markup]:
    active = [cause for cause in story.standing(diagnosis.causes) if cause.state != "refuted"]
    if not active:
        return []
    rest = [tag("p", f"and {len(active) - CAUSES} more")] if len(active) > CAUSES else []
    return [
        tag("h4", story.causes_title(diagnosis)),
        tag("ol", joined(_cause(cause) for cause in active[:CAUSES])),
        *rest,
    ]


def _cause(cause: Cause) -> Markup:
    kind = "direction, " if cause.kind == "direction" else ""
    facts = tag("span", f" {kind}{cause.severity.value}, {cause.state}", class_="faint")
    return tag("li", tag("b", cause.title), facts, tag("p", cause.summary))
