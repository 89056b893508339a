"""The viewer answers only this machine, serves only its folder and is read-only."""

import json
import os
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from diagnose.viewing.pages import application
from tests.reports.examples import sick
from tests.viewing.results import put, several

SECRET = "the file outside"


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    """A folder of results with links to a file outside, which must not be served."""
    outside, folder = tmp_path / "outside", tmp_path / "results"
    outside.mkdir()
    several(folder) if folder.is_dir() else several(_made(folder))
    put(outside, sick(), "secret", 0)
    (outside / "secret.json").write_text(f'{{"schema": 1, "secret": "{SECRET}"}}')
    (folder / "link.json").symlink_to(outside / "secret.json")
    (folder / "linked").symlink_to(outside)
    (folder / "below").mkdir()
    (folder / "below" / "deep.json").write_text(f'{{"secret": "{SECRET}"}}')
    (folder / ".hidden.json").write_text(f'{{"secret": "{SECRET}"}}')
    os.mkfifo(folder / "pipe.json")
    return application(folder).test_client()


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8765", "localhost", "localhost:9", "LOCALHOST:8765"])
def test_local_host_names_are_answered(client: FlaskClient, host: str) -> None:
    assert client.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "evil.example:8765", "127.0.0.1.evil.example", "localhost.evil.example", "[::2]", "0.0.0.0"],
)
def test_other_host_names_are_refused(client: FlaskClient, host: str) -> None:
    for address in ("/", "/json/hostile.json", "/style.css", "/nothing"):
        answer = client.get(address, headers={"Host": host})
        assert answer.status_code in (400, 403)
        assert "cnn" not in answer.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
def test_only_get_and_head(client: FlaskClient, method: str) -> None:
    for address in ("/", "/report/hostile.json", "/compare", "/nothing"):
        assert client.open(address, method=method).status_code == 405


@pytest.mark.parametrize(
    "name",
    [
        "../outside/secret.json",
        "..%2Foutside%2Fsecret.json",
        "%2e%2e/outside/secret.json",
        "..%252Foutside%252Fsecret.json",
        "....//outside/secret.json",
        "..\\outside\\secret.json",
        "/etc/passwd",
        "%2Fetc%2Fpasswd",
        "link.json",
        "linked/secret.json",
        "linked%2Fsecret.json",
        "below/deep.json",
        "below%2Fdeep.json",
        ".hidden.json",
        "pipe.json",
        "hostile.json%00",
        "notes.txt",
        "",
    ],
)
def test_no_file_outside_the_folder(client: FlaskClient, name: str) -> None:
    for address in (f"/report/{name}", f"/json/{name}", f"/compare?result={name}&result=hostile.json"):
        answer = client.get(address)
        assert answer.status_code in (404, 405, 308)
        assert SECRET not in answer.text
        assert "root:" not in answer.text


def test_a_file_that_becomes_a_link_is_not_followed(client: FlaskClient, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    client.get("/")
    (folder / "hostile.json").unlink()
    (folder / "hostile.json").symlink_to(tmp_path / "outside" / "secret.json")
    answer = client.get("/json/hostile.json")
    assert answer.status_code == 404
    assert SECRET not in answer.text


@pytest.mark.parametrize(
    "address", ["/", "/trends", "/report/hostile.json", "/json/hostile.json", "/nothing", "/viewer.js"]
)
def test_every_response_has_security_headers(client: FlaskClient, address: str) -> None:
    headers = client.get(address).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "Access-Control-Allow-Origin" not in headers
    assert "Set-Cookie" not in headers


@pytest.mark.parametrize(
    "changes",
    [
        {"headline": "x\ud800", "subject": {"name": "\udfff"}},
        {"date": "0001-01-01T00:00:00+23:59"},
        {"date": "9999-12-31T23:59:59-23:59"},
        {"errors": [{"output": "y", "split": "train", "unit": "RMSE", "error": 10**400}]},
    ],
    ids=["surrogates", "before year 1", "after year 9999", "huge number"],
)
def test_a_result_that_makes_no_sense_costs_itself(changes: dict[str, object], tmp_path: Path) -> None:
    good = put(tmp_path, sick(), "good", 0)
    (tmp_path / "bad.json").write_text(json.dumps(json.loads(good.read_text()) | changes))
    client = application(tmp_path).test_client()
    for address in ("/", "/trends", f"/report/{good.name}"):
        assert client.get(address).status_code == 200
    assert client.get("/report/bad.json").status_code in (200, 422)
    assert client.get(f"/compare?result=bad.json&result={good.name}").status_code in (200, 422)


def test_a_result_whose_name_is_not_utf_8_is_listed(tmp_path: Path) -> None:
    good = put(tmp_path, sick(), "good", 0)
    good.rename(tmp_path / os.fsdecode(b"bad\xff.json"))
    client = application(tmp_path).test_client()
    assert "bad" in client.get("/").text
    assert client.get("/report/bad%FF.json").status_code == 404
