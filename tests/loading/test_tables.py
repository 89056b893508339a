"""What tables become beyond their shapes: columns, values, notes and hints; and tables larger than memory."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from diagnose.errors import InputError
from diagnose.loading import LoadOptions
from diagnose.loading.data import delimited, records, tables
from diagnose.loading.data.columns import rows_of
from diagnose.loading.data.delimited import sniff
from diagnose.loading.data.encodings import advice
from diagnose.loading.data.parts import Part
from diagnose.loading.data.tables import frame_part, read_frame, read_table
from diagnose.loading.signatures import Port, Signature
from diagnose.loading.text_labels import encode_text

TABLE = Signature((Port("features", (3,)),), (Port("label", (1,)),))
OPTIONS = LoadOptions(target="label")


def table(tmp_path: Path, text: str, signature: Signature = TABLE, options: LoadOptions = OPTIONS) -> Part:
    (tmp_path / "t.csv").write_text(text)
    part = read_table(tmp_path / "t.csv", signature, options)
    notes = tuple(note.removeprefix(f"{tmp_path}/t.csv: ") for note in part.notes)
    return Part(part.inputs, part.targets, "", feature_names=part.feature_names, notes=notes, groups=part.groups)


# --- how a file is written -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b\n1,5;2,5\n", ";"),
        ("1,5;2,5\n3,5;4,5\n", ";"),
        ("a\tb\n1,2\t3\n", "\t"),
        ("a|b\n1|2\n", "|"),
        ("  1.0   2.0\n 3.0 4.0\n", delimited.BLANKS),
        ('text,label\n"one; two",0\n"three; four",1\n"five, six",1\n', ","),
        ("39, State-gov, 7\n50, Private, 8\n", ","),
    ],
)
def test_the_delimiter_is_found(text: str, delimiter: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(text)
    assert sniff(tmp_path / "t.csv").delimiter == delimiter


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a,b\n1,2\n", ("a", "b")),
        ("1,2\n3,4\n", None),
        ("sunny,hot,no\nrainy,hot,yes\nsunny,mild,yes\n", None),  # its cells come again
        ("outlook,heat,play\nrainy,hot,yes\nsunny,mild,yes\n", ("outlook", "heat", "play")),
        (",0,1,2\n0,5.5,6,7\n", ("Unnamed: 0", "0", "1", "2")),
        ("a,a,b\n1,2,3\n", ("a", "a.1", "b")),
        ("# x y\n1 2\n3 4\n", ("x", "y")),
        ("# a comment of four words\n1 2\n3 4\n", None),
    ],
)
def test_the_header_is_found(text: str, names: tuple[str, ...] | None, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(text)
    assert sniff(tmp_path / "t.csv").names == names


def test_another_encoding_far_below(tmp_path: Path) -> None:
    lines = "a,b,c,label\n" + "1,2,3,no\n" * 10_000
    (tmp_path / "t.csv").write_bytes(lines.encode() + "1,2,3,größer\n".encode("latin-1"))
    part = read_table(tmp_path / "t.csv", TABLE, OPTIONS)
    assert part.targets[""][-1] == "größer"


# --- targets -------------------------------------------------------------------------------------


def test_a_target_that_is_called_so_is_taken_with_a_note(tmp_path: Path) -> None:
    part = table(tmp_path, "a,b,c,Class\n1,2,3,0\n", options=LoadOptions())
    assert part.feature_names == ("a", "b", "c")
    assert part.notes == ("Class was taken as the target by its name",)


def test_two_columns_that_are_called_so_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the target column is unclear: pass --target with one of a, b, y, class"):
        table(tmp_path, "a,b,y,class\n1,2,3,0\n", options=LoadOptions())


@pytest.mark.parametrize(("target", "expected"), [("-1", 4), ("0", 1), ("LABEL", 4), ("label", 4)])
def test_a_target_by_place_or_in_another_case(target: str, expected: float, tmp_path: Path) -> None:
    part = table(tmp_path, "a,b,c,Label\n1,2,3,4\n", options=LoadOptions(target=target))
    assert part.targets[""].tolist() == [expected]


def test_rows_without_a_text_label_are_left_out(tmp_path: Path) -> None:
    part = table(
        tmp_path, "a,b,c,label,site\n1,2,3,no,u\n4,5,6,,v\n", options=LoadOptions(target="label", group="site")
    )
    assert part.targets[""].tolist() == ["no"]
    assert part.groups is not None and part.groups.tolist() == ["u"]
    assert part.notes[0] == "1 rows without a target were left out"


def test_labels_of_another_spelling_are_those_of_train() -> None:
    x = {"": np.zeros((2, 3))}
    parts = {
        "train": Part(x, {"": np.array(["<=50K", ">50K"])}, "train.csv"),
        "test": Part(x, {"": np.array([">50k.", " <=50K."])}, "test.csv"),
    }
    found = encode_text(parts)["test"]
    assert found.targets[""].tolist() == [1, 0]
    assert found.notes[1] == "test.csv: labels were read as those of the training rows:  <=50K. as <=50K, >50k. as >50K"


def test_labels_of_another_kind_are_refused() -> None:
    x = {"": np.zeros((2, 3))}
    parts = {"train": Part(x, {"": np.array(["no", "yes"])}, "a.csv"), "test": Part(x, {"": np.array([0, 1])}, "b.csv")}
    with pytest.raises(InputError, match=r"b.csv: its labels are numbers, but those of a.csv are text: use one kind"):
        encode_text(parts)


# --- features ------------------------------------------------------------------------------------


def test_row_numbers_are_left_out_where_the_rest_fits(tmp_path: Path) -> None:
    part = table(tmp_path, "id,a,b,c,label\n7,1,2,3,0\n8,4,5,6,1\n")
    assert part.feature_names == ("a", "b", "c")
    assert part.notes == ("the columns id are empty or number the rows and were left out",)


def test_row_numbers_stay_where_the_model_takes_them(tmp_path: Path) -> None:
    assert table(tmp_path, "id,a,b,label\n7,1,2,0\n8,4,5,1\n").feature_names == ("id", "a", "b")


def test_groups_and_times_are_never_fed(tmp_path: Path) -> None:
    options = LoadOptions(target="label", group="patient", time="when")
    part = table(tmp_path, "patient,when,a,b,c,label\n7,2024-01-01,1,2,3,0\n,2024-01-02,1,2,3,0\n", options=options)
    assert part.feature_names == ("a", "b", "c")
    assert part.groups is not None and part.groups.tolist() == ["7.0", ""]


def test_text_and_missing_text_for_inputs_of_text(tmp_path: Path) -> None:
    signature = Signature((Port("age", (1,)), Port("town", (), "string")), TABLE.outputs)
    part = table(tmp_path, "town,age,zip,label\nRome,40,1,0\n,30,2,1\n", signature)
    assert part.inputs["town"].tolist() == ["Rome", ""]
    assert part.inputs["age"].tolist() == [40, 30]
    assert part.notes == ("the columns zip are not inputs of the model and were left out",)


def test_whole_numbers_stay_whole_for_tokens(tmp_path: Path) -> None:
    signature = Signature((Port("tokens", (3,), "int32"),), TABLE.outputs)
    assert table(tmp_path, "a,b,c,label\n1,2,3,0\n", signature).inputs[""].dtype == np.int32


def test_frames_of_pandas_extension_types() -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": [True, False], "label": [0, 1]})
    frame["c"] = pd.array([1, None], dtype="Int64")
    part = frame_part(frame, TABLE, OPTIONS, "train")
    np.testing.assert_array_equal(part.inputs[""], [[1, 1, 1], [2, 0, np.nan]])


def test_columns_called_by_numbers() -> None:
    frame = pd.DataFrame(np.arange(8.0).reshape(2, 4))
    assert frame_part(frame, TABLE, LoadOptions(target="3"), "train").targets[""].tolist() == [3, 7]


def test_lists_in_cells_become_arrays() -> None:
    column = pd.Series([[[1, 2], [3, 4]], [[5, 6], [7, 8]]], name="x")
    assert rows_of(column, "").shape == (2, 2, 2)
    with pytest.raises(InputError, match="the lists in x have different lengths"):
        rows_of(pd.Series([[1, 2], None], name="x"), "")


FRAME = pd.DataFrame(
    {
        "id": range(100, 160),
        "number": np.random.default_rng(0).permutation(60) * 7,
        "age": [20.5, 30.5] * 30,
        "sex": ["f", "m"] * 30,
        "town": ["a", "b", "c"] * 20,
    }
)


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (8, "one-hot columns for sex, town would give exactly 8: encode them as in training"),
        (7, "one number for each of sex, one-hot columns for town would give exactly 7: encode them as in training; "
            "or without id, one-hot columns for sex, town would give exactly 7: encode them as in training"),
        (6, "one-hot columns for sex, town without the first of each would give exactly 6: encode them as in training; "
            "or without id, one number for each of sex, one-hot columns for town would give exactly 6: encode them "
            "as in training"),
        (5, "one number for each of sex, town would give exactly 5: encode them as in training; or without id, "
            "one-hot columns for sex, town without the first of each would give exactly 5: encode them as in training"),
        (1, "without id, number there would be exactly 1: leave them out if the model was not fed them"),
        (20, "encode the text as in training"),
        (0, "leave out what the model was not fed, or check --target"),
    ],
)  # fmt: skip
def test_hints_are_exact(width: int, expected: str) -> None:
    assert advice(FRAME, width) == expected


# --- records -------------------------------------------------------------------------------------


def test_parquet_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError) as error:
        read_frame(tmp_path / "t.parquet")
    assert str(error.value).endswith(
        "t.parquet is a Parquet file, which needs pyarrow: pip install 'keras-diagnose[parquet]'"
    )


# --- larger than memory --------------------------------------------------------------------------


def large_csv(path: Path) -> None:
    pd.DataFrame({"a": np.arange(20_000.0), "label": 0}).to_csv(path, index=False)


def large_json(path: Path) -> None:
    path.write_text("".join(f'{{"a": {number}.0, "label": 0}}\n' for number in range(20_000)))


@pytest.mark.parametrize(("name", "write"), [("t.csv", large_csv), ("t.jsonl", large_json)])
def test_of_a_very_large_table_a_seeded_share_is_kept(
    name: str, write: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / name)
    monkeypatch.setattr(tables, "BYTES", 100_000)
    monkeypatch.setattr(delimited, "CHUNK", 1_000)
    monkeypatch.setattr(records, "_CHUNK", 1_000)
    table = read_frame(tmp_path / name, seed=1)
    frame, notes = table.frame, table.notes
    assert 2_000 < len(frame) < 7_000
    assert frame["a"].is_monotonic_increasing
    assert frame["a"].mean() == pytest.approx(10_000, rel=0.1)
    assert notes[0].endswith(f"{len(frame):,} of 20,000 rows were kept, a seeded sample that fits into memory")
    assert table.population == 20_000
    assert read_frame(tmp_path / name, seed=1).frame.equals(frame)
    assert not read_frame(tmp_path / name, seed=2).frame.equals(frame)
