"""Response times of the viewer: `python -m benchmarks.cost.viewer [--results 10000]`.

Creates a temporary folder of results, starts `diagnose view` on it and times the pages. Limits: the first page within
1 s of the start of the process; with 10,000 results every page within 1 s, even while they are being read.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import urlopen

import click

from diagnose.storing import to_json
from tests.reports.examples import deep, healthy, regression, sick

DIAGNOSE = str(Path(sys.executable).with_name("diagnose"))
MODELS = 40
BAR = 1.0  # s
PAGES = {
    "list": "/",
    "list, sorted by dev error": "/?sort=dev",
    "list, searched": "/?q=model-7+scaled",
    "list, page 100": "/?page=100",
    "trends of one model": "/trends?model=model-7",
    "trends of 6 models": "/trends",
}


def fill(folder: Path, count: int) -> float:
    """Write `count` results of several kinds, 37 minutes apart; return their mean size in kB."""
    kinds = [json.loads(to_json(make())) for make in (sick, healthy, regression, deep)]
    start, total = datetime(2026, 1, 1, tzinfo=UTC), 0
    for number in range(count):
        date = start + timedelta(minutes=37 * number)
        data = kinds[number % len(kinds)] | {"date": date.isoformat(timespec="seconds")}
        data["subject"] = data["subject"] | {"name": f"model-{number % MODELS}"}
        path = folder / f"model-{number % MODELS}-{date:%Y%m%dT%H%M%SZ}.json"
        path.write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        os.utime(path, (date.timestamp(), date.timestamp()))
        total += path.stat().st_size
    return total / count / 1000


@contextmanager
def viewer(folder: Path) -> Iterator[tuple[str, float, int]]:
    """A running `diagnose view`: its address, its start time and its process id."""
    start = time.perf_counter()
    command = [DIAGNOSE, "view", str(folder), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        address = next(word for word in line.split() if word.startswith("http"))
        yield address.rstrip("/"), start, process.pid
        process.terminate()


def seconds(address: str) -> float:
    """Seconds from the request to the last byte of the page."""
    start = time.perf_counter()
    with urlopen(address) as answer:
        answer.read()
    return time.perf_counter() - start


def megabytes(process: int) -> float:
    """Resident memory in MB; nan except on Linux."""
    status = Path(f"/proc/{process}/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1000 for line in lines if line.startswith("VmRSS")), float("nan"))


def started(folder: Path, rounds: int) -> list[float]:
    """Seconds from the start of the process to the complete first page, one per round."""
    times = []
    for _ in range(rounds):
        with viewer(folder) as (address, start, _):
            seconds(f"{address}/")
            times.append(time.perf_counter() - start)
    return times


def cpu_seconds(folder: Path, rounds: int) -> list[float]:
    """The same in CPU seconds, which depend less on other work on the machine."""
    times = []
    for _ in range(rounds):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        started(folder, 1)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return times


def _line(name: str, value: float) -> None:
    click.echo(f"{name:<44} {value:7.3f} s {BAR:5.1f} s {'ok' if value <= BAR else 'over'}")


@click.command(help=__doc__)
@click.option("--results", type=click.IntRange(1), default=10_000, show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True)
def main(results: int, rounds: int) -> None:
    """Print one line per page."""
    with tempfile.TemporaryDirectory() as few, tempfile.TemporaryDirectory() as many:
        fill(Path(few), 10)
        size = fill(Path(many), results)
        click.echo(f"{results:,} results of {size:.0f} kB on average; seconds, limit")
        _line("start to first page, 10 results", statistics.median(started(Path(few), rounds)))
        _line("the same, CPU", statistics.median(cpu_seconds(Path(few), rounds)))
        _line(f"start to first page, {results:,} results", statistics.median(started(Path(many), rounds)))
        with viewer(Path(many)) as (address, start, process):
            for name, path in PAGES.items():
                _line(f"{name}, while reading", seconds(address + path))
            while b"were read so far" in urlopen(address).read():
                time.sleep(0.5)
            click.echo(f"{'time to read all':<44} {time.perf_counter() - start:7.1f} s")
            for name, path in PAGES.items():
                _line(name, statistics.median(seconds(address + path) for _ in range(rounds)))
            click.echo(f"{'memory':<44} {megabytes(process):7.0f} MB")


if __name__ == "__main__":
    main()
