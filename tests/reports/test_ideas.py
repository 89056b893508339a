"""Both remedy lists as one table."""

from dataclasses import replace

from diagnose.diagnosis import Diagnosis, Payoff, Verdict
from diagnose.findings import Interval
from diagnose.reports import ideas
from diagnose.reports.html import render
from tests.reports.examples import healthy, sick, unjudged


def lists(mine: dict[str, Verdict], fast: dict[str, Verdict]) -> Diagnosis:
    """The healthy example with other verdicts on some items."""
    known = unjudged("dont-yet", "Variance is too small to matter.")
    changed = {
        "machine_learning_yearning": tuple(mine.get(v.item, v) for v in known["machine_learning_yearning"]),
        "fast_ai": tuple(fast.get(v.item, v) for v in known["fast_ai"]),
    }
    return replace(healthy(), verdicts=changed)


def verdict(item: str, answer: str, because: str = "A reason.", **more: object) -> Verdict:
    given = {"after_repair": None, "measurements": (), "payoff": None, "snippet": ""} | more
    return Verdict(item, item, answer, because=because, **given)  # type: ignore[arg-type]


def by_title(diagnosis: Diagnosis) -> dict[str, ideas.Idea]:
    return {idea.verdict.title: idea for idea in ideas.ideas(diagnosis)}


def test_each_idea_has_its_place_in_each_list_whatever_order_is_stored() -> None:
    shuffled = {name: tuple(reversed(items)) for name, items in sick().verdicts.items()}
    found = by_title(replace(sick(), verdicts=shuffled))
    assert found["Get more data"].places == (1, 1)
    assert found["More diverse data"].places == (2, None)
    assert found["Data augmentation"].places == (None, 2)


def test_items_that_the_same_change_carries_out_are_one_idea_with_one_verdict() -> None:
    made = lists(
        {"smaller-network": verdict("smaller-network", "dont-yet", "It raises bias.", snippet="halve()")},
        {"reduce-complexity": verdict("reduce-complexity", "unknown", "Bias is unknown.", snippet="halve()")},
    )
    (idea,) = [idea for idea in ideas.ideas(made) if idea.verdict.snippet == "halve()"]
    assert idea.places == (5, 5)
    assert (idea.verdict.verdict, idea.because) == ("dont-yet", "It raises bias.")


def test_an_idea_to_do_outweighs_the_other_list() -> None:
    made = lists(
        {"change-architecture": verdict("change-architecture", "dont-yet", snippet="convolve()")},
        {"generalizing-architecture": verdict("generalizing-architecture", "do", snippet="convolve()")},
    )
    (idea,) = [idea for idea in ideas.ideas(made) if idea.verdict.snippet == "convolve()"]
    assert idea.verdict.verdict == "do"


def test_ideas_that_are_not_yet_worth_it_fold_into_one_sentence() -> None:
    closed, named, shared = ideas.folded(ideas.ideas(lists({"more-data": verdict("more-data", "do")}, {})))
    assert len(closed) == 10 and shared == "Variance is too small to matter."
    assert named.startswith("More diverse data, train longer, ") and named.endswith(
        ": variance is too small to matter."
    )
    page = render(lists({"more-data": verdict("more-data", "do")}, {}))
    assert page.count("ariance is too small to matter.") == 1


def test_a_repair_that_comes_first_is_said_once() -> None:
    because = "Fix cause 1 first: the inputs are not scaled."
    items = {
        name: tuple(replace(v, because=because, after_repair=None, payoff=None) for v in of)
        for name, of in unjudged("dont-yet", because).items()
    }
    page = render(replace(sick(), verdicts=items))
    assert page.count("ix cause 1 first: the inputs are not scaled") == 1
    assert "Until then none of the 11 ideas will pay off." in page


def test_an_idea_with_more_to_say_than_not_yet_has_a_row() -> None:
    payoff = Payoff("error rate", 0.11, 0.08, Interval(0.07, 0.09), "measured")
    for more in ({"after_repair": "do"}, {"payoff": payoff}):
        made = lists({"train-longer": verdict("train-longer", "dont-yet", **more)}, {})
        assert [idea.verdict.item for idea in ideas.ideas(made) if idea.open] == ["train-longer"]


def test_a_measured_payoff_is_a_bar_with_its_interval_and_all_share_one_axis() -> None:
    small = Payoff("error rate", 0.11, 0.10, Interval(0.09, 0.11), "measured")
    large = Payoff("error rate", 0.11, 0.05, Interval(0.04, 0.06), "measured")
    made = lists(
        {
            "more-data": verdict("more-data", "do", payoff=large),
            "regularize": verdict("regularize", "do", payoff=small),
        },
        {"more-data": verdict("more-data", "do", payoff=large)},
    )
    every = ideas.ideas(made)
    (along,) = ideas.axes(every).values()
    assert along.low == 0 and along.high >= 11
    drawn = ideas.bar(large, along)
    assert 'aria-label="11.0 % → 5.0 % [4.0, 6.0] (error rate, measured)"' in drawn
    assert drawn.count('class="iv c-ink"') == 1
    assert render(made).count('class="gain"') == 2


def test_without_a_measurement_there_is_no_column_of_payoffs() -> None:
    table = render(healthy()).split('id="ideas"')[1].split('id="causes"')[0]
    assert "Payoff" not in table


def test_the_cost_is_that_of_the_remedy_that_is_the_same_change() -> None:
    remedy = replace(sick().remedies[0], snippet="more()", cost="days to weeks")
    made = replace(lists({"more-data": verdict("more-data", "do", snippet="more()")}, {}), remedies=(remedy,))
    assert [idea.cost for idea in ideas.ideas(made) if idea.cost] == ["days to weeks"]


def test_reasons_quote_a_finding_once() -> None:
    made = sick()
    message = made.findings[0].message
    quote = f"{message[:1].upper()}{message[1:]}."
    items = (
        verdict("more-data", "do", f"More rows help. {quote}"),
        verdict("augmentation", "do", f"So do copies. {quote}"),
    )
    found = ideas.ideas(replace(made, verdicts={"fast_ai": items}))
    assert [idea.because for idea in found] == [f"More rows help. {quote}", "So do copies."]


def test_the_payoff_of_a_split_is_shown_in_percent() -> None:
    payoff = Payoff("dev error rate", 0.11, 0.05, Interval(0.04, 0.06), "measured")
    made = lists({"more-data": verdict("more-data", "do", payoff=payoff)}, {})
    (along,) = ideas.axes(ideas.ideas(made)).values()
    assert along.high >= 11 and "11.0 % → 5.0 % [4.0, 6.0] (dev error rate, measured)" in ideas.bar(payoff, along)
