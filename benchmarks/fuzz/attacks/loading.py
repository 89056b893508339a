"""Runs the attacks by files: each in a forked process, with its processor time and memory measured."""

import os
import resource
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.fuzz.attacks.files import REFUSED, Attack

SECONDS = 10.0  # of the processor, for a refusal
DEADLINE = 120.0  # seconds of the clock
MEMORY = 4 << 30  # bytes
SENTENCE = 2_000  # letters of a message, with the names in it


@dataclass(frozen=True)
class Answer:
    """What came of an attack: "" or how it broke; seconds of the processor, and bytes at the peak."""

    name: str
    broken: str
    said: str
    seconds: float
    memory: int


def attacked(attacks: Iterable[Attack], other: Path, canary: Path, folder: Path, *, models: bool) -> Iterator[Answer]:
    """Attack the loading with each file.

    Args:
        attacks: files that are models, or data.
        other: the good data, or the good model, that is passed beside them.
        canary: exists once code of a file has run.
        folder: to work in.
        models: whether the attacks are models.
    """
    for attack in attacks:
        place = folder / "attack"
        place.mkdir()
        path = attack.write(place)
        yield _one(attack, (path, other) if models else (other, path), canary)
        shutil.rmtree(place, ignore_errors=True)


def _one(attack: Attack, paths: tuple[Path, Path], canary: Path) -> Answer:
    """Fork, load, and compare the answer."""
    said = paths[0].parent.parent / "said"
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        _load(paths, said)
    while True:
        ended, status, usage = os.wait4(child, os.WNOHANG)
        if ended:
            break
        if time.monotonic() - start > DEADLINE:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.01)
    answer = said.read_text(encoding="utf-8", errors="replace") if said.exists() else ""
    said.unlink(missing_ok=True)
    seconds, memory = usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024
    broken = _wrong(attack, answer) or _too_much(answer, seconds, memory)
    if status:
        broken = f"the process ended with {os.waitstatus_to_exitcode(status)}"
    if canary.exists():
        canary.unlink()
        broken = "code of the file ran"
    return Answer(attack.name, broken, answer, seconds, memory)


def _wrong(attack: Attack, said: str) -> str:
    """What is wrong with an answer; "" if nothing."""
    kind, _, text = said.partition(" ")
    if kind not in {"loaded", "refused"}:
        return f"raised {said[-800:]}"
    if attack.expected == REFUSED and kind == "loaded":
        return "it was loaded"
    long = kind == "refused" and ("Traceback" in text or len(text) > SENTENCE)
    return f"the message is not one sentence: {text[:200]}" if long else ""


def _too_much(said: str, seconds: float, memory: int) -> str:
    if said.startswith("refused") and seconds > SECONDS:
        return f"the refusal took {seconds:.0f} s of the processor"
    return f"{memory / 1e9:.1f} GB" if memory > MEMORY else ""


def _load(paths: tuple[Path, Path], said: Path) -> None:
    """Load in this forked process and write the answer."""
    from diagnose.errors import InputError
    from diagnose.loading import LoadOptions, load
    from diagnose.loading.models import legacy

    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    sys.stdout = sys.stderr
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    legacy.installed = lambda: False  # tf-keras would take a process of 20 seconds for each and adds no risk
    status = 0
    try:
        load(paths[0], paths[1], LoadOptions(target="label", rows=100))
        answer = "loaded "
    except InputError as error:
        answer = f"refused {error}"
    except BaseException:  # noqa: BLE001 - any other exception breaks the promise
        answer = traceback.format_exc()
    said.write_text(answer, encoding="utf-8", errors="replace")
    os._exit(status)
