"""The summary on the terminal."""

from dataclasses import replace
from pathlib import Path

import pytest

from diagnose.diagnosis import Effect
from diagnose.findings import Interval
from diagnose.reports.terminal import CAUSES, render
from tests.reports.examples import EVERY, healthy, hostile, sick


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("width", [40, 80, 200])
def test_it_names_state_and_headline(name: str, width: int) -> None:
    diagnosis = EVERY[name]()
    text = render(diagnosis, width=width)
    assert diagnosis.state.word.upper() in text.splitlines()[0]
    assert "\x1b" not in text and "\u202e" not in text


def test_causes_come_with_their_numbers_and_the_next_step_with_its_payoff() -> None:
    text = render(sick(), paths=[Path("diagnosis") / "model.html"])
    assert "1. Inputs are not scaled (error, confirmed) inputs-not-scaled" in text
    assert "90 [89.1, 90.9]" in text
    assert "Payoff: 90.1 % → 11.0 % [10.1, 12.0] (error rate, measured)" in " ".join(text.split())
    assert text.rstrip().endswith("Report: diagnosis/model.html")
    assert "4 of 13 checks could not run" in text


def test_refuted_causes_are_left_out() -> None:
    assert "too-deep-plain" not in render(sick())


def test_at_most_five_causes() -> None:
    many = tuple(replace(sick().causes[0], code=f"cause-{i}", rank=i) for i in range(9))
    text = render(replace(sick(), causes=many))
    assert text.count("(error, confirmed)") == CAUSES
    assert "and 4 more in the report" in text


def test_a_healthy_model_has_no_causes() -> None:
    text = render(replace(healthy(), causes=()))
    assert "No cause was found." in text and "Worth trying next" in text and "could not run" not in text


def test_a_trial_without_effect_is_one_phrase() -> None:
    effect = Effect("inputs-not-scaled", "inputs scaled", 0.0, 0.0, Interval(0.0, 0.0), "sufficient", 3, steps=600)
    text = " ".join(render(replace(sick(), effects=(effect,))).split())
    assert "Inputs scaled alone: train skill stays at 0 after 600 steps: gain [0, 0]" in text


def test_a_confirmed_cause_shows_the_trial_that_confirms_it() -> None:
    tried = replace(sick().effects[0], restores=True)
    in_vain = replace(tried, what="inputs whitened", before=0.0, after=0.0, interval=Interval(0, 0), restores=False)
    text = " ".join(render(replace(sick(), effects=(in_vain, tried))).split())
    assert "Inputs scaled to 0–1 alone" in text and "Inputs whitened" not in text


def test_lines_keep_the_width() -> None:
    lines = render(sick(), width=72).splitlines()
    assert max(len(line) for line in lines if " " in line.strip()) <= 90
    assert [line for line in lines if len(line) > 72 and not line.lstrip()[:2].strip(".").isdigit()] == []


def test_colour_only_adds_colour_codes() -> None:
    import re

    coloured = render(sick(), colour=True)
    assert "\x1b[1;31m" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == render(sick())


def test_no_name_can_control_the_terminal() -> None:
    nasty = replace(hostile(), subject={"name": "\x1b]0;owned\x07\x1b[2J"}, headline="\x1b[31mred\r\nover")
    assert not {"\x1b", "\x07", "\r"} & set(render(nasty))


def test_a_step_that_was_measured_comes_with_its_command() -> None:
    diagnosis = sick()
    assert diagnosis.remedies[0].payoff.how == "measured"
    code = diagnosis.remedies[0].code

    def shown(command: str, **training: int | None) -> str:
        subject = {**diagnosis.subject, "training": training}
        settings = {**diagnosis.settings, "command": command}
        return render(replace(diagnosis, subject=subject, settings=settings), width=200)

    step = f"Train it: diagnose a.keras b --apply {code} --save better.keras"
    for known in ({"epochs": 3, "iterations": None}, {"epochs": None, "iterations": 300}):
        assert f"{step}\n" in shown("diagnose a.keras b", **known)
    assert f"{step} --epochs N (N: as many as in your training)\n" in shown("diagnose a.keras b")
    for command in ("diagnose demo", "diagnose a.keras b --apply x --save y.keras", ""):
        assert "Train it" not in shown(command)


def test_a_step_in_the_users_own_code_has_no_command() -> None:
    diagnosis = sick()
    first, *others = diagnosis.remedies
    settings = {**diagnosis.settings, "command": "diagnose a.keras b"}
    by_hand = replace(diagnosis, settings=settings, remedies=(replace(first, own_code=True), *others))
    assert "Train it" in render(replace(diagnosis, settings=settings)) and "Train it" not in render(by_hand)
