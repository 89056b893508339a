"""Renders the diagnosis as JUnit XML for continuous integration: one test case per check."""

from collections.abc import Sequence
from xml.etree import ElementTree

from diagnose.diagnosis import CheckOutcome, Diagnosis
from diagnose.findings import Finding, Severity
from diagnose.reports.story import clean


def render(diagnosis: Diagnosis) -> str:
    """One `testcase` per check: `failure` for an error or a warning, `skipped`, or `error` if the check crashed.

    The severity of the causes decides: a finding whose causes are all hints is not a failure.
    """
    grave = {
        identifier
        for cause in diagnosis.causes
        if cause.severity.rank >= Severity.WARNING.rank and cause.state != "refuted"
        for identifier in cause.explains
    }
    suite = ElementTree.Element("testsuite", name="diagnose", tests=str(len(diagnosis.checks)))
    for check in diagnosis.checks:
        failing = [f for f in diagnosis.findings if f.check == check.code and f.id in grave]
        suite.append(_case(check, failing))
    for attribute, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(len(suite.findall(f"testcase/{kind}"))))
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _case(check: CheckOutcome, failing: Sequence[Finding]) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname=check.family, name=check.code, time=f"{check.seconds:.3f}")
    if check.outcome == "skipped":
        ElementTree.SubElement(case, "skipped", message=clean(check.reason))
    elif check.outcome == "crashed":
        ElementTree.SubElement(case, "error", message=clean(check.reason))
    elif failing:
        text = "\n".join(f"{finding.severity}: {clean(finding.message)}" for finding in failing)
        ElementTree.SubElement(case, "failure", message=clean(check.title)).text = text
    return case
