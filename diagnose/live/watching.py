"""The interface between the callback and the Keras backend, which shows the single steps of a training."""

from collections.abc import Callable
from typing import Any, Protocol

from diagnose.live.collecting import Collector
from diagnose.live.steps import Origin, Steps
from diagnose.measurements import Unavailable

PROBE = "Pass probe=(x, y)."


class Watch(Protocol):
    """Watches one model at next to no cost per step.

    Attributes:
        train, dev: collect rows as they are fed.
        dev_rows: rows of one validation.
        populations: total rows by split, after it was fed once; splits that cannot be counted are missing.
        origin: where the first non-finite loss came from.
        gaps: what cannot be recorded, and what to do.
        compile_seconds: CPU time of the first call of the train function.
        total: name of the loss in the logs, where the model's own `train_step` reports one.
        compiled: whether the losses are those of the model's compiled loss.
        averaged: whether `read` returns Keras's running means of the epoch instead of single losses, because the
            model's own `train_step` does not call `compute_loss`.
    """

    train: Collector
    dev: Collector
    populations: dict[str, int]
    origin: Origin | None
    gaps: list[Unavailable]
    compile_seconds: float
    averaged: bool
    total: str
    compiled: bool

    @property
    def dev_rows(self) -> int: ...
    def open(self) -> None: ...
    def close(self) -> None: ...
    def read(self) -> Steps: ...
    def stop_collecting(self, split: str) -> None: ...


SEAM = "_autoconvert_optionals"  # of a Keras model: what it is given becomes the step that `fit` compiles


def unwatched(model: Any) -> Unavailable | None:
    """Why the single steps of this model cannot be seen; None if they can."""
    import keras

    backend = keras.backend.backend()
    if backend != "tensorflow":
        return Unavailable(f"needs the TensorFlow backend, and this is {backend}", PROBE)
    if not hasattr(model, SEAM):
        return Unavailable(f"needs Keras 3.12 or newer with {SEAM}, and this is {keras.__version__}", PROBE)
    return None


Watching = Callable[[Any, Callable[[int], None], Callable[[], None]], Watch | None]


def watch(model: Any, on_call: Callable[[int], None], on_failure: Callable[[], None]) -> Watch | None:
    """A watch for this model; None if it cannot be watched.

    Args:
        on_call: called after each call of the train function, with the maximum number of steps it took.
        on_failure: called if a step raises an exception or is interrupted, before that propagates.
    """
    if unwatched(model) is not None:
        return None
    from diagnose.live.watches.tensorflow import TensorFlowWatch

    return TensorFlowWatch(model, on_call, on_failure)
