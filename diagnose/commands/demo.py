"""`diagnose demo`: trains a small sick model, with two faults that hide each other, examines it and repairs it."""

import sys
from functools import partial
from pathlib import Path
from typing import Any

import click

from diagnose.commands.apart import examine_apart
from diagnose.commands.delivering import Job, places_of
from diagnose.commands.repairing import Files, Repair
from diagnose.subject import Subject

EPOCHS, BATCH = 8, 32
CURES = ("scale-inputs", "lower-learning-rate")  # of the two planted faults


@click.command()
@click.option("--out", type=click.Path(), metavar="DIR", help="Folder for the results (default: diagnosis/).")
@click.option("--open", "open_page", is_flag=True, help="Open the page in a browser.")
@click.option("--quiet", is_flag=True, help="No progress, no summary.")
def demo(out: str | None, open_page: bool, quiet: bool) -> None:
    """Train a small sick model on scikit-learn's digits, examine it, write the report, and repair it as it says."""
    from diagnose.settings import Settings

    stem = places_of(Path("demo"), out, {})[1]
    better = Path(f"{stem}-model") / "better.keras"
    job = Job(
        name="demo",
        load=sick_subject,
        settings=Settings(),
        command="diagnose demo",
        stem=stem,
        quiet=quiet,
        open_page=open_page,
        guide=what_to_look_at,
        repair=Repair(CURES, Files(better), partial(better_subject, better)),
    )
    sys.exit(examine_apart(job))


def sick_subject() -> Subject:
    """Train a network on scikit-learn's digits with two planted faults that people really have.

    The inputs are pixels from 0 to 255, and Adam's learning rate of 0.1 is too high even for scaled inputs. The faults
    interact: with unscaled inputs the rate silences the net at once, and each repair alone leaves accuracy behind.
    """
    import keras

    train, dev = rows()
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ],
        name="demo",
    )
    model.compile(keras.optimizers.Adam(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(*train, batch_size=BATCH, epochs=EPOCHS, verbose=0)
    return _subject(model, train, dev)


def better_subject(path: Path, _: Path | None) -> Subject:
    """The repaired model of this file, with the same rows; it is replayed as the sick one, whose history is unknown."""
    import keras

    model = keras.models.load_model(path)
    model.name = "demo"  # so that the viewer knows both as one model
    return _subject(model, *rows())


def rows() -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Train and dev: images of 8 x 8 pixels from 0 to 255 in a row each, and their digits."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    x, y = load_digits(return_X_y=True)
    x = (x / 16 * 255).astype("float32")
    x_train, x_dev, y_train, y_dev = train_test_split(x, y, test_size=0.25, random_state=0, stratify=y)
    return (x_train, y_train), (x_dev, y_dev)


def _subject(model: Any, train: tuple[Any, Any], dev: tuple[Any, Any]) -> Subject:
    from diagnose.loading import LoadOptions, subject_from

    return subject_from(model, train, dev, options=LoadOptions(batch_size=BATCH, epochs=EPOCHS))


def what_to_look_at(page: str) -> str:
    """The guide to the report of the demo."""
    return (
        "\nThe demo model has two planted faults: pixels from 0 to 255 and a learning rate of 0.1 for Adam.\n"
        "They interact: the rate is too high in any case, and silences a net with such inputs at once.\n"
        f"Open {page} and look at:\n"
        "  1. the state and the next step at the top;\n"
        "  2. Causes: what each cause explains, with its evidence;\n"
        "  3. Curves: the learning rate compared with the usable range;\n"
        "  4. Layers: the output of each layer, and the dead units.\n"
        "Now it is trained again with the snippets of the report for both, as --apply does, and examined again.\n"
        f"`diagnose view {Path(page).parent}` then shows both side by side."
    )
