"""How often the notices on the training loss are wrong in a whole training that is healthy, from simulated curves.

Run: python -m benchmarks.quality.notices [--count N] [--seed N]. Prints, by kind of curve, how many trainings got a
warning at any reading and how many kept one at the end; and how many of those that go wrong got one.
"""

import click


@click.command(help=__doc__)
@click.option("--count", default=2_000, show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(count: int, seed: int) -> None:
    from tests.wards.simulated import curves, told
    from tests.wards.ward import Rate

    for sick in (False, True):
        seen = [(curve.kind, told(curve)) for curve in curves(count, seed, sick)]
        for kind in ("all", *dict.fromkeys(kind for kind, _ in seen)):
            part = [notices for of, notices in seen if kind in ("all", of)]
            ever = Rate(sum(bool(notices) for notices in part), len(part))
            kept = Rate(sum(any(n.taken_back is None for n in notices) for notices in part), len(part))
            click.echo(f"{'sick' if sick else 'healthy'}: {kind:<20} any notice {ever}   standing at the end {kept}")


if __name__ == "__main__":
    main()
