"""`diagnose view` as a user runs it."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from diagnose.errors import InputError
from diagnose.viewing.serving import serve
from tests.viewing.results import several

ROOT = Path(__file__).parents[2]


@contextmanager
def started(*arguments: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "diagnose", "view", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            yield process, line
        finally:
            process.kill()


@pytest.mark.skipif(signal.getsignal(signal.SIGINT) is signal.SIG_IGN, reason="run in the background: no Ctrl-C here")
def test_it_prints_its_address_serves_the_list_and_stops_on_ctrl_c(tmp_path: Path) -> None:
    with started(several(tmp_path), "--port", "0") as (process, line):
        address = next(word for word in line.split() if word.startswith("http://127.0.0.1:"))
        with urlopen(address) as answer:
            assert "cnn" in answer.read().decode()
            assert "waitress" not in str(answer.headers).lower()
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=30)[1]
        assert process.returncode == 0
        assert "Traceback" not in said


def test_no_page_imports_keras(tmp_path: Path) -> None:
    code = f"""
import sys
from pathlib import Path
from diagnose.viewing.pages import application
client = application(Path({str(several(tmp_path))!r})).test_client()
names = sorted(path.name for path in Path({str(tmp_path)!r}).glob("cnn*.json"))
for address in ("/", "/trends", "/report/" + names[0], "/compare?result=" + "&result=".join(names[:2])):
    assert client.get(address).status_code == 200, address
print(*({{"keras", "tensorflow", "jax", "torch", "sklearn", "scipy", "matplotlib"}} & set(sys.modules)))
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert ran.stdout.split() == []


def test_only_the_loopback_address_listens(tmp_path: Path) -> None:
    with started(several(tmp_path), "--port", "0") as (_, line):
        port = int(line.split("127.0.0.1:")[1].split("/")[0])
        with pytest.raises(OSError), socket.create_connection(("127.0.0.2", port), timeout=5):
            pass


def test_a_port_in_use_is_an_error(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"port {port} cannot be used; pass another"):
            serve(tmp_path, port, print)


@pytest.mark.parametrize(("name", "words"), [("missing", "does not exist"), ("file", "is a file")])
def test_a_missing_folder_is_an_error(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=f"DIR must be a folder of results, but .*{name} {words}"):
        serve(tmp_path / name, None, print)
