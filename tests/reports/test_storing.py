"""JSON round trip, its schema, older and newer files, rejected files."""

import json
import math
import warnings
from dataclasses import fields, replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from diagnose.diagnosis import SCHEMA, Diagnosis
from diagnose.errors import InputError
from diagnose.findings import Bars, Where
from diagnose.storing import (
    NewerSchema,
    from_json,
    json_schema,
    load,
    plain_name,
    save,
    to_json,
    write_new,
)
from tests.reports.examples import EVERY, deep, hostile, sick

FIXTURES = Path(__file__).parent / "fixtures"


def changed(**changes: object) -> str:
    return json.dumps(json.loads(to_json(sick())) | changes)


@pytest.mark.parametrize("name", EVERY)
def test_a_diagnosis_survives_the_round_trip(name: str) -> None:
    text = to_json(EVERY[name]())
    assert to_json(from_json(text)) == text


def test_the_round_trip_gives_equal_objects() -> None:
    finite = replace(sick(), causes=(), findings=())
    assert from_json(to_json(finite)) == finite


@pytest.mark.parametrize("name", EVERY)
def test_the_json_fits_the_schema(name: str) -> None:
    jsonschema.validate(json.loads(to_json(EVERY[name]())), json_schema(), jsonschema.Draft202012Validator)


def test_the_schema_rejects_a_wrong_type() -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(json.loads(changed(state="ill")), json_schema())


def test_all_top_level_keys_are_present_and_the_schema_comes_first() -> None:
    data = json.loads(to_json(sick()))
    assert next(iter(data)) == "schema"
    assert set(data) == {field.name for field in fields(Diagnosis)} == set(json_schema()["required"])


def test_non_finite_numbers_are_stored_as_strings_and_read_as_numbers() -> None:
    text = to_json(hostile())
    assert "NaN" not in text.replace('"NaN"', "") and "Infinity" not in text.replace('"Infinity"', "").replace(
        '"-Infinity"', ""
    )
    finding = from_json(text).findings[0]
    assert finding.value is not None and math.isnan(finding.value)
    assert finding.threshold == math.inf
    assert finding.interval is not None and finding.interval.low == -math.inf


def test_free_form_facts_keep_their_numbers() -> None:
    read = from_json(to_json(replace(sick(), subject={"name": "m", "best": math.inf, "rates": [math.nan, 1.0]})))
    assert read.subject["best"] == math.inf
    assert math.isnan(read.subject["rates"][0])


def test_a_class_named_nan_stays_text() -> None:
    bars = Bars("rows", ("NaN", "Infinity"), (1.0, 2.0))
    finding = replace(sick().findings[0], where=Where(label="NaN"), evidence=(bars,))
    read = from_json(to_json(replace(sick(), findings=(finding,)))).findings[0]
    assert read.where.label == "NaN"
    assert read.evidence == (bars,)


def test_the_label_is_stored_as_class() -> None:
    places = [finding["where"] for finding in json.loads(to_json(sick()))["findings"]]
    assert all("class" in place and "label" not in place for place in places)
    assert from_json(to_json(sick())).findings[7].where.label == "Dress"


def test_numpy_values_become_plain_numbers() -> None:
    subject = {"rows": np.int64(3), "rate": np.float32(0.5), "yes": np.bool_(True), "shape": np.array([1, 2])}
    finding = replace(sick().findings[0], value=np.float64(2.5))
    data = json.loads(to_json(replace(sick(), subject=subject, findings=(finding,))))
    assert data["subject"] == {"rows": 3, "rate": 0.5, "yes": True, "shape": [1, 2]}
    assert data["findings"][0]["value"] == 2.5


def test_the_first_schema_can_be_read_and_shown() -> None:
    from diagnose.reports.html import render

    old = load(FIXTURES / "schema-1.json")
    assert old.schema == 1
    assert [cause.code for cause in old.causes][:2] == ["inputs-not-scaled", "learning-rate-too-high"]
    assert old.headline in render(old)


def test_errors_that_were_a_picture_become_data() -> None:
    old = load(FIXTURES / "schema-1.json")
    assert [(level.split, level.error) for level in old.errors] == [("train", 0.898), ("dev", 0.901), ("test", 0.899)]
    assert {(level.unit, level.target_error, level.constant_error) for level in old.errors} == {
        ("error rate", 0.05, 0.901)
    }
    assert old.errors[0].baseline_error == 0.132
    assert not [figure for figure in old.figures if figure.section == "errors"]


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*.json")), ids=lambda path: path.stem)
def test_every_stored_result_shows_its_errors(path: Path) -> None:
    from diagnose.comparing.comparison import compare
    from diagnose.reports.html import render

    stored = load(path)
    assert stored.errors
    assert 'id="errors"' in render(stored)
    changes = compare(stored, stored).errors
    assert sorted((c.split, c.old.value) for c in changes) == sorted((e.split, e.error) for e in stored.errors)


def test_unknown_keys_are_ignored() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert from_json(changed(novelty={"a": 1})).headline == sick().headline


def test_a_newer_schema_opens_with_a_notice() -> None:
    data = json.loads(changed(schema=SCHEMA + 1))
    data["causes"][0]["evidence"] = [{"kind": "hologram", "title": "Loss in space", "voxels": [1, 2]}]
    with pytest.warns(NewerSchema, match=f"schema {SCHEMA + 1}"):
        read = from_json(json.dumps(data))
    shown = read.causes[0].evidence[0]
    assert shown.title == "Loss in space"
    assert "hologram" in str(shown)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"schema": "one"}', '{"schema": 1}', "null", "\x00"])
def test_a_text_that_is_not_a_diagnosis_is_rejected_with_one_sentence(text: str) -> None:
    with pytest.raises(InputError, match="not a") as caught:
        from_json(text)
    assert "\n" not in str(caught.value)


def test_missing_and_unreadable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.json does not exist"):
        load(tmp_path / "gone.json")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"binary\.json"):
        load(tmp_path / "binary.json")
    with pytest.raises(InputError, match="cannot be read"):
        load(tmp_path)


def test_saving_writes_only_the_file(tmp_path: Path) -> None:
    save(deep(), tmp_path / "new" / "a.json")
    save(sick(), tmp_path / "new" / "a.html")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["a.html", "a.json"]
    assert len(load(tmp_path / "new" / "a.json").layers) == 200
    assert (tmp_path / "new" / "a.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_another_suffix_and_a_path_that_cannot_be_written_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"must end in .json, .html or .xml"):
        save(sick(), tmp_path / "a.txt")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        save(sick(), tmp_path / "file" / "a.json")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(InputError, match="cannot write"):
        save(sick(), tmp_path / "folder.json")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.json"]


def test_text_that_no_encoding_can_write_does_not_lose_the_report(tmp_path: Path) -> None:
    name = "cat\udcff"  # a class folder whose name is not UTF-8
    diagnosis = replace(sick(), headline=name, subject=sick().subject | {"name": name})
    for suffix in (".json", ".html", ".xml"):
        save(diagnosis, tmp_path / f"report{suffix}")
    assert load(tmp_path / "report.json").headline == "cat\N{REPLACEMENT CHARACTER}"
    assert len(list(tmp_path.iterdir())) == 3  # no temporary file is left


def test_a_taken_name_is_left_alone(tmp_path: Path) -> None:
    paths = [write_new(text, tmp_path / "report.v1.json") for text in "abc"]
    assert [path.name for path in paths] == ["report.v1.json", "report.v1-2.json", "report.v1-3.json"]
    assert [path.read_text() for path in paths] == ["a", "b", "c"]
    assert len(list(tmp_path.iterdir())) == 3


def test_an_interrupt_while_writing_leaves_neither_half_a_file_nor_a_temporary_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save(sick(), tmp_path / "report.json")
    assert list(tmp_path.iterdir()) == []


def test_names_become_such_that_every_file_system_takes_them() -> None:
    assert plain_name("my model/v1.2") == "my_model_v1.2"
    assert plain_name("Modèle\udcff") == "Modèle_"
    assert len(plain_name("ü" * 300).encode()) <= 150
    assert plain_name("...") == "model"
