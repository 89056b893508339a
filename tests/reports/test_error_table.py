"""The table of all errors and the table of classes."""

import re
from dataclasses import replace

from diagnose.diagnosis import ClassLevel, MacroLevel
from diagnose.findings import Interval, Matrix
from diagnose.reports.error_table import class_table, error_table
from diagnose.reports.figures import confusions, draw
from diagnose.reports.html import render
from tests.reports.examples import many_outputs, regression, sick
from tests.reports.pictures import ERRORS, errors


def rows(table: str) -> dict[str, list[str]]:
    """The text of the cells by the name of the row."""
    found = {}
    for row in re.findall(r"<tr>(.*?)</tr>", table):
        texts = [re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)]
        found[texts[0]] = texts[1:]
    return found


def level(name: str, dice: float, **more: object) -> ClassLevel:
    known = {"share": 0.5, "predicted": 0.4, "rows": 20, "recall": dice, "precision": dice, "iou": dice / 2}
    span = Interval(dice - 0.1, dice + 0.1)
    return ClassLevel(name=name, recall_interval=span, dice=dice, dice_interval=span, **(known | more))  # type: ignore[arg-type]


def test_every_quantity_has_a_row_and_every_split_a_column() -> None:
    found = rows(error_table(ERRORS))
    assert found["Quantity"] == ["train", "dev", "test"]
    assert found["Error rate"] == ["89.8 % [89.2, 90.3]", "90.1 % [89.1, 91.0]", "89.9 % [88.9, 90.8]"]
    assert found["Constant prediction"] == ["90.1 %"] * 3
    assert found["Target"] == ["5.0 %"] * 3
    assert found["Loss"] == ["2.3"] * 3 and found["accuracy"] == ["0.099"] * 3


def test_the_baseline_stands_in_the_split_that_it_was_evaluated_on() -> None:
    assert rows(error_table(ERRORS))["Best baseline: gradient boosting"] == ["–", "13.2 % [12.2, 14.3]", "–"]


def test_another_constant_for_the_rows_of_a_split_has_a_row_of_its_own() -> None:
    same = tuple(replace(error, own_constant_error=error.constant_error) for error in ERRORS)
    assert "Best constant for these rows" not in rows(error_table(same))
    shifted = (*same[:-1], replace(same[-1], own_constant_error=0.4))
    assert rows(error_table(shifted))["Best constant for these rows"] == ["90.1 %", "90.1 %", "40.0 %"]


def test_an_rmse_has_the_decimals_of_its_interval_and_nothing_unknown_takes_a_row() -> None:
    found = rows(error_table(regression().errors))
    assert found["RMSE"] == ["2.20 [2.10, 2.30]", "4.9 [4.3, 5.6]"]
    assert "Loss" not in found and "Target" not in found


def test_macro_measures_are_shares_with_their_interval() -> None:
    macro = (MacroLevel("macro IoU", 0.488, Interval(0.4, 0.6)),)
    found = rows(error_table(tuple(replace(error, macro=macro) for error in ERRORS[:1])))
    assert found["Macro IoU"] == ["48.8 % [40.0, 60.0]"]


def test_each_output_has_a_table_of_its_own() -> None:
    page = render(many_outputs())
    assert "Errors of colour" in page and "Errors of shape" in page
    assert "Errors of" not in render(sick())


def test_classes_come_with_the_lowest_f1_score_first_and_what_they_are_taken_for() -> None:
    judged = errors({"train": (0.1, 0.0, 0.2), "dev": (0.2, 0.1, 0.3)}, constant=0.5)
    known = (level("cat", 0.9), level("dog", 0.4, confused="cat", confused_share=0.25, precision=None))
    found = rows(class_table([replace(error, classes=known) for error in judged]))
    assert list(found) == ["Class", "dog", "cat"]
    assert found["dog"] == ["20", "–", "40.0 % [30.0, 50.0]", "40.0 % [30.0, 50.0]", "cat, 25.0 %"]
    assert found["cat"][-1] == "–" and "IoU" not in found["Class"]
    assert class_table(judged) == ""
    alone = rows(class_table([replace(judged[1], classes=(level("cat", 0.9),))]))
    assert alone["Class"][-1] == "F1 score" and len(alone["cat"]) == len(alone["Class"])


def test_positions_have_shares_and_the_iou() -> None:
    macro = (MacroLevel("macro IoU", 0.5, Interval(0.4, 0.6)),)
    (judged,) = errors({"dev": (0.2, 0.1, 0.3)}, constant=0.5)
    found = rows(class_table([replace(judged, macro=macro, classes=(level("road", 0.8), level("car", 0.2)))]))
    assert found["car"][0] == "50.0 %" and found["car"][4] == "10.0 %" and found["Class"][4] == "IoU"


def test_both_tables_of_classes_can_be_sorted() -> None:
    (judged,) = errors({"dev": (0.2, 0.1, 0.3)}, constant=0.5)
    assert 'class="cards sortable"' in class_table([replace(judged, classes=(level("a", 0.5),))])
    names = ("a", "b", "c")
    shown = draw(Matrix("Confusion", "actual", "predicted", names, names, ((5, 1, 0), (7, 2, 1), (0, 0, 9))))
    assert "sortable" in shown and shown.index('data-v="7"') < shown.index('data-v="1"')


def test_the_worst_pair_comes_first_with_its_share_of_the_class() -> None:
    names = ("a", "b", "c")
    first, *_ = confusions(Matrix("Confusion", "actual", "predicted", names, names, ((5, 1, 0), (7, 2, 1), (0, 0, 9))))
    assert (first.row, first.column, first.value, first.share) == ("b", "a", 7, 0.7)
    assert confusions(Matrix("Other", "", "", ("a",), ("b",), ((1,),))) == []
