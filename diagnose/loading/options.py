"""What the user may say about a model and its data when the files do not say it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diagnose.subject import Task


@dataclass(frozen=True)
class LoadOptions:
    """Options of loading; None means that the files decide, and what they do not say is noted.

    `dev` and `test` are further data paths. `target` is a column of a table, by name or place
    (0 the first, -1 the last; several: separated by commas), or an array by name.
    `loss` and `optimizer` are names as `model.compile` takes them. `epochs` and `batch_size` say how the
    model *was* trained; `history` is the record of that (what `fit` returned, its dict, or a JSON or CSV file).
    `target_error` maps an output's name ("" for the only output) to an error rate (0 to 1) or an RMSE in units of
    the target. `custom_objects` is a Python file that defines what the model needs; `lambdas` are
    `LAYER=FILE.py:FUNCTION`; `architecture` is a JSON file for a file of weights only. `trust` allows what Keras's
    own `safe_mode=False` allows, nothing more. `loader` is `FILE.py:FUNCTION`, which returns the splits; `factory` is
    `FILE.py:FUNCTION`, or a function, which returns a fresh model of the same architecture. `group` and
    `time` name the column (or array) that says which rows belong together, or in what order they came; neither is fed
    to the model. `rows` bounds the rows that are decoded per split where reading is costly (images, text, loaders;
    None: no bound); `seed` chooses them.
    """

    dev: Path | None = None
    test: Path | None = None
    task: Task | str | None = None
    target: str | None = None
    loss: str | None = None
    optimizer: str | None = None
    learning_rate: float | None = None
    batch_size: int | None = None
    epochs: int | None = None
    history: Any = None
    target_error: Mapping[str, float] = field(default_factory=dict)
    custom_objects: Path | None = None
    lambdas: tuple[str, ...] = ()
    architecture: Path | None = None
    trust: bool = False
    loader: str | None = None
    factory: str | Callable[[], Any] | None = None
    group: str | None = None
    time: str | None = None
    rows: int | None = 50_000
    seed: int = 0
