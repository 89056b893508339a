"""Trains sick and healthy cases under the callback and reports whether and when an alarm is raised.

Run: python -m benchmarks.quality.live_wards [NAME ...] [--half tuning|held-out] [--jobs N] [--json FILE]. NAME is a
case, a family (mlp, cnn, lstm, transformer, and those of the wards of the command), a fault, or `examples`; the default
is all cases.
`--seeds N` trains each healthy example of Keras's kinds with as many seeds; sick ones are trained once.
"""

import json
import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

SEED = " seed "  # in the name of an example
CASES_PER_PROCESS = 12  # then a new process, because TensorFlow keeps compiled functions


@click.command(help=__doc__)
@click.argument("names", nargs=-1)
@click.option("--half", type=click.Choice(["tuning", "held-out"]))
@click.option("--jobs", default=2, show_default=True)
@click.option("--seeds", default=1, show_default=True)
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write each result, a line.")
def main(names: tuple[str, ...], half: str | None, jobs: int, seeds: int, json_file: Path | None) -> None:
    from tests.wards.examples import EXAMPLES, SICK
    from tests.wards.live_cases import LIVE
    from tests.wards.live_ward import live_table, live_totals

    chosen = [
        case.name
        for case in LIVE
        if (not names or {case.name, case.family, case.fault} & set(names)) and (half is None or case.half == half)
    ]
    if half != "tuning" and (not names or "examples" in names):
        chosen += [f"{example.name}{SEED}{seed}" for example in EXAMPLES for seed in range(seeds)]
        chosen += [f"{example.name}{SEED}0" for example in SICK]
    if not chosen:
        raise click.UsageError("NAME must be a case, a family, a fault or `examples`")
    results = []
    for result in _run(chosen, jobs):
        results.append(result)
        click.echo(live_table([result]).splitlines()[1])
        if json_file:
            with json_file.open("a") as lines:
                lines.write(json.dumps(asdict(result)) + "\n")
    order = {name.replace(SEED, "-"): place for place, name in enumerate(chosen)}
    results.sort(key=lambda result: order[result.name])
    click.echo(live_totals(results))


def _run(names: list[str], jobs: int) -> Iterator[Any]:
    """Yield results as they finish. Processes are spawned, because TensorFlow does not survive a fork."""
    context = multiprocessing.get_context("spawn")
    batch = jobs * CASES_PER_PROCESS
    for first in range(0, len(names), batch):
        with ProcessPoolExecutor(jobs, context) as pool:
            for future in as_completed([pool.submit(_watch, name) for name in names[first : first + batch]]):
                yield future.result()


def _watch(name: str) -> Any:
    from tests.wards.examples import BY_NAME
    from tests.wards.live_cases import LIVE_BY_NAME
    from tests.wards.live_ward import watch, watch_example

    if SEED in name:
        example, seed = name.split(SEED)
        return watch_example(BY_NAME[example], int(seed))
    return watch(LIVE_BY_NAME[name])


if __name__ == "__main__":
    main()
