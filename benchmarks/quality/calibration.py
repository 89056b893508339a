"""Calibrates the confidence of causes on one half of the wards, and shows its reliability on the other.

python -m benchmarks.quality.wards --half tuning --json TUNING, and the same for the other half, write the results.

python -m benchmarks.quality.calibration TUNING... --on HELD_OUT... [--parts 5]
"""

import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np


class Known(NamedTuple):
    """A disease that was named at warning or error in a verified sick case: its traits, and whether it is right."""

    traits: dict[str, bool]
    right: bool


@click.command(help=__doc__)
@click.argument("tuning", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--on", multiple=True, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--parts", default=5, show_default=True, help="Number of groups of equal width.")
def main(*, tuning: tuple[Path, ...], on: tuple[Path, ...], parts: int) -> None:
    """Run the command."""
    fitted, held_out = read(tuning, "tuning"), read(on, "held-out")
    weights = fit(fitted)
    click.echo(f"{len(fitted)} causes of the tuning half, {sum(one.right for one in fitted)} right\n")
    click.echo("\n".join(f'    "{name}": {weight:.2f},' for name, weight in weights.items()))
    click.echo("\n" + "\n".join(reliability(weights, held_out, parts)))


def read(files: tuple[Path, ...], half: str) -> list[Known]:
    """The causes of all results of one half; later results of a case replace earlier ones."""
    from diagnose.findings import Severity
    from diagnose.reasoning.causes import CAUSES
    from diagnose.reasoning.confidence import traits

    roles = {cause.code: cause.role for cause in CAUSES}
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    results = {result["name"]: result for result in lines}
    found = []
    for result in results.values():
        if result["half"] != half or result["verdict"] != "sick":
            continue
        for place, cause in enumerate(result["causes"]):
            severity = Severity(cause["severity"])
            if cause["kind"] == "disease" and severity.rank >= Severity.WARNING.rank:
                known = traits(roles[cause["code"]], severity, cause["state"], first=place == 0, root=cause["root"])
                found.append(Known(known, cause["right"]))
    return found


def fit(causes: list[Known]) -> dict[str, float]:
    """The weight of each trait in a logistic regression."""
    from sklearn.linear_model import LogisticRegression

    names, x = _table(causes)
    fitted = LogisticRegression(fit_intercept=False, C=1.0).fit(x, [one.right for one in causes])
    return dict(zip(names, map(float, fitted.coef_[0]), strict=True))


def reliability(weights: dict[str, float], causes: list[Known], parts: int) -> list[str]:
    """How often causes are right, by the confidence that they have; and the Brier score."""
    from tests.wards.ward import Rate

    given = np.array([_probability(weights, one) for one in causes])
    right = np.array([one.right for one in causes], bool)
    lines = [f"{'confidence':14}{'mean':8}right"]
    for part in range(parts):
        low, high = part / parts, (part + 1) / parts
        here = (given >= low) & ((given < high) | (part == parts - 1))
        if here.any():
            rate = Rate(int(right[here].sum()), int(here.sum()))
            lines.append(f"{f'{low:.1f} to {high:.1f}':14}{given[here].mean():<8.2f}{rate}")
    constant = float(right.mean())
    score, plain = (float(np.mean((p - right) ** 2)) for p in (given, np.full(len(right), constant)))
    return [*lines, f"Brier score {score:.3f}; {plain:.3f} if all had the share of right ones, {constant:.2f}"]


def _table(causes: list[Known]) -> tuple[list[str], Any]:
    names = list(causes[0].traits)
    return names, np.array([[one.traits[name] for name in names] for one in causes], float)


def _probability(weights: dict[str, float], cause: Known) -> float:
    return 1 / (1 + math.exp(-sum(weights[name] for name, present in cause.traits.items() if present)))


if __name__ == "__main__":
    main()
