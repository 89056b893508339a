"""The seam between the callback and Keras's backend: how the steps of a training are seen."""

from collections.abc import Callable
from typing import Any, Protocol

from diagnose.live.collecting import Collector
from diagnose.live.steps import Origin, Steps


class Watch(Protocol):
    """One model being watched. What it sees of a step costs the step next to nothing.

    `train` and `dev` collect rows as they are fed, `dev_rows` is the number of rows of one validation, `populations`
    are the rows that there are of each split (known when it has been fed once; without those that cannot be counted),
    `origin` says where the first loss that is not finite came from, `gaps` are sentences on what cannot be seen.
    `compile_seconds` is the CPU time of the first call of the train function. `averaged`: the losses of `read` are
    Keras's running means of the epoch, because the model's own `train_step` does not call `compute_loss`.
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
    """A watch for this model; None on other backends than TensorFlow, and before Keras 3.12.

    Args:
        on_call: called after each call of the train function, with the number of steps that it took at most.
        on_failure: called where a step of training ends by an exception or an interrupt, before it goes on its way.
    """
    import keras

    if keras.backend.backend() != "tensorflow" or not hasattr(model, "_autoconvert_optionals"):
        return None
    from diagnose.live.watches.tensorflow import TensorFlowWatch

    return TensorFlowWatch(model, on_call, on_failure)
