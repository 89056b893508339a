"""Comparison of two results: causes, findings, errors, differences in settings; as data, text and page."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from diagnose.comparing.comparison import Comparison, Level, compare, difference
from diagnose.diagnosis import Diagnosis
from diagnose.findings import Interval
from diagnose.reports import comparison as page
from diagnose.reports import comparison_terminal as terminal
from diagnose.storing import plain
from tests.reports.examples import EVERY, HOSTILE, healthy, hostile, regression, sick
from tests.reports.pictures import errors

ROOT = Path(__file__).parents[1]


def changes(comparison: Comparison) -> dict[str, str]:
    return {cause.code: cause.change for cause in comparison.causes}


def with_error(
    of: Diagnosis, value: float, half: float, unit: Literal["error rate", "RMSE"] = "error rate", split: str = "dev"
) -> Diagnosis:
    """`of` with one error and an interval of +- `half`."""
    return replace(of, errors=errors({split: (value, value - half, value + half)}, unit))


def test_causes_are_gone_new_or_still_there() -> None:
    there = {"high-variance": "still"}
    gone = dict.fromkeys(("inputs-not-scaled", "learning-rate-too-high", "dead-units"), "gone")
    assert changes(compare(sick(), healthy())) == there | gone
    assert changes(compare(healthy(), sick())) == there | dict.fromkeys(gone, "new")


def test_a_cause_that_was_not_checked_is_not_gone() -> None:
    unchecked = replace(
        healthy(),
        checks=tuple(
            replace(check, outcome="skipped", reason="no time") if check.code == "dead-units" else check
            for check in healthy().checks
        ),
    )
    compared = compare(sick(), unchecked)
    assert changes(compared)["dead-units"] == "not-checked"
    assert changes(compared)["inputs-not-scaled"] == "gone"
    assert next(cause.note for cause in compared.causes if cause.code == "dead-units").endswith("dead-units")
    assert {f.change for f in compared.findings if f.code == "dead-units"} == {"not-checked"}
    fresh = {cause.code: cause.note for cause in compare(unchecked, sick()).causes}
    assert fresh["dead-units"] == "not run in the old result: dead-units"
    assert fresh["inputs-not-scaled"] == ""


def test_a_refuted_cause_counts_as_gone() -> None:
    refuted = replace(sick(), causes=tuple(replace(cause, state="refuted") for cause in sick().causes))
    assert set(changes(compare(sick(), refuted)).values()) == {"gone"}
    assert compare(refuted, refuted).causes == ()


def test_findings_are_matched_by_check_and_place() -> None:
    old = sick()
    found = old.findings[0]
    new = replace(old, findings=(replace(found, value=12.5, message="otherwise"), *old.findings[1:]))
    compared = compare(old, new)
    assert {finding.change for finding in compared.findings} == {"still"}
    moved = next(finding for finding in compared.findings if finding.new_value == 12.5)
    assert (moved.old_value, moved.message) == (90.0, "otherwise")


@pytest.mark.parametrize(
    ("old", "new", "half", "direction"),
    [
        (0.20, 0.10, 0.01, "better"),
        (0.10, 0.20, 0.01, "worse"),
        (0.10, 0.11, 0.01, "within-noise"),
        (0.10, 0.10, 0.0, "within-noise"),
    ],
)
def test_a_change_is_real_if_its_interval_excludes_zero(old: float, new: float, half: float, direction: str) -> None:
    (error,) = compare(with_error(sick(), old, half), with_error(sick(), new, half)).errors
    assert error.direction == direction
    assert error.difference == pytest.approx(new - old)
    assert error.interval is not None
    assert error.interval.high - error.interval.low == pytest.approx(2 * half * 2**0.5)


def test_the_interval_of_a_difference_is_that_of_newcombe() -> None:
    """56 of 70 against 48 of 80: the worked example of Newcombe 1998, method 10, [0.0524, 0.3339]."""
    first, second = (Level(0.6, Interval(0.4904, 0.7002)), Level(0.8, Interval(0.6913, 0.8770)))
    span = difference(first, second)
    assert span is not None
    assert (span.low, span.high) == (pytest.approx(0.0524, abs=2e-3), pytest.approx(0.3339, abs=2e-3))


def test_an_error_that_was_not_measured_is_unknown() -> None:
    without = with_error(sick(), float("nan"), 0.0)
    other = with_error(sick(), 3.0, 0.1, "RMSE")
    assert compare(sick(), without).errors[-1].direction == "unknown"
    assert [error.direction for error in compare(with_error(sick(), 0.2, 0.1), other).errors] == ["unknown"]
    assert compare(without, without).errors == ()
    bare = replace(sick(), errors=(replace(with_error(sick(), 0.1, 0.0).errors[0], interval=None),))
    assert compare(bare, bare).errors[0].direction == "unknown"


def test_changed_verdicts_are_listed() -> None:
    verdicts = {item.item: (item.old, item.new) for item in compare(sick(), healthy()).verdicts}
    assert verdicts["more-data"] == ("dont-yet", "do")
    assert compare(sick(), sick()).verdicts == ()


def test_changes_of_the_model_are_separate_from_unfair_differences() -> None:
    old = sick()
    training = old.subject["training"] | {"learning_rate": 5e-4}
    splits = [dict(split) for split in old.subject["splits"]]
    splits[1]["rows"] = 17
    new = replace(
        old,
        subject=old.subject | {"training": training, "splits": splits},
        settings=old.settings | {"seed": 99, "effort": "quick"},
        tool=replace(old.tool, version="9.9"),
    )
    compared = compare(old, new)
    assert [(row.what, row.new) for row in compared.changed] == [("learning rate", 5e-4)]
    assert [row.what for row in compared.unfair] == [f"rows of {splits[1]['name']}", "seed", "effort", "version"]
    assert all(row.why for row in compared.unfair)
    assert compare(old, old).unfair == ()


def test_worse_means_a_new_disease_or_a_real_rise_on_unseen_rows() -> None:
    assert compare(healthy(), sick()).worse
    assert not compare(sick(), healthy()).worse
    assert not compare(sick(), sick()).worse
    low, high = with_error(sick(), 0.1, 0.01), with_error(sick(), 0.2, 0.01)
    assert compare(low, high).worse
    assert not compare(with_error(sick(), 0.1, 0.01, split="train"), with_error(sick(), 0.2, 0.01, split="train")).worse


def test_the_summary_is_one_line() -> None:
    assert compare(sick(), healthy()).summary == (
        "From sick to no fault found: 3 causes gone, 1 cause still there. The dev error fell by more than noise."
    )


@pytest.mark.parametrize("old", EVERY)
def test_every_pair_is_rendered_as_page_and_text(old: str) -> None:
    for make in EVERY.values():
        before, after = EVERY[old](), make()
        compared = compare(before, after)
        text = page.render(compared, before, after)
        assert text.startswith("<!DOCTYPE html>")
        assert "undefined" not in text
        assert json.loads(json.dumps(plain(compared), allow_nan=False))["schema"] == 1
        assert compared.summary.split(":")[0] in " ".join(terminal.render(compared).split())


def test_hostile_names_are_escaped() -> None:
    for pair in ((hostile(), sick()), (sick(), hostile())):
        compared = compare(*pair, ("<b>.json", "\x1b[31m.json"))
        text = page.render(compared, *pair)
        assert HOSTILE not in text
        assert "<b>.json" not in text
        shown = terminal.render(compared)
        assert "\x1b" not in shown
        assert "\u202e" not in shown
        coloured = re.sub(r"\x1b\[1;\d+m|\x1b\[0m", "", terminal.render(compared, colour=True))
        assert coloured == shown


def test_regression_is_compared_by_rmse() -> None:
    text = page.render(compare(regression(), regression()), regression(), regression())
    assert "RMSE" in text
    assert "Within noise" in text


# --- The command --------------------------------------------------------------------------------------


def run(*arguments: object, cwd: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "diagnose", "compare", *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("results")
    (place / "runs").mkdir()
    replace(sick(), date="2026-11-01T09:00:00+00:00").save(place / "runs/first.json")
    replace(healthy(), date="2026-11-03T09:00:00+00:00").save(place / "runs/second.json")
    newer = json.loads((place / "runs/second.json").read_text()) | {"schema": 99, "something": "new"}
    (place / "newer.json").write_text(json.dumps(newer))
    (place / "text.json").write_text("no JSON")
    (place / "other.json").write_text('{"name": "something else"}')
    (place / "empty").mkdir()
    return place


def test_a_file_is_compared_with_the_newest_result_of_a_folder(folder: Path) -> None:
    done = run("runs/first.json", "runs", "--json", "out.json", "--html", "out.html", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert "From sick to no fault found" in done.stdout
    assert json.loads((folder / "out.json").read_text())["new"]["place"] == "runs/second.json"
    assert "http-equiv" in (folder / "out.html").read_text()


def test_with_json_on_standard_output_the_text_goes_to_standard_error(folder: Path) -> None:
    done = run("runs/first.json", "runs/second.json", "--json", "-", cwd=folder)
    assert json.loads(done.stdout)["summary"].startswith("From sick to no fault found")
    assert "From sick to no fault found" in done.stderr


def test_fail_on_worse_sets_the_exit_status(folder: Path) -> None:
    assert run("runs/second.json", "runs/first.json", "--fail-on", "worse", "--quiet", cwd=folder).returncode == 1
    assert run("runs/first.json", "runs/second.json", "--fail-on", "worse", "--quiet", cwd=folder).returncode == 0
    assert run("runs/second.json", "runs/first.json", "--quiet", cwd=folder).returncode == 0


def test_a_newer_schema_is_read_with_a_notice(folder: Path) -> None:
    done = run("runs/first.json", "newer.json", cwd=folder)
    assert done.returncode == 0
    assert done.stderr.startswith("diagnose: newer.json: written by a newer version (schema 99")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("missing.json", "runs"), "missing.json does not exist"),
        (("text.json", "runs"), "text.json: not a diagnosis"),
        (("runs", "other.json"), 'other.json: not a diagnosis: the JSON must have an integer "schema"'),
        (("runs", "empty"), "empty has no results"),
        (("runs", "runs", "--json", "out.txt"), "the output file must end in .json, got out.txt"),
        (("runs", "runs", "--html", "empty"), "must be a file, but empty is a folder"),
    ],
)
def test_an_error_is_one_line(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    done = run(*arguments, cwd=folder)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
