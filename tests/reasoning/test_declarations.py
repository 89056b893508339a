"""What must hold for every declared cause and remedy."""

import re

import pytest

from diagnose.checks import CHECKS
from diagnose.diagnosis import FAST_AI, MACHINE_LEARNING_YEARNING
from diagnose.reasoning.causes import CAUSES, GATE, VITAL, DeclaredCause
from diagnose.reasoning.remedies import REMEDIES, DeclaredRemedy
from diagnose.reasoning.snippets import Values
from diagnose.reasoning.verdicts import TITLES, WAYS
from diagnose.subject import Task

BY_CODE = {cause.code: cause for cause in CAUSES}


def test_codes_are_unique() -> None:
    assert len(BY_CODE) == len(CAUSES)
    assert len({remedy.code for remedy in REMEDIES}) == len(REMEDIES)


@pytest.mark.parametrize("cause", CAUSES, ids=lambda c: c.code)
def test_a_cause_is_complete(cause: DeclaredCause) -> None:
    assert cause.remedies
    assert cause.supported_by
    assert cause.about.endswith(".")
    assert set(cause.explains) <= set(BY_CODE) - {cause.code}
    assert set(cause.telling) <= set(cause.remedies)
    assert all(remedy.trial or remedy.measured or remedy.goes_on for remedy in cause.telling)


def test_explains_has_no_cycle_but_of_two() -> None:
    """Of two that bring about each other, the stronger one is the root; a longer cycle would have none."""

    def reaches(code: str, path: tuple[str, ...]) -> None:
        assert code not in path, f"{' -> '.join(path)} -> {code}"
        for brought in BY_CODE[code].explains:
            if not path or brought != path[-1]:
                reaches(brought, (*path, code))

    for code in BY_CODE:
        reaches(code, ())


def test_every_check_supports_some_cause() -> None:
    named = ((*cause.supported_by, *cause.witnessed_by, *cause.refuted_by) for cause in CAUSES)
    supporting = {check.code for checks in named for check in checks}
    supporting |= {check.code for check in GATE}
    assert {check.code for check in CHECKS} == supporting


def test_what_the_engine_names_is_registered() -> None:
    assert {check.code for check in (*GATE, *VITAL)} <= {check.code for check in CHECKS}


@pytest.mark.parametrize("remedy", REMEDIES, ids=lambda r: r.code)
def test_a_snippet_is_python(remedy: DeclaredRemedy) -> None:
    for text in (remedy.snippet, remedy.action):
        assert not re.search(r"\$\w", Values().fill(text))
    assert "$" not in remedy.title
    compile(Values().fill(remedy.snippet), remedy.code, "exec")


def test_remedies_for_some_tasks_only_cover_every_task() -> None:
    for cause in CAUSES:
        tasks = [remedy.tasks for remedy in cause.remedies]
        if None not in tasks and cause.code != "softmax-on-multilabel":
            covered = frozenset().union(*(task for task in tasks if task))
            assert covered >= {task for task in Task if task.classifies}, cause.code


def test_every_remedy_is_offered() -> None:
    offered = {r.code for cause in CAUSES for r in cause.remedies} | {r.code for ways in WAYS.values() for r in ways}
    assert {remedy.code for remedy in REMEDIES} == offered


def test_the_lists_have_a_title_and_a_snippet_for_every_item() -> None:
    assert set(MACHINE_LEARNING_YEARNING) | set(FAST_AI) == set(TITLES) == set(WAYS)


def test_an_idea_that_repairs_a_cause_is_on_the_lists() -> None:
    ideas = {cause.idea for cause in CAUSES} - {""}
    assert ideas
    assert ideas <= set(TITLES)
