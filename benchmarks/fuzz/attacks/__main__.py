"""Attacks diagnose on purpose: `python -m benchmarks.fuzz.attacks [--quick] [--only KIND]`.

Every attack has a name and an expectation, and is held or broken; broken ones are printed with their reason. Kinds:
models and data (hostile files), faults (every instrument is killed, hangs, fails), interrupts (at random moments),
environment (no terminal, no home, full disk, ...). The exit status is 1 if an attack broke something.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from benchmarks.fuzz import seeds
from benchmarks.fuzz.__main__ import prepared
from benchmarks.fuzz.attacks import command, environment, files
from benchmarks.fuzz.attacks.loading import Answer, attacked

QUICK = 12  # --quick takes one attack of so many
KINDS = ("models", "data", "faults", "interrupts", "environment")


@click.command(help=__doc__)
@click.option("--quick", is_flag=True, help=f"One attack of {QUICK} of each kind.")
@click.option("--only", type=click.Choice(KINDS), multiple=True, help="Only attacks of these kinds.")
@click.option("--match", default="", help="Only attacks with this text in their name.")
@click.option("--seed", default=0, show_default=True)
def main(quick: bool, only: tuple[str, ...], match: str, seed: int) -> None:
    """Run the command."""
    broken = 0
    with prepared(seed) as bench:
        for kind in only or KINDS:
            broken += _report(kind, _chosen(kind, bench, match, quick, seed))
    sys.exit(1 if broken else 0)


def _chosen(kind: str, bench: object, match: str, quick: bool, seed: int) -> Iterator[Answer]:
    """The answers to the attacks of one kind."""
    folder, canary, good = bench.folder, bench.canary, bench.folder / "seeds"  # type: ignore[attr-defined]
    valid = bench.seeds  # type: ignore[attr-defined]

    def some(attacks: list[files.Attack]) -> list[files.Attack]:
        wanted = [attack for attack in attacks if match in attack.name]
        return wanted[:: QUICK if quick else 1]

    if kind == "models":
        attacks = some(list(files.models(valid, canary, seeds.bytecode(canary))))
        return attacked(attacks, good / "good.npz", canary, folder, models=True)
    if kind == "data":
        attacks = some(list(files.datasets(valid, canary)))
        return attacked(attacks, good / "good.h5", canary, folder, models=False)
    tried: dict[str, Callable[..., Iterator[Answer]]] = {
        "faults": command.faults,
        "interrupts": command.interrupts,
        "environment": environment.attacks,
    }
    return tried[kind](Path(folder), match, quick, seed)


def _report(kind: str, answers: Iterator[Answer]) -> int:
    """Print what broke and the counts; return how many broke."""
    start, counts = time.monotonic(), Counter[str]()
    slowest, largest = 0.0, 0
    for answer in answers:
        counts["broken" if answer.broken else "held"] += 1
        if answer.said.startswith("refused"):
            slowest = max(slowest, answer.seconds)
        largest = max(largest, answer.memory)
        if answer.broken:
            click.echo(f"broken: {kind}: {answer.name}: {answer.broken}")
    click.echo(
        f"{kind}: {counts['held']} held, {counts['broken']} broken in {time.monotonic() - start:,.0f} s; "
        f"longest refusal {slowest:.1f} s of the processor; peak memory {largest / 1e9:.1f} GB"
    )
    return counts["broken"]


if __name__ == "__main__":
    main()
