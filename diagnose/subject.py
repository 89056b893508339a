"""What is examined: a model, its data, and what is known of its training."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from numpy.typing import NDArray

Rows = NDArray[Any]  # first axis: rows; may be memory-mapped, so index it, do not copy it whole


class Task(StrEnum):
    """What one output is asked to do."""

    BINARY = "binary"  # one of two
    MULTICLASS = "multiclass"  # one of many
    MULTILABEL = "multilabel"  # several of many
    REGRESSION = "regression"

    @property
    def classifies(self) -> bool:
        return self is not Task.REGRESSION


class Seen(StrEnum):
    """Whether the loaded weights may have been trained on a split."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Output:
    """One output of the model and how it is judged.

    `loss` is the canonical snake-case name of a Keras loss ("sparse_categorical_crossentropy",
    "mean_squared_error", ...) or the name of the user's own; `custom_loss` tells which.
    `classes` is the number of classes (2 for binary, the columns for multi-label, None for regression).
    `target_error` is an error rate (0 to 1), or an RMSE in units of the target.
    """

    name: str
    task: Task
    loss: str
    from_logits: bool = False
    custom_loss: bool = False
    weight: float = 1.0
    target_error: float | None = None
    classes: int | None = None
    class_names: tuple[str, ...] = ()

    def class_name(self, value: float) -> str:
        """The name of a class, its number where it has none."""
        named = float(value).is_integer() and 0 <= value < len(self.class_names)
        return self.class_names[int(value)] if named else f"{value:g}"


@dataclass(frozen=True)
class Split:
    """Rows of data, aligned: one array per model input and one per output, in the model's order.

    `groups` and `times` are None where the user named no such column: which rows belong together (a patient, a
    speaker), and numbers or ISO dates that tell when a row came.
    """

    name: str  # train | dev | test | train_dev
    inputs: tuple[Rows, ...]
    targets: tuple[Rows, ...]
    seen: Seen
    sample_weight: Rows | None = None
    origin: str = ""  # where it came from, for people
    converted: tuple[str, ...] = ()  # sentences: how targets were converted so that the loss can take them
    groups: Rows | None = None
    times: Rows | None = None
    population: int | None = None  # rows that there are, of which these are a sample; None: all of them are here
    sampled: bool = False  # whether more rows exist than are held; with `population` None their number is unknown

    @property
    def rows(self) -> int:
        return int(self.targets[0].shape[0])

    @property
    def whole(self) -> bool:
        return not self.sampled


@dataclass(frozen=True)
class Training:
    """How the model was trained, as far as it is known (None: unknown, and said so).

    `learning_rate` is the value at the last step where a schedule was used. `settings` holds the
    optimizer's other numbers (momentum, weight_decay, clipnorm, ...). `iterations` counts optimizer steps.
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
    """Everything a diagnosis starts from.

    `model` is a built and compiled `keras.Model`; it is never changed (its state is restored bit for
    bit). `dev`, `test`, `train_dev` are None where the user gave none: a dev set made by us is never
    judged with loaded weights. `trained` tells whether the weights come from training (False: the
    model was never fitted, so its weights count as fresh). `notes` are sentences on what was repaired,
    converted or assumed while loading; `history` is a recorded `History` measurement or None.
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
    feature_names: tuple[str, ...] = ()  # of the only input, where it is a table
    trained: bool = True
    notes: tuple[str, ...] = ()
    facts: dict[str, str] = field(default_factory=dict)  # paths, formats, versions: shown, never judged

    @property
    def splits(self) -> tuple[Split, ...]:
        every = (self.train, self.train_dev, self.dev, self.test)
        return tuple(split for split in every if split is not None)
