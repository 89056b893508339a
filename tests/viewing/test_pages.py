"""The pages of the viewer: list, reports, comparison, trends, live runs."""

import json
import os
import re
import time
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from diagnose.diagnosis import Diagnosis
from diagnose.viewing import choosing
from diagnose.viewing.pages import application
from tests.reports.examples import EVERY, HOSTILE, healthy, sick
from tests.viewing.results import put, several


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return several(tmp_path_factory.mktemp("results"))


@pytest.fixture
def client(folder: Path) -> FlaskClient:
    return application(folder).test_client()


def models(answer: TestResponse) -> list[str]:
    """The models in the list, in order."""
    return re.findall(r'<th scope="row"><a href="/report/([^"]*?)-2026', answer.text)


def test_the_list_has_every_result_newest_first_and_damaged_files_last(client: FlaskClient) -> None:
    page = client.get("/")
    assert page.status_code == 200
    reports = re.findall(r'href="/report/([^"]+)"', page.text)
    assert reports[0] == "hostile.json"
    assert reports[1:] == sorted(reports[1:], reverse=True)
    assert page.text.index("hostile.json") < page.text.index("damaged.json")
    assert "notes.txt" not in page.text
    assert "the JSON has no number &#34;schema&#34;" in page.text


def test_results_on_one_data_set_are_found_by_its_name(tmp_path: Path) -> None:
    for model, data in (("one", "/rows/digits"), ("two", "C:\\rows\\digits.npz"), ("three", "")):
        subject = sick().subject | {"facts": {"data": data}}
        put(tmp_path, replace(sick(), subject=subject), model, 0)
    visitor = application(tmp_path).test_client()
    addresses = re.findall(r'href="(/\?q=[^"]*)" title="Results on this data"', visitor.get("/").text)
    assert [sorted(models(visitor.get(address))) for address in sorted(addresses)] == [["one", "two"], ["two"]]
    assert ">rows/digits.npz<" in visitor.get("/?q=digits.npz").text


def test_one_cause_or_one_data_set_can_be_chosen_and_stays_chosen(tmp_path: Path) -> None:
    for model, data in (("one", "/rows/digits"), ("two", "/rows/letters")):
        put(tmp_path, replace(sick(), subject=sick().subject | {"facts": {"data": data}}), model, 0)
    visitor = application(tmp_path).test_client()
    page = visitor.get("/?data=rows/letters&cause=inputs-not-scaled").text
    assert models(visitor.get("/?data=rows/letters")) == ["two"]
    assert '<option value="rows/letters" selected>' in page and '<option value="inputs-not-scaled" selected>' in page
    assert "data=rows%2Fletters" in page.split('class="facets"')[1].split("</ul>")[0]


def test_errors_have_intervals(client: FlaskClient) -> None:
    page = client.get("/?q=cnn&state=healthy").text
    assert re.search(r"11\.0\u00a0%</span> <span class=\"iv-t\">\[10\.1, 12\.0\]", page)


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ("", 6),
        ("q=cnn", 3),
        ("q=CNN+scaled", 2),
        ("q=inputs-not-scaled", 3),
        ("q=no+such+words", 0),
        ("state=healthy", 1),
        ("state=unreadable", 2),
        ("state=nonsense", 6),
        ("q=cnn&state=sick", 2),
        ("cause=inputs-not-scaled", 3),
        ("cause=inputs-not-scaled&q=cnn", 2),
        ("cause=no-such-cause", 0),
        ("data=no/such", 0),
    ],
)
def test_search_and_filter(client: FlaskClient, asked: str, count: int) -> None:
    page = client.get(f"/?{asked}").text
    assert len(re.findall(r'<th scope="row"', page)) == count


def test_a_cause_leads_to_the_results_that_have_it(client: FlaskClient) -> None:
    assert 'href="/?q=inputs-not-scaled"' in client.get("/").text
    assert len(models(client.get("/?q=inputs-not-scaled"))) == 2


@pytest.mark.parametrize("sort", choosing.SORTS)
def test_every_column_sorts_both_ways_and_is_marked(client: FlaskClient, sort: str) -> None:
    down, up = (client.get(f"/?q=cnn&sort={sort}&order={order}").text for order in ("down", "up"))
    assert 'aria-sort="descending"' in down
    assert 'aria-sort="ascending"' in up


def test_sorting_by_dev_error_puts_missing_errors_last(client: FlaskClient) -> None:
    states = re.findall(r'#i-(\w+)"/></svg>[\w ]+</span></td>', client.get("/?sort=dev&order=up").text)
    assert states == ["healthy", "sick", "sick", "sick"]
    assert "hostile" in re.findall(r'href="/report/([^"]+)"', client.get("/?sort=dev&order=up").text)[-1]


def test_pages_of_fifty(tmp_path: Path) -> None:
    text = (several(tmp_path) / "hostile.json").read_text()
    for number in range(120):
        (tmp_path / f"copy-{number}.json").write_text(text)
    client = application(tmp_path).test_client()
    deadline = time.monotonic() + 60
    while "were read so far" in (page := client.get("/").text) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert page.count('<th scope="row"') == choosing.PAGE
    assert "1 to 50 of 126" in page
    assert 'href="/?page=2"' in page
    last = client.get("/?page=99").text
    assert "101 to 126 of 126" in last
    assert 'rel="next"' not in last


def test_an_empty_folder_shows_how_to_add_a_result(tmp_path: Path) -> None:
    page = application(tmp_path).test_client().get("/")
    assert page.status_code == 200
    assert "diagnose MODEL DATA" in page.text


@pytest.mark.parametrize("name", EVERY)
def test_every_kind_of_report_is_shown_under_the_bar(tmp_path: Path, name: str) -> None:
    EVERY[name]().save(tmp_path / "one.json")
    page = application(tmp_path).test_client().get("/report/one.json")
    assert page.status_code == 200
    assert page.text.index('aria-label="Viewer"') < page.text.index("<main>")
    policy = unescape(page.text)
    assert "script-src 'sha256-" in policy
    assert "connect-src 'self'" in policy


def test_a_report_leads_to_the_previous_run_of_its_model(client: FlaskClient, folder: Path) -> None:
    first, second, _ = sorted(path.name for path in folder.glob("cnn*.json"))
    assert f"/compare?result={first}&amp;result={second}" in client.get(f"/report/{second}").text
    assert "/compare?" not in client.get(f"/report/{first}").text


def test_a_damaged_file_shows_the_reason(client: FlaskClient) -> None:
    for name in ("damaged.json", "package.json"):
        page = client.get(f"/report/{name}")
        assert page.status_code == 422
        assert f"{name} cannot be shown" in page.text
        assert client.get(f"/compare?result={name}&result=hostile.json").status_code == 422


def test_no_damaged_file_crashes_the_viewer(tmp_path: Path) -> None:
    """Every top-level value replaced by values of other types, and the text cut at several places."""
    healthy().save(tmp_path / "whole.json")
    text = (tmp_path / "whole.json").read_text()
    data = json.loads(text)
    values = (None, 7, "text", [], {}, [None], {"x": {}}, [[]], True, "NaN")
    broken = [data | {key: value} for key in data for value in values]
    texts = [json.dumps(one, indent=1) + "\n" for one in broken]
    texts += [text[: len(text) * part // 12] for part in range(12)] + ["[" * 100_000, ""]
    for number, one in enumerate(texts):
        (tmp_path / f"{number}.json").write_text(one)
    (tmp_path / "bytes.json").write_bytes(bytes(range(256)))
    client = application(tmp_path).test_client()
    assert client.get("/").status_code == 200
    assert client.get("/trends").status_code == 200
    answers = {path.name: client.get(f"/report/{path.name}").status_code for path in tmp_path.iterdir()}
    assert {name: status for name, status in answers.items() if status not in (200, 422)} == {}


def test_two_side_by_side_the_older_first(client: FlaskClient, folder: Path) -> None:
    first, _, last = sorted(path.name for path in folder.glob("cnn*.json"))
    page = client.get(f"/compare?result={last}&result={first}")
    assert page.status_code == 200
    assert "From sick to no fault found" in page.text
    assert page.text.index(first) < page.text.index(last)


@pytest.mark.parametrize("asked", ["", "result=hostile.json", "result=hostile.json&result=hostile.json"])
def test_comparing_needs_two_results(client: FlaskClient, asked: str) -> None:
    answer = client.get(f"/compare?{asked}")
    assert answer.status_code == 400
    assert "Choose two results" in answer.text


def test_trends_draw_models_examined_more_than_once(client: FlaskClient) -> None:
    page = client.get("/trends").text
    assert "<bdi>cnn</bdi> <span" in page
    assert 'aria-label="train from 89.8 % to 5.8 %, smallest 5.8 %; dev from 90.1 % to 11 %' in page.replace(
        "11.0", "11"
    )
    assert "State of 3 runs: 2 sick, 1 no fault found." in page
    assert "Inputs are not scaled: in 2 of 3 runs." in page
    assert client.get("/trends?model=cnn").status_code == 200
    assert client.get("/trends?model=none").status_code == 404


def test_names_are_text_everywhere(client: FlaskClient) -> None:
    for address in ("/", "/trends", "/report/hostile.json", "/json/hostile.json"):
        answer = client.get(address)
        assert answer.status_code == 200
        if answer.mimetype == "text/html":
            assert HOSTILE not in answer.text
            assert "<script>alert" not in answer.text
            assert "\u202e" not in answer.text


def test_an_unchanged_page_is_not_drawn_again(client: FlaskClient, folder: Path) -> None:
    name = next(folder.glob("cnn*.json")).name
    for address in ("/", "/trends", f"/report/{name}", f"/json/{name}", f"/compare?result={name}&result=hostile.json"):
        version = client.get(address).headers["ETag"]
        assert client.get(address, headers={"If-None-Match": version}).status_code == 304
        head = client.head(address)
        assert (head.status_code, head.data, head.headers["ETag"]) == (200, b"", version)


def test_the_page_of_a_running_training_changes_with_its_file(tmp_path: Path) -> None:
    path = put(tmp_path, sick(), "cnn", 0, live=True)
    client = application(tmp_path).test_client()
    address = f"/report/{path.name}"
    assert ">live</span>" in client.get("/").text
    page = client.get(address)
    assert ">live</p>" in page.text
    assert f'data-version="{page.headers["ETag"][1:-1]}" data-every="2"' in page.text
    put(tmp_path, healthy(), "cnn", 0, live=True)
    time.sleep(1.1)  # a listing is reused for a second
    changed = client.head(address).headers["ETag"]
    assert changed != page.headers["ETag"]
    assert "No fault found" in client.get(address).text
    os.utime(path, (0, 0))
    time.sleep(1.1)
    assert ">live</p>" not in client.get(address).text


def test_a_new_result_is_available_at_once(tmp_path: Path) -> None:
    client = application(several(tmp_path)).test_client()
    assert client.get("/").status_code == 200
    path = put(tmp_path, healthy(), "fresh", 5)
    assert client.get(f"/report/{path.name}").status_code == 200


def test_a_removed_file_is_gone(tmp_path: Path) -> None:
    path = put(tmp_path, sick(), "cnn", 0)
    client = application(tmp_path).test_client()
    assert client.get(f"/report/{path.name}").status_code == 200
    path.unlink()
    time.sleep(1.1)
    assert client.get(f"/report/{path.name}").status_code == 404
    assert "There are no results yet" in client.get("/").text


def test_nothing_is_written_into_the_folder(client: FlaskClient, folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    for address in ("/", "/trends", "/report/hostile.json", "/compare?result=hostile.json&result=damaged.json"):
        client.get(address)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_models_of_one_name_and_different_sizes_have_trends_of_their_own(tmp_path: Path) -> None:
    for day, size in enumerate((10, 10, 20, 20)):
        made = sick()
        put(tmp_path, replace(made, subject=made.subject | {"parameters": size}), "model", day)
    page = application(tmp_path).test_client().get("/trends").text
    assert "model, 10 parameters" in page and "model, 20 parameters" in page
    assert page.count('href="/trends?model=model"') == 2


def with_identity(folder: str, architecture: str, data: str) -> Diagnosis:
    made = sick()
    prints = {"architecture": architecture, "data": data}
    return replace(made, subject=made.subject | {"facts": {"model": f"/x/{folder}/model.h5"}, "fingerprints": prints})


def test_runs_of_one_file_name_are_told_apart_by_folder_architecture_and_data(tmp_path: Path) -> None:
    kinds = (("first", "aa", "11"), ("second", "aa", "11"), ("second", "bb", "11"), ("second", "bb", "22"))
    for day, kind in enumerate(kinds * 2):
        put(tmp_path, with_identity(*kind), "model", day)
    client = application(tmp_path).test_client()
    page = client.get("/trends").text
    assert page.count('class="trend"') == 4
    for title in ("model, second, architecture aa, data 11", "model, second, architecture bb, data 22"):
        assert title in page
    listed = client.get("/").text
    assert "<bdi>first/model</bdi>" in listed and "<bdi>second/model</bdi>" in listed
    assert client.get("/?q=second/model").text.count("<bdi>second/model</bdi>") == 6


def test_a_title_says_no_more_than_it_needs_to(tmp_path: Path) -> None:
    for day, folder in enumerate(("first", "second") * 2):
        put(tmp_path, with_identity(folder, "aa", "11"), "model", day)
    page = application(tmp_path).test_client().get("/trends").text
    assert "<bdi>model, first</bdi> <span" in page and "architecture aa" not in page


def test_the_previous_run_is_that_of_the_same_file_though_its_architecture_changed(tmp_path: Path) -> None:
    old = put(tmp_path, with_identity("first", "aa", "11"), "model", 0).name
    put(tmp_path, with_identity("second", "bb", "11"), "model", 1)
    new = put(tmp_path, with_identity("first", "bb", "11"), "model", 2).name
    page = application(tmp_path).test_client().get(f"/report/{new}").text
    assert f"/compare?result={old}&amp;result={new}" in page
