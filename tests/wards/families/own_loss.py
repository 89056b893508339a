"""Losses as people write them. With `sign` 1 they are what should be maximised, with -1 they are losses."""

from typing import Any

import keras
from keras import ops

from tests.wards import data
from tests.wards import references as ref
from tests.wards.families.segmentation import UNET
from tests.wards.recipe import Recipe, healthy, make, sick


class Signed(keras.losses.Loss):  # type: ignore[misc]
    """A measure of right outputs, times `sign`."""

    def __init__(self, sign: float = -1.0, **named: Any) -> None:
        super().__init__(**named)
        self.sign = sign

    def call(self, y_true: Any, y_pred: Any) -> Any:
        y_true = ops.cast(ops.reshape(y_true, ops.shape(y_pred)), y_pred.dtype)  # Keras does not, for a class
        return self.sign * self.measure(y_true, y_pred)

    def measure(self, y_true: Any, y_pred: Any) -> Any:
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "sign": self.sign}


@keras.saving.register_keras_serializable("wards")
class Overlap(Signed):
    """The dice of a mask with its prediction."""

    def measure(self, y_true: Any, y_pred: Any) -> Any:
        return (2 * ops.sum(y_true * y_pred) + 1) / (ops.sum(y_true) + ops.sum(y_pred) + 1)


@keras.saving.register_keras_serializable("wards")
class Explained(Signed):
    """R2 of a batch."""

    def measure(self, y_true: Any, y_pred: Any) -> Any:
        spread = ops.sum(ops.square(y_true - ops.mean(y_true))) + 1e-7
        return 1 - ops.sum(ops.square(y_true - y_pred)) / spread


@keras.saving.register_keras_serializable("wards")
class Likelihood(Signed):
    """The log likelihood of one-hot classes, or of labels under sigmoids; `focus` weighs rows that are wrong."""

    def __init__(self, sign: float = -1.0, focus: float = 0.0, **named: Any) -> None:
        super().__init__(sign, **named)
        self.focus = focus

    def measure(self, y_true: Any, y_pred: Any) -> Any:
        p = ops.clip(y_pred, 1e-7, 1 - 1e-7)
        told = y_true * (1 - p) ** self.focus * ops.log(p)
        if y_pred.shape[-1] == 1:
            told += (1 - y_true) * p**self.focus * ops.log(1 - p)
        return ops.sum(told, axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "focus": self.focus}


def _own(recipe: Recipe, kind: type, sign: float, **settings: Any) -> dict[str, Any]:
    """The loss, with one-hot labels for many classes."""
    one_hot = (make(data.one_hot),) if recipe is ref.DIGITS_MLP else recipe.spoil
    return {"loss": make(kind, sign=sign, **settings), "spoil": one_hot}


OWN = {
    "likelihood": (ref.DIGITS_MLP, Likelihood, {}),
    "r2": (ref.FRIEDMAN, Explained, {}),
    "focal": (ref.CANCER, Likelihood, {"focus": 2.0}),
    "dice": (UNET, Overlap, {}),
}
OWN_LOSS = (
    *(
        sick(
            f"{name}-not-negated", "own loss", recipe, {"wrong-loss"}, hard=True, **_own(recipe, kind, 1.0, **settings)
        )
        for name, (recipe, kind, settings) in OWN.items()
    ),
    *(
        healthy(f"{name}-as-loss", "own loss", recipe, **_own(recipe, kind, -1.0, **settings))
        for name, (recipe, kind, settings) in OWN.items()
    ),
)
