"""Interrupts and crashes: nothing that was measured is lost, and what was cut is unknown."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from diagnose.diagnosis import State
from diagnose.findings import Examined
from diagnose.interrupting import Interrupts, interrupts
from diagnose.journal import Entry, Journal, allowance
from diagnose.measurements import Baseline, Network
from diagnose.measuring import Measured, planner_for, planning
from diagnose.pipeline import chosen, diagnose_subject
from diagnose.reasoning.causes import VITAL
from diagnose.reasoning.engine import Seen, state_of
from diagnose.settings import Effort, Settings
from diagnose.stages import Stage
from tests.measuring.subjects import digits

ROOT = Path(__file__).parents[1]


def strike(how: type[BaseException]) -> Any:
    def instrument(*_: Any) -> None:
        raise how

    return instrument


def test_a_signal_outside_a_block_waits_for_the_next_one() -> None:
    with interrupts() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.arrived
        with pytest.raises(KeyboardInterrupt), stop.allowed():
            pytest.fail("the block must not run")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_signal_ends_the_block_that_runs_and_a_second_one_anything() -> None:
    with interrupts() as stop:
        with pytest.raises(KeyboardInterrupt), stop.allowed():
            os.kill(os.getpid(), signal.SIGINT)
        assert not stop.again
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        assert stop.again


def test_an_error_that_hides_an_interrupt_counts_as_one() -> None:
    stop = Interrupts()

    def hidden() -> None:
        try:
            stop.handle(signal.SIGINT, None)
        except KeyboardInterrupt:
            raise RuntimeError("an operation was cancelled") from None

    with pytest.raises(KeyboardInterrupt), stop.allowed():
        hidden()


def test_handlers_of_the_program_are_kept() -> None:
    kept = signal.signal(signal.SIGINT, mine := lambda *_: None)
    try:
        with interrupts():
            assert signal.getsignal(signal.SIGINT) is mine
    finally:
        signal.signal(signal.SIGINT, kept)


def test_what_was_cut_is_unknown_and_so_are_state_and_verdicts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diagnose.measuring.network.network", strike(KeyboardInterrupt))
    found = diagnose_subject(digits(), Settings(effort=Effort.QUICK))
    assert found.state.value == "unknown"
    assert "network" in found.headline
    assert {verdict.verdict for of in found.verdicts.values() for verdict in of} == {"unknown"}
    assert found.settings["interrupted"]


def test_an_instrument_without_memory_is_cut_and_the_others_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diagnose.measuring.network.network", strike(MemoryError))
    found = measured(Journal())
    assert found.cut == {Network: "network ran out of memory"}
    assert not found.interrupted


def test_a_model_with_a_cut_examination_is_sick_or_unknown() -> None:
    seen = Seen([Examined(check.code, ()) for check in VITAL])
    assert state_of((), seen, VITAL) is State.HEALTHY
    assert state_of((), seen, VITAL, cut=True) is State.UNKNOWN


def test_an_interrupt_while_reasoning_keeps_what_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = diagnose_subject(digits(), Settings(effort=Effort.QUICK))

    def progress(stage: Stage) -> None:
        if stage.name == "reasoning":
            os.kill(os.getpid(), signal.SIGINT)

    found = diagnose_subject(digits(), Settings(effort=Effort.QUICK), progress)
    assert [check.outcome for check in found.checks] == [check.outcome for check in whole.checks]


class Kept(Journal):
    """A journal in memory."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.allowances: dict[str, float] = {}

    def known(self, title: str) -> Entry | None:
        return self.entries.get(title)

    def begin(self, title: str, allowance: float) -> None:
        self.allowances[title] = allowance

    def keep(self, title: str, entry: Entry) -> None:
        self.entries[title] = entry


def measured(journal: Journal) -> Measured:
    with planner_for(digits(), Settings(effort=Effort.QUICK), lambda _: None, journal) as planner:
        return planning.measured_by(planner, planner.measure(frozenset({Network, Baseline})))


def test_what_is_in_the_journal_is_not_measured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Kept()
    first = measured(journal)
    assert set(journal.entries) == {"network"}
    monkeypatch.setattr("diagnose.measuring.network.network", strike(AssertionError))
    assert measured(journal).measurements[Network] is first.measurements[Network]
    assert journal.allowances["network"] == allowance(0.0, 1)


def test_what_is_barred_is_listed_with_its_reason() -> None:
    class Barred(Kept):
        def barred(self, title: str) -> tuple[str, str] | None:
            return "its process was ended by SIGKILL", "Run it elsewhere."

    found = measured(Barred())
    assert [missed.why for missed in found.missed if missed.what == "network"] == ["its process was ended by SIGKILL"]
    assert set(found.cut) == {Network}  # baselines are not part of the effort, so nothing cut them


def test_more_rows_get_a_longer_allowance() -> None:
    assert allowance(0.0, 50_000) == allowance(0.0, 10) < allowance(0.0, 500_000)
    assert allowance(1.0, 10) > allowance(0.0, 10)


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import keras

    place = tmp_path_factory.mktemp("user")
    x = np.random.default_rng(0).normal(size=(200, 4)).astype("float32")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    model.save(place / "model.keras")
    np.savez(place / "data.npz", x=x, y=(x[:, 0] > 0).astype("int64"))
    return place


@pytest.mark.parametrize(
    ("fault", "status"),
    [("network=SIGKILL", 0), ("loading=terminate", 130), ("writing the report=interrupt", 130), ("network=hang", 0)],
)
def test_the_command_writes_its_report_whatever_happens(user: Path, fault: str, status: int, tmp_path: Path) -> None:
    line = [sys.executable, "-m", "benchmarks.fuzz.attacks.faulty", "model.keras", "data.npz", "--effort", "quick"]
    more = {"DIAGNOSE_FAULT": fault, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*line, "--only", "dead-units,non-finite-weights", "--out", str(tmp_path)],
        cwd=user, env=os.environ | more, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert (done.returncode, "Traceback" in done.stderr) == (status, False), done.stderr
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".html", ".json"]
    result = json.loads(next(tmp_path.glob("*.json")).read_text(encoding="utf-8"))
    if fault.startswith(("network", "loading")):
        assert result["state"] == "unknown"
        said = " ".join((*result["settings"].get("ended", ()), *(gap["why"] for gap in result["coverage"])))
        assert {"SIGKILL": "SIGKILL", "terminate": "interrupted", "hang": "without a result"}[
            fault.split("=")[1]
        ] in said
        assert ("without oneDNN" in said) == fault.startswith("network")


def test_every_check_has_a_place_in_the_report_of_a_model_that_was_not_loaded() -> None:
    from diagnose.pipeline import not_loaded
    from diagnose.reports import html, terminal

    found = not_loaded("m", Settings(), "it was interrupted", "Run it again.", interrupted=True, ended=("network: x.",))
    assert [check.outcome for check in found.checks] == ["skipped"] * len(chosen(Settings()))
    assert "it was interrupted" in html.render(found)
    assert "network: x." in terminal.render(found).replace("\n", " ")
