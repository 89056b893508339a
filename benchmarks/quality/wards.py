"""Trains, verifies and examines the cases of the wards, and prints the rates.

python -m benchmarks.quality.wards [--quick] [--jobs 2] [--only NAME] [--half tuning] [--json FILE] [--save DIR]
python -m benchmarks.quality.wards --export NAME DIR
"""

import json
import multiprocessing
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

CASES_PER_PROCESS = 12  # then a new process, because TensorFlow keeps compiled functions


@click.command(help=__doc__)
@click.option("--quick", is_flag=True, help="Only the quick cases, which run with every change.")
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Number of processes.")
@click.option("--only", multiple=True, help="A case or a family; may be repeated.")
@click.option("--half", type=click.Choice(["tuning", "held-out", "all"]), default="all", show_default=True)
@click.option("--effort", type=click.Choice(["quick", "standard", "deep"]), default="standard", show_default=True)
@click.option("--verify", "verify_only", is_flag=True, help="Train and verify without examining.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write each result, a line.")
@click.option("--save", type=click.Path(file_okay=False, path_type=Path), help="Write each diagnosis as JSON.")
@click.option("--export", nargs=2, metavar="NAME DIR", help="Only write one case as model.keras and data/.")
def main(
    *,
    quick: bool, jobs: int, only: tuple[str, ...], half: str, effort: str, verify_only: bool,
    json_file: Path | None, save: Path | None, export: tuple[str, str] | None,
) -> None:  # fmt: skip
    """Run the command."""
    if export:
        _export(*export)
        return
    names = _chosen(quick, only, half)
    task = (_verify, ()) if verify_only else (_examine, (effort, save))
    results = []
    for result in processed(names, jobs, *task):
        results.append(result)
        click.echo(f"[{len(results)}/{len(names)}] {_line(result)}", err=True)
        if json_file:
            with json_file.open("a") as lines:
                lines.write(json.dumps(asdict(result)) + "\n")
    results.sort(key=lambda result: names.index(result.name))
    _show(results)


def _chosen(quick: bool, only: tuple[str, ...], half: str) -> list[str]:
    from tests.wards.cases import CASES

    chosen = [
        case.name
        for case in CASES
        if (case.quick or not quick) and half in (case.half, "all") and (not only or {case.name, case.family} & {*only})
    ]
    if not chosen:
        raise click.UsageError("no case matches --only, --half and --quick")
    return chosen


def processed(names: list[str], jobs: int, work: Any, arguments: tuple[Any, ...]) -> Iterator[Any]:
    """Yield results as they finish. Processes are spawned, because TensorFlow does not survive a fork."""
    if jobs == 1:
        yield from (work(name, *arguments) for name in names)
        return
    context = multiprocessing.get_context("spawn")
    batch = jobs * CASES_PER_PROCESS  # one pool per batch, because `max_tasks_per_child` hangs on Python 3.11
    for first in range(0, len(names), batch):
        with ProcessPoolExecutor(jobs, context) as pool:
            futures = [pool.submit(work, name, *arguments) for name in names[first : first + batch]]
            for future in as_completed(futures):
                yield future.result()


def _examine(name: str, effort: str, save: Path | None) -> Any:
    from tests.wards.cases import BY_NAME
    from tests.wards.ward import examine

    return examine(BY_NAME[name], save, effort=effort)


def _verify(name: str) -> Any:
    from tests.wards.cases import BY_NAME
    from tests.wards.ward import admit

    return admit(BY_NAME[name])


def _line(result: Any) -> str:
    from tests.wards.ward import table

    return table([result]).splitlines()[1]


def _show(results: Iterable[Any]) -> None:
    from tests.wards.ward import cause_table, family_table, table, totals

    results = list(results)
    for part in (table(results), totals(results), "", family_table(results), "", cause_table(results)):
        click.echo(part)
    for result in results:
        if result.trouble:
            click.echo(f"\n{result.name}: no diagnosis\n{result.trouble}")
        for bug in result.bugs:
            click.echo(f"\n{result.name}, a bug: {bug}")


def _export(name: str, folder: str) -> None:
    from tests.wards.cases import BY_NAME
    from tests.wards.training import export

    if name not in BY_NAME:
        raise click.UsageError(f"NAME must be a case, got '{name}'")
    case = BY_NAME[name]
    export(case, Path(folder))
    target = f" --target-error {case.target_error}" if case.target_error else ""
    known = f"--epochs {case.recipe.epochs} --batch-size {case.recipe.batch_size}{target}"
    known += f" --custom-objects {folder}/custom_objects.py" if (Path(folder) / "custom_objects.py").exists() else ""
    click.echo(f"diagnose {folder}/model.keras {folder}/data {known}")


if __name__ == "__main__":
    main()
