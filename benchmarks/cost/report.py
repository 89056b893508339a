"""Size of the report, and the time to render it and to open it in Chromium, for networks of 10, 50 and 200 layers.

python -m benchmarks.cost.report [--repeats 5] [JSON ...]

Without files it uses the hand-written examples of the tests. Limits: 500 kB (2 MB for 200 layers), drawn within 3 s.
"""

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import click

from diagnose.diagnosis import Diagnosis

LAYERS = (10, 50, 200)
DRAWN = """() => new Promise((done) => new PerformanceObserver((list) => {
  const painted = Math.max(...list.getEntries().map((entry) => entry.startTime));
  done(Math.max(painted, performance.timing.domComplete - performance.timing.navigationStart));
}).observe({ type: "paint", buffered: true }))"""


@click.command(help=__doc__)
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--repeats", default=5, show_default=True, type=click.IntRange(1))
def main(files: tuple[Path, ...], repeats: int) -> None:
    """Run the command."""
    from diagnose.reports.html import render
    from tests.reports.browser import browser

    click.echo(
        f"{'report':24} {'layers':>6} {'kB':>7} {'render, CPU ms':>16} {'open, ms':>16}   median [range] of {repeats}"
    )
    with tempfile.TemporaryDirectory() as folder, browser() as chromium:
        for name, diagnosis in _diagnoses(files):
            page = Path(folder) / "page.html"
            rendered, opened = [], []
            for _ in range(repeats):
                start = time.process_time()
                page.write_text(render(diagnosis), encoding="utf-8")
                rendered.append(1e3 * (time.process_time() - start))
                opened.append(float(chromium.show(page).evaluate(DRAWN)))
            size = page.stat().st_size / 1e3
            click.echo(f"{name:24} {len(diagnosis.layers):6} {size:7.0f} {_spread(rendered):>16} {_spread(opened):>16}")


def _diagnoses(files: tuple[Path, ...]) -> Iterator[tuple[str, Diagnosis]]:
    from tests.reports.examples import deep, sick

    if files:
        from diagnose.storing import load

        yield from ((path.stem, load(path)) for path in files)
        return
    yield "sick", sick()
    for layers in LAYERS:
        yield f"deep, {layers} layers", deep(layers)


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.0f} [{min(values):.0f}-{max(values):.0f}]"


if __name__ == "__main__":
    main()
