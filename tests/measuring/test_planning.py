"""The planner: what runs at which size, failures, and an unchanged model."""

import time
from dataclasses import fields, is_dataclass
from itertools import count
from typing import Any

import numpy as np
import pytest

from diagnose.measurements import REPORT, Baseline, History, Initial, LearningRate, OverfitBatch, Unavailable
from diagnose.measuring import Measured, measured_by, planner_for, planning, work
from diagnose.measuring.bench import Bench
from diagnose.measuring.state import fingerprint
from diagnose.settings import Effort, Settings
from diagnose.stages import Progress, Stage, silent
from diagnose.subject import Subject
from tests.measuring.subjects import digits

TRAININGS = frozenset({OverfitBatch, LearningRate, History})


def measure(subject: Subject, needed: frozenset[type], settings: Settings, progress: Progress = silent) -> Measured:
    with planner_for(subject, settings, progress) as planner:
        found = planner.measure(needed)
    return measured_by(planner, found)


def test_effort_quick_does_not_train_and_lists_what_is_missing() -> None:
    result = measure(digits(), TRAININGS | {Initial, Baseline}, Settings(effort=Effort.QUICK))
    for kind in (*TRAININGS, Baseline):
        assert isinstance(result.measurements[kind], Unavailable)
    assert isinstance(result.measurements[Initial], Initial)
    assert {entry.what for entry in result.missed} == {"overfit one batch", "baselines", "learning rates"}


def test_progress_reports_instruments_by_priority() -> None:
    stages: list[Stage] = []
    measure(digits(), frozenset({LearningRate, Initial}), Settings(), stages.append)
    assert stages == [Stage("loss at initialisation", 1, 2), Stage("learning rates", 2, 2)]


def test_the_time_left_is_scaled_by_the_pace_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    kinds = (Initial, OverfitBatch, LearningRate)

    def instrument(place: int) -> planning.Instrument:
        def found(*_: object) -> object:
            clock[0] += 6.0
            return Unavailable("a stub", "")

        def two_seconds(bench: Bench, measured: object) -> work.Work:
            return work.Work(seconds=2.0)

        return planning.Instrument(kinds[place], Effort.QUICK, place, str(place), found, two_seconds)

    monkeypatch.setattr(planning, "INSTRUMENTS", tuple(map(instrument, range(3))))
    monkeypatch.setattr(planning.time, "perf_counter", lambda: clock[0])
    stages: list[Stage] = []
    with planner_for(digits(), Settings(), stages.append) as planner:
        planner.measure(frozenset(kinds), after=lambda measured: work.Work(seconds=5.0))
    assert [stage.seconds_left for stage in stages] == [None, 3 * (2 + 2 + 5), 3 * (2 + 5)]


def test_an_instrument_shrinks_to_fit_the_budget_or_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "timed", lambda bench: (0.01, 0.1))
    result = measure(digits(), frozenset({LearningRate}), Settings(budget=40.0))
    assert result.executed[0].scale < 1
    assert isinstance(result.measurements[LearningRate], LearningRate)
    monkeypatch.setattr(work, "timed", lambda bench: (10.0, 0.1))
    result = measure(digits(), frozenset({LearningRate}), Settings(budget=40.0))
    assert isinstance(result.measurements[LearningRate], Unavailable)
    assert result.executed == ()
    assert "--budget" in result.missed[0].how


def test_without_a_budget_the_plan_does_not_depend_on_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = measure(digits(), TRAININGS | {Baseline}, Settings())
    hours = count(step=3600.0)
    monkeypatch.setattr(time, "perf_counter", lambda: next(hours))
    slow = measure(digits(), TRAININGS | {Baseline}, Settings())
    assert [(run.name, run.scale) for run in slow.executed] == [(run.name, run.scale) for run in usual.executed]
    assert all(plain(usual.measurements[kind]) == plain(slow.measurements[kind]) for kind in TRAININGS)


def test_an_instrument_shrinks_to_keep_a_reserve_but_not_below_its_smallest_scale(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def twenty_seconds(bench: Bench, measured: object) -> work.Work:
        return work.Work(seconds=20.0 * bench.scale)

    instrument = planning.Instrument(
        LearningRate, Effort.STANDARD, 1, "sweep", lambda *_: Unavailable("a stub", ""), twenty_seconds, share=0.5
    )
    monkeypatch.setattr(planning, "INSTRUMENTS", (instrument,))

    def scale(kept: float) -> float:
        with planner_for(digits(), Settings(), silent) as planner:
            planner.measure(frozenset({LearningRate}), lambda measured: work.Work(seconds=kept))
            (run,) = planner.executed
            return run.scale

    assert [scale(kept) for kept in (0.0, 20.0, 21.0, 45.0, 1000.0)] == [1.0, 1.0, 0.5, 0.25, 0.1]


def test_a_failing_instrument_does_not_affect_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(bench: object, measured: object) -> object:
        raise ZeroDivisionError("by zero")

    failing = planning.Instrument(OverfitBatch, Effort.QUICK, 1, "broken", broken)
    others = tuple(i for i in planning.INSTRUMENTS if i.provides is Initial)
    monkeypatch.setattr(planning, "INSTRUMENTS", (failing, *others))
    result = measure(digits(), frozenset({OverfitBatch, Initial}), Settings())
    assert result.measurements[OverfitBatch] == Unavailable("broken failed: ZeroDivisionError: by zero", REPORT)
    assert isinstance(result.measurements[Initial], Initial)
    assert [entry.what for entry in result.missed] == ["broken"]


def test_the_model_does_not_change_and_measurements_are_repeatable() -> None:
    case = digits(epochs=1)
    before = fingerprint(case.model)
    first = measure(case, TRAININGS | {Initial}, Settings()).measurements
    assert fingerprint(case.model) == before
    again = measure(case, TRAININGS | {Initial}, Settings()).measurements
    assert plain(first) == plain(again)


def plain(value: Any) -> Any:
    """Convert measurements to nested plain data that compares by value, with nan equal to nan."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, np.ndarray):
        return value.tobytes()
    return [plain(item) for item in value] if isinstance(value, tuple) else repr(value)
