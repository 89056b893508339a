"""Startup time: `python -m benchmarks.cost.startup`.

Prints the process CPU time minus that of `python -c pass`, from interleaved rounds, as median and quartiles. Limits:
`import diagnose` 0.1 s; `diagnose --help`, `explain` and `list` 0.3 s.
"""

import os
import resource
import statistics
import subprocess
import sys
from pathlib import Path

import click

ROUNDS = 9
# Use bytecode files, as after an installation, even if this shell disables them.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | {
    "COLUMNS": "100"
}
EMPTY = (sys.executable, "-c", "pass")
DIAGNOSE = str(Path(sys.executable).with_name("diagnose"))
COMMANDS = {
    "import diagnose": ((sys.executable, "-c", "import diagnose"), 0.1),
    "diagnose --help": ((DIAGNOSE, "--help"), 0.3),
    "diagnose list": ((DIAGNOSE, "list"), 0.3),
    "diagnose explain dead-units": ((DIAGNOSE, "explain", "dead-units"), 0.3),
}


def cpu_seconds(command: tuple[str, ...]) -> float:
    """CPU seconds (user and system) of one run.

    Raises:
        CalledProcessError: the command failed.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, env=ENVIRONMENT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(rounds: int = ROUNDS) -> dict[str, tuple[float, float, float]]:
    """Lower quartile, median and upper quartile per command, in seconds, without those of an empty interpreter."""
    beyond: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(rounds):
        empty = cpu_seconds(EMPTY)
        for name, (command, _) in COMMANDS.items():
            beyond[name].append(cpu_seconds(command) - empty)
    return {name: tuple(statistics.quantiles(times, n=4)) for name, times in beyond.items()}  # type: ignore[misc]


@click.command(help=__doc__)
@click.option("--rounds", type=click.IntRange(2), default=ROUNDS, show_default=True)
def main(rounds: int) -> None:
    """Print one line per command."""
    click.echo(f"{'command':<30} {'median':>8} {'quartiles':>17} {'limit':>6}")
    for name, (low, middle, high) in measure(rounds).items():
        bar = COMMANDS[name][1]
        click.echo(
            f"{name:<30} {middle:7.3f}s {low:7.3f} - {high:.3f}s {bar:5.1f}s {'ok' if middle <= bar else 'over'}"
        )


if __name__ == "__main__":
    main()
