"""The Keras callback: diagnoses a model while it trains."""

import atexit
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import keras

from diagnose.diagnosis import Diagnosis
from diagnose.errors import InputError
from diagnose.live.notices import Notice
from diagnose.live.reporting import Report, say
from diagnose.live.session import Session
from diagnose.measuring.copying import Weights
from diagnose.reasoning.causes import CAUSES


class DiagnosisCallback(keras.callbacks.Callback):  # type: ignore[misc]
    """Watches a training, reports problems when they appear, and provides a diagnosis at the end.

    The callback does not change the training: weights, optimizer, metrics and random numbers stay identical bit for
    bit. Each cause is reported once, in one line. After `fit`, even if it failed or was interrupted,
    `callback.diagnosis` holds the diagnosis; it is computed on first access. Another `fit` with the same callback and
    model continues the history.

    Args:
        probe: rows to examine the model with, as (x, y) or anything else that `diagnose.examine` accepts. By default
            the callback keeps at most 1,024 rows as they are fed, sampled evenly over the first epoch.
        out: folder for the report. Its JSON is rewritten during training, at most every five seconds, and at the end;
            `diagnose view FOLDER` draws it. It holds what `overhead` paid for. `callback.diagnosis` measures the rest,
            and writes it with an HTML page.
        overhead: share of the training's CPU time that the callback may use, between 0 and 1 (exclusive). What does
            not fit is measured at the end.
        stop_on: codes of causes that stop the training, for example {"non-finite-training"}. `best_weights` and
            `last_finite_weights` are only kept if this is set.
        seed: seed of every random choice.

    Raises:
        InputError: an argument is invalid, or the folder cannot be created.

    Example:

        callback = diagnose.DiagnosisCallback()
        model.fit(x, y, validation_data=(x_dev, y_dev), callbacks=[callback])
        callback.diagnosis.save("report.html")
    """

    def __init__(
        self,
        probe: Any = None,
        out: str | Path | None = None,
        overhead: float = 0.03,
        stop_on: Iterable[str] = (),
        seed: int = 0,
    ) -> None:
        super().__init__()
        if not 0 < overhead < 1:
            raise InputError(f"overhead must be between 0 and 1, got {overhead}")
        if isinstance(stop_on, str):
            raise InputError(f"stop_on must be a set of codes, got the string '{stop_on}'")
        known = {cause.code for cause in CAUSES}
        for code in stop_on:
            if code not in known:
                raise InputError(f"stop_on must contain codes of causes, got '{code}'; `diagnose list` shows the codes")
        self._settings = {"probe": probe, "overhead": overhead, "stop_on": frozenset(stop_on), "seed": seed}
        self._report = Report(out)
        self._session: Session | None = None

    # --- Keras calls these ---------------------------------------------------------------------------

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        if self._session is None or self._session.model is not self.model:
            self._session = Session(self.model, say=say, **self._settings)
            self._session.on_read = partial(self._report.live, self._session)
            self._report.forget()
        elif self._session.running:  # an exception that we could not see ended the last fit
            self._session.fail()
        planned = self.params or {}
        self._session.begin(planned.get("epochs"), planned.get("steps"))
        self._report.begin(self.model.name)
        atexit.register(self.close)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self._session is not None:
            self._session.end_epoch(epoch, logs or {})
            self._report.live(self._session)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self.close()

    # --- the user calls these --------------------------------------------------------------------------

    @property
    def diagnosis(self) -> Diagnosis:
        """The diagnosis of the model in its current state, computed on first access after `fit`.

        Raises:
            InputError: nothing has been trained with this callback yet.
        """
        if self._session is None:
            raise InputError("nothing has been trained yet; pass the callback to fit(callbacks=[...]) first")
        return self._report.diagnosis(self._session)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """The causes reported during training."""
        return tuple(self._session.notices) if self._session is not None else ()

    @property
    def best_weights(self) -> Weights | None:
        """The weights with the lowest validation loss, for `model.set_weights`; None without `stop_on`."""
        return self._session.kept.best if self._session is not None and self._session.kept is not None else None

    @property
    def last_finite_weights(self) -> Weights | None:
        """The last weights that were all finite, for `model.set_weights`; None without `stop_on`."""
        return self._session.kept.last_finite if self._session is not None and self._session.kept is not None else None

    def close(self) -> None:
        """Stop watching: restore the model and, with `out`, write the report.

        Called at the end of `fit` and when a step fails. After any other exception, for example in another callback,
        call it yourself or use the callback in a `with` block. It is also called when the program exits.
        """
        atexit.unregister(self.close)
        if self._session is not None:
            self._session.end()
            self._report.end(self._session)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
