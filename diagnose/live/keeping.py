"""Copies of the best and the last finite weights, to restore after a training is stopped."""

from typing import Any

import numpy as np

from diagnose.measuring.copying import Weights


class KeptWeights:
    """Copies in the order of `model.get_weights()`; None until the first is kept."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._lowest = np.inf
        self.best: Weights | None = None
        self.best_epoch = 0
        self.last_finite: Weights | None = None
        self.last_finite_step = 0

    def at_epoch(self, epoch: int, logs: dict[str, Any]) -> None:
        """Keep the weights if the validation loss (without one, the training loss) is the lowest so far."""
        loss = float(logs.get("val_loss", logs.get("loss", np.nan)))
        if loss < self._lowest:
            self._lowest, self.best_epoch, self.best = loss, epoch, self._copy()

    def at_finite(self, step: int) -> None:
        """Keep the weights if all of them are finite."""
        weights = self._copy()
        if all(np.isfinite(weight).all() for weight in weights if np.issubdtype(weight.dtype, np.floating)):
            self.last_finite, self.last_finite_step = weights, step

    def _copy(self) -> Weights:
        return [np.array(weight) for weight in self._model.get_weights()]

    def __str__(self) -> str:
        best = f"those of epoch {self.best_epoch}" if self.best is not None else "none yet"
        finite = f"those after step {self.last_finite_step:,}" if self.last_finite is not None else "none yet"
        return f"callback.best_weights are {best}, callback.last_finite_weights {finite}"
