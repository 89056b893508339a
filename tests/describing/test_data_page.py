"""The data section of the report: rows as images or text, with true and predicted classes by name."""

import numpy as np
import pytest

from diagnose.describing.figures import _class_shares
from diagnose.describing.samples import first_rows, worst_rows
from diagnose.diagnosis import Figure
from diagnose.findings import Bars, Interval, Samples, Table
from diagnose.measurements import Evaluation, Score, SplitScores, Unavailable, Words
from diagnose.subject import Output, Seen, Split, Subject, Task
from tests.checks import builders as b

NAMES = ("cat", "dog", "bird")


def subject(inputs: np.ndarray, targets: np.ndarray, output: Output) -> Subject:
    return Subject("model", None, (output,), Split("train", (inputs,), (targets,), Seen.YES))


def judged(rows: tuple[int, ...], outputs: tuple[tuple[float, ...], ...]) -> Evaluation:
    nothing, around = Unavailable("no split", "Pass one."), Interval(0.0, 1.0)
    score = Score("", Task.MULTICLASS, 20, 0.5, around, 1.0, around, 0.5, 1.0, around, around, 0.0, 0)
    return Evaluation(SplitScores("train", "yes", 20, (score,), worst=rows, worst_outputs=outputs), *(nothing,) * 3)


def classes(**more: object) -> Output:
    return Output("animal", Task.MULTICLASS, "sparse_categorical_crossentropy", classes=3, class_names=NAMES, **more)


def test_a_class_without_a_name_keeps_its_number() -> None:
    assert [classes().class_name(value) for value in (0, 2.0, 3, -1, 0.5)] == ["cat", "bird", "3", "-1", "0.5"]


def test_images_are_spread_over_a_file_sorted_by_class() -> None:
    images = np.random.default_rng(0).random((60, 8, 8, 1))
    shown = first_rows(subject(images, np.repeat([0, 1, 2], 20), classes()))
    assert all(item.png for item in shown.items)
    assert {item.caption.split(": ")[1] for item in shown.items} == set(NAMES)


def test_the_worst_rows_come_with_truth_prediction_and_probability() -> None:
    images = np.random.default_rng(0).random((20, 8, 8))
    examined = subject(images, np.arange(20) % 3, classes())
    shown = worst_rows(examined, judged((7, 3), ((0.9, 0.05, 0.05), (1.0, float("nan"), 0.0))))
    assert shown is not None
    assert [item.caption for item in shown.items] == [
        "row 7: dog, predicted cat (90.0 %)",
        "row 3: cat, predicted NaN or infinite",
    ]


def test_a_mistaken_row_names_its_pair_of_classes() -> None:
    images = np.random.default_rng(0).random((20, 8, 8))
    outputs = ((0.9, 0.05, 0.05), (0.9, 0.1, 0.0), (float("nan"), 0.0, 0.0))
    shown = worst_rows(subject(images, np.arange(20) % 3, classes()), judged((7, 3, 4), outputs))
    assert shown is not None and [item.pair for item in shown.items] == ["dog as cat", "", ""]


def test_a_picture_with_a_class_at_each_pixel_has_no_class_of_its_own() -> None:
    masks = np.random.default_rng(0).integers(0, 3, (20, 8, 8))
    shown = worst_rows(subject(masks / 2, masks, classes()), judged((7,), ((0.1,) * 192,)))
    assert shown is not None
    (item,) = shown.items
    assert (item.caption, item.pair) == ("row 7", "") and item.png


def test_numbers_of_words_are_shown_further_than_those_of_a_table() -> None:
    examined = subject(np.arange(400).reshape(20, 20), np.arange(20) % 3, classes())
    table, tokens = first_rows(examined), first_rows(examined, "tokens")
    assert table.items[0].text == "0, 1, 2, 3, 4, 5, 6, 7 ..."
    assert tokens.items[0].text is not None and tokens.items[0].text.endswith("18, 19")


def test_a_text_comes_with_the_words_that_the_model_reads() -> None:
    texts = np.array([["a warm day"], ["rain"]], dtype=object)
    read = Words((), {("train", 0): ("a", "[UNK]", "day")})
    shown = first_rows(subject(texts, np.array([0, 1]), classes()), "text", read)
    assert [item.tokens for item in shown.items] == [("a", "[UNK]", "day"), ()]


@pytest.mark.parametrize(("from_logits", "expected"), [(True, "dog (88.1 %)"), (False, "dog (100.0 %)")])
def test_a_single_output_is_read_as_logit_or_probability(from_logits: bool, expected: str) -> None:
    output = Output("animal", Task.BINARY, "binary_crossentropy", from_logits, classes=2, class_names=NAMES[:2])
    examined = subject(np.zeros((5, 3)), np.array([0, 1, 0, 1, 0]), output)
    value = 2.0 if from_logits else 1.0
    shown = worst_rows(examined, judged((0,), ((value,),)))
    assert shown is not None and shown.items[0].caption == f"row 0: cat, predicted {expected}"


def test_regression_and_text_are_shown_in_words() -> None:
    output = Output("price", Task.REGRESSION, "mean_squared_error")
    texts = np.array([["a warm day"], ["<b>rain</b>"]], dtype=object)
    examined = subject(texts, np.array([[1.25], [3.5]]), output)
    shown = worst_rows(examined, judged((1,), ((-2.0,),)))
    assert shown is not None
    assert (shown.items[0].caption, shown.items[0].text) == ("row 1: 3.5, predicted -2", "<b>rain</b>")


@pytest.mark.parametrize(
    ("task", "counts", "rows", "shares", "of"),
    [
        (Task.MULTICLASS, {0.0: 30, 1.0: 10}, 40, (0.75, 0.25), "rows"),
        (Task.MULTICLASS, {0.0: 300, 1.0: 100}, 4, (0.75, 0.25), "positions"),
        (Task.MULTILABEL, {0.0: 30, 1.0: 40}, 40, (0.75, 1.0), "rows"),
    ],
    ids=["one class a row", "one class a pixel", "several labels a row"],
)
def test_classes_are_shares_of_what_has_one(
    task: Task, counts: dict[float, int], rows: int, shares: tuple[float, ...], of: str
) -> None:
    output = Output("y", task, "sparse_categorical_crossentropy", classes=2)
    known = b.dataset(b.split(targets=(b.labels(counts, rows=rows),)))
    (drawn,) = _class_shares(subject(np.zeros((rows, 3)), np.zeros(rows), output), known)
    assert (drawn.values, drawn.unit) == (shares, f"share of {of}")


def test_without_a_worst_row_there_is_no_figure() -> None:
    assert worst_rows(subject(np.zeros((5, 3)), np.zeros(5), classes()), judged((), ())) is None


def test_a_real_examination_shows_inputs_and_omits_rows_on_request(make_model, rows) -> None:
    from diagnose import examine

    model, x = make_model((8, 8, 1), 3, "softmax", "sparse_categorical_crossentropy"), rows(60, 8, 8, 1)
    y = np.arange(60) % 3
    with_rows, without = (examine(model, (x, y), effort="quick", no_samples=left_out) for left_out in (False, True))

    def kinds(figures: tuple[Figure, ...]) -> set[type]:
        return {type(figure.evidence) for figure in figures if figure.section == "data"}

    assert {Table, Bars, Samples} <= kinds(with_rows.figures)
    assert Samples not in kinds(without.figures)
    assert with_rows.layers[-1].receptive_field == (None, None)
    assert with_rows.layers[1].inbound == (with_rows.layers[0].path,)
    assert {band.quantity for band in with_rows.bands} == {"spread", "gradient", "dead"}


def test_a_value_that_is_not_a_class_has_no_name() -> None:
    output = Output("kind", Task.MULTICLASS, "sparse_categorical_crossentropy", class_names=("cat", "dog"))
    assert [output.class_name(value) for value in (1.0, 2.0, 0.5, float("nan"))] == ["dog", "2", "0.5", "nan"]
