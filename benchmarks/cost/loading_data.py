"""Time and memory for loading a sample of large data.

python -m benchmarks.cost.loading_data [--rows 2000] [--files 200000]

Each case runs in a separate process. Prints the seconds of loading (with the model, without imports) and the peak
memory minus that after the imports. The data is created in a temporary folder: images are hard links to one file, the
array is a sparse file of zeros. The small case of each pair holds only the sample; the large one should cost little
more.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

SIDE, CLASSES = 32, 10


def images(folder: Path, files: int) -> Path:
    """Class folders with `files` images in total."""
    from PIL import Image

    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    first = folder / "first"
    Image.fromarray(noise).save(first, "PNG")
    places = [folder / "data" / f"class_{index}" for index in range(CLASSES)]
    for place in places:
        place.mkdir(parents=True)
    for index in range(files):
        if index % 60_000 == 0:  # file systems limit the number of links to one file
            (copy := folder / f"copy_{index}").write_bytes(first.read_bytes())
        (places[index % CLASSES] / f"{index:07}.png").hardlink_to(copy)
    return folder / "data"


def array(folder: Path, rows: int) -> Path:
    """`x_train.npy` (a sparse file) and `y_train.npy`."""
    folder.mkdir()
    np.lib.format.open_memmap(folder / "x_train.npy", "w+", "float32", (rows, SIDE, SIDE, 3)).flush()
    np.save(folder / "y_train.npy", np.arange(rows) % CLASSES)
    return folder


def model(path: Path) -> Path:
    """Save a small image classifier."""
    import keras

    pooled = [keras.Input((SIDE, SIDE, 3)), keras.layers.GlobalAveragePooling2D()]
    made = keras.Sequential([*pooled, keras.layers.Dense(CLASSES, activation="softmax")])
    made.compile("adam", "sparse_categorical_crossentropy")
    made.save(path)
    return path


@click.command(help=__doc__)
@click.option("--rows", default=2_000, show_default=True, help="Rows to sample.")
@click.option("--files", default=200_000, show_default=True, help="Images of the large folder.")
@click.option("--gigabytes", default=10.0, show_default=True, help="Size of the large array.")
@click.option("--measure", nargs=2, type=click.Path(path_type=Path), hidden=True, help="MODEL DATA: one case.")
def main(rows: int, files: int, gigabytes: float, measure: tuple[Path, Path] | None) -> None:
    """Print one line per case."""
    if measure:
        _measure(*measure, rows)
        return
    large = int(gigabytes * 1e9 / (SIDE * SIDE * 3 * 4))
    cases: dict[str, tuple[Callable[[Path, int], Path], int]] = {
        f"folder of {rows:,} images": (images, rows),
        f"folder of {files:,} images": (images, files),
        f"array of {rows:,} rows": (array, rows),
        f"array of {large:,} rows, {gigabytes:g} GB": (array, large),
    }
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        command = [sys.executable, "-m", "benchmarks.cost.loading_data", "--rows", str(rows), "--measure"]
        saved = str(model(folder / "m.keras"))
        click.echo(f"{'case':<36} {'rows':>10} {'seconds':>8} {'peak MB':>8}")
        for index, (name, (make, count)) in enumerate(cases.items()):
            data = make(folder / str(index), count)
            output = subprocess.run([*command, saved, str(data)], check=True, capture_output=True, text=True).stdout
            found, seconds, peak = output.split()
            click.echo(f"{name:<36} {int(found):10,} {float(seconds):8.2f} {float(peak):8.0f}")


def _measure(path: Path, data: Path, rows: int) -> None:
    """Load once; print rows, seconds and peak megabytes, without those of the imports."""
    import keras  # noqa: F401 - imported first, so that its cost is not counted

    from diagnose.loading import LoadOptions, load

    before = _peak()
    start = time.perf_counter()
    subject: Any = load(path, data, LoadOptions(rows=rows))
    click.echo(f"{subject.train.rows} {time.perf_counter() - start:.3f} {_peak() - before:.1f}")


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
