"""What is shown while an examination runs."""

import os
import pty

import pytest

from diagnose.commands.delivering import _pages_first
from diagnose.commands.progress import Stage, numbered, progress, stages
from diagnose.settings import Effort


def test_an_instrument_has_its_number_and_other_stages_have_none() -> None:
    known = stages(Effort.STANDARD)
    assert known[0] == "network" and "evaluation" in known
    assert numbered("network", known) == f"1 of {len(known)}, network"
    assert numbered("concluding", known) == "concluding"


def test_effort_quick_has_fewer_instruments() -> None:
    assert set(stages(Effort.QUICK)) < set(stages(Effort.STANDARD))


def test_a_pipe_gets_one_plain_line_a_stage_once_there_is_something_to_measure(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with progress(False, Effort.QUICK) as show:
        for name in ("starting Keras", "loading", "network", "concluding"):
            show(name)
    total = len(stages(Effort.QUICK))
    assert capfd.readouterr().err == f"diagnose: 1 of {total}, network\ndiagnose: concluding\n"


def test_quiet_shows_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with progress(True, Effort.QUICK) as show:
        show("network")
    assert capfd.readouterr().err == ""


def test_a_terminal_gets_a_line_that_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pty.openpty()
    monkeypatch.setattr("diagnose.commands.progress.os.dup", lambda _: theirs)
    monkeypatch.setenv("TERM", "xterm")
    with progress(False, Effort.QUICK) as show:
        show("network")
    shown = os.read(ours, 65_536).decode()
    os.close(ours)
    assert "of" in shown and "network" in shown and "diagnose:" not in shown


def test_a_name_on_the_line_is_not_markup() -> None:
    assert Stage("trial [red]x", 0.0).__rich__().startswith(r"trial \[red]x, ")


def test_the_page_comes_first_and_as_an_address() -> None:
    first, second = _pages_first(["out/a.json", "out/a.html"])
    assert first.startswith("file:///") and first.endswith("/out/a.html") and second == "out/a.json"
