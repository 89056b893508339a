"""How many rounds of options a model gets, at which effort."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from diagnose import trying
from diagnose.diagnosis import Effect
from diagnose.findings import Examined, Finding, Severity
from diagnose.measuring.bench import Bench
from diagnose.measuring.work import NO_WORK, Work
from diagnose.reasoning.remedies import generalisation
from diagnose.reasoning.remedies.optimisation import CYCLE_RATE, RESTART_RATE
from diagnose.settings import Effort, Settings
from diagnose.trials.estimating import how_many_apply
from diagnose.trials.joining import Trial
from diagnose.trials.rounds import LOOKS
from tests.checks.builders_training import evaluation, score
from tests.trials.models import SOFTMAX, Scene, dense, net

PARTS = ((generalisation.DROPOUT, generalisation.REGULARIZE), (generalisation.DEEPER, generalisation.DROPOUT))
BEHIND = Examined("does-not-learn", (Finding(Severity.WARNING, "it learns little", check="does-not-learn"),))
Tried = Callable[..., list[list[str]]]


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> Tried:
    """Runs the options, of which those given help, and returns the codes of each round."""

    def run(*helping: str, outcomes: tuple[Examined, ...] = (BEHIND,), effort: Effort = Effort.STANDARD) -> Any:
        rounds: list[list[str]] = []
        earlier: list[int] = []

        def try_remedies(
            planner: Any, measured: Any, wanted: Sequence[Trial], criterion: Any, most: int, *, look: str, keep: Work
        ) -> tuple[Effect, ...]:
            rounds.append([trial.remedy for trial in wanted])
            earlier.append(criterion.earlier)
            assert look == LOOKS[len(rounds) - 1]
            return tuple(
                Effect("", "", 0.4, 0.2 if code in helping else 0.39, None, "sufficient", 3,
                       remedy=code, metric="dev error", helps=code in helping)
                for code in rounds[-1]
            )  # fmt: skip

        monkeypatch.setattr(trying, "try_remedies", try_remedies)
        monkeypatch.setattr(trying, "how_many_apply", lambda bench, measured, wanted: len(wanted))
        monkeypatch.setattr(trying, "measure_rows_curve", lambda planner, measured, left, remedy: None)
        monkeypatch.setattr(trying, "work_of", lambda bench: NO_WORK)
        monkeypatch.setattr(trying, "_all_fit", lambda planner, count, look: True)
        monkeypatch.setattr(trying, "options", lambda now, suspicions: PARTS)
        planner: Any = SimpleNamespace(bench=SimpleNamespace(settings=SimpleNamespace(effort=effort)))
        known = evaluation(score(0.1), score(0.4))
        trying.tried_on_dev(planner, {type(known): known}, outcomes, ())
        assert earlier == [sum(map(len, rounds[:number])) for number in range(len(rounds))]
        return rounds

    return run


def test_a_model_that_falls_short_gets_a_second_round_where_nothing_helps(tried: Tried) -> None:
    assert tried() == [["dropout", "regularize"], ["deeper-network"]]  # nothing is tried twice
    assert tried("dropout") == [["dropout", "regularize"]]


@pytest.mark.parametrize("options", [{"outcomes": ()}, {"effort": Effort.DEEP}])
def test_else_all_options_are_compared_at_once(tried: Tried, options: dict[str, Any]) -> None:
    assert tried(**options) == [["dropout", "regularize", "deeper-network"]]


def test_changes_that_need_a_training_of_some_length_are_counted() -> None:
    """Cycles of the learning rate do not fit into one step; a change that is not counted is never looked at."""
    cycles = [Trial(remedy.code, remedy.option) for remedy in (RESTART_RATE, CYCLE_RATE) if remedy.option is not None]
    subject = Scene("", net(dense(), SOFTMAX), epochs=20).subject()
    with Bench(subject, Settings()) as bench:
        assert how_many_apply(bench, {}, cycles) == len(cycles) == 2
