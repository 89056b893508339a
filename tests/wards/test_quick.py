"""The quick part of both wards, and consistency of all cases."""

import pytest

from tests.wards.cases import BY_NAME, CASES
from tests.wards.data import AbsentError
from tests.wards.recipe import HALVES, Case
from tests.wards.training import build, data_of
from tests.wards.ward import Result, examine, rates, table

# Right answers that no check supports yet. Each of their cases has another answer that can be named.
NOT_NAMED_YET = {"label-noise", "normalization-misuse", "useless-features"}
QUICK = [case for case in CASES if case.quick]


@pytest.fixture(scope="module")
def results() -> list[Result]:
    return [examine(case) for case in QUICK]


@pytest.mark.ward
def test_every_quick_case_is_verified_and_gets_a_diagnosis(results: list[Result]) -> None:
    assert {result.name: result.verdict for result in results if not result.counts or result.trouble} == {}
    assert {result.name: result.bugs for result in results if result.bugs} == {}


@pytest.mark.ward
def test_no_healthy_model_is_accused(results: list[Result]) -> None:
    assert rates(results)["healthy: some disease at warning or error"].k == 0, table(results)
    assert rates(results)["healthy: not said to be healthy"].k == 0, table(results)


@pytest.mark.ward
def test_a_right_cause_of_a_gross_fault_comes_first(results: list[Result]) -> None:
    found = rates(results)["sick: right cause first"]
    assert found.k >= found.n - 1, table(results)
    assert rates(results)["sick: right cause in the first three"].k == found.n, table(results)


@pytest.mark.ward
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_case_builds(case: Case) -> None:
    try:
        data = data_of(case.recipe)
    except AbsentError as absent:
        pytest.skip(str(absent))
    model = build(case.recipe, data_of(case.recipe, handed=False))
    assert model.count_params() > 0
    assert len(getattr(model, "outputs", None) or [model]) == len(data.tasks)


def test_names_are_unique() -> None:
    assert len(BY_NAME) == len(CASES)


def test_both_halves_have_every_family_of_two_or_more() -> None:
    families: dict[str, list[str]] = {}
    for case in CASES:
        families.setdefault(case.family, []).append(case.half)
    assert all(set(halves) == set(HALVES) for halves in families.values() if len(halves) > 1)


def test_both_wards_are_large_enough() -> None:
    assert sum(case.sick for case in CASES) >= 40
    assert sum(not case.sick for case in CASES) >= 32


def test_every_answer_is_a_known_cause() -> None:
    from diagnose.reasoning.causes import CAUSES

    known = {cause.code for cause in CAUSES}
    assert {code for case in CASES for code in case.answers} <= known | NOT_NAMED_YET
    assert not known & NOT_NAMED_YET
    assert [case.name for case in CASES if case.sick and not case.answers & known] == []
