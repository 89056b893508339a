"""Scales, labels and each kind of evidence, including non-finite values."""

import math
import re
from dataclasses import replace
from itertools import combinations
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnose.diagnosis import Band, Effect, Payoff
from diagnose.findings import Bars, Curves, Histogram, Interval, Mark, Matrix, Sample, Samples, Series, Table
from diagnose.reports import story
from diagnose.reports.effects import gain, repaired
from diagnose.reports.figures import draw
from diagnose.reports.html import render
from diagnose.reports.labels import Label, settle
from diagnose.reports.ladder import difference, ladder, levels, number_line
from diagnose.reports.layers import layer_map
from diagnose.reports.numbers import cut, halved, interval, interval_text, number, quantity, rounded_like, shape, width
from diagnose.reports.svg import scale, tag
from tests.reports.examples import sick
from tests.reports.pictures import BY_CLASS, CONFUSION, COUNTS, DIVERGED, ERRORS, HISTORY, RANGE, SPREAD, errors
from tests.reports.sick_model import layer

numbers = st.floats(allow_nan=True, allow_infinity=True, width=64)
several = st.lists(numbers, max_size=8).map(tuple)


def parsed(markup: str) -> ET.Element:
    """The figure as XML; fails if an element is not closed or a name is not escaped."""
    return ET.fromstring(re.sub(r"(<(?:img|br)\b[^>]*)>", r"\1/>", str(markup)))


def texts(markup: str) -> str:
    return " ".join(parsed(markup).itertext())


def positions(markup: str) -> list[float]:
    return [float(value) for value in re.findall(r'(?:x|cx|x1|x2)="(-?[\d.]+)%"', str(markup))]


@given(st.lists(numbers, max_size=20), st.booleans(), st.booleans())
def test_a_scale_places_every_number_inside_the_plot(values: list[float], log: bool, zero: bool) -> None:
    axis = scale(values, log=log, zero=zero)
    for value in values:
        place = axis.place(value)
        assert place is None if not math.isfinite(value) else 0 <= place <= 100
    assert all(0 <= place <= 100 and text for place, text in axis.ticks())


def test_zeros_of_a_log_axis_lie_in_a_strip_before_its_lowest_value() -> None:
    axis = scale([0.0, 1e-4, 1.0], log=True)
    zero, low, high = (axis.place(value) for value in (0.0, 1e-4, 1.0))
    assert zero < axis.strip < low < high
    assert axis.ticks()[0] == (zero, "0")
    assert scale([1e-4, 1.0], log=True).strip == 0


def test_ticks_are_round_numbers() -> None:
    assert [text for _, text in scale([0.0, 12.0]).ticks()] == ["0", "2", "4", "6", "8", "10", "12"]
    assert [text for _, text in scale([1e-6, 1.0], log=True).ticks()] == ["1e−6", "1e−4", "0.01", "1"]


def test_epochs_and_steps_have_whole_ticks() -> None:
    few = (Series("train", (1.0, 2.0, 3.0), (0.7, 0.5, 0.3)),)
    for label, parts in (("epoch", False), ("step", False), ("recall", True)):
        assert ("1.5" in texts(draw(Curves("Loss", label, "loss", few)))) is parts


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "0"),
        (12_000, "12,000"),
        (-0.25, "−0.25"),
        (1e-5, "1e−5"),
        (2.3026, "2.3"),
        (123_456_789.0, "1.23e8"),
        (math.nan, "not a number"),
        (-math.inf, "−infinity"),
        (-0.0, "0"),
        (1e-07, "1e−7"),
        (0.00011, "1.1e−4"),
    ],
)
def test_numbers_are_formatted_consistently(value: float | None, text: str) -> None:
    assert number(value) == text


def test_an_interval_without_an_end_is_written_in_words() -> None:
    assert interval(0.5, math.inf) == "[0.5 or more]"
    assert interval(-math.inf, 0.2, "error rate") == "[20.0 or less]"
    assert interval(-math.inf, math.inf) == interval(math.nan, math.nan) == "[unknown]"


def test_shares_appear_in_percent() -> None:
    assert quantity(0.1234, "error rate") == "12.3 %"
    assert interval(0.1, 0.2, "share of rows") == "[10.0, 20.0]"
    assert quantity(4.9, "RMSE") == "4.9 RMSE"
    assert interval_text(None) == ""


def test_long_names_keep_both_ends_and_shapes_leave_out_the_rows() -> None:
    assert cut("block_with_a_long_name/conv2d_17", 15) == "block_wit…2d_17"
    assert len(cut("x" * 300, 15)) == 15
    assert shape((None, 28, None, 3)) == "28 × ? × 3"
    assert shape(None) == "–"


def test_labels_never_overlap() -> None:
    wanted = [[Label(f"a label {i}", 50, y, "middle") for y in (14.0, 30.0, 46.0)] for i in range(5)]
    chosen = settle(wanted, height=60)
    kept = [label for label in chosen if label is not None]
    assert len(kept) == 3 and chosen[3:] == [None, None]
    assert not any(one.box.overlaps(other.box) for one, other in combinations(kept, 2))


def test_a_label_wider_than_the_plot_is_dropped() -> None:
    assert settle([[Label("x" * 100, 0, 20)]]) == [None]


def test_text_and_attributes_are_escaped() -> None:
    made = tag("text", "<b>&", class_='"><script>')
    assert str(made) == '<text class="&#34;&gt;&lt;script&gt;">&lt;b&gt;&amp;</text>'


def test_bars_show_name_value_and_interval() -> None:
    words = texts(draw(BY_CLASS))
    assert "Trouser: 100 % [99.0, 100]" in words and "threshold 90.0 %" in words
    assert 'width="96' in draw(COUNTS) or 'class="bar' in draw(COUNTS)


def test_bars_outside_the_healthy_range_are_flagged() -> None:
    assert draw(SPREAD).count('class="pt c-flag"') == 10
    assert draw(replace(SPREAD, values=(1.0,) * 10)).count("c-flag") == 0


def test_many_bars_become_a_profile_of_fixed_height() -> None:
    many = Bars("Gradient", tuple(f"layer {i}" for i in range(300)), tuple(float(i + 1) for i in range(300)), log=True)
    figure = parsed(draw(many))
    assert [element.get("height") for element in figure.iter("svg")] == ["200"]
    assert len(list(figure.iter("circle"))) == 300


def test_the_ladder_names_the_gaps_between_its_levels() -> None:
    sentence = str(ladder(ERRORS))
    assert "avoidable bias: +84.8 [84.2, 85.3]" in sentence and "variance: +0.3 [−0.8, 1.4]" in sentence
    with_train_dev = errors({"train": (0.1, 0.1, 0.1), "train_dev": (0.2, 0.2, 0.2), "dev": (0.3, 0.3, 0.3)})
    assert "variance: +10.0" in ladder(with_train_dev) and "data mismatch: +10.0" in ladder(with_train_dev)


def test_a_baseline_between_two_levels_does_not_break_their_gap() -> None:
    alone = errors({"train": (0.1, 0.1, 0.1)}, baseline="ridge", baseline_error=0.2)
    assert "avoidable bias: +5.0" in ladder([replace(alone[0], target_error=0.05)])
    assert "avoidable bias" not in ladder(alone)


def test_a_gap_has_no_more_decimals_than_its_interval_bears_out() -> None:
    drawn = ladder(errors({"train": (0.0394, 0.033, 0.045), "dev": (0.0385, 0.028, 0.049)}))
    assert "variance: −0.1 [" in drawn


def test_the_interval_of_a_gap_combines_both_intervals() -> None:
    train, dev = levels(errors({"train": (0.10, 0.07, 0.13), "dev": (0.20, 0.16, 0.24)}))[:2]
    size, low, high = difference(train, dev)
    assert (round(size, 6), round(low, 6), round(high, 6)) == (10.0, 5.0, 15.0)


def test_the_number_line_shows_dev_as_your_model() -> None:
    line = number_line(ERRORS, "c-flag")
    assert "your model 90.1 %" in line and "target 5.0 %" in line and "dev error rate, %" in line
    assert number_line(errors({"train_dev": (0.1, 0.1, 0.1)}), "c-flag") == ""


def test_a_line_that_becomes_non_finite_ends_with_a_cross() -> None:
    assert "not finite after 2" in texts(draw(DIVERGED))


def test_the_users_own_value_is_red_only_outside_the_healthy_range() -> None:
    assert 'class="own"' in draw(RANGE)
    inside = replace(RANGE, marks=(RANGE.marks[0], Mark("your 1e-4", 1e-4, role="yours")))
    assert 'class="own"' not in draw(inside)


def test_lines_have_a_direct_label_or_an_entry_in_the_legend() -> None:
    words = texts(draw(HISTORY))
    for series in HISTORY.series:
        assert series.name in words


def test_long_lines_are_thinned_and_keep_their_peak() -> None:
    steps = tuple(float(step) for step in range(20_000))
    losses = tuple(50.0 if step == 7_777 else 1.0 for step in range(20_000))
    figure = draw(Curves("Loss", "step", "loss", (Series("seed 0", steps, losses),)))
    assert len(figure) < 12_000
    path = re.search(r'class="ln [^"]*" d="M([^"]*)"', figure)
    assert path is not None and min(float(point.split()[1]) for point in path.group(1).split("L")) == 0


def test_a_matrix_of_many_classes_leaves_out_its_numbers() -> None:
    names = tuple(f"class {i}" for i in range(30))
    large = Matrix("Confusion", "actual", "predicted", names, names, tuple((1.0,) * 30 for _ in names))
    assert "cell-text" in draw(CONFUSION) and "cell-text" not in draw(large)


def test_long_tables_are_cut_with_a_note() -> None:
    table = Table("t", ("layer", "value"), tuple((f"layer {i}", i) for i in range(500)))
    assert "The first 60 of 500 rows." in texts(draw(table))
    assert draw(table).count("<tr>") == 61


def test_a_mistaken_row_names_its_pair_of_classes_and_the_words_that_the_model_reads() -> None:
    rows = (
        Sample("row 1", text="A <b>fine</b> dog", tokens=("a", "[UNK]", "dog"), pair="cat as dog"),
        Sample("row 2", text="Two dogs", tokens=("two", "dogs")),
    )
    first, second = draw(Samples("Worst", rows)).split("<li")[1:]
    assert 'data-pair="cat as dog"' in first and "&lt;b&gt;fine" in first
    assert "<span><bdi>a</bdi></span> <b><bdi>[UNK]</bdi></b>" in first  # what it does not know is marked
    assert "data-pair" not in second and "as the model reads" not in second


def test_samples_show_text_and_reject_invalid_base64() -> None:
    items = Samples("worst", (Sample("a", text="good <b>film</b>"), Sample("b", png='x" onerror="y')))
    assert "good <b>film</b>" in texts(draw(items)) and "<img" not in draw(items)


@settings(deadline=None, max_examples=60)
@given(several, several, several, st.booleans())
def test_no_number_breaks_a_figure(x: tuple[float, ...], y: tuple[float, ...], z: tuple[float, ...], log: bool) -> None:
    names = tuple(f"<{i}>" for i in range(8))
    band = (*y, *z)[: len(x)]
    every = (
        Bars("b", names[: len(x)], x, "error rate", y, z, threshold=x[0] if x else None, log=log),
        Bars("h", names[: len(x)], x, healthy=(0.1, 1.0), log=log),
        Curves("c", "x", "y", (Series("s", x, y, band, band), Series("t", y, z)), (Mark("m", 1.0),), log, log),
        Histogram("h", "x", x, y, log),
        Matrix("m", "r", "c", names[: len(x)], names[:3], (x, y, z)),
        Table("t", ("a", "b"), tuple(zip(x, y, strict=False))),
    )
    for evidence in every:
        figure = draw(evidence)
        assert parsed(figure).tag == "figure"
        assert all(-0.01 <= place <= 100.01 for place in positions(figure))
    numbers = (*x, *y, *z, 0.5, 0.5, 0.5)
    first, second = (numbers[0], numbers[1], numbers[2]), (numbers[1], numbers[2], numbers[-1])
    levels_of_error = errors({"train": first, "dev": second}, constant=numbers[0] or 1.0, target_error=numbers[0])
    assert parsed(ladder(levels_of_error)).tag == "figure"


@pytest.mark.parametrize(
    ("value", "low", "high", "expected"),
    [
        (0.975, 0.896, 1.05, "0.97 [0.90, 1.05]"),
        (52.43, 44.3, 59.2, "52 [44, 59]"),
        (0.0, -0.00152, 0.00152, "0 [−0.0015, 0.0015]"),
        (0.003, 1e-5, 10.0, "0.003 [1e−5, 10]"),
        (-0.001, -0.0004, 0.3, "0.00 [0.00, 0.30]"),
    ],
)
def test_a_value_and_its_interval_have_the_decimals_that_the_interval_allows(
    value: float, low: float, high: float, expected: str
) -> None:
    assert f"{rounded_like(value, Interval(low, high))} {interval_text(Interval(low, high))}" == expected


def test_neighbouring_ticks_have_different_labels() -> None:
    labels = [text for _, text in scale([2.30221, 2.30309]).ticks()]
    assert len(set(labels)) == len(labels) > 2


def test_a_long_name_takes_two_lines_before_it_is_cut() -> None:
    assert halved("logistic regression", 15) == ("logistic", "regression")
    assert halved("stage0_block0_0_norm", 15) == ("stage0_", "block0_0_norm")
    assert halved("short", 15) == ("short",)
    (cut_name,) = halved("x" * 40, 15)
    assert len(cut_name) == 15 and "…" in cut_name


def test_the_first_peak_of_a_long_line_is_drawn() -> None:
    heights = [2.0, 9e6, *[2.0] * 998]
    shown = draw(Curves("loss", "step", "loss", (Series("loss", tuple(map(float, range(1000))), tuple(heights)),)))
    line = re.search(r'class="ln[^"]*" d="([^"]+)"', shown)
    assert line is not None and min(float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", line[1])) < 20


def test_noise_does_not_look_like_a_change() -> None:
    flat = Series("train", (0.0, 1.0, 2.0), (2.3026, 2.3025, 2.3024))
    shown = draw(Curves("loss", "epoch", "loss", (flat,), log_y=True))
    heights = [float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", re.search(r' d="([^"]+)"', shown)[1])]  # type: ignore[index]
    assert max(heights) - min(heights) < 5
    assert "log scale" not in shown


def test_every_axis_has_a_name() -> None:
    for bars in (Bars("Gradient over weight by layer, fresh weights", ("a", "b"), (1.0, 10.0), log=True), SPREAD):
        named = re.findall(r'class="al"[^>]*>([^<]+)', draw(bars))
        assert named and all(name.strip() and name != "log scale" for name in named)


def test_a_confusion_matrix_names_the_most_frequent_confusions() -> None:
    shown = draw(Matrix("Confusion", "actual", "predicted", ("a", "b"), ("a", "b"), ((9, 4), (1, 8))))
    assert "most often confused: a as b: 4, b as a: 1" in shown


def test_east_asian_names_are_cut_by_their_width() -> None:
    assert width("ab") == 2 and width("数据") == 4
    assert width(cut("数据" * 20, 15)) <= 15 and "…" in cut("数据" * 20, 15)
    assert cut("数据", 4) == "数据"


def test_an_interval_without_width_is_not_written() -> None:
    drawn = draw(Bars("Error", ("constant", "dev"), (0.9, 0.2), "error rate", (0.9, 0.1), (0.9, 0.3)))
    assert "constant: 90.0 %;" in drawn and "dev: 20.0 % [10.0, 30.0]" in drawn


def test_a_layer_with_too_many_dead_units_is_red_and_a_head_has_no_band_of_spread() -> None:
    rows = (
        layer("dense", "Dense", (None, 8), 10, "relu", spread=1.0, dead=1.0),
        layer("out", "Dense", (None, 3), 10, "softmax", spread=0.1, dead=None),
    )
    bands = (Band("spread", 0.5, 2.0, "basis"), Band("dead", 0.0, 0.4, "basis"))
    drawn = layer_map(replace(sick(), layers=rows, bands=bands, findings=()))
    assert "bar c-flag" in drawn
    first, second = drawn.split("<li class")[1:]
    assert first.count("okb") > second.count("okb")


def test_a_layer_whose_gradient_is_flagged_does_not_lie_in_a_green_band() -> None:
    rows = tuple(
        layer(name, "Dense", (None, 8), 10, "relu", gradient=1e-3, flags=flags)
        for name, flags in (("dense", ("vanishing-gradients",)), ("dense_1", ("dead-units",)), ("out", ()))
    )
    band = Band("gradient", 1e-4, 1e-1, "basis", ("vanishing-gradients",))
    drawn = layer_map(replace(sick(), layers=rows, bands=(band,), findings=()))
    first, second, _ = drawn.split("<li class")[1:]
    assert "okb" not in first and "okb" in second


def test_a_gain_is_not_larger_than_what_is_left_to_gain() -> None:
    effect = Effect("code", "a change", 0.2, 0.65, Interval(-3.3, 4.2), "sufficient", 2)
    assert gain(effect) == Interval(-0.2, 0.8)
    assert gain(replace(effect, interval=None)) is None
    drawn = repaired(replace(sick().causes[0], code="code"), (effect,))
    assert "difference 0.45 [−0.20, 0.80]" in drawn


def test_a_change_on_top_of_another_is_compared_with_that_one() -> None:
    """Not with the model as it is, whose skill is another."""
    below = Effect("code", "a lower rate", 0.0, 0.5, Interval(0.4, 0.6), "sufficient", 3)
    above = Effect("code", "Adam", 0.5, 0.9, Interval(0.3, 0.5), "sufficient", 3, control="a lower rate")
    drawn = repaired(replace(sick().causes[0], code="code"), (below, above))
    assert "Adam: 0.50 with a lower rate, 0.90 with it" in drawn and "a lower rate: 0 without, 0.50 with it" in drawn


def test_the_payoff_of_a_later_step_says_what_it_measures() -> None:
    skill = Payoff("train skill of a after 344 steps, against SGD", 0.0, 0.42, Interval(0.3, 0.54), "measured")
    assert story.payoff_in_short(skill) == "train skill 0 → 0.42 [0.30, 0.54]"
    assert story.payoff_in_short(Payoff("dev error", 0.2, 0.1, None, "measured")) == "dev error 20.0 % → 10.0 %"
    assert story.payoff_in_short(Payoff("dev error", None, None, None, "unknown")) == "payoff not measured"


def test_an_effect_stands_beside_your_model_as_it_is() -> None:
    """Three marks: your model now, the control of the trial, and the change."""
    effect = Effect("code", "a change", 0.2, 0.65, Interval(0.3, 0.6), "sufficient", 3, remedy="change")
    yours = errors({"train": (0.3, 0.2, 0.4), "dev": (0.36, 0.3, 0.4)}, constant=0.9)
    level = next(error.skill for error in yours if error.split == "train")
    drawn = repaired(replace(sick().causes[0], code="code"), (effect,), yours)
    assert drawn.count('class="own-now"') == 1 and f"your model now {number(level)}" in drawn
    assert "own-now" not in repaired(replace(sick().causes[0], code="code"), (effect,))
    on_dev = replace(effect, metric="dev error", before=0.35, after=0.30)
    step = replace(sick().remedies[0], code="change", payoff=Payoff("dev error", 0.35, 0.3, None, "measured"))
    made = replace(sick(), remedies=(step,), effects=(on_dev,), errors=yours)
    assert story.as_it_is(step, made) == "your model now: 36.0 %"
    assert "your model now: " in render(made)
    assert story.as_it_is(replace(step, code="another"), made) == ""
    repaired_copy = replace(on_dev, before=0.36)  # of which the payoff begins with your model as it is
    of_copy = replace(step, payoff=Payoff("dev error", 0.36, 0.3, None, "measured"))
    assert story.as_it_is(of_copy, replace(made, effects=(effect, repaired_copy))) == ""
    assert story.as_it_is(step, replace(made, errors=yours * 2)) == ""  # of several outputs it is unknown which


def test_levels_without_an_interval_have_none_in_the_ladder() -> None:
    drawn = ladder(errors({"dev": (0.2, 0.2, 0.2)}, constant=0.4))
    assert 'aria-label="dev: 20.0 %; constant prediction on dev: 40.0 %."' in drawn and "[" not in drawn
