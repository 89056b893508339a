"""The subject of an examination: a model, its data, and what is known about its training."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:  # `list` and `explain` start without NumPy
    from numpy.typing import NDArray

    Rows = NDArray[Any]  # first axis: rows; may be memory-mapped: index it, never copy all of it
else:
    Rows = Any


BATCH_SIZE = 32  # Keras's default, used if the user's is unknown


class Task(StrEnum):
    """The task of one output."""

    BINARY = "binary"  # one of two classes
    MULTICLASS = "multiclass"  # one of several classes
    MULTILABEL = "multilabel"  # any number of labels
    REGRESSION = "regression"
    OWN_LOSS = "own-loss"  # what the user's own loss measures: neither it nor the head names a task

    @property
    def classifies(self) -> bool:
        return self in (Task.BINARY, Task.MULTICLASS, Task.MULTILABEL)

    @property
    def unit(self) -> Literal["error rate", "RMSE", "own loss"]:
        """What an error of this task is."""
        return "error rate" if self.classifies else "RMSE" if self is Task.REGRESSION else "own loss"


class Seen(StrEnum):
    """Whether the loaded weights may have been trained on a split."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Output:
    """One output of the model and its task.

    `loss` is the snake-case name of a Keras loss ("sparse_categorical_crossentropy", "mean_squared_error", ...), or the
    name of the user's own loss if `custom_loss` is True. `opposed`: what such a loss gives for right outputs and for
    wrong ones, if it prefers the wrong ones.
    `classes` is the number of classes (2 for binary, the number of labels for multi-label, None for all other tasks).
    `target_error` is an error rate (0 to 1), or an RMSE in units of the target.
    """

    name: str
    task: Task
    loss: str
    from_logits: bool = False
    custom_loss: bool = False
    opposed: tuple[float, float] | None = None
    weight: float = 1.0
    target_error: float | None = None
    classes: int | None = None
    class_names: tuple[str, ...] = ()

    def class_name(self, value: float) -> str:
        """The name of a class, or its number if it has no name."""
        named = float(value).is_integer() and 0 <= value < len(self.class_names)
        return self.class_names[int(value)] if named else f"{value:g}"


SHOWN, SPREAD = 12, 1_000


@dataclass(frozen=True)
class Split:
    """Aligned rows of data: one array per model input and one per output, in the model's order.

    `groups` identifies rows that belong together (a patient, a speaker), `times` holds numbers or dates by which rows
    are ordered; None if the user named no such column. `unknown_classes`: name and number of rows of each class that
    train lacks; these rows have no number that the model knows, and are not among the rows of the split.
    """

    name: str  # train | dev | test | train_dev
    inputs: tuple[Rows, ...]
    targets: tuple[Rows, ...]
    seen: Seen
    sample_weight: Rows | None = None
    origin: str = ""  # where the rows come from, as text
    converted: tuple[str, ...] = ()  # sentences on how targets were converted for the loss
    groups: Rows | None = None
    times: Rows | None = None
    population: int | None = None  # number of rows that these are a sample of; None: not a sample, or unknown
    sampled: bool = False  # whether these rows are a sample of more rows
    unknown_classes: tuple[tuple[str, int], ...] = ()

    @property
    def rows(self) -> int:
        return int(self.targets[0].shape[0])

    @property
    def whole(self) -> bool:
        return not self.sampled

    @property
    def first(self) -> tuple[int, ...]:
        """The numbers of a few rows to show, evenly spaced over the first thousand: files are often sorted by class."""
        rows = min(SPREAD, self.rows)
        return tuple(number * rows // SHOWN for number in range(SHOWN)) if rows >= SHOWN else tuple(range(rows))


@dataclass(frozen=True)
class Training:
    """How the model was trained; None where unknown.

    `learning_rate` is the value at the last step if a schedule was used. `settings` holds the other
    numbers of the optimizer (momentum, weight_decay, clipnorm, ...). `iterations` counts optimizer steps.
    """

    optimizer: str | None = None
    learning_rate: float | None = None
    schedule: str | None = None
    settings: dict[str, float] = field(default_factory=dict)
    batch_size: int | None = None
    epochs: int | None = None
    iterations: int | None = None


@dataclass(frozen=True)
class Subject:
    """The input of a diagnosis.

    `model` is a built and compiled `keras.Model`; its state is restored bit for bit. `dev`, `test` and
    `train_dev` are None if the user gave none; loaded weights are never evaluated on a dev set that we split off.
    `trained` is False if the model was never fitted, so that its weights count as fresh. `notes` are sentences on
    what was repaired, converted or assumed while loading. `history` is a recorded `History` measurement or None.
    """

    name: str
    model: Any
    outputs: tuple[Output, ...]
    train: Split
    dev: Split | None = None
    test: Split | None = None
    train_dev: Split | None = None
    training: Training = Training()
    history: Any = None
    input_names: tuple[str, ...] = ()
    feature_names: tuple[str, ...] = ()  # of the only input, if it is a table
    trained: bool = True
    notes: tuple[str, ...] = ()
    facts: dict[str, str] = field(default_factory=dict)  # paths, formats, versions; only shown
    labelled: bool = True  # False: the rows have no targets, and those of the splits are zeros
    factory: Callable[[], Any] | None = None  # makes fresh models of the same architecture; the user's own
    opaque: str = ""  # why the model's outputs for these rows cannot be computed, as a clause; "": they can

    @property
    def steps(self) -> int | None:
        """The optimizer steps of the user's own training, None if unknown; Keras's batch size if that is unknown."""
        known = self.training
        if known.iterations or not known.epochs:
            return known.iterations or None
        return known.epochs * -(-(self.train.population or self.train.rows) // (known.batch_size or BATCH_SIZE))

    @property
    def epochs(self) -> int | None:
        """The epochs of the user's own training, None if unknown; Keras's batch size if that is unknown."""
        known, rows = self.training, self.train.population or self.train.rows
        if known.epochs or not known.iterations or not rows:
            return known.epochs or None
        return max(1, round(known.iterations / -(-rows // (known.batch_size or BATCH_SIZE))))

    @property
    def splits(self) -> tuple[Split, ...]:
        every = (self.train, self.train_dev, self.dev, self.test)
        return tuple(split for split in every if split is not None)


def without_rows(name: str, model: Any = None, history: Any = None) -> Subject:
    """A subject without rows, of which at most the model and its training history are known."""
    import numpy as np

    output = Output("output", Task.OWN_LOSS, loss="unknown", custom_loss=True)
    nothing = Split("train", (np.empty((0, 1)),), (np.empty((0, 1)),), Seen.YES, origin="not seen")
    return Subject(name, model, (output,), nothing, history=history)
