"""Draws a measured value and its threshold, as the small picture in a row of evidence."""

import math

from markupsafe import Markup

from diagnose.findings import Finding, Severity
from diagnose.reports.numbers import interval_text
from diagnose.reports.story import in_unit, interval_of
from diagnose.reports.svg import Scale, at, scale, tag

RATIO = 20.0  # with a larger ratio between value and threshold the axis is a log axis
GRAVE = Severity.WARNING.rank


def gauge(finding: Finding) -> Markup:
    """The value with its interval; the side of the threshold without a finding is shaded.

    Empty if value or threshold is missing or not finite, or if they are equal.
    """
    value, limit = finding.value, finding.threshold
    if value is None or limit is None or not math.isfinite(value) or not math.isfinite(limit) or value == limit:
        return Markup("")
    along = _axis(finding, value, limit)
    edge, place = along.place(limit) or 0.0, along.place(value) or 0.0
    low, high = (0.0, edge) if value > limit else (edge, 100.0)
    style = "c-flag" if finding.severity.rank >= GRAVE else "c-ink"
    marks = [
        tag("rect", class_="okb", x=at(low), y=0, width=at(high - low), height="100%"),
        tag("line", class_="grid", x1=0, x2="100%", y1="50%", y2="50%"),
        tag("line", class_="ref c-ok", x1=at(edge), x2=at(edge), y1=0, y2="100%"),
        *_interval(finding, along, style),
        tag("circle", class_=f"pt {style}", cx=at(place), cy="50%", r=4),
    ]
    span = interval_of(finding)
    measured = f"{in_unit(value, span, finding.unit)} {interval_text(span, finding.unit)}".rstrip()
    scaled = ", log scale" if along.log else ""
    sentence = f"{measured}; alarm threshold {in_unit(limit, None, finding.unit)}{scaled}"
    return tag("svg", *marks, tag("title", sentence), role="img", aria_label=sentence, width="100%", height=18)


def _axis(finding: Finding, value: float, limit: float) -> Scale:
    ends = [value, limit]
    span = interval_of(finding)
    if span is not None:
        ends += [end for end in (span.low, span.high) if math.isfinite(end)]
    positive = min(ends) > 0
    if positive and max(ends) / min(ends) >= RATIO:
        first, last = min(ends) / 3, max(ends) * 1.5
        return Scale(first, last, log=True)
    rough = scale(ends, zero=True)
    room = 0.06 * (rough.high - rough.low)
    return Scale(rough.low - room, rough.high + room)


def _interval(finding: Finding, along: Scale, style: str) -> list[Markup]:
    span = interval_of(finding)
    if span is None:
        return []
    ends = [along.place(end) for end in (span.low, span.high)]
    left, right = (0.0 if ends[0] is None else ends[0]), (100.0 if ends[1] is None else ends[1])
    return [tag("line", class_=f"iv {style}", x1=at(left), x2=at(right), y1="50%", y2="50%")]
