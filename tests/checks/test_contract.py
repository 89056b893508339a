"""What holds for every check."""

import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from diagnose.checks import CHECKS
from diagnose.findings import Crashed, Examined, Finding, Severity, Skipped
from diagnose.live.notices import reads_history
from diagnose.measurements import (
    Activations,
    Backward,
    Baseline,
    Conversions,
    Dataset,
    Evaluation,
    Forward,
    Gradients,
    History,
    Initial,
    LearningRate,
    OverfitBatch,
    Run,
)
from diagnose.registry import HEADINGS, Check, sections
from diagnose.registry import check as declare
from tests.checks import builders as b

FAMILIES = ("numerics", "data", "network", "optimisation", "generalisation", "process")
CODES = [check.code for check in CHECKS]
each_check = pytest.mark.parametrize("check", CHECKS, ids=CODES)


def written() -> Iterator[Check]:
    """The checks defined in the families' files, each under the name of its file."""
    for family in FAMILIES:
        package = importlib.import_module(f"diagnose.checks.{family}")
        for module in pkgutil.iter_modules(package.__path__):
            found = getattr(importlib.import_module(f"{package.__name__}.{module.name}"), module.name, None)
            if isinstance(found, Check):
                yield found


def test_every_check_that_is_written_is_listed_once() -> None:
    assert sorted(check.code for check in written()) == sorted(CODES)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_lists_its_own_checks(family: str) -> None:
    package = importlib.import_module(f"diagnose.checks.{family}")
    assert {check.family for check in package.CHECKS} == {family}


def test_checks_import_no_heavy_library() -> None:
    heavy = "{'keras', 'tensorflow', 'sklearn', 'pandas', 'matplotlib', 'jax', 'torch'}"
    code = f"import sys, diagnose.checks; print(sorted({heavy} & set(sys.modules)))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


@each_check
def test_documentation_is_complete_and_in_order(check: Check) -> None:
    parts = sections(check.explanation)
    assert tuple(parts) == ("", *HEADINGS)
    assert all(parts.values()), "no heading may be empty"
    assert all(line.startswith(("- ", "  ")) for line in parts["References"].splitlines())
    assert parts[""].endswith("."), "the first sentence says what the check does"


@each_check
def test_code_and_title_have_the_right_form(check: Check) -> None:
    assert check.code == check.code.lower() and "_" not in check.code
    assert check.title[0].isupper() and not check.title.endswith(".")


@each_check
def test_without_measurements_a_check_is_skipped_with_a_reason(check: Check) -> None:
    outcome = check.run({})
    assert isinstance(outcome, Skipped)
    assert outcome.reason
    assert outcome.how.endswith(".") and outcome.how[0].isupper()


@each_check
def test_every_check_declares_further_reading(check: Check) -> None:
    assert check.reading
    assert all(link.address.startswith(("https://", "http://")) and "?" not in link.address for link in check.reading)


def test_a_link_title_has_one_address() -> None:
    links = {link for check in CHECKS for link in check.reading}
    assert len({link.address for link in links}) == len({link.title for link in links}) == len(links)


def test_checks_that_judge_a_watched_training_by_its_history() -> None:
    reading = [check.code for check in CHECKS if reads_history(check) and check.speaks_live]
    assert set(reading) == {
        "best-epoch",
        "divergence",
        "label-order",
        "large-updates",
        "non-finite-training",
        "overwritten-weights",
        "plateau",
        "posterior-collapse",
        "small-updates",
    }


@pytest.mark.parametrize(
    ("origins", "hint"),
    [(("recorded", "live"), "--history"), (("live",), "DiagnosisCallback"), (("replay",), "without --history")],
)
def test_a_history_of_another_origin_names_the_way_out(origins: tuple[str, ...], hint: str) -> None:
    @declare("Title", "process", origins)
    def reads_history(history: History) -> Iterator[Finding]:
        yield from ()

    other = next(origin for origin in ("replay", "recorded") if origin not in origins)
    outcome = reads_history.run({History: replace(WORLDS["zeros"][History], origin=other)})
    assert isinstance(outcome, Skipped)
    assert hint in outcome.how


def test_a_check_that_needs_all_rows_is_skipped_where_a_split_is_a_sample() -> None:
    @declare("Title", "data", needs_all_rows=True)
    def counts_rows(dataset: Dataset) -> Iterator[Finding]:
        yield from ()

    def outcome(**changes: Any) -> Any:
        return counts_rows.run({Dataset: b.dataset(b.split(**changes))})

    assert isinstance(outcome(), Examined)
    sample = outcome(sampled=True, population=60_000)
    assert sample.reason == "needs all rows; train is a sample of 1,000 out of 60,000 rows"
    assert outcome(sampled=True).reason == "needs all rows; train is a sample of 1,000 rows"


def world(fill: float) -> dict[type, object]:
    """Measurements in which every array holds this value."""

    def full(size: int) -> Any:
        return np.full(size, fill)

    run = Run(0, full(4), full(4), full(4), full(4), full(4), full(6), full(6))
    x = b.inputs(fill, fill, low=full(8), high=full(8))
    y = b.labels(mean=full(1), std=full(1), low=full(1), high=full(1))
    layers = b.one_pass(
        b.activations("dense", std=fill, mean=full(64), positive=full(64), saturated=full(64)),
        first=[b.first_input(fill, fill, max_abs=fill)],
    )
    slopes = b.gradients(b.gradient("dense", relative=fill), loss=fill)
    measured: tuple[object, ...] = (
        b.network(),
        b.dataset(b.split(x=x, y=y), dev=b.split("dev", x, y)),
        Forward(layers, layers),
        Backward(slopes, slopes),
        b.evaluation(b.scores("train", b.score(fill, fill)), b.scores("dev", b.score(fill, fill))),
        Conversions(10, (b.score(fill, fill),), ()),
        Initial(("y",), ((fill, fill, fill),), (fill,), 100),
        LearningRate(fill, (), (), None, None, None, "flat", 10, 100, 32),
        History("replay", (run, run), 10, 1000, 200, fill, fill, True, dev_se=fill),
        OverfitBatch(16, 16, (), False),
        Baseline((), "dev", "no"),
    )
    return {type(one): one for one in measured}


def nothing() -> dict[type, object]:
    """Measurements that are all empty."""
    none = np.empty(0)
    empty = b.split(
        x=b.inputs(features=0), y=b.labels({}, mean=none, std=none, low=none, high=none), rows=0, rows_used=0
    )
    measured: tuple[object, ...] = (
        b.network(layers=(), parameters=0, trainable_parameters=0),
        b.dataset(empty, dev=empty),
        Forward(Activations((), (), 0), Activations((), (), 0)),
        Backward(Gradients((), (), 0.0, 0, 0), Gradients((), (), 0.0, 0, 0)),
        Evaluation(b.MISSING, b.MISSING, b.MISSING, b.MISSING),
        Conversions(0, (), ()),
        Initial((), (), (), 0),
        LearningRate(None, (), (), None, None, None, "nothing was tried", 0, 0, 0),
        History("replay", (), None, None, None, None, None, False),
        OverfitBatch(0, 0, (), False),
        Baseline((), "dev", "no"),
    )
    return {type(one): one for one in measured}


WORLDS = {"nothing": nothing(), "zeros": world(0.0), "nan": world(float("nan")), "huge": world(1e30)}


@pytest.mark.parametrize("name", WORLDS)
@each_check
def test_no_check_crashes_on_odd_measurements(check: Check, name: str) -> None:
    with np.errstate(all="ignore"):
        outcome = check.run(WORLDS[name])
    assert not isinstance(outcome, Crashed), outcome


@pytest.mark.parametrize("name", WORLDS)
@each_check
def test_a_message_is_one_clause(check: Check, name: str) -> None:
    with np.errstate(all="ignore"):
        outcome = check.run(WORLDS[name])
    for finding in outcome.findings if isinstance(outcome, Examined) else ():
        assert finding.message and not finding.message.endswith(".")
        assert not finding.message[0].isupper()
        assert finding.severity in Severity
