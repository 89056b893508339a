"""Attacks on a running command: faults planted in its stages, and interrupts at random moments."""

import contextlib
import hashlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.fuzz.attacks.loading import Answer
from diagnose.measuring import planning

INSTRUMENTS = tuple(one.title for one in sorted(planning.INSTRUMENTS, key=lambda one: one.priority))
QUICK_EFFORT = (*INSTRUMENTS[: INSTRUMENTS.index("gradients") + 1], "loading")  # the cheapest effort with these
STAGES = ("loading", "reasoning", "concluding", "writing the report")
TRIALS = {  # titles of trials, and the model and the effort with which they run
    "trial of lower-learning-rate": ("sick", "standard"),
    "trial of lower-learning-rate on dev rows": ("sick", "standard"),
    "repaired copy": ("sick", "standard"),
    "trial of all remedies together": ("saturated", "standard"),
    "trial of scale-inputs on top of relu-instead": ("unscaled", "deep"),
    "first look at all changes": ("well", "standard"),
    "first look at other changes": ("well", "standard"),
    "trial of average-weights with more seeds": ("well", "standard"),
    "training with other seeds": ("well", "deep"),
}
INTERRUPTS = 60
EARLY = ("interrupt", "terminate")  # faults that reach the watching process
QUICK = 12
DEADLINE = 1_200.0  # seconds; a machine may be busy
ROOT = Path(__file__).parents[3]


MODELS = {  # hidden layers, optimizer, scale of the inputs, epochs
    "sick": ("keras.layers.Dense(16, 'relu')", "SGD(50.0)", 1, 2),
    "saturated": ("*[keras.layers.Dense(16, 'sigmoid') for _ in range(8)]", "SGD(0.1)", 1_000, 2),
    "unscaled": ("*[keras.layers.Dense(16, 'sigmoid') for _ in range(2)]", "Adam(0.01)", 1_000, 2),
    "well": ("keras.layers.Dense(16, 'relu')", "Adam(0.01)", 1, 20),
}


def made(folder: Path, kind: str = "sick") -> Path:
    """A folder with a model and data for the command; if the model is sick, remedies are tried."""
    place = folder / kind
    if not place.exists():
        hidden, optimizer, scale, epochs = MODELS[kind]
        code = (
            "import sys, keras, numpy as np\n"
            "keras.utils.set_random_seed(0)\n"
            f"x = {scale} * np.random.default_rng(0).normal(size=(600, 8)).astype('f4')\n"
            "y = (x[:, 0] * x[:, 1] > 0).astype('i4')\n"
            f"layers = [keras.Input((8,)), {hidden}, keras.layers.Dense(2, 'softmax')]\n"
            "model = keras.Sequential(layers)\n"
            f"model.compile(keras.optimizers.{optimizer}, 'sparse_categorical_crossentropy')\n"
            f"model.fit(x[:400], y[:400], epochs={epochs}, verbose=0)\n"
            "model.save('model.keras')\n"
            "np.savez('data.npz', x_train=x[:400], y_train=y[:400], x_test=x[400:], y_test=y[400:])\n"
        )
        place.mkdir()
        subprocess.run([sys.executable, "-c", code], cwd=place, env=environment(), check=True, capture_output=True)
    return place


def environment(**more: str) -> dict[str, str]:
    """The variables of a command that runs this checkout."""
    return os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"} | more


def faults(folder: Path, match: str, quick: bool, seed: int) -> Iterator[Answer]:
    """Kill, hang, and fail every instrument, and every stage."""
    del seed
    tried: list[tuple[str, str, bool]] = [(place, "SIGKILL", False) for place in (*INSTRUMENTS, *TRIALS, "loading")]
    tried += [(place, "SIGSEGV", True) for place in (*INSTRUMENTS, *STAGES)]
    tried += [(place, "error", False) for place in (*INSTRUMENTS, *TRIALS)]
    tried += [(place, "memory", False) for place in INSTRUMENTS]
    tried += [(place, how, False) for place in (*INSTRUMENTS, *TRIALS, *STAGES) for how in EARLY]
    tried += [
        (place, how, False)
        for place in ("network", "baselines", "replay", *TRIALS)
        for how in ("hang", "exit", "twice")
    ]
    named = [(f"{place}: {how}{' once' if once else ''}", place, how, once) for place, how, once in tried]
    wanted = [one for one in named if match in one[0]]
    for name, place, how, once in wanted[:: QUICK if quick else 1]:
        yield _fault(folder, name, place, how, once)


def _fault(folder: Path, name: str, place: str, how: str, once: bool) -> Answer:
    kind, effort = TRIALS.get(place, ("sick", "quick" if place in QUICK_EFFORT else "standard"))
    user = made(folder, kind)
    mark = user / "mark"
    mark.unlink(missing_ok=True)
    more = {"DIAGNOSE_FAULT": f"{place}={how}"} | ({"DIAGNOSE_FAULT_MARK": str(mark)} if once else {})
    with _watched(user) as files:
        done = _run("benchmarks.fuzz.attacks.faulty", user, more, effort=effort)
    broken = files.broken or _wrong(done, user, place, how, once)
    return Answer(name, broken, done.said, done.seconds, done.memory)


def _wrong(done: "_Done", user: Path, place: str, how: str, once: bool) -> str:
    """What is wrong with the end of a command with a fault; "" if nothing."""
    expected = 130 if how in {*EARLY, "twice"} else 0
    if "Traceback" in done.said or done.status != expected:
        return f"status {done.status}: {done.said[-600:]}"
    if how == "twice":
        return ""
    result = _result(user)
    if result is None or not list(user.glob("out/*.html")):
        return "the JSON file or the page is missing"
    return _untold(result, place, how, once)


def _untold(result: dict[str, Any], place: str, how: str, once: bool) -> str:
    """What a report does not say; "" if it says all."""
    gaps = " ".join(f"{gap['what']}: {gap['why']}" for gap in result["coverage"])
    if how in EARLY:
        return "" if result["settings"].get("interrupted") or place in STAGES[1:] else "it does not say it is partial"
    ended = " ".join(result["settings"].get("ended", ()))
    if how.startswith("SIG") and (place not in ended or how not in ended):
        return f"the report does not name {place} and {how}: {ended}"
    if not once and place not in gaps and place != "loading":
        return f"{place} is not listed as missing"
    whole = how == "error" or place in TRIALS
    if not once and not whole and result["state"] in {"healthy", "attention"}:
        return f"what was cut, and the state is {result['state']}"
    return ""


def interrupts(folder: Path, match: str, quick: bool, seed: int) -> Iterator[Answer]:
    """Interrupt the command at random moments from its start to its end."""
    user, random = made(folder), Random(seed)
    start = time.monotonic()
    _run("diagnose", user, {})
    whole = time.monotonic() - start
    for number in range(INTERRUPTS)[:: QUICK if quick else 1]:
        moment, kind = random.random() * whole, random.choice((signal.SIGINT, signal.SIGTERM))
        name = f"{kind.name} after {moment:.1f} of {whole:.1f} s ({number})"
        if match in name:
            with _watched(user) as files:
                done = _run("diagnose", user, {}, act=partial(_send, moment=moment, kind=kind))
            yield Answer(name, files.broken or _cut_short(done, user), done.said, done.seconds, done.memory)


def _send(process: "subprocess.Popen[str]", moment: float, kind: signal.Signals) -> None:
    time.sleep(moment)
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(kind)


def _cut_short(done: "_Done", user: Path) -> str:
    if "Traceback" in done.said:
        return f"a traceback: {done.said[-600:]}"
    early = done.status in {-signal.SIGINT, -signal.SIGTERM} or "diagnose: interrupted" in done.said
    if early:
        return "" if done.took < STARTUP else "it ended without a report"
    if done.status not in {0, 130}:
        return f"status {done.status}: {done.said[-300:]}"
    result = _result(user)
    if result is None or not list(user.glob("out/*.html")):
        return "the JSON file or the page is missing"
    if result["settings"].get("interrupted") and result["state"] in {"healthy", "attention"}:
        return f"interrupted, and the state is {result['state']}"
    return ""


STARTUP = 3.0  # seconds in which the command may still be importing; nothing is known before


# --- running -----------------------------------------------------------------------------------------


class _Done:
    """How a command ended: status, what it printed, seconds of the clock and the processor, bytes at the peak."""

    def __init__(self, status: int, said: str, took: float, usage: Any) -> None:
        self.status, self.said, self.took = status, said, took
        self.seconds, self.memory = usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def _run(
    module: str,
    user: Path,
    more: dict[str, str],
    act: Callable[["subprocess.Popen[str]"], None] | None = None,
    effort: str = "standard",
) -> _Done:
    """Run the command in the user's folder; `act` is called once it has started."""
    shutil.rmtree(user / "out", ignore_errors=True)
    arguments = [sys.executable, "-m", module, "model.keras", "data.npz", "--out", "out", "--effort", effort]
    start = time.monotonic()
    with (user / "said").open("w") as said:
        process = subprocess.Popen(
            arguments, cwd=user, env=environment(**more), stdout=said, stderr=said, text=True, stdin=subprocess.DEVNULL
        )
        if act is not None:
            act(process)
        try:
            status = process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    printed = (user / "said").read_text(encoding="utf-8", errors="replace")
    (user / "said").unlink()
    return _Done(status, printed, time.monotonic() - start, usage)


def _result(user: Path) -> dict[str, Any] | None:
    """The JSON of the report; None if there is none, or it is not whole."""
    try:
        found: dict[str, Any] = json.loads(next((user / "out").glob("*.json")).read_text(encoding="utf-8"))
    except (StopIteration, ValueError):
        return None
    return found


class _Files:
    broken = ""


@contextlib.contextmanager
def _watched(user: Path) -> Iterator[_Files]:
    """Compare the user's files, and look for what was left behind: temporary files and processes."""
    found, before = _Files(), _digests(user)
    yield found
    if _digests(user) != before:
        found.broken = "files of the user were changed"
    if left := [path.name for path in user.rglob(".*")]:
        found.broken = f"temporary files were left: {left}"
    deadline = time.monotonic() + 5
    while (alive := _running(user)) and time.monotonic() < deadline:
        time.sleep(0.1)
    if alive:
        found.broken = f"processes were left: {alive}"


def _digests(user: Path) -> dict[str, str]:
    return {name: hashlib.sha256((user / name).read_bytes()).hexdigest() for name in ("model.keras", "data.npz")}


def _running(user: Path) -> list[int]:
    """The processes that work in the user's folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (entry / "cwd").readlink() == user:
                found.append(int(entry.name))
    return found
