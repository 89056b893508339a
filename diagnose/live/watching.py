"""The interface between the callback and the Keras backend, which shows the single steps of a training."""

from collections.abc import Callable
from typing import Any, Protocol

from diagnose.live.collecting import Collector
from diagnose.live.steps import Origin, Steps


class Watch(Protocol):
    """Watches one model at next to no cost per step.

    Attributes:
        train, dev: collect rows as they are fed.
        dev_rows: rows of one validation.
        populations: total rows by split, after it was fed once; splits that cannot be counted are missing.
        origin: where the first non-finite loss came from.
        gaps: clauses on what cannot be recorded.
        compile_seconds: CPU time of the first call of the train function.
        averaged: whether `read` returns Keras's running means of the epoch instead of single losses, because the
            model's own `train_step` does not call `compute_loss`.
    """

    train: Collector
    dev: Collector
    dev_rows: int
    populations: dict[str, int]
    origin: Origin | None
    gaps: list[str]
    compile_seconds: float
    averaged: bool

    def open(self) -> None: ...
    def close(self) -> None: ...
    def read(self) -> Steps: ...
    def stop_collecting(self, split: str) -> None: ...


def watch(model: Any, on_call: Callable[[int], None], on_failure: Callable[[], None]) -> Watch | None:
    """A watch for this model; None on backends other than TensorFlow and before Keras 3.12.

    Args:
        on_call: called after each call of the train function, with the maximum number of steps it took.
        on_failure: called if a step raises an exception or is interrupted, before that propagates.
    """
    import keras

    if keras.backend.backend() != "tensorflow" or not hasattr(model, "_autoconvert_optionals"):
        return None
    from diagnose.live.watches.tensorflow import TensorFlowWatch

    return TensorFlowWatch(model, on_call, on_failure)
