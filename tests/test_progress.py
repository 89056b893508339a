"""What is shown while an examination runs."""

import os
import pty

import pytest

from diagnose.commands.delivering import _pages_first
from diagnose.commands.progress import Line, progress, told
from diagnose.stages import Stage


def test_a_stage_is_told_with_its_number_and_the_time_left_if_they_are_known() -> None:
    assert told(Stage("learning rates", 8, 13, 41.0)) == "8 of 13, learning rates, about 40 s left"
    assert told(Stage("learning rates", 8, 13)) == "8 of 13, learning rates"
    assert told(Stage("concluding")) == "concluding"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, ""), (7.3, ", about 7 s left"), (33.0, ", about 35 s left"), (200.0, ", about 3 min left")],
)
def test_the_time_left_is_rounded(seconds: float, words: str) -> None:
    assert told(Stage("replay", 1, 2, seconds)) == f"1 of 2, replay{words}"


def test_the_time_left_counts_down_and_is_not_told_once_it_has_passed() -> None:
    stage = Stage("replay", 1, 2, 30.0)
    assert told(stage, passed=21.0) == "1 of 2, replay, about 9 s left"
    assert told(stage, passed=35.0) == "1 of 2, replay"


def test_a_pipe_gets_one_plain_line_a_stage_once_there_is_something_to_measure(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with progress(quiet=False) as show:
        for stage in (Stage("loading"), Stage("network", 1, 8), Stage("data", 2, 8, 20.0), Stage("concluding")):
            show(stage)
    lines = ("1 of 8, network", "2 of 8, data, about 20 s left", "concluding")
    assert capfd.readouterr().err == "".join(f"diagnose: {line}\n" for line in lines)


def test_quiet_shows_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with progress(quiet=True) as show:
        show(Stage("network", 1, 8))
    assert capfd.readouterr().err == ""


def test_a_terminal_gets_a_line_that_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pty.openpty()
    monkeypatch.setattr("diagnose.commands.progress.os.dup", lambda _: theirs)
    monkeypatch.setenv("TERM", "xterm")
    with progress(quiet=False) as show:
        show(Stage("network", 1, 8, 40.0))
    shown = ""
    while "network" not in shown:  # what is written arrives in parts
        shown += os.read(ours, 65_536).decode()
    os.close(ours)
    assert "1 of 8, network, about 40 s left" in shown and "diagnose:" not in shown


def test_a_name_on_the_line_is_not_markup() -> None:
    assert Line(Stage("trial [red]x"), 0.0).__rich__().startswith(r"trial \[red]x (")


def test_the_page_comes_first_and_as_an_address() -> None:
    first, second = _pages_first(["out/a.json", "out/a.html"])
    assert first.startswith("file:///") and first.endswith("/out/a.html") and second == "out/a.json"
