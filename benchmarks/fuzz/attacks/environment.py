"""Attacks by the environment: where the command runs, what it may write to, who reads it."""

import contextlib
import json
import os
import resource
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.fuzz.attacks.command import environment, made
from benchmarks.fuzz.attacks.loading import Answer

QUICK_ARGUMENTS = ("model.keras", "data.npz", "--effort", "quick")
HALF_OPEN, REQUESTS = 100, 1_000
Attack = Callable[[Path], str]  # the user's folder -> "" or how it broke

TRAINING = """
import sys, keras, numpy as np, diagnose
keras.utils.set_random_seed(0)
x = np.random.default_rng(0).normal(size=(400, 4)).astype("f4"); y = (x[:, 0] > 0).astype("f4")
def net(name="net"):
    keras.utils.set_random_seed(0)
    layers = [keras.Input((4,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1, "sigmoid")]
    model = keras.Sequential(layers, name=name); model.compile("adam", "binary_crossentropy"); return model
def fit(model, *callbacks):
    model.fit(x, y, epochs=2, verbose=0, callbacks=list(callbacks))
    return np.concatenate([weight.ravel() for weight in model.get_weights()])
"""


def attacks(folder: Path, match: str, quick: bool, seed: int) -> Iterator[Answer]:
    """Run the command, the viewer and the callback where something is missing or in the way."""
    del seed
    user = made(folder)
    wanted = [(name, attack) for name, attack in ATTACKS.items() if match in name]
    for name, attack in wanted[:: 4 if quick else 1]:
        start = resource.getrusage(resource.RUSAGE_CHILDREN)
        broken = attack(user)
        end = resource.getrusage(resource.RUSAGE_CHILDREN)
        yield Answer(name, broken, "", end.ru_utime - start.ru_utime, end.ru_maxrss * 1024)


# --- the command ---------------------------------------------------------------------------------


def _command(user: Path, shell: str, status: int = 0, writes: str = "", **variables: str) -> str:
    """Run a line of the shell in which $DIAGNOSE is the command; "" if it ends and writes as expected."""
    line = f"{sys.executable} -m diagnose"
    done = subprocess.run(
        ["bash", "-c", shell],
        cwd=user,
        env=environment(DIAGNOSE=line, A=" ".join(QUICK_ARGUMENTS), **variables),
        capture_output=True,
        timeout=600,
        check=False,
    )
    said = (done.stdout + done.stderr).decode("utf-8", "replace")
    if "Traceback" in said or "Error:" in said or done.returncode != status:
        return f"status {done.returncode}: {said[-500:]}"
    if writes and len(list(user.glob(writes))) < 1:
        return f"{writes} is missing: {said[-300:]}"
    left = [path.name for path in user.rglob(".*") if path.is_file()]
    return f"left behind: {left}" if left else ""


def _shell(shell: str, status: int = 0, writes: str = "", **variables: str) -> Attack:
    return lambda user: _command(user, shell, status, writes, **variables)


def _mounted(place: Path, options: str) -> bool:
    """Mount a file system in memory; only root may."""
    line = ["mount", "-t", "tmpfs", "-o", options, "none", str(place)]
    return subprocess.run(line, check=False, capture_output=True).returncode == 0


def _full_disk(user: Path) -> str:
    """A file system of 64 kB; only root may mount one."""
    place = user / "full"
    place.mkdir(exist_ok=True)
    if not _mounted(place, "size=64k"):
        return ""
    try:
        broken = _command(user, "$DIAGNOSE $A --out full", status=2)
        return broken or (f"half a file: {sorted(place.iterdir())}" if list(place.iterdir()) else "")
    finally:
        subprocess.run(["umount", place], check=False)


def _read_only(user: Path) -> str:
    place = user / "locked"
    place.mkdir(exist_ok=True)
    root = os.geteuid() == 0
    if root and not _mounted(place, "ro"):
        return ""
    place.chmod(0o500) if not root else None
    try:
        return _command(user, "$DIAGNOSE $A --out locked", status=2)
    finally:
        subprocess.run(["umount", place], check=False, capture_output=True)


def _two_at_once(user: Path) -> str:
    """Two examinations that begin in the same second write four files."""
    broken = _command(user, "$DIAGNOSE $A --out pair & $DIAGNOSE $A --out pair; wait")
    names = sorted(path.name for path in (user / "pair").iterdir())
    return broken or ("" if len(names) == 4 else f"files: {names}")


def _strange_name(user: Path) -> str:
    """A model file whose name is not UTF-8."""
    name = os.fsencode(user) + b"/strange\xff\xe9.keras"
    with open(name, "wb") as file:  # noqa: PTH123 - the name is bytes
        file.write((user / "model.keras").read_bytes())
    try:
        return _command(user, "$DIAGNOSE strange*.keras data.npz --effort quick --out strange", writes="strange/*.html")
    finally:
        os.unlink(name)  # noqa: PTH108 - the name is bytes


# --- Python --------------------------------------------------------------------------------------


def _python(code: str) -> Attack:
    """A training that must end as it would without us."""
    return lambda user: _ended(TRAINING + code, user)


def _ended(code: str, user: Path) -> str:
    """How a Python program broke; "" if it ended normally."""
    line = [sys.executable, "-c", code]
    done = subprocess.run(line, cwd=user, env=environment(), capture_output=True, text=True, timeout=600, check=False)
    return "" if done.returncode == 0 else f"status {done.returncode}: {(done.stdout + done.stderr)[-600:]}"


SAVING = """
class Save(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.model.save("inside.keras"); self.model.export("exported", verbose=False)
assert (fit(net(), Save()) == fit(net(), diagnose.DiagnosisCallback(), Save())).all()
keras.models.load_model("inside.keras")
"""
CLOSED = """
import io
from diagnose.live.session import Session
def broken(*given): raise RuntimeError("planted")
Session._end_epoch = broken
for stream in (None, io.StringIO()):
    if stream is not None: stream.close()
    sys.stdout = stream
    fit(net(), diagnose.DiagnosisCallback())
"""
TWO = """
first, second = diagnose.DiagnosisCallback(), diagnose.DiagnosisCallback()
assert (fit(net()) == fit(net(), first, second)).all()
assert first.diagnosis.state.value != "unknown"
assert any("another DiagnosisCallback" in gap.why for gap in second.diagnosis.coverage)
"""
EMPTY = """
callback = diagnose.DiagnosisCallback(probe=(x[:0], y[:0]))
fit(net(), callback)
assert any("no rows" in gap.why for gap in callback.diagnosis.coverage)
"""
LONG = """
import pathlib
fit(net("n" * 300), diagnose.DiagnosisCallback(out="long"))
assert len(list(pathlib.Path("long").glob("*.json"))) == 1
"""
FORKED = """
import multiprocessing, diagnose
def examine(queue): queue.put(diagnose.examine("model.keras", "data.npz", effort="quick").state.value)
context = multiprocessing.get_context("fork"); queue = context.Queue()
child = context.Process(target=examine, args=(queue,)); child.start()
assert queue.get(timeout=300) in ("sick", "healthy", "attention"); child.join()
"""


def _forked(user: Path) -> str:
    return _ended(FORKED, user)


# --- the viewer ----------------------------------------------------------------------------------


@contextlib.contextmanager
def _viewer(user: Path, handles: int = 0) -> Iterator[str]:
    """A running viewer of a folder with good and broken results; yields its address."""
    folder = user / "results"
    folder.mkdir(exist_ok=True)
    _command(user, "$DIAGNOSE $A --json results/good.json --quiet")
    good = json.loads((folder / "good.json").read_text(encoding="utf-8"))
    broken = {
        "surrogate": good | {"headline": "x\ud800", "subject": good["subject"] | {"name": "\udfff"}},
        "before year 1": good | {"date": "0001-01-01T00:00:00+23:59"},
        "after year 9999": good | {"date": "9999-12-31T23:59:59-23:59"},
        "huge": good | {"errors": [{"output": "y", "split": "train", "unit": "RMSE", "error": 10**4_000}]},
    }
    for name, result in broken.items():
        (folder / f"{name}.json").write_text(json.dumps(result))
    (folder / os.fsdecode(b"name\xff.json")).write_text(json.dumps(good))

    line = f"{f'ulimit -n {handles};' if handles else ''} exec {sys.executable} -m diagnose view results --port 0"
    out, nothing = subprocess.PIPE, subprocess.DEVNULL
    server = subprocess.Popen(["bash", "-c", line], cwd=user, env=environment(), text=True, stdout=out, stderr=nothing)
    assert server.stdout is not None
    try:
        yield server.stdout.readline().split(": ")[1].split(" ")[0]
    finally:
        server.terminate()
        server.wait()


def _status(address: str) -> int:
    try:
        with urllib.request.urlopen(address, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def _broken_results(user: Path) -> str:
    """Files that make no sense cost themselves: the list, the trends and the good report are shown."""
    with _viewer(user) as address:
        codes = {page: _status(address + page) for page in ("", "trends", "report/good.json", "?q=%ff%ed%a0%80")}
        worse = {name: _status(f"{address}report/{name}.json") for name in ("surrogate", "huge", "before%20year%201")}
    return "" if set(codes.values()) == {200} and 500 not in worse.values() else f"{codes} {worse}"


def _half_open(user: Path) -> str:
    """Connections that never finish their request."""
    with _viewer(user, handles=256) as address:
        port = int(address.rsplit(":", 1)[1].strip("/"))
        with contextlib.ExitStack() as stack:
            for _ in range(HALF_OPEN):
                connection = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
                connection.send(b"GET / HT")
            start = time.monotonic()
            code = _status(address)
    return "" if code == 200 and time.monotonic() - start < 15 else f"{code} after {time.monotonic() - start:.0f} s"


def _many_requests(user: Path) -> str:
    codes: list[int] = []
    with _viewer(user, handles=256) as address:
        threads = [
            threading.Thread(target=lambda: codes.extend(_status(address) for _ in range(REQUESTS // 50)))
            for _ in range(50)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return "" if codes == [200] * REQUESTS else f"{len(codes)} answers, {set(codes)}"


ATTACKS: dict[str, Attack] = {
    "| head": _shell("$DIAGNOSE $A --out o1 | head -n 1; exit ${PIPESTATUS[0]}", writes="o1/*.html"),
    "list | head": _shell("$DIAGNOSE list | head -n 1; test ${PIPESTATUS[0]} -le 1"),
    "JSON | head": _shell("$DIAGNOSE $A --json - | head -c 10 > /dev/null; exit ${PIPESTATUS[0]}"),
    "standard output is closed": _shell("$DIAGNOSE $A --out o2 >&-", writes="o2/*.html"),
    "standard error is closed": _shell("$DIAGNOSE $A --out o3 2>&-", writes="o3/*.html"),
    "standard input is closed": _shell("$DIAGNOSE $A --out o4 <&-", writes="o4/*.html"),
    "all three are closed": _shell("$DIAGNOSE $A --out o5 <&- >&- 2>&-", writes="o5/*.html"),
    "/dev/full": _shell("$DIAGNOSE $A --out o6 > /dev/full; test $? -eq 2", writes="o6/*.html"),
    "a full disk": _full_disk,
    "a read-only folder": _read_only,
    "a missing folder": _shell("$DIAGNOSE $A --out new/one/here", writes="new/one/here/*.html"),
    "a folder that is a file": _shell("$DIAGNOSE $A --out model.keras", status=2),
    "two in one second": _two_at_once,
    "no HOME": _shell("env -u HOME -u XDG_CACHE_HOME -u XDG_CONFIG_HOME $DIAGNOSE $A --out o7", writes="o7/*.html"),
    "HOME is not there": _shell("HOME=/nothing/there $DIAGNOSE $A --out o8", writes="o8/*.html"),
    "LANG=C": _shell("LC_ALL=C LANG=C PYTHONCOERCECLOCALE=0 PYTHONUTF8=0 $DIAGNOSE $A --out o9", writes="o9/*.html"),
    "PYTHONUTF8=0": _shell("PYTHONUTF8=0 PYTHONIOENCODING=ascii $DIAGNOSE $A --out o10", writes="o10/*.html"),
    "64 file handles": _shell("ulimit -n 64; $DIAGNOSE $A --out o11; test $? -le 2"),
    "256 file handles": _shell("ulimit -n 256; $DIAGNOSE $A --out o12", writes="o12/*.html"),
    "TERM is unknown": _shell("TERM=nothing COLUMNS=1 LINES=0 $DIAGNOSE $A --out o13", writes="o13/*.html"),
    "a working folder that was removed": _shell(
        "mkdir gone; M=$PWD; cd gone; rmdir ../gone; "
        "$DIAGNOSE $M/model.keras $M/data.npz --effort quick --out $M/o14; test $? -eq 2"
    ),
    "modules of the user with our names": _shell(
        "mkdir -p mine; cd mine; touch checks.py reports.py keras.py; "
        "$DIAGNOSE ../model.keras ../data.npz --effort quick --out ../o15",
        writes="o15/*.html",
    ),
    "a model whose name is not UTF-8": _strange_name,
    "nohup": _shell("nohup $DIAGNOSE $A --out o16 > /dev/null 2>&1", writes="o16/*.html"),
    "saving and exporting in fit": _python(SAVING),
    "fit without standard output": _python(CLOSED),
    "two callbacks": _python(TWO),
    "an empty probe": _python(EMPTY),
    "a model name of 300 letters": _python(LONG),
    "fork after import": _forked,
    "results that make no sense": _broken_results,
    f"{HALF_OPEN} half-open connections": _half_open,
    f"{REQUESTS:,} requests": _many_requests,
}
