"""How far brute force agrees with itself: what no examination of fewer rows can be expected to exceed.

The remedies of pairs that `remedies.py` measured are trained in full once more, with three other seeds, and judged on
other hidden rows. What helped by more than a standard error there is looked up here, and the other way round, as if
one brute force were the verdicts that the other one judges.

python -m benchmarks.quality.agreement FILE [--jobs 2] [--only NAME]
"""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import click

from benchmarks.quality.remedies import SEEDS, Outcome, best_way, brute_force, written
from benchmarks.quality.wards import processed

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

OTHER_SEEDS = tuple(seed + len(SEEDS) for seed in SEEDS)
LEAST = (0.0, 0.03, 0.1)  # shares of the error


@click.command(help=__doc__)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Number of processes.")
@click.option("--only", multiple=True, help="A pair or a family; may be repeated.")
def main(*, file: Path, jobs: int, only: tuple[str, ...]) -> None:
    """Run the command."""
    first = {outcome.name: outcome for outcome in written(file)}
    names = [name for name, one in first.items() if not only or {name, one.family} & {*only}]
    second = []
    for outcome in processed(names, jobs, again, (first,)):
        second.append(outcome)
        click.echo(f"[{len(second)}/{len(names)}] {outcome.name}", err=True)
    click.echo("\n".join(agreement([(first[one.name], one) for one in second if one.rows])))


def again(name: str, first: Mapping[str, Outcome]) -> Outcome:
    """The pair with the errors of other rows after trainings with other seeds; none where there are no other rows."""
    from benchmarks.quality.pairs import PAIRS
    from benchmarks.quality.recipes import HIDDEN
    from diagnose.loading import LoadOptions, subject_from

    pair = next(pair for pair in PAIRS if pair.name == name)
    rows, model = pair.split(), pair.compiled()
    others = rows["others"]
    if len(others[0]) < HIDDEN:
        return replace(first[name], rows={})
    model.fit(*rows["train"], epochs=pair.epochs, batch_size=pair.batch_size, verbose=0)
    options = LoadOptions(batch_size=pair.batch_size, epochs=pair.epochs)
    subject, more = (subject_from(model, rows[part], others, options=options) for part in ("train", "twice"))
    return replace(first[name], rows=brute_force(subject, more, {}, seeds=OTHER_SEEDS))


def agreement(pairs: list[tuple[Outcome, Outcome]]) -> list[str]:
    """The shares of items that help in one and in the other, as lines."""
    from diagnose.reasoning.verdicts import WAYS
    from tests.wards.ward import Rate

    lines = [f"{len(pairs)} pairs"]
    for least in LEAST:
        both = [
            (one.helps(best_way(one, item), least), other.helps(best_way(other, item), least))
            for pair in pairs
            for one, other in (pair, pair[::-1])
            for item in WAYS
            if best_way(one, item) and best_way(other, item)
        ]
        told = [here for here, there in both if there]
        lines.append(f"by {100 * least:g} % of the error and a standard error: {Rate(sum(told), len(told))}")
    return lines


if __name__ == "__main__":
    main()
