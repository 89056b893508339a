"""Fuzzes loading with damaged and hostile files: `python -m benchmarks.fuzz [--quick]`.

Real model and data files are mutated, by bytes and by the rules of their format, and passed to the scan and the
parsers, and some to all of `load`. The answer must always be a subject or an `InputError`. Anything else is a finding:
another exception, a dead process, more than 10 seconds, more than 2 GB, or executed code (files with code create a
canary file when it runs). The exit status is 1 if there is a finding.

Cases run in forked processes, so that a crash affects only one case. For speed, HDF5 is scanned in the same process;
if the HDF5 library crashes, hangs or takes too much memory, the case runs again as in production, with the scan in a
separate process, and counts as guarded if that gives an `InputError`. `--case N` repeats one case and shows its answer.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import multiprocessing
import os
import pkgutil
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import click

import diagnose.loading
from benchmarks.fuzz import mutations, seeds

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

SCANS, LOADS = 100_000, 2_000
QUICK = 20  # --quick divides the number of cases by this
SECONDS = 10.0
START = 20.0  # additional seconds for a case that starts its own scan process on a busy machine
MEMORY = 2 << 30  # bytes above the initial memory of the process
ANSWERS = ("loaded", "refused", "guarded", "finding")
BATCH = {"scan": 2_000, "load": 200}
_SPACE = 8 << 30  # additional bytes of address space; a limit, so that a finding does not crash the machine
_FORK = multiprocessing.get_context("fork")


@dataclass
class Bench:
    """The working folder, and the material for the cases."""

    folder: Path
    seed: int

    def __post_init__(self) -> None:
        self.canary = self.folder / "canary"
        self.seeds = seeds.read(self.folder / "seeds")
        self.parts = mutations.hostile_parts(self.canary, seeds.bytecode(self.canary))
        self.pickles = mutations.pickled(self.canary)

    def name(self, number: int) -> str:
        """The name of one broken file."""
        return Random(f"{self.seed}-{number}").choice(list(self.seeds))

    def case(self, number: int) -> tuple[str, bytes]:
        """The name and the content of one broken file."""
        random = Random(f"{self.seed}-{number}")
        name = random.choice(list(self.seeds))
        data, other = self.seeds[name], random.choice(list(self.seeds.values()))
        way = random.random()
        if way < 0.02:
            return name, random.choice(self.pickles)
        with contextlib.suppress(OSError, RuntimeError, ValueError):  # some mutations cannot be written
            if way < 0.6:
                return name, self._by_format(name, data, random)
        return name, mutations.flip(data, random, other)

    def _by_format(self, name: str, data: bytes, random: Random) -> bytes:
        suffix = Path(name).suffix
        if suffix == ".h5":
            return mutations.mutate_hdf5(data, random, self.parts)
        if suffix in {".keras", ".npz"}:
            return mutations.mutate_archive(data, random, self.parts)
        if suffix == ".npy":
            return mutations.mutate_npy(data, random)
        if suffix in seeds.TEXTS:
            return mutations.mutate_text(data, random)
        return mutations.flip(data, random)


# --- one case ------------------------------------------------------------------------------------


def scan(bench: Bench, path: Path) -> None:
    """The part of loading before a model is built: reads the config of models and the rows of data."""
    from diagnose.loading.data.reading import read_data
    from diagnose.loading.models.containers import declared_shapes
    from diagnose.loading.models.files import read_model_file, understood, unpacked
    from diagnose.loading.models.repairs import repair
    from diagnose.loading.models.safety import check_config
    from diagnose.loading.models.sizes import check_sizes
    from diagnose.loading.options import LoadOptions

    if not seeds.is_model(path.name):
        read_data(path, seeds.SIGNATURE, LoadOptions(target="label"))
        return
    with unpacked(read_model_file(path)) as file, understood(path):
        check_sizes(path, file.config)
        config, _ = repair(file.config or {}, file.keras)
        check_config(path, config, {}, trust=False)
        check_config(path, file.training, {}, trust=False)
        declared_shapes(file.config or {})


def load(bench: Bench, path: Path) -> None:
    """All of loading: a broken model with good data, or a good model with broken data."""
    from diagnose.loading import LoadOptions
    from diagnose.loading import load as load_both
    from diagnose.loading.models import legacy

    legacy.installed = lambda: False  # tf-keras would take a process of 20 seconds per case and adds no risk to test
    options = LoadOptions(target="label", rows=100)
    if seeds.is_model(path.name):
        load_both(path, bench.folder / "seeds" / "good.npz", options)
    else:
        load_both(bench.folder / "seeds" / "good.h5", path, options)


STAGES: dict[str, Callable[[Bench, Path], None]] = {"scan": scan, "load": load}


def attempt(bench: Bench, stage: str, number: int, folder: Path) -> tuple[str, str]:
    """Run one case. Returns the answer and its text; "native" means to run it again as in production."""
    from diagnose.errors import InputError

    name, data = bench.case(number)
    path = folder / name
    path.write_bytes(data)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        STAGES[stage](bench, path)
        answer = "loaded", ""
    except InputError as error:
        answer = "refused", str(error).replace(str(path), "FILE")
    except BaseException:  # noqa: BLE001 any other exception is a finding
        answer = "finding", traceback.format_exc()
    finally:
        path.unlink(missing_ok=True)
    grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    if grown > MEMORY:
        return "native", f"{grown / 1e9:.1f} GB of memory ({answer})"
    if bench.canary.exists():
        bench.canary.unlink()
        return "finding", f"code in the file was executed ({answer})"
    return answer


# --- many cases ----------------------------------------------------------------------------------


def _unguarded(path: Path, shown: Path) -> dict[str, Any]:
    """Replaces the scan in a separate process."""
    from diagnose.loading.models import hdf5, hdf5_scan

    try:
        return hdf5_scan.scan(path)
    except hdf5_scan.RefusedError as error:
        return {"refused": str(error)}
    except Exception as error:
        raise hdf5.damaged(shown, str(error)) from error


def _work(bench: Bench, stage: str, numbers: list[int], at: Any, answers: Any, *, guarded: bool) -> None:
    """Run cases one after the other in a forked process: store the index before each, send the answer after it."""
    from diagnose.loading.models import hdf5

    sys.stdout = sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 for the life of the process
    os.dup2(sys.stderr.fileno(), 2)
    if not guarded:
        hdf5._scan_apart = _unguarded
    gc.freeze()  # objects from the imports need no further collection
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + _SPACE, used + _SPACE))
    with tempfile.TemporaryDirectory(dir=bench.folder) as folder:
        for index, number in enumerate(numbers):
            at.value = index
            answers.put((number, *attempt(bench, stage, number, Path(folder))))
            if index % 50 == 0:
                gc.collect()
    answers.put((-1, "", ""))
    answers.close()
    answers.join_thread()
    os._exit(0)


class Worker:
    """One forked process and its cases."""

    def __init__(self, bench: Bench, stage: str, numbers: list[int], guarded: bool = False) -> None:
        self.numbers, self.left = numbers, list(numbers)
        self.at, self.answers = _FORK.Value("i", 0), _FORK.Queue()
        given = (bench, stage, numbers, self.at, self.answers)
        self.process = _FORK.Process(target=_work, args=given, kwargs={"guarded": guarded})
        self.process.start()
        self.seen, self.since = 0, time.monotonic()

    def poll(self) -> tuple[list[tuple[int, str, str]], bool]:
        """New answers, and whether the process is done. A case that killed or blocked it gets the answer "native"."""
        new = []
        alive = self.process.is_alive()
        with contextlib.suppress(Exception):  # the queue is empty, or a dying process left it truncated
            while True:
                number, kind, text = self.answers.get(timeout=0.05)
                if number < 0:
                    self.process.join()
                    return new, True
                self.left.remove(number)
                new.append((number, kind, text))
        now = time.monotonic()
        if self.at.value != self.seen:
            self.seen, self.since = self.at.value, now
        why = f"the process died ({self.process.exitcode})" if not alive else ""
        if alive and now - self.since > SECONDS:
            self.process.kill()
            self.process.join()
            why = f"more than {SECONDS:g} seconds"
        number = self.numbers[self.at.value]
        if why and number in self.left:  # earlier answers may be lost with the process; those cases run again
            self.left.remove(number)
            new.append((number, "native", why))
        return new, bool(why)


def run(bench: Bench, stage: str, numbers: list[int], jobs: int, say: Callable[[str], None]) -> Counter[str]:
    """Run the cases of one stage and count the answers; print findings at once."""
    counts: Counter[str] = Counter()
    waiting = [numbers[start : start + BATCH[stage]] for start in range(0, len(numbers), BATCH[stage])]
    workers: list[Worker] = []
    while waiting or workers:
        while waiting and len(workers) < jobs:
            workers.append(Worker(bench, stage, waiting.pop(0)))
        for worker in list(workers):
            new, done = worker.poll()
            for number, kind, text in new:
                answer, detail = _again(bench, stage, number, text) if kind == "native" else (kind, text)
                if kind == "native":
                    say(f"{answer}: --seed {bench.seed} --stage {stage} --case {number}: {text}; then {detail}")
                counts[answer] += 1
                counts[f"{answer} {bench.name(number)}"] += 1
                if answer == "finding":
                    repeat = f"--seed {bench.seed} --stage {stage} --case {number}"
                    say(f"finding: {repeat} ({bench.name(number)})\n{detail}")
            if done:
                say(f"{stage}: {sum(counts[answer] for answer in ANSWERS):,} of {len(numbers):,}")
                workers.remove(worker)
                if worker.left:
                    waiting.insert(0, worker.left)
    return counts


def _again(bench: Bench, stage: str, number: int, why: str) -> tuple[str, str]:
    """Repeat a case that killed its process or took too much memory, with the scan as in production."""
    worker = Worker(bench, stage, [number], guarded=True)
    worker.since += START
    done, new = False, []
    while not done:
        found, done = worker.poll()
        new += found
    kind, text = new[0][1:] if new else ("native", why)
    if seeds.is_model(bench.name(number)) and kind == "refused":
        return "guarded", text
    if kind in {"native", "finding"} or not why.startswith("more"):
        return "finding", f"{why}; again: {kind} {text}"
    return kind, text  # only the machine was slow


# --- the command ---------------------------------------------------------------------------------


@contextlib.contextmanager
def prepared(seed: int) -> Any:
    """A bench in a temporary folder, with seeds, and with importable packages that loading must not import."""
    folder = Path(tempfile.mkdtemp(prefix="diagnose-fuzz-"))
    try:
        maker = multiprocessing.get_context("spawn").Process(target=seeds.make, args=(folder / "seeds",))
        maker.start()  # in a separate process, because TensorFlow must not run in a process that forks
        maker.join()
        seeds.plant_packages(folder / "packages", folder / "canary")
        sys.path.insert(0, str(folder / "packages"))
        for module in pkgutil.walk_packages(diagnose.loading.__path__, "diagnose.loading."):
            importlib.import_module(module.name)  # once, before the forks

        yield Bench(folder, seed)
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(str(folder / "packages"))
        shutil.rmtree(folder, ignore_errors=True)


@click.command(help=__doc__)
@click.option("--scans", default=SCANS, show_default=True, help="Inputs for the scan and the parsers.")
@click.option("--loads", default=LOADS, show_default=True, help="Inputs for all of loading.")
@click.option("--quick", is_flag=True, help=f"Divide both by {QUICK}.")
@click.option("--seed", default=0, show_default=True)
@click.option("--jobs", default=2, show_default=True, help="Number of processes.")
@click.option("--stage", type=click.Choice(list(STAGES)), default="scan", help="Stage of --case.")
@click.option("--case", "number", type=int, help="Repeat one case in this process and show its answer.")
def main(scans: int, loads: int, quick: bool, seed: int, jobs: int, stage: str, number: int | None) -> None:  # noqa: PLR0917 click passes names
    """Run the command."""
    with prepared(seed) as bench:
        if number is not None:
            click.echo(f"{bench.case(number)[0]}: {': '.join(attempt(bench, stage, number, bench.folder))}")
            return
        found = 0
        for name, count in {"scan": scans, "load": loads}.items():
            start = time.monotonic()
            numbers = list(range(count // QUICK if quick else count))
            counts = run(bench, name, numbers, jobs, click.echo)
            found += counts["finding"]
            _report(name, counts, len(numbers), time.monotonic() - start)
    sys.exit(1 if found else 0)


def _report(stage: str, counts: Counter[str], total: int, seconds: float) -> None:
    click.echo(f"{stage}: {total:,} inputs in {seconds:,.0f} s")
    click.echo(f"  {'':22}" + "".join(f"{column:>10}" for column in ANSWERS))
    names = sorted({key.split(" ", 1)[1] for key in counts if " " in key})
    for name in names:
        click.echo(f"  {name:22}" + "".join(f"{counts[f'{column} {name}']:10,}" for column in ANSWERS))
    click.echo(f"  {'all':22}" + "".join(f"{counts[column]:10,}" for column in ANSWERS))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    main()
